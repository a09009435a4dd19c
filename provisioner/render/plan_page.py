"""Plans as one HTML page, for people who review without a terminal."""

from collections.abc import Mapping

from provisioner.core.plan.changes import Action, Change, Plan
from provisioner.core.text import listed, printable
from provisioner.render.pages import fill_template
from provisioner.render.plan import prune_option, remarks_on, sides, summary

_CLASSES = {"create": "good", "change": "odd", "take over": "odd", "remove": "bad", "unchanged": ""}


def as_page(plans: Mapping[str, Plan]) -> str:
    """The whole page; `plans` by the line that says where each is to be applied."""
    return fill_template("plan", plans={printable(place): _plan(plan) for place, plan in plans.items()})


def _plan(plan: Plan) -> dict[str, object]:
    return {
        "summary": summary(plan),
        "foreign": [printable(f"{id} ({owner})") for id, owner in plan.foreign.items()],
        "unreadable_owner": [*map(printable, plan.unreadable_owner)],
        "skipped": [*map(printable, plan.skipped)],
        "unmanaged": [*map(printable, plan.unmanaged)],
        "refused": [printable(f"{id}: {why}") for id, why in plan.refused.items()],
        "changes": [
            _change(change) for change in plan.changes if change.action is not Action.UNCHANGED or [*remarks_on(change)]
        ],
    }


def _change(change: Change) -> dict[str, object]:
    word = "rename" if change.renamed_from else change.action.value
    if change.action is Action.REMOVE:
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
