"""``provision diff``."""

import sys
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from provisioner.cli import catalogue, options, output
from provisioner.cli.database import open_store
from provisioner.cli.exit_code import ExitCode

if TYPE_CHECKING:
    from provisioner.core.plan import Plan


def diff(
    paths: options.Paths = None,
    couch: options.Couch = None,
    sets: options.Sets = None,
    format: Annotated[options.PlanFormat, typer.Option(help="markdown: for a pull request.")] = options.PlanFormat.TEXT,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 where there are differences.")] = False,
    database: options.Database = options.DEFAULT_DATABASE,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Compare definitions with the live database. Reads only."""
    from provisioner.commands import diff as command

    validation = catalogue.load_valid(paths, sets, no_color)
    if validation is None:
        raise typer.Exit(ExitCode.PROBLEMS)
    with open_store(couch, database, timeout, verbose=verbose, no_color=no_color) as store:
        plan = command.run(validation.definitions, store)
    output.result(rendered(plan, format, no_color))
    if not plan.ready:
        output.message(f"the database {database} is missing or empty: apply prepares it")
    raise typer.Exit(ExitCode.DIFFERENCES if exit_code and plan.writes else ExitCode.DONE)


def rendered(plan: "Plan", format: options.PlanFormat, no_color: bool) -> str:
    """A plan in a format of ``diff``."""
    from provisioner.render import plan as render

    match format:
        case options.PlanFormat.TEXT:
            return render.as_text(plan, output.paint(sys.stdout, no_color))
        case options.PlanFormat.JSON:
            return render.as_json(plan)
        case options.PlanFormat.MARKDOWN:
            return render.as_markdown(plan)
        case _:
            assert_never(format)
