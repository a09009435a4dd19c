"""The exit codes of every command."""

from collections.abc import Iterable
from enum import IntEnum

from provisioner.core.errors import ProvisionError


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
