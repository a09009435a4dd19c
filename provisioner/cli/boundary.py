"""How a run ends: its exit code, the errors that stop a target or all of it, and what replaced old words."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import typer

from provisioner.cli import output
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.targets.target import Target
from provisioner.core.text import did_you_mean
from provisioner.render.layout import as_json


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
    """The `Results` of some work on each target."""
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


REPLACED = Path(__file__).with_name("replaced.yaml")


def replacement(kind: str, word: str) -> str:
    """What to do in place of one of the ``commands`` or ``options`` that do not exist; empty if nothing is known."""
    import yaml  # only for a mistake

    advice: str = yaml.safe_load(REPLACED.read_text(encoding="utf-8"))[kind].get(word, "")
    return advice


_ClickError: type[Any] = typer.BadParameter.__mro__[2]
"""What Typer raises if a command line cannot be read; it does not give the class itself a public name."""


def run(program: Callable[..., Any], arguments: Sequence[str]) -> int:
    """The exit code of a program of Typer's.

    If its arguments ask for JSON, an error that stops it before anything was printed is printed as JSON as well.
    """
    output.Stdout.written = False
    try:
        code = program(prog_name="provision", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.DONE
    except ProvisionError as error:
        end = error
    except typer.Abort:  # at a question: Ctrl-C, or the end of the input
        return ExitCode.INTERRUPTED
    except _ClickError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return ExitCode.USAGE
        end = _usage_error(error)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else ExitCode.DONE
    if re.search(r"(?:^| )--format[ =]json(?: |$)", " ".join(arguments)) and not output.Stdout.written:
        output.result(as_json({}, [end]))
    output.report(end)
    return end.exit_code


def _usage_error(error: Any) -> UsageError:
    """What Typer says about a command line, in our form."""
    context = error.ctx
    next = f"see {context.command_path} --help" if context else "see provision --help"
    if type(error).__name__ == "NoSuchOption":
        option = error.option_name
        command = context.info_name if context else ""
        advice = replacement("options", f"{command} {option}") or replacement("options", option)
        hint = "" if advice else did_you_mean(option, error.possibilities or ())
        return UsageError(f"no such option {option}{hint}", advice or next)
    what = str(error.format_message()).rstrip(".")
    return UsageError(what[:1].lower() + what[1:], next)
