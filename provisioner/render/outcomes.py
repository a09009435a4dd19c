"""What became of the changes of a plan."""

import json
from collections.abc import Sequence
from typing import assert_never

from provisioner.core.plan.changes import Create, Plan, Remove, Update, action
from provisioner.core.plan.outcome import Applied, Failed, Outcome, Settled
from provisioner.core.text import printable
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.plan import values as plan_values

_PAST = {"create": "created", "change": "changed", "remove": "removed"}
_RARE = frozenset({"removed", "left", "skipped", "failed"})


def as_text(plan: Plan, outcomes: Sequence[Outcome], paint: Paint = plain) -> str:
    """A line a changed account type, then the summary."""
    told = {outcome.id for outcome in outcomes}
    left = (change.id for change in plan.removes if change.id not in told)
    lines = [_line(outcome, paint) for outcome in _sorted(outcomes)]
    lines += [f"left      {printable(id)}: no file defines it any more; --prune deletes it" for id in left]
    return "\n".join([*lines, summary(plan, outcomes)])


def summary(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """The numbers of outcomes; the rarer ones only where there are any."""
    figures = _figures(plan, outcomes)
    return ", ".join(f"{number} {word}" for word, number in figures.items() if number or word not in _RARE)


def _sorted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: outcome.id)


def _figures(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    applied = [outcome.change for outcome in outcomes if isinstance(outcome, Applied)]
    removed = sum(isinstance(change, Remove) for change in applied)
    failed = {outcome.id for outcome in outcomes if isinstance(outcome, Failed)}
    settled = sum(isinstance(outcome, Settled) for outcome in outcomes)
    return {
        "created": sum(isinstance(change, Create) for change in applied),
        "changed": sum(isinstance(change, Update) for change in applied),
        "unchanged": plan.unchanged + settled,
        "removed": removed,
        "left": len(plan.removes) - removed - sum(change.id in failed for change in plan.removes),
        "skipped": len(plan.skipped),
        "failed": len(failed),
    }


def _line(outcome: Outcome, paint: Paint) -> str:
    name = printable(outcome.id)
    match outcome:
        case Applied():
            return f"{paint(Colour.GREEN, f'{_PAST[action(outcome.change)]:<9}')} {name}"
        case Settled():
            return f"{paint(Colour.DIM, 'unchanged')} {name}: somebody else made the same change meanwhile"
        case Failed():
            return f"{paint(Colour.RED, 'failed   ')} {name}: {outcome.reason}"
        case _:
            assert_never(outcome)


def as_json(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """The `values` of an apply as text."""
    return json.dumps(values(plan, outcomes), indent=2, ensure_ascii=False)


def values(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The values of the plan with ``outcomes`` (id, outcome, rev, reason) and the ``summary`` of these."""
    rows = [_row(outcome) for outcome in _sorted(outcomes)]
    return {**plan_values(plan), "outcomes": rows, "summary": _figures(plan, outcomes)}


def _row(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Applied():
            return {"id": outcome.id, "outcome": _PAST[action(outcome.change)], "rev": outcome.rev, "reason": None}
        case Settled():
            return {"id": outcome.id, "outcome": "unchanged", "rev": outcome.rev, "reason": None}
        case Failed():
            return {"id": outcome.id, "outcome": "failed", "rev": None, "reason": outcome.reason}
        case _:
            assert_never(outcome)
