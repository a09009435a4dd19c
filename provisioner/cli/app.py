"""The program: its commands, and the one place where errors become messages and exit codes."""

import sys
from typing import Annotated

import typer

from provisioner import __version__
from provisioner.cli import output
from provisioner.cli.apply import apply
from provisioner.cli.diff import diff
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.export import export
from provisioner.cli.look import list_, show
from provisioner.cli.schema import schema
from provisioner.cli.targets import targets
from provisioner.cli.validate import validate
from provisioner.core.errors import ProvisionError

_EXIT_CODES = """\b
Exit codes:
  0    done, or nothing to do
  1    problems found, or something failed
  2    wrong usage
  3    diff --exit-code found differences
  130  interrupted"""

app = typer.Typer(
    name="provision",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        output.result(f"provision {__version__}")
        raise typer.Exit


@app.callback()
def provision(
    version: Annotated[  # its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Put Cozy's account types into CouchDB, from definitions kept in git."""


app.command(epilog="Example: provision validate account_types/")(validate)
app.command(epilog="Example: provision diff --couch localhost:5984 --set domain=example.org")(diff)
app.command(epilog="Example: provision apply --couch localhost:5984 --set domain=example.org")(apply)
app.command("list", epilog="Example: provision list --couch localhost:5984")(list_)
app.command(epilog="Example: provision show google --couch localhost:5984")(show)
app.command(epilog="Example: provision export --couch localhost:5984 --out account_types")(export)
app.command(epilog="Example: provision targets")(targets)
app.command(epilog="Example: provision schema > account_type.schema.json")(schema)


def main() -> None:
    """Run the program and exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a text stream has it
    try:
        app()
    except ProvisionError as error:
        output.report(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        output.message("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
