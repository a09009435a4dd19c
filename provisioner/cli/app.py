"""The program and its commands."""

import os
import shutil
import signal
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from provisioner import __version__
from provisioner.cli import output
from provisioner.cli.boundary import ExitCode, replacement, run
from provisioner.cli.options import refuse_empty
from provisioner.core.errors import UsageError
from provisioner.core.text import did_you_mean

_EXIT_CODES = """\b
Exit codes:
  0    done, or nothing to do
  1    problems found, or something failed
  2    wrong usage
  3    diff --exit-code: apply would write something
  130  interrupted
  143  terminated"""

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

GROUPS = {
    "Begin": {
        "init": ("new:init", "provision init --yes my_catalogue"),
        "new": ("new:new", "provision new google --out my_account_types"),
        "catalogue": ("catalogue:catalogue", "provision catalogue google"),
        "import": ("import_:import_", "provision import --couch localhost:5984 --out imported"),
    },
    "Definitions": {
        "validate": ("validate:validate", "provision validate account_types/"),
        "fmt": ("validate:fmt", "provision fmt account_types/"),
        "explain": ("catalogue:explain", "provision explain redirect-path"),
        "schema": ("catalogue:schema", "provision schema"),
    },
    "Database": {
        "diff": ("diff:diff", "provision diff --couch localhost:5984 --set domain=example.org"),
        "apply": ("apply:apply", "provision apply --couch localhost:5984 --set domain=example.org"),
        "undo": ("undo:undo", "provision undo --target production --dry-run"),
        "list": ("list_:list_", "provision list google --couch localhost:5984"),
        "drift": ("drift:drift", "provision drift --owner team --couch localhost:5984 --set domain=example.org"),
        "check": ("check:check", "provision check google --couch localhost:5984"),
    },
    "Konnectors": {
        "manifest": ("rehearse:manifest", "provision manifest konnectors/google"),
        "rehearse": ("rehearse:rehearse", "provision rehearse google"),
        "token": ("token:token", "provision token google"),
    },
}
"""The commands of each group, each with its function and its example."""

COMMANDS = {name: row for group in GROUPS.values() for name, row in group.items()}

_VERBOSE = "--verbose"
_NARROW = 60
"""Columns of a terminal below which a name and its help stand on lines of their own."""


class _Fitting:
    """Fits its help into a narrow terminal; the help of Typer takes 50 columns and a table."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        columns = shutil.get_terminal_size().columns
        if columns < _NARROW:
            formatter.width = columns - 2
            formatter.write_dl = partial(formatter.write_dl, col_max=4)
        super().format_help(ctx, formatter)  # type: ignore[misc]  # of the class beside this one


class _Command(_Fitting, TyperCommand):
    """A command that refuses empty values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words after the command."""
        refuse_empty(args, os.environ)
        return super().parse_args(ctx, args)


class _Commands(_Fitting, TyperGroup):
    """Imports a command only when it is used, so that start-up stays fast."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words before the command, with ``--verbose`` wherever it stands."""
        words = args[: args.index("--")] if "--" in args else args
        verbose = [_VERBOSE] if _VERBOSE in words else []
        return super().parse_args(ctx, [*verbose, *(word for word in words if word != _VERBOSE), *args[len(words) :]])

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the method's shape
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in their groups, each on one line."""
        width = max(map(len, COMMANDS))
        for group, names in GROUPS.items():
            with formatter.section(group):
                if formatter.width < _NARROW - 2:
                    formatter.write_dl([(name, summary(self.get_command(ctx, name))) for name in names])
                    continue
                for name in names:
                    formatter.write(f"  {name.ljust(width)}  {summary(self.get_command(ctx, name))}\n")

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # the method's shape
        if cmd_name not in COMMANDS:
            advice = replacement("commands", cmd_name)
            hint = "" if advice else did_you_mean(cmd_name, COMMANDS)
            raise UsageError(f"provision does not have a command {cmd_name}{hint}", advice or "see provision --help")
        place, example = COMMANDS[cmd_name]
        module, _, function = place.partition(":")
        single = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_SETTINGS)
        command = getattr(import_module(f"provisioner.cli.{module}"), function)
        single.command(cmd_name, cls=_Command, epilog=f"Example: {example}")(command)
        return typer.main.get_command(single)


def summary(command: Any) -> str:
    """The first sentence of a command's help, without its full stop."""
    first: str = command.help.strip().partition("\n\n")[0]
    return " ".join(first.split()).removesuffix(".")


app = typer.Typer(
    name="provision",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_EXIT_CODES,
    context_settings=_SETTINGS,
)


def _version(wanted: bool) -> None:
    if wanted:
        output.result(f"provision {__version__}")
        raise typer.Exit


def _log_requests(wanted: bool) -> None:
    if wanted:
        import logging  # only for this option

        logging.basicConfig(format="%(message)s", stream=sys.stderr)
        logging.getLogger("provisioner").setLevel(logging.DEBUG)


@app.callback()
def provision(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(_VERBOSE, callback=_log_requests, help="Log each request of any command to stderr."),
    ] = False,
) -> None:
    """Put Cozy's account types into CouchDB, from definitions kept in git."""


def main() -> None:
    """Run the program and exit."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # a closed stream is None
    sys.stderr = sys.stderr or sys.stdout
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a text stream has it
    terminated = False

    def terminate(signal: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # the shape of a handler
        nonlocal terminated
        terminated = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        code = run(app, sys.argv[1:])
        if code == ExitCode.INTERRUPTED:
            output.message("terminated" if terminated else "interrupted")
            code = ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED
        sys.exit(code)
    finally:
        signal.signal(signal.SIGTERM, before)
