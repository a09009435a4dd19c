"""The result of each target, and the exit code of all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import TypeAlias, TypeVar

from provisioner.core.errors import ProvisionError
from provisioner.core.targets.target import Target


class ExitCode(IntEnum):
    """What the exit codes of all commands mean."""

    DONE = 0
    PROBLEMS = 1
    USAGE = 2
    DIFFERENCES = 3
    INTERRUPTED = 130
    TERMINATED = 143


def worst(results: Iterable[object]) -> ExitCode:
    """The worst exit code of the results of several targets; an error is what stopped its target."""
    codes = (ExitCode(result.exit_code) for result in results if isinstance(result, ProvisionError))
    return max(codes, default=ExitCode.DONE)


SIDE_BY_SIDE = 8
"""Targets that are worked on at the same time."""

T = TypeVar("T")
R = TypeVar("R")

Results: TypeAlias = Mapping[str, T | ProvisionError]
"""The result of each target, or the error that stopped it, by the target's name (empty for one without)."""


def by_target(work: Callable[[Target], R], targets: Sequence[Target]) -> dict[str, R | ProvisionError]:
    """The result of each target, or the error that stopped it, by the target's name (empty for one without)."""
    return dict(zip((target.name or "" for target in targets), side_by_side(work, targets), strict=True))


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R | ProvisionError]:
    """The result of each item, or the error that stopped it: one never stops the others."""

    def attempt(item: T) -> R | ProvisionError:
        try:
            return work(item)
        except ProvisionError as error:
            return error

    if len(items) == 1:
        return [attempt(items[0])]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(attempt, items))


def good(results: Results[T]) -> dict[str, T]:
    """The results of the targets that were not stopped."""
    return {name: result for name, result in results.items() if not isinstance(result, ProvisionError)}


def stopped(results: Mapping[str, object]) -> dict[str, ProvisionError]:
    """The errors of the targets that were stopped."""
    return {name: result for name, result in results.items() if isinstance(result, ProvisionError)}
