"""Runs the checks over account types, by the severities of ``provision.yaml`` and the comments that ignore problems."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from msgspec.structs import replace

from provisioner.core.definitions.definition import Definition, Source, Validation
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, REMOTE_SECRET, Kind
from provisioner.core.definitions.problem import Ignore, Problem, Severity
from provisioner.core.definitions.url import GAP
from provisioner.core.errors import UsageError
from provisioner.core.rules import BY_ID, ENDPOINTS, DefinitionView, Finding
from provisioner.core.rules.endpoints import check_endpoints, check_query, check_redirect, check_urls
from provisioner.core.rules.ids import check_id
from provisioner.core.rules.remote_secrets import check_remote_secret
from provisioner.core.rules.secrets import TOGETHER, check_secret, check_several, check_values
from provisioner.core.text import did_you_mean

_CHECKS: Mapping[Kind, tuple[Callable[[DefinitionView], Iterator[Finding]], ...]] = {
    ACCOUNT_TYPE: (check_id, check_urls, check_endpoints, check_redirect, check_query, check_secret, check_values),
    REMOTE_SECRET: (check_id, check_remote_secret, check_values),
}

_OF_HOSTS = frozenset({"foreign-endpoint", "plain-http"})
"""Rules that say nothing of a host with a variable."""


def check_each(views: Iterable[DefinitionView]) -> Iterator[Problem]:
    """What is wrong with each document by itself; one that the stack cannot decode is not looked at."""
    for view in views:
        if not view.broken:
            for check in _CHECKS[view.kind]:
                for finding in check(view):
                    yield _problem(view, finding)


def check_filled(definitions: Iterable[Definition], domains: Domains) -> Iterator[Problem]:
    """What is wrong with the credentials that definitions were filled with, and do not state themselves."""
    for definition in definitions:
        view = DefinitionView.of(definition, domains)
        filled = [name for name in definition.document if name not in definition.content.values]
        for finding in check_values(view, filled):
            yield _problem(view, finding._replace(message=f"{finding.message} (from a credential source)"))


def check_together(views: Iterable[DefinitionView], *, whole: bool) -> Iterator[Problem]:
    """What is wrong between several account types; `whole`: there are no others."""
    found = check_several([view for view in views if view.kind is ACCOUNT_TYPE], whole=whole)
    return (_problem(view, finding) for view, finding in found)


def _problem(view: DefinitionView, finding: Finding) -> Problem:
    rule, message, path, severity = finding
    mark = view.definition.content.place(path).mark
    return Problem(mark, message, rule, severity or BY_ID[rule].severity, path=view.definition.path)


def not_ignored(problems: Iterable[Problem], sources: Iterable[Source]) -> Iterator[Problem]:
    """The problems that no comment in their file ignores."""
    comments = {source.path: source.ignores for source in sources if source.ignores}
    return (each for each in problems if not any(_fits(ignore, each) for ignore in comments.get(each.path, ())))


def _fits(ignore: Ignore, problem: Problem) -> bool:
    here = ignore.whole or ignore.mark.line == problem.line
    return here and problem.rule in ignore.rules and BY_ID[problem.rule].ignorable


def checked(
    problems: Iterable[Problem],
    definitions: Collection[Definition],
    sources: Iterable[Source],
    domains: Domains,
    *,
    whole: bool,
) -> tuple[list[Problem], list[Problem]]:
    """The problems of sources with what the rules add to them, and those of them that comments in the files ignore."""
    views = [view for each in definitions if "_id" not in (view := DefinitionView.of(each, domains)).gaps]
    comments = {source.path: source.ignores for source in sources if source.ignores}
    used: defaultdict[tuple[str, Ignore], set[str]] = defaultdict(set)
    left: list[Problem] = []
    ignored: list[Problem] = []
    for problem in (*problems, *check_each(views), *check_together(views, whole=whole)):
        if by := [ignore for ignore in comments.get(problem.path, ()) if _fits(ignore, problem)]:
            ignored.append(replace(problem, ignored=by[0].reason))
            for ignore in by:
                used[problem.path, ignore].add(problem.rule)
        else:
            left.append(problem)
    by_path = {view.definition.path: view for view in views} if comments else {}
    for path, ignores in comments.items():
        for ignore in ignores:
            known = used[path, ignore] | _needed_otherwise(ignore, by_path.get(path), whole=whole)
            left += (
                Problem(ignore.mark, message, "unused-ignore", Severity.WARNING, path)
                for message in _misused(ignore, known)
            )
    return left, ignored


def _needed_otherwise(ignore: Ignore, view: DefinitionView | None, *, whole: bool) -> AbstractSet[str]:
    """The rules that an ignore in the file of a view may be needed for with other values, or beside other files."""
    if view is None:
        return BY_ID.keys()
    gaps = [(name,) for name in ENDPOINTS if name in view.gaps]
    of_line = any(view.definition.content.place(path).mark.line == ignore.mark.line for path in gaps)
    of_file = ignore.whole and any(GAP in url.host for name, url in view.urls.items() if name in ENDPOINTS)
    of_hosts = _OF_HOSTS if of_file or (of_line and not ignore.whole) else frozenset()
    return of_hosts if whole else of_hosts | TOGETHER


def _misused(ignore: Ignore, needed: AbstractSet[str]) -> Iterator[str]:
    if not ignore.rules:
        yield "this comment has no rule: write # provision: ignore[rule-id]"
    for name in ignore.rules:
        if (rule := BY_ID.get(name)) is None:
            yield f"there is no rule {name}{did_you_mean(name, BY_ID)}"
        elif not rule.ignorable:
            yield f"{name} cannot be ignored"
        elif name not in needed:
            where = "this file" if ignore.whole else "this line"
            yield f"{name} finds nothing in {where}: remove the comment"


Policy: TypeAlias = Mapping[str, str]
"""Rule → ``off``, ``warning`` or ``error``."""


def check_policy(policy: Policy, path: str) -> None:
    """Raises `UsageError` for a rule that does not exist, or which is always an error."""
    for name in policy:
        if (rule := BY_ID.get(name)) is None:
            what = f"{path} sets the rule {name}, which does not exist{did_you_mean(name, BY_ID)}"
            raise UsageError(what, "fix its name")
        if not rule.ignorable:
            what = f"{path} sets the rule {name}, which is always an error: the stack cannot use such definitions"
            raise UsageError(what, "remove it from rules")


def with_policy(validation: Validation, policy: Policy) -> Validation:
    """The validation with the severities of a policy; problems of a rule that is off are left out."""
    if not policy:
        return validation
    problems = (
        replace(problem, severity=Severity(policy[problem.rule])) if problem.rule in policy else problem
        for problem in validation.problems
        if policy.get(problem.rule) != "off"
    )
    return replace(validation, problems=tuple(problems))
