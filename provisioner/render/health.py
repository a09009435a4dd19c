"""What a check found."""

from collections.abc import Sequence

from provisioner.core.oauth.health import CheckResult, Verdict
from provisioner.core.text import counted
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.problems import command
from provisioner.render.table import table

_COLOURS = {Verdict.OK: Colour.GREEN, Verdict.WARNING: Colour.YELLOW, Verdict.FAILED: Colour.RED}
_LEVELS = {Verdict.WARNING: "warning", Verdict.FAILED: "error"}


def as_text(findings: Sequence[CheckResult], paint: Paint = plain) -> str:
    """A line a finding, then what to do next about those that are not all right, then the numbers."""
    rows = [(each.subject, each.check, each.verdict, each.message) for each in findings]
    head, *lines = table(("ACCOUNT TYPE", "CHECK", "RESULT", "WHAT WAS FOUND"), rows, paint).split("\n")
    painted = [_painted(line, each.verdict, paint) for line, each in zip(lines, findings, strict=True)]
    advice = [f"{each.subject}, {each.check}: {each.next}" for each in findings if each.next]
    return "\n".join([head, *painted, *(["", "What to do next:", *advice, ""] if advice else []), _summary(findings)])


def _painted(line: str, verdict: Verdict, paint: Paint) -> str:
    return line if state is Verdict.OK else paint(_COLOURS[state], line)


def _summary(findings: Sequence[CheckResult]) -> str:
    numbers = {state: sum(each.verdict is state for each in findings) for state in Verdict}
    warnings = counted(numbers[Verdict.WARNING], "warning")
    return f"{counted(len(findings), 'check')}, {numbers[Verdict.FAILED]} failed, {warnings}"


def values(findings: Sequence[CheckResult]) -> list[dict[str, str | None]]:
    """A list of objects: account_type (none: the database), check, result, message, next."""
    return [
        {
            "account_type": each.account_type,
            "check": each.check,
            "result": each.verdict,
            "message": each.message,
            "next": each.next or None,
        }
        for each in findings
    ]


def as_annotations(findings: Sequence[CheckResult]) -> str:
    """A GitHub workflow command for each finding that is not all right, then the numbers."""
    lines = [
        command(
            _LEVELS[each.verdict],
            {"title": f"{each.subject} {each.check}"},
            each.message + (f" (next: {each.next})" if each.next else ""),
        )
        for each in findings
        if each.verdict in _LEVELS
    ]
    return "\n".join([*lines, _summary(findings)])
