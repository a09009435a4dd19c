"""The results of a rehearsal."""

from collections.abc import Sequence

from provisioner.core.oauth.rehearsal import Rehearsal, StepOutcome
from provisioner.core.text import counted
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.problems import command
from provisioner.render.table import table

_COLOURS = {StepOutcome.SKIPPED: Colour.YELLOW, StepOutcome.FAILED: Colour.RED}


def as_text(rehearsals: Sequence[Rehearsal], paint: Paint = plain) -> str:
    """One line per step, then what to do about the failed ones, then the numbers."""
    steps = [(each.id, step) for each in rehearsals for step in each.steps]
    rows = [(id, step.step, step.outcome, step.message) for id, step in steps]
    colours = [_COLOURS.get(step.outcome) for _, step in steps]
    shown = table(("ACCOUNT TYPE", "STEP", "RESULT", "WHAT HAPPENS"), rows, paint, colours)
    next = [f"{id}, {step.step}: {step.next}" for id, step in steps if step.next]
    return "\n".join([shown, *(["", "What to do next:", *next, ""] if next else []), _summary(rehearsals)])


def _summary(rehearsals: Sequence[Rehearsal]) -> str:
    return f"{counted(len(rehearsals), 'account type')}, {sum(each.failed for each in rehearsals)} failed"


def values(rehearsals: Sequence[Rehearsal]) -> list[dict[str, object]]:
    """A list of objects: account_type, path (null for a live one), result, and steps (step, result, message, next)."""
    return [
        {
            "account_type": each.id,
            "path": each.path,
            "result": StepOutcome.FAILED if each.failed else StepOutcome.OK,
            "steps": [
                {"step": step.step, "result": step.outcome, "message": step.message, "next": step.next or None}
                for step in each.steps
            ],
        }
        for each in rehearsals
    ]


def as_annotations(rehearsals: Sequence[Rehearsal]) -> str:
    """A GitHub workflow command for each failed step, then the numbers."""
    lines = [
        command(
            "error",
            {**({"file": each.path} if each.path else {}), "title": f"{each.id} {step.step}"},
            step.message + (f" (next: {step.next})" if step.next else ""),
        )
        for each in rehearsals
        for step in each.steps
        if step.outcome is StepOutcome.FAILED
    ]
    return "\n".join([*lines, _summary(rehearsals)])
