"""The outcomes of applying a plan."""

import json
from collections.abc import Sequence
from typing import assert_never

from provisioner.core.plan.changes import Plan, Unchanged, action
from provisioner.core.plan.outcome import Applied, Failed, Left, Outcome, Resolved, Settled, Unknown
from provisioner.core.text import counted
from provisioner.render.lines import lines
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.plan import values as plan_values

_PAST = {"create": "created", "change": "changed", "take over": "taken over", "remove": "removed"}
_ALWAYS = frozenset({"created", "changed", "unchanged"})

QUORUM = "written to fewer nodes than the cluster requires; CouchDB copies it to the others when they are back"


def as_text(plan: Plan, outcomes: Sequence[Outcome], paint: Paint = plain) -> str:
    """One line per account type that was to change, then the summary."""
    return lines([*(_line(outcome, paint) for outcome in _sorted(outcomes)), summary(plan, outcomes)])


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


def _word(outcome: Outcome) -> str:
    match outcome:
        case Applied():
            return _PAST[action(outcome.change)]
        case Settled():
            return "unchanged"
        case Left():
            return "left"
        case Resolved():
            return "resolved"
        case Failed():
            return "failed"
        case Unknown():
            return "unknown"
        case _:
            assert_never(outcome)


_COLOURS = {"unchanged": Colour.DIM, "left": Colour.YELLOW, "failed": Colour.RED, "unknown": Colour.RED}


def _line(outcome: Outcome, paint: Paint) -> str:
    word = _word(outcome)
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
    rev = outcome.rev if isinstance(outcome, Applied | Settled | Left) else None
    return {"id": outcome.id, "outcome": _word(outcome), "rev": rev, "reason": _reason(outcome)}
