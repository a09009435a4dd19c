"""How a run ends: its exit code, the errors that stop a target or all of it, and what replaced old words."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, TypeAlias, TypeVar

import typer

from provisioner.cli import output
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.targets.target import Target
from provisioner.core.text import did_you_mean
from provisioner.render.formats import as_json


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
    return dict(zip((target.key for target in targets), side_by_side(work, targets), strict=True))


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R | ProvisionError]:
    """The result of each item, or the error that stopped it: one never stops the others."""

    def attempt(item: T) -> R | ProvisionError:
        try:
            return work(item)
        except ProvisionError as error:
            return error

    if len(items) <= 1:
        return [*map(attempt, items)]
    from concurrent.futures import ThreadPoolExecutor  # 1.5 ms, and only for several targets

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(attempt, items))


def good(results: Results[T]) -> dict[str, T]:
    """The results of the targets that were not stopped."""
    return {name: result for name, result in results.items() if not isinstance(result, ProvisionError)}


def stopped(results: Mapping[str, object]) -> dict[str, ProvisionError]:
    """The errors of the targets that were stopped."""
    return {name: result for name, result in results.items() if isinstance(result, ProvisionError)}


REPLACED_COMMANDS = {
    "export": "run provision import --out DIR with --couch or --target",
    "history": "run provision undo --list",
    "impact": "run provision list ID --accounts",
    "rotate": "run provision apply ID --prove",
    "show": "run provision list ID",
    "targets": "run provision check --all-targets",
    "watch": "run provision drift --follow",
}
"""What to run in place of a command that does not exist."""

_KEPT = "leave it out: provision token refreshes a kept token if it has expired; --new signs in again"
_LIVE = "run provision check, for the live database"

REPLACED_OPTIONS = {
    "apply --adopt": "use --allow adopt",
    "apply --allow-mass-delete": "use --allow mass-delete",
    "apply --allow-public": "use --allow public",
    "apply --dry-run": "run provision diff, which writes nothing",
    "apply --force-credentials": "use --allow rotated",
    "apply --prune-changed": "use --prune --allow changed",
    "apply --unproven": "use --allow unproven",
    "diff --force-credentials": "leave it out: provision apply --allow rotated overwrites replaced credentials",
    "explain --format": "leave it out: docs/rules.md is the page of all rules",
    "init --service": "use --account-type",
    "schema --format": "leave it out: docs/configuration.md is the page about provision.yaml",
    "token --curl": "use --print curl, and add the URL to the command that it prints",
    "token --header": "use --print header",
    "token --refresh": _KEPT,
    "token --refresh-if-expired": _KEPT,
    "validate --couch": _LIVE,
    "validate --database": _LIVE,
    "validate --fix": "run provision fmt --fix",
    "validate --timeout": _LIVE,
    "--no-color": "set NO_COLOR=1 in the environment",
}
"""What to do in place of an option that does not exist: of one command, or of any."""


_ClickError: type[Any] = typer.BadParameter.__mro__[2]
"""What Typer raises if a command line cannot be read; it does not give the class itself a public name."""


class Boundary:
    """Runs the program for some arguments.

    If they ask for JSON, an error that stops the run before anything was printed is printed as JSON as well.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        given = " ".join(arguments)
        self._json = re.search(r"(?:^| )--format[ =]json(?: |$)", given) is not None
        output.begin()

    def run(self, program: Callable[..., Any]) -> int:
        """The exit code of a program of Typer's."""
        try:
            code = program(prog_name="provision", standalone_mode=False)
        except ProvisionError as error:
            return self._stopped(error)
        except typer.Abort:  # at a question: Ctrl-C, or the end of the input
            return ExitCode.INTERRUPTED
        except _ClickError as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()
                return ExitCode.USAGE
            return self._stopped(_usage_error(error))
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else ExitCode.DONE
        return code if isinstance(code, int) else ExitCode.DONE

    def _stopped(self, error: ProvisionError) -> int:
        if self._json and not output.has_result():
            output.result(as_json({}, [error]))
        output.report(error)
        return error.exit_code


def _usage_error(error: Any) -> UsageError:
    """What Typer says about a command line, in our form."""
    context = error.ctx
    next = f"see {context.command_path} --help" if context else "see provision --help"
    if type(error).__name__ == "NoSuchOption":
        option = error.option_name
        command = context.info_name if context else ""
        advice = REPLACED_OPTIONS.get(f"{command} {option}") or REPLACED_OPTIONS.get(option)
        hint = "" if advice else did_you_mean(option, error.possibilities or ())
        return UsageError(f"no such option {option}{hint}", advice or next)
    what = str(error.format_message()).rstrip(".")
    return UsageError(what[:1].lower() + what[1:], next)
