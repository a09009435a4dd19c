"""The results of a check."""

from collections.abc import Sequence

from provisioner.core.oauth.health import CheckResult, Verdict
from provisioner.core.text import counted
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.problems import command
from provisioner.render.table import table

_COLOURS = {Verdict.UNDECIDED: Colour.YELLOW, Verdict.WARNING: Colour.YELLOW, Verdict.FAILED: Colour.RED}
_LEVELS = {Verdict.UNDECIDED: "notice", Verdict.WARNING: "warning", Verdict.FAILED: "error"}


def as_text(results: Sequence[CheckResult], paint: Paint = plain) -> str:
    """One line per result, then what to do about failures and warnings, then the numbers."""
    rows = [(each.subject, each.check, each.verdict, each.message) for each in results]
    colours = [_COLOURS.get(each.verdict) for each in results]
    checks = table(("ACCOUNT TYPE", "CHECK", "RESULT", "WHAT WAS FOUND"), rows, paint, colours)
    advice = [f"{each.subject}, {each.check}: {each.next}" for each in results if each.next]
    return "\n".join([checks, *(["", "What to do next:", *advice, ""] if advice else []), _summary(results)])


def _summary(results: Sequence[CheckResult]) -> str:
    numbers = {verdict: sum(each.verdict is verdict for each in results) for verdict in Verdict}
    warnings = counted(numbers[Verdict.WARNING], "warning")
    undecided = f", {numbers[Verdict.UNDECIDED]} undecided" if numbers[Verdict.UNDECIDED] else ""
    return f"{counted(len(results), 'check')}, {numbers[Verdict.FAILED]} failed, {warnings}{undecided}"


def values(results: Sequence[CheckResult]) -> dict[str, object]:
    """``checks``: objects with account_type (null for the database), check, result, message, next."""
    checks = [
        {
            "account_type": each.account_type,
            "check": each.check,
            "result": each.verdict,
            "message": each.message,
            "next": each.next or None,
        }
        for each in results
    ]
    return {"checks": checks}


def as_annotations(results: Sequence[CheckResult]) -> str:
    """A GitHub workflow command for each result other than ok, then the numbers."""
    lines = [
        command(
            _LEVELS[each.verdict],
            {"title": f"{each.subject} {each.check}"},
            each.message + (f" (next: {each.next})" if each.next else ""),
        )
        for each in results
        if each.verdict in _LEVELS
    ]
    return "\n".join([*lines, _summary(results)])
