"""The one place where errors become messages, JSON and exit codes."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import typer

from provisioner.cli import output, replaced
from provisioner.cli.exit_code import ExitCode
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.text import nearest
from provisioner.render.json_output import as_json

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
        advice = replaced.OPTIONS.get(f"{command} {option}") or replaced.OPTIONS.get(option)
        hint = "" if advice else nearest(option, error.possibilities or ())
        return UsageError(f"no such option {option}{hint}", advice or next)
    what = str(error.format_message()).rstrip(".")
    return UsageError(what[:1].lower() + what[1:], next)
