"""Plans as one HTML page, for people who review without a terminal."""

from collections.abc import Mapping

from provisioner.core.plan.description import ChangeRow, PlanRows
from provisioner.core.text import listed, printable
from provisioner.render.pages import fill_template
from provisioner.render.plan import prune_option, remarks_on, sides, summary

_CLASSES = {"create": "good", "change": "odd", "take over": "odd", "remove": "bad", "unchanged": ""}


def as_page(plans: Mapping[str, PlanRows]) -> str:
    """The whole page; `plans` by the line that says where each is to be applied."""
    return fill_template("plan", plans={printable(place): _plan(plan) for place, plan in plans.items()})


def _plan(plan: PlanRows) -> dict[str, object]:
    return {
        "summary": summary(plan),
        "foreign": [printable(f"{id} ({owner})") for id, owner in (plan.foreign or {}).items()],
        "unreadable_owner": [*map(printable, plan.unreadable_owner)],
        "skipped": [*map(printable, plan.skipped)],
        "unmanaged": [*map(printable, plan.unmanaged)],
        "changes": [
            _change(change) for change in plan.changes if change.action != "unchanged" or [*remarks_on(change)]
        ],
    }


def _change(change: ChangeRow) -> dict[str, object]:
    word = "rename" if change.renamed_from else change.action
    if change.action == "remove":
        word = f"would be removed with {prune_option(change)}"
    notes = [*remarks_on(change), *([f"kept: {listed(change.kept)}"] if change.kept else [])]
    return {
        "id": printable(change.id),
        "former": printable(change.renamed_from) if change.renamed_from else "",
        "class": _CLASSES[change.action],
        "word": word,
        "fields": [(printable(field.name), *sides(field)) for field in change.fields],
        "notes": [*map(printable, notes)],
    }
