"""How far an agreement goes: what is counted for each file of records, and what stands in ``docs/stack-truth.md``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Agreement:
    """The records of one file: how many there are, with how many we agree, and why not with the others.

    `exceptions` has each reason with the number of records that it is for.
    """

    name: str
    records: int
    agreeing: int
    exceptions: tuple[tuple[str, int], ...] = ()


def agreement(name: str, records: Iterable[Record], differs: Callable[[Record], str]) -> Agreement:
    """Count the records; `differs` gives the reason for which one is no agreement, empty if it is one."""
    found = [differs(record) for record in records]
    reasons = sorted(set(found) - {""})
    exceptions = tuple((reason, found.count(reason)) for reason in reasons)
    return Agreement(name, len(found), found.count(""), exceptions)
