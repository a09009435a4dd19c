"""What became of the changes of a plan."""

import json
from collections.abc import Sequence
from typing import assert_never

from provisioner.core.outcome import Applied, Failed, Outcome, Settled
from provisioner.core.plan import Create, Plan
from provisioner.core.text import printable
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.plan import action, change_values

_PAST = {"create": "created", "change": "changed"}


def as_text(plan: Plan, outcomes: Sequence[Outcome], paint: Paint = plain) -> str:
    """A line a changed account type, then the summary."""
    return "\n".join([*(_line(outcome, paint) for outcome in _sorted(outcomes)), summary(plan, outcomes)])


def summary(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """The numbers of outcomes; failures only where there are any."""
    figures = _figures(plan, outcomes)
    return ", ".join(f"{number} {word}" for word, number in figures.items() if number or word != "failed")


def _sorted(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: outcome.id)


def _figures(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    applied = [outcome.change for outcome in outcomes if isinstance(outcome, Applied)]
    created = sum(isinstance(change, Create) for change in applied)
    settled = sum(isinstance(outcome, Settled) for outcome in outcomes)
    return {
        "created": created,
        "changed": len(applied) - created,
        "unchanged": plan.unchanged + settled,
        "failed": sum(isinstance(outcome, Failed) for outcome in outcomes),
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
    """An object with ``changes`` (the plan), ``outcomes`` (id, outcome, rev, reason) and ``summary``."""
    report = {
        "changes": [change_values(change) for change in plan.changes],
        "outcomes": [_row(outcome) for outcome in _sorted(outcomes)],
        "summary": _figures(plan, outcomes),
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


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
