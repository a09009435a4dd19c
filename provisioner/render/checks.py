"""The results of checks: of what is live, of rehearsed logins, and of the manifests of konnectors."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from provisioner.core.oauth.konnector import ManifestRow, Manifests
from provisioner.core.oauth.rehearsal import Rehearsal, StepOutcome
from provisioner.core.plan.health import CheckResult, Verdict
from provisioner.core.targets.target import Place
from provisioner.core.text import counted, shown
from provisioner.render import problems
from provisioner.render.formats import row
from provisioner.render.layout import Colour, Paint, plain, table
from provisioner.render.problems import command

_COLOURS = {Verdict.UNDECIDED: Colour.YELLOW, Verdict.WARNING: Colour.YELLOW, Verdict.FAILED: Colour.RED}
_LEVELS = {Verdict.UNDECIDED: "notice", Verdict.WARNING: "warning", Verdict.FAILED: "error"}


def as_text(results: Sequence[CheckResult], paint: Paint = plain, *, brief: bool = False) -> str:
    """One line per result, what to do about failures and warnings, and the numbers; `brief`: not what is ok."""
    shown = [each for each in results if not brief or each.verdict is not Verdict.OK]
    if not shown:
        return _summary(results)
    rows = [(each.subject, each.check, each.verdict, each.message) for each in shown]
    colours = [_COLOURS.get(each.verdict) for each in shown]
    checks = table(("ID", "CHECK", "RESULT", "MESSAGE"), rows, paint, colours)
    return _with_advice(checks, [(each.subject, each.check, each.next) for each in shown], _summary(results))


def _with_advice(found: str, advice: Iterable[tuple[str, str, str]], summary: str) -> str:
    """A table, what to do about what is in it, and the numbers."""
    next = [f"{subject}, {what}: {next}" for subject, what, next in advice if next]
    return "\n".join([found, *(["", "What to do next:", *next, ""] if next else []), summary])


def _annotation(level: str, properties: Mapping[str, str], message: str, next: str) -> str:
    return command(level, properties, message + (f" (next: {next})" if next else ""))


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
    keys = ("account_type", "check", "result=verdict", "message", "next")
    return {"checks": [row(each, *keys) for each in results]}


def as_annotations(results: Sequence[CheckResult]) -> str:
    """A GitHub workflow command for each result other than ok, then the numbers."""
    lines = [
        _annotation(_LEVELS[each.verdict], {"title": f"{each.subject} {each.check}"}, each.message, each.next)
        for each in results
        if each.verdict in _LEVELS
    ]
    return "\n".join([*lines, _summary(results)])


_STEP_COLOURS = {StepOutcome.SKIPPED: Colour.YELLOW, StepOutcome.FAILED: Colour.RED}


def rehearsals_text(rehearsals: Sequence[Rehearsal], paint: Paint = plain) -> str:
    """One line per step, then what to do about the failed ones, then the numbers."""
    steps = [(each.id, step) for each in rehearsals for step in each.steps]
    rows = [(id, step.step, step.outcome, step.message) for id, step in steps]
    colours = [_STEP_COLOURS.get(step.outcome) for _, step in steps]
    shown = table(("ACCOUNT TYPE", "STEP", "RESULT", "WHAT HAPPENS"), rows, paint, colours)
    return _with_advice(shown, [(id, step.step, step.next) for id, step in steps], _rehearsals_summary(rehearsals))


def _rehearsals_summary(rehearsals: Sequence[Rehearsal]) -> str:
    return f"{counted(len(rehearsals), 'account type')}, {sum(each.failed for each in rehearsals)} failed"


def rehearsals_values(rehearsals: Sequence[Rehearsal]) -> dict[str, object]:
    """``rehearsals``: objects with account_type, path (null for a live one), result and steps."""
    steps = ("step", "result=outcome", "message", "next")
    rows = [
        {
            **row(each, "account_type=id", "path"),
            "result": StepOutcome.FAILED if each.failed else StepOutcome.OK,
            "steps": [row(step, *steps) for step in each.steps],
        }
        for each in rehearsals
    ]
    return {"rehearsals": rows}


def rehearsals_annotations(rehearsals: Sequence[Rehearsal]) -> str:
    """A GitHub workflow command for each failed step, then the numbers."""
    lines = [
        _annotation("error", {**place, "title": f"{each.id} {step.step}"}, step.message, step.next)
        for each in rehearsals
        for place in [{"file": each.path} if each.path else {}]
        for step in each.steps
        if step.outcome is StepOutcome.FAILED
    ]
    return "\n".join([*lines, _rehearsals_summary(rehearsals)])


_HEAD = ("KONNECTOR", "ACCOUNT TYPE", "FOUND IN", "SCOPE AS SENT")


def manifests_text(manifests: Manifests, paint: Paint = plain) -> str:
    """One line per manifest, then one line per problem, then the summary."""
    rows = [_cells(each) for each in manifests.rows]
    parts = [table(_HEAD, rows, paint), ""] if rows else []
    return "\n".join([*parts, problems.as_text(manifests.validation, paint)])


def _cells(row: ManifestRow) -> tuple[str, ...]:
    if row.requested is None:
        return (row.path, "no OAuth", "-", "-")
    scope = shown(row.requested.scope) if row.requested.scope else "-"
    return (row.requested.slug or row.path, row.requested.account_type, row.found, scope)


def manifests_values(manifests: Manifests) -> dict[str, object]:
    """The object of problems, with ``manifests``: path, slug, account_type, found, scope."""
    rows = [
        {
            **row(each, "path"),
            "slug": each.requested.slug if each.requested else None,
            "account_type": each.requested.account_type if each.requested else None,
            "found": each.found if each.requested else None,
            "scope": each.requested.scope if each.requested else None,
        }
        for each in manifests.rows
    ]
    return {"manifests": rows, **problems.values(manifests.validation)}
