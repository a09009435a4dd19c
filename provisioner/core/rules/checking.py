"""Runs the rules over account types, by the severities of ``provision.yaml`` and the comments that ignore problems."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from provisioner.core.definitions.definition import Definition, Source, Validation
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.node import Scalar, at
from provisioner.core.definitions.problem import Ignore, Problem, Severity
from provisioner.core.definitions.url import GAP
from provisioner.core.errors import UsageError
from provisioner.core.rules import BY_ID, RULES, credentials
from provisioner.core.rules.rule import ENDPOINTS, AccountTypeView, Finding, Rule, rules_in
from provisioner.core.text import did_you_mean

Unsure: TypeAlias = Callable[[Ignore, str], bool]
"""Whether an ignore of a rule may be needed another time: with other values, or with more files."""


def not_ignored(problems: Iterable[Problem], sources: Iterable[Source]) -> Iterator[Problem]:
    """The problems that no comment in their file ignores."""
    ignores = {source.path: source.ignores for source in sources}
    for problem in problems:
        if not any(_fits(ignore, problem) for ignore in ignores.get(problem.path, ())):
            yield problem


def _fits(ignore: Ignore, problem: Problem) -> bool:
    here = ignore.whole or ignore.mark.line == problem.line
    return here and problem.rule in ignore.rules and BY_ID[problem.rule].ignorable


def _misused(ignore: Ignore, used: Collection[str], unsure: Unsure) -> Iterator[str]:
    if not ignore.rules:
        yield "this comment has no rule: write # provision: ignore[rule-id]"
    for name in ignore.rules:
        rule = BY_ID.get(name)
        if rule is None:
            yield f"there is no rule {name}{did_you_mean(name, BY_ID)}"
        elif not rule.ignorable:
            yield f"{name} cannot be ignored"
        elif name not in used and not unsure(ignore, name):
            where = "this file" if ignore.whole else "this line"
            yield f"{name} finds nothing in {where}: remove the comment"


_CHECKED = tuple((rule, rule.check) for rule in RULES if rule.check)
_OF_CREDENTIALS = tuple((rule, rule.check) for rule in rules_in(credentials) if rule.check)
_ACROSS = tuple((rule, rule.across) for rule in RULES if rule.across)
_TOGETHER = frozenset(rule.id for rule, _ in _ACROSS)

_NEED_ALL = frozenset({"override-without-global"})
"""Rules about what is not there: they need to know every account type."""

_OF_HOSTS = frozenset({"foreign-endpoint", "plain-http"})
"""Rules that say nothing of a host with a variable."""


def checked(
    problems: Iterable[Problem],
    definitions: Collection[Definition],
    sources: Iterable[Source],
    domains: Domains,
    *,
    whole: bool,
) -> tuple[list[Problem], list[Problem]]:
    """The problems of sources with what the rules add to them, and those of them that comments in the files ignore."""
    views = [view for each in definitions if (view := AccountTypeView.of(each, domains)).id_known]
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
    by_path = {view.definition.path: view for view in views}
    for path, ignores in comments.items():
        unsure = _unsure(by_path.get(path), whole=whole)
        for ignore in ignores:
            left += (
                Problem(ignore.mark, message, "unused-ignore", Severity.WARNING, path=path)
                for message in _misused(ignore, used[path, ignore], unsure)
            )
    return left, ignored


def check_each(views: Iterable[AccountTypeView]) -> Iterator[Problem]:
    """What is wrong with each account type by itself; one that the stack cannot decode is not looked at."""
    for view in views:
        if view.broken:
            continue
        for rule, check in _CHECKED:
            for finding in check(view) if rule.fits(view) else ():
                yield _problem(rule, view, finding)


def check_filled(definitions: Iterable[Definition], domains: Domains) -> Iterator[Problem]:
    """What is wrong with the credentials that definitions were filled with, and do not state themselves."""
    for definition in definitions:
        view = AccountTypeView.of(definition, domains)
        for rule, check in _OF_CREDENTIALS:
            for finding in check(view) if rule.fits(view) else ():
                if finding.path and finding.path[0] != "_id" and definition.node.get(finding.path[0]) is None:
                    message = f"{finding.message} (from a credential source)"
                    yield _problem(rule, view, replace(finding, message=message))


def check_together(views: Sequence[AccountTypeView], *, whole: bool) -> Iterator[Problem]:
    """What is wrong between several account types; `whole`: there are no others."""
    for rule, across in _ACROSS:
        if whole or rule.id not in _NEED_ALL:
            for view, finding in across([view for view in views if rule.fits(view)]):
                yield _problem(rule, view, finding)


def _problem(rule: Rule, view: AccountTypeView, finding: Finding) -> Problem:
    definition = view.definition
    mark = at(definition.node, finding.path).mark
    return Problem(mark, finding.message, rule.id, finding.severity or rule.severity, path=definition.path)


def _unsure(view: AccountTypeView | None, *, whole: bool) -> Unsure:
    """Whether an ignore in the file of a view may be needed with other values, or beside other files."""
    nodes = [at(view.definition.node, [name]) for name in ENDPOINTS] if view else []
    open_lines = {node.mark.line for node in nodes if isinstance(node, Scalar) and node.placeholder}
    hosts = [url.host for name, url in view.urls.items() if name in ENDPOINTS] if view else []
    open_host = any(GAP in host for host in hosts)

    def unsure(ignore: Ignore, rule: str) -> bool:
        here = open_host if ignore.whole else ignore.mark.line in open_lines
        return (rule in _TOGETHER and not whole) or view is None or (here and rule in _OF_HOSTS)

    return unsure


Policy: TypeAlias = Mapping[str, str]
"""Rule → ``off``, ``warning`` or ``error``."""

OFF = "off"


def check_policy(policy: Policy, path: str) -> None:
    """Raises `UsageError` for a rule that does not exist, or which is always an error."""
    for name in policy:
        rule = BY_ID.get(name)
        if rule is None:
            raise UsageError(
                f"{path} sets the rule {name}, which does not exist{did_you_mean(name, BY_ID)}", "fix its name"
            )
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
        if policy.get(problem.rule) != OFF
    )
    return replace(validation, problems=tuple(problems))
