"""The outcomes of applying a plan."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from provisioner.core.plan.changes import Create, Plan, Remove, Unchanged, action
from provisioner.core.plan.description import change_row, plan_rows
from provisioner.core.plan.outcome import Applied, Failed, Left, Outcome, Prepared, Resolved, Settled, Unknown
from provisioner.core.text import counted
from provisioner.render.extent import Extent
from provisioner.render.lines import lines
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.plan import done_lines, skipped_lines
from provisioner.render.plan import values as plan_values

_PAST = {"create": "created", "change": "changed", "take over": "taken over", "remove": "removed"}
_ALWAYS = frozenset({"created", "changed", "unchanged"})

QUORUM = "written to fewer nodes than the cluster requires; CouchDB copies it to the others when they are back"


def as_text(
    plan: Plan,
    outcomes: Sequence[Outcome],
    paint: Paint = plain,
    extent: Extent = Extent.CHANGES,
    *,
    fields: bool = True,
) -> str:
    """The lines of all outcomes, then what is unchanged if all is to be shown, then the summary."""
    texts = [text for outcome in _sorted(outcomes) if (text := outcome_text(outcome, paint, extent, fields=fields))]
    return "\n".join([*texts, closing_text(plan, outcomes, paint, extent)])


def outcome_text(outcome: Outcome, paint: Paint, extent: Extent, *, fields: bool) -> str:
    """The line of one outcome, with the changed `fields` below it; empty if the extent leaves it out."""
    if extent is Extent.PROBLEMS and isinstance(outcome, Prepared | Settled | Resolved):
        return ""
    if extent is Extent.PROBLEMS and isinstance(outcome, Applied) and outcome.quorum:
        return ""
    texts = [_line(outcome, paint)]
    if fields and isinstance(outcome, Applied) and not isinstance(outcome.change, Create | Remove):
        texts += done_lines(change_row(outcome.change), paint)
    return lines(texts)


def closing_text(plan: Plan, outcomes: Sequence[Outcome], paint: Paint, extent: Extent) -> str:
    """What stands below the outcomes: what was not to change, if all is to be shown, and the summary."""
    unchanged = [each.id for each in plan.changes if isinstance(each, Unchanged)] if extent is Extent.ALL else []
    texts = [f"{paint(Colour.DIM, 'unchanged')} {id}" for id in unchanged]
    return lines([*texts, *skipped_lines(plan.skipped), summary(plan, outcomes)])


def summary(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """How many outcomes there are of each kind; the rarer kinds only if there are any."""
    figures = _figures(plan, outcomes)
    return ", ".join(f"{number} {word}" for word, number in figures.items() if number or word in _ALWAYS)


def _sorted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: outcome.id)


def _figures(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    words = [_word(outcome) for outcome in outcomes]
    return {
        "created": words.count("created"),
        "changed": words.count("changed"),
        "taken over": words.count("taken over"),
        "unchanged": plan.number(Unchanged) + words.count("unchanged"),
        "removed": words.count("removed"),
        "left": words.count("left"),
        "resolved": words.count("resolved"),
        "skipped": len(plan.skipped),
        "failed": words.count("failed"),
        "unknown": words.count("unknown"),
    }


_WORDS: Mapping[type[Outcome], str] = {
    Prepared: "database created",
    Settled: "unchanged",
    Left: "left",
    Resolved: "resolved",
    Failed: "failed",
    Unknown: "unknown",
}


def _word(outcome: Outcome) -> str:
    return _PAST[action(outcome.change)] if isinstance(outcome, Applied) else _WORDS[type(outcome)]


_COLOURS = {"unchanged": Colour.DIM, "left": Colour.YELLOW, "failed": Colour.RED, "unknown": Colour.RED}


def _line(outcome: Outcome, paint: Paint) -> str:
    word = _word(outcome)
    if isinstance(outcome, Prepared):
        return paint(Colour.GREEN, word)
    start = f"{paint(_COLOURS.get(word, Colour.GREEN), f'{word:<9}')} {outcome.id}"
    return f"{start}: {said}" if (said := _reason(outcome)) else start


def _reason(outcome: Outcome) -> str | None:
    match outcome:
        case Applied():
            return None if outcome.quorum else QUORUM
        case Settled():
            return "someone else has already made the same change"
        case Resolved():
            return f"removed {counted(len(outcome.revs), 'losing revision')}"
        case Left() | Failed() | Unknown():
            return outcome.reason
        case Prepared():
            return None
        case _:
            assert_never(outcome)


def values(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The values of the plan with ``outcomes`` (id, outcome, rev, reason) and the ``summary`` of these.

    ``database_created`` says whether the database did not exist before.
    """
    rows = [_row(outcome) for outcome in _sorted(outcomes) if not isinstance(outcome, Prepared)]
    created = any(isinstance(outcome, Prepared) for outcome in outcomes)
    plan_content = plan_values(plan_rows(plan))
    return {**plan_content, "database_created": created, "outcomes": rows, "summary": _figures(plan, outcomes)}


def _row(outcome: Outcome) -> dict[str, object]:
    rev = outcome.rev if isinstance(outcome, Applied | Settled | Left) else None
    return {"id": outcome.id, "outcome": _word(outcome), "rev": rev, "reason": _reason(outcome)}
