"""The results of a check."""

from collections.abc import Collection, Mapping, Sequence

from provisioner.core.oauth.health import CheckResult, Verdict
from provisioner.core.targets.target import Place
from provisioner.core.text import counted
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.problems import command
from provisioner.render.table import table

_COLOURS = {Verdict.UNDECIDED: Colour.YELLOW, Verdict.WARNING: Colour.YELLOW, Verdict.FAILED: Colour.RED}
_LEVELS = {Verdict.UNDECIDED: "notice", Verdict.WARNING: "warning", Verdict.FAILED: "error"}


def as_text(results: Sequence[CheckResult], paint: Paint = plain, *, brief: bool = False) -> str:
    """One line per result, what to do about failures and warnings, and the numbers; `brief`: not what is ok."""
    shown = [each for each in results if not brief or each.verdict is not Verdict.OK]
    if not shown:
        return _summary(results)
    rows = [(each.subject, each.check, each.verdict, each.message) for each in shown]
    colours = [_COLOURS.get(each.verdict) for each in shown]
    checks = table(("ACCOUNT TYPE", "CHECK", "RESULT", "WHAT WAS FOUND"), rows, paint, colours)
    advice = [f"{each.subject}, {each.check}: {each.next}" for each in shown if each.next]
    return "\n".join([checks, *(["", "What to do next:", *advice, ""] if advice else []), _summary(results)])


def overview(
    targets: Mapping[Place, Sequence[CheckResult] | None], protected: Collection[str], paint: Paint = plain
) -> str:
    """One line per target; ``None`` is one that was not looked into."""
    head = ("TARGET", "COUCHDB", "DATABASE", "PROTECTED", "REACHABLE", "SIGNED IN", "EXISTS", "FAILED", "WARNINGS")
    return table(head, [_target(place, results, protected) for place, results in targets.items()], paint)


def _target(place: Place, results: Sequence[CheckResult] | None, protected: Collection[str]) -> tuple[str, ...]:
    name = place.target or "-"
    about = {each.check: each.verdict for each in results or () if each.account_type is None}
    reachable = _yes(about.get("reachable"))
    looked = about.get("admin-only") or about.get("exists")
    numbers = [
        str(sum(each.verdict is verdict for each in results or ())) for verdict in (Verdict.FAILED, Verdict.WARNING)
    ]
    exists = "-" if looked is None else "no" if "exists" in about else "yes"
    known = "yes" if name in protected else "no"
    return (
        name,
        place.url or "-",
        place.database,
        known,
        reachable,
        _yes(about.get("signed-in")),
        exists,
        *(numbers if results is not None else ("-", "-")),
    )


def _yes(verdict: Verdict | None) -> str:
    return "-" if verdict is None else "yes" if verdict is Verdict.OK else "no"


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
