"""The results of checks: of what is live, of rehearsed logins, and of the manifests of konnectors."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from provisioner.core.definitions.definition import Validation
from provisioner.core.oauth.konnector import ManifestRow
from provisioner.core.oauth.rehearsal import Rehearsal, StepOutcome
from provisioner.core.plan.health import CheckResult, Verdict
from provisioner.core.rules.remote_secrets import SecretRow
from provisioner.core.targets.target import Place
from provisioner.core.text import counted, shown
from provisioner.render import problems
from provisioner.render.layout import Colour, Paint, plain, row, table
from provisioner.render.problems import command

_Result: TypeAlias = tuple[str, str, str, str, str]
"""What was checked of what, how that came out, the message, and what to do next."""

_COLOURS = {
    Verdict.UNDECIDED.value: Colour.YELLOW,
    Verdict.WARNING.value: Colour.YELLOW,
    StepOutcome.SKIPPED.value: Colour.YELLOW,
    Verdict.FAILED.value: Colour.RED,
}
_LEVELS = {Verdict.UNDECIDED.value: "notice", Verdict.WARNING.value: "warning", Verdict.FAILED.value: "error"}


def as_text(results: Sequence[CheckResult], paint: Paint = plain, *, brief: bool = False) -> str:
    """One line per result, what to do about failures and warnings, and the numbers; `brief`: not what is ok."""
    rows = [_result(each) for each in results if not brief or each.verdict is not Verdict.OK]
    return _text(("ID", "CHECK", "RESULT", "MESSAGE"), rows, _summary(results), paint)


def _result(result: CheckResult) -> _Result:
    return result.subject, result.check, result.verdict, result.message, result.next


def _text(head: Sequence[str], results: Sequence[_Result], summary: str, paint: Paint) -> str:
    """A table, what to do about what is in it, and the numbers."""
    if not results:
        return summary
    found = table(head, [each[:4] for each in results], paint, [_COLOURS.get(each[2]) for each in results])
    next = [f"{subject}, {what}: {next}" for subject, what, _, _, next in results if next]
    return "\n".join([found, *(["", "What to do next:", *next, ""] if next else []), summary])


def _annotations(results: Iterable[tuple[_Result, Mapping[str, str]]], summary: str) -> str:
    """A GitHub workflow command for each result that is not all right, with its place in a file, then the numbers."""
    commands = [
        command(_LEVELS[how], {**place, "title": f"{subject} {what}"}, message + (f" (next: {next})" if next else ""))
        for (subject, what, how, message, next), place in results
        if how in _LEVELS
    ]
    return "\n".join([*commands, summary])


def targets_table(
    targets: Mapping[Place, Sequence[CheckResult] | None], protected: Collection[str], paint: Paint = plain
) -> str:
    """One line per target; ``None`` is one that was not looked into."""
    head = ("TARGET", "COUCHDB", "DATABASE", "PROTECTED", "REACHABLE", "SIGNED IN", "EXISTS", "FAILED", "WARNINGS")
    return table(head, [_target(place, results, protected) for place, results in targets.items()], paint)


def _target(place: Place, results: Sequence[CheckResult] | None, protected: Collection[str]) -> tuple[str, ...]:
    about = {each.check: each.verdict is Verdict.OK for each in results or () if each.account_type is None}
    if "admin-only" in about:
        about["exists"] = True  # only of a missing database is said whether it exists
    words = {None: "-", True: "yes", False: "no"}
    state = (words[about.get(check)] for check in ("reachable", "signed-in", "exists"))
    numbers = ("-", "-") if results is None else map(str, map(_numbers(results).get, (Verdict.FAILED, Verdict.WARNING)))
    name = place.target or "-"
    return name, place.url or "-", place.database, words[name in protected], *state, *numbers


def _numbers(results: Sequence[CheckResult]) -> dict[Verdict, int]:
    return {verdict: sum(each.verdict is verdict for each in results) for verdict in Verdict}


def _summary(results: Sequence[CheckResult]) -> str:
    numbers = _numbers(results)
    undecided = f", {numbers[Verdict.UNDECIDED]} undecided" if numbers[Verdict.UNDECIDED] else ""
    warnings = counted(numbers[Verdict.WARNING], "warning")
    return f"{counted(len(results), 'check')}, {numbers[Verdict.FAILED]} failed, {warnings}{undecided}"


def values(results: Sequence[CheckResult]) -> dict[str, object]:
    """``checks``: objects with account_type (null for the database), check, result, message, next."""
    keys = ("account_type", "check", "result=verdict", "message", "next")
    return {"checks": [row(each, *keys) for each in results]}


def as_annotations(results: Sequence[CheckResult]) -> str:
    """A GitHub workflow command for each result other than ok, then the numbers."""
    return _annotations(((_result(each), {}) for each in results), _summary(results))


def rehearsals_text(rehearsals: Sequence[Rehearsal], paint: Paint = plain) -> str:
    """One line per step, then what to do about the failed ones, then the numbers."""
    steps = [step for each in rehearsals for step in _steps(each)]
    head = ("ACCOUNT TYPE", "STEP", "RESULT", "WHAT HAPPENS")
    return _text(head, steps, _rehearsals_summary(rehearsals), paint)


def _steps(rehearsal: Rehearsal) -> list[_Result]:
    return [(rehearsal.id, each.step, each.outcome, each.message, each.next) for each in rehearsal.steps]


def _rehearsals_summary(rehearsals: Sequence[Rehearsal]) -> str:
    return f"{counted(len(rehearsals), 'account type')}, {sum(each.failed for each in rehearsals)} failed"


def rehearsals_values(rehearsals: Sequence[Rehearsal]) -> dict[str, object]:
    """``rehearsals``: objects with account_type, path (null for a live one), result and steps."""
    rows = [
        {
            **row(each, "account_type=id", "path"),
            "result": StepOutcome.FAILED if each.failed else StepOutcome.OK,
            "steps": [row(step, "step", "result=outcome", "message", "next") for step in each.steps],
        }
        for each in rehearsals
    ]
    return {"rehearsals": rows}


def rehearsals_annotations(rehearsals: Sequence[Rehearsal]) -> str:
    """A GitHub workflow command for each failed step, then the numbers."""
    steps = ((step, {"file": each.path} if each.path else {}) for each in rehearsals for step in _steps(each))
    return _annotations(steps, _rehearsals_summary(rehearsals))


Manifests: TypeAlias = tuple[Sequence[ManifestRow], Validation]
"""What konnectors ask for, with the problems."""

Doctypes: TypeAlias = tuple[Sequence[SecretRow], Validation]
"""What the requests of doctypes ask for, with the problems."""


def manifests_text(found: Manifests, paint: Paint = plain) -> str:
    """One line per manifest, then one line per problem, then the summary."""
    cells = [
        (asked.slug or each.path, asked.account_type, each.found, shown(asked.scope) if asked.scope else "-")
        if (asked := each.requested)
        else (each.path, "no OAuth", "-", "-")
        for each in found[0]
    ]
    return _with_problems(("KONNECTOR", "ACCOUNT TYPE", "FOUND IN", "SCOPE AS SENT"), cells, found[1], paint)


def doctypes_text(found: Doctypes, paint: Paint = plain) -> str:
    """One line per secret, then one line per problem, then the summary."""
    words = {None: "-", True: "yes", False: "no"}
    cells = [(each.doctype, each.secret, words[each.needed], words[each.files], words[each.live]) for each in found[0]]
    return _with_problems(("DOCTYPE", "SECRET", "ASKED FOR", "IN FILES", "LIVE"), cells, found[1], paint)


def _with_problems(head: Sequence[str], cells: Sequence[Sequence[str]], validation: Validation, paint: Paint) -> str:
    found = [table(head, cells, paint), ""] if cells else []
    return "\n".join([*found, problems.as_text(validation, paint)])


def manifests_values(found: Manifests) -> dict[str, object]:
    """The object of problems, with ``manifests``: path, slug, account_type, found, scope."""
    nothing = dict.fromkeys(("slug", "account_type", "found", "scope"))
    rows = [
        {**row(each, "path"), **row(asked, "slug", "account_type"), **row(each, "found"), "scope": asked.scope}
        if (asked := each.requested)
        else {"path": each.path, **nothing}
        for each in found[0]
    ]
    return {"manifests": rows, **problems.values(found[1])}


def doctypes_values(found: Doctypes) -> dict[str, object]:
    """The object of problems, with ``doctypes``: doctype, secret, needed, files, live."""
    rows = [row(each, "doctype", "secret", "needed", "files", "live") for each in found[0]]
    return {"manifests": [], "doctypes": rows, **problems.values(found[1])}
