"""Runs the rules over account types, by the severities of ``provision.yaml`` and the comments that ignore problems."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from provisioner.core.definitions.definition import Definition, Source, Validation
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.node import Scalar, at
from provisioner.core.definitions.problem import Fault, Ignore, Problem, Severity, Silenced
from provisioner.core.definitions.url import GAP
from provisioner.core.errors import UsageError
from provisioner.core.rules import BY_ID, RULES, credentials
from provisioner.core.rules.rule import ENDPOINTS, Finding, Rule, Subject, rules_in
from provisioner.core.text import nearest

Unsure: TypeAlias = Callable[[Ignore, str], bool]
"""Whether an ignore of a rule may silence something another time: with other values, or with more files."""


@dataclass(frozen=True, slots=True)
class Unsilenced:
    """The problems that are left, those that are ignored, and what is wrong with the comments."""

    problems: tuple[Problem, ...]
    silenced: tuple[Silenced, ...]
    faults: tuple[Fault, ...]


def silence(problems: Sequence[Problem], ignores: Sequence[Ignore], unsure: Unsure) -> Unsilenced:
    """Take the ignored problems of one file away; an ignore that is `unsure` is not called unused."""
    used: set[tuple[Ignore, str]] = set()
    left, silenced = [], []
    for problem in problems:
        by = [ignore for ignore in ignores if _silences(ignore, problem)]
        used |= {(ignore, problem.rule) for ignore in by}
        if by:
            silenced.append(Silenced(problem, by[0].reason))
        else:
            left.append(problem)
    faults = (
        Fault(ignore.mark, message, "unused-ignore", Severity.WARNING)
        for ignore in ignores
        for message in _misused(ignore, {rule for one, rule in used if one == ignore}, unsure)
    )
    return Unsilenced(tuple(left), tuple(silenced), tuple(faults))


def unsilenced(problems: Iterable[Problem], sources: Iterable[Source]) -> Iterator[Problem]:
    """The problems that no comment in their file ignores."""
    ignores = {source.path: source.ignores for source in sources}
    for problem in problems:
        if not any(_silences(ignore, problem) for ignore in ignores.get(problem.path, ())):
            yield problem


def _silences(ignore: Ignore, problem: Problem) -> bool:
    here = ignore.whole or ignore.mark.line == problem.line
    return here and problem.rule in ignore.rules and BY_ID[problem.rule].ignorable


def _misused(ignore: Ignore, used: Collection[str], unsure: Unsure) -> Iterator[str]:
    if not ignore.rules:
        yield "this names no rule: write # provision: ignore[rule-id]"
    for name in ignore.rules:
        rule = BY_ID.get(name)
        if rule is None:
            yield f"there is no rule {name}{nearest(name, BY_ID)}"
        elif not rule.ignorable:
            yield f"{name} cannot be ignored"
        elif name not in used and not unsure(ignore, name):
            where = "this file" if ignore.whole else "this line"
            yield f"nothing in {where} gives {name}: take the comment away"


_CHECKED = tuple((rule, rule.check) for rule in RULES if rule.check)
_OF_CREDENTIALS = tuple((rule, rule.check) for rule in rules_in(credentials) if rule.check)
_ACROSS = tuple((rule, rule.across) for rule in RULES if rule.across)
_TOGETHER = frozenset(rule.id for rule, _ in _ACROSS)

_NEED_ALL = frozenset({"overload-without-twin"})
"""Rules about what is not there: they need to know every account type."""

_OF_HOSTS = frozenset({"foreign-endpoint", "plain-http"})
"""Rules that say nothing of a host with a variable."""


def judged(
    problems: Iterable[Problem],
    definitions: Collection[Definition],
    sources: Iterable[Source],
    domains: Domains,
    *,
    whole: bool,
) -> tuple[list[Problem], list[Silenced]]:
    """The problems of sources with what the rules add to them, and those of them that comments in the files ignore."""
    subjects = [subject for each in definitions if (subject := Subject.of(each, domains)).id_known]
    found = [*problems, *judge(subjects), *judge_together(subjects, whole=whole)]
    commented = {source.path: source.ignores for source in sources if source.ignores}
    if not commented:
        return found, []
    of_path: dict[str, list[Problem]] = defaultdict(list)
    for problem in found:
        of_path[problem.path].append(problem)
    silenced: list[Silenced] = []
    by_path = {subject.definition.path: subject for subject in subjects}
    for path, ignores in commented.items():
        result = silence(of_path[path], ignores, _unsure(by_path.get(path), whole=whole))
        silenced += result.silenced
        of_path[path] = [*result.problems, *(Problem.of(path, fault) for fault in result.faults)]
    return [problem for each in of_path.values() for problem in each], silenced


def judge(subjects: Iterable[Subject]) -> Iterator[Problem]:
    """What is wrong with each account type by itself; one that the stack cannot decode has no more to tell."""
    for subject in subjects:
        if subject.broken:
            continue
        for rule, check in _CHECKED:
            for finding in check(subject):
                yield _problem(rule, subject, finding)


def judge_filled(definitions: Iterable[Definition], domains: Domains) -> Iterator[Problem]:
    """What is wrong with the credentials that definitions were filled with, and do not state themselves."""
    for definition in definitions:
        subject = Subject.of(definition, domains)
        for rule, check in _OF_CREDENTIALS:
            for finding in check(subject):
                if finding.path and finding.path[0] != "_id" and definition.node.get(finding.path[0]) is None:
                    message = f"{finding.message}; it comes from a credential source"
                    yield _problem(rule, subject, replace(finding, message=message))


def judge_together(subjects: Sequence[Subject], *, whole: bool) -> Iterator[Problem]:
    """What is wrong between several account types; `whole`: there are no others."""
    for rule, across in _ACROSS:
        if whole or rule.id not in _NEED_ALL:
            for subject, finding in across(subjects):
                yield _problem(rule, subject, finding)


def _problem(rule: Rule, subject: Subject, finding: Finding) -> Problem:
    definition = subject.definition
    mark = at(definition.node, finding.path).mark
    return Problem.of(definition.path, Fault(mark, finding.message, rule.id, finding.severity or rule.severity))


def _unsure(subject: Subject | None, *, whole: bool) -> Unsure:
    """Whether an ignore in the file of a subject may be needed with other values, or beside other files."""
    nodes = [at(subject.definition.node, [name]) for name in ENDPOINTS] if subject else []
    open_lines = {node.mark.line for node in nodes if isinstance(node, Scalar) and node.placeholder}
    hosts = [url.host for name, url in subject.urls.items() if name in ENDPOINTS] if subject else []
    open_host = any(GAP in host for host in hosts)

    def unsure(ignore: Ignore, rule: str) -> bool:
        here = open_host if ignore.whole else ignore.mark.line in open_lines
        return (rule in _TOGETHER and not whole) or subject is None or (here and rule in _OF_HOSTS)

    return unsure


Policy: TypeAlias = Mapping[str, str]
"""Rule → ``off``, ``warning`` or ``error``."""

OFF = "off"


def check_policy(policy: Policy, path: str) -> None:
    """Raises `UsageError` for a rule that does not exist, or whose severity is fixed."""
    for name in policy:
        rule = BY_ID.get(name)
        if rule is None:
            raise UsageError(f"{path} sets the rule {name}, which does not exist{nearest(name, BY_ID)}", "fix its name")
        if not rule.ignorable:
            what = f"{path} sets the rule {name}, whose severity is fixed: the stack cannot work with what it finds"
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
