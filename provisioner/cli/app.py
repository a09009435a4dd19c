"""The program and its commands."""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from provisioner import __version__
from provisioner.cli import output, replaced
from provisioner.cli.boundary import Boundary
from provisioner.cli.exit_code import ExitCode
from provisioner.core.errors import UsageError
from provisioner.core.text import nearest

_EXIT_CODES = """\b
Exit codes:
  0    done, or nothing to do
  1    problems found, or something failed
  2    wrong usage
  3    diff --exit-code: apply would write something
  130  interrupted
  143  terminated"""

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

COMMANDS = {
    "init": ("init:init", "provision init --yes my_catalogue"),
    "validate": ("validate:validate", "provision validate account_types/"),
    "fmt": ("fmt:fmt", "provision fmt account_types/"),
    "diff": ("diff:diff", "provision diff --couch localhost:5984 --set domain=example.org"),
    "apply": ("apply:apply", "provision apply --couch localhost:5984 --set domain=example.org"),
    "history": ("history:history", "provision history --target production"),
    "undo": ("undo:undo", "provision undo --target production --dry-run"),
    "drift": ("drift:drift", "provision drift --owner team --couch localhost:5984 --set domain=example.org"),
    "watch": ("watch:watch", "provision watch --owner team --couch localhost:5984 --once"),
    "list": ("overview:list_", "provision list --couch localhost:5984"),
    "show": ("overview:show", "provision show google --couch localhost:5984"),
    "export": ("export:export", "provision export --couch localhost:5984 --out account_types"),
    "import": ("import_:import_", "provision import documents.json --out my_account_types"),
    "targets": ("targets:targets", "provision targets"),
    "manifest": ("manifest:manifest", "provision manifest konnectors/google"),
    "new": ("new:new", "provision new google --out my_account_types"),
    "catalogue": ("catalogue:catalogue", "provision catalogue google"),
    "token": ("token:token", "provision token google"),
    "check": ("check:check", "provision check google --couch localhost:5984"),
    "rotate": ("rotate:rotate", "provision rotate google --couch localhost:5984 --set domain=example.org --unproven"),
    "impact": ("impact:impact", "provision impact google --couch localhost:5984"),
    "rehearse": ("rehearse:rehearse", "provision rehearse google"),
    "explain": ("explain:explain", "provision explain redirect-path"),
    "schema": ("schema:schema", "provision schema"),
}
"""Each command with its function and its example."""


class _Commands(TyperGroup):
    """Imports a command only when it is used, so that start-up stays fast."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the method's shape
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # the method's shape
        if cmd_name not in COMMANDS:
            advice = replaced.COMMANDS.get(cmd_name)
            hint = "" if advice else nearest(cmd_name, COMMANDS)
            raise UsageError(f"provision does not have a command {cmd_name}{hint}", advice or "see provision --help")
        place, example = COMMANDS[cmd_name]
        module, _, function = place.partition(":")
        single = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_SETTINGS)
        command = getattr(import_module(f"provisioner.cli.{module}"), function)
        single.command(cmd_name, epilog=f"Example: {example}")(command)
        return typer.main.get_command(single)


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


@app.callback()
def provision(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
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
    boundary = Boundary(sys.argv[1:])
    try:
        code = boundary.run(app)
        if code == ExitCode.INTERRUPTED:
            output.message("terminated" if terminated else "interrupted")
            code = ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED
        sys.exit(code)
    finally:
        signal.signal(signal.SIGTERM, before)
