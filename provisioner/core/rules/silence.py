"""Removes what comments in a file silence, and reports the comments that silence nothing."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.definitions.ignores import Ignore
from provisioner.core.definitions.problem import Fault, Problem, Severity, Silenced
from provisioner.core.definitions.source import Source
from provisioner.core.rules import BY_ID
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
