"""``provision apply``."""

import sys
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from provisioner.cli import catalogue, options, output
from provisioner.cli.database import open_store
from provisioner.cli.diff import rendered
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.progress import tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.core.outcome import Outcome
    from provisioner.core.plan import Plan


def apply(
    paths: options.Paths = None,
    couch: options.Couch = None,
    sets: options.Sets = None,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as diff: write nothing.")] = False,
    database: options.Database = options.DEFAULT_DATABASE,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Bring the live database to what the definitions say.

    Nothing is written where any definition has an error. Live fields that a definition does not mention are kept.
    A second run changes nothing.
    """
    from provisioner.commands import apply as command
    from provisioner.commands import diff
    from provisioner.core.outcome import Failed
    from provisioner.core.text import listed

    validation = catalogue.load_valid(paths, sets, no_color)
    if validation is None:
        raise typer.Exit(ExitCode.PROBLEMS)
    with open_store(couch, database, timeout, verbose=verbose, no_color=no_color) as store:
        plan = diff.run(validation.definitions, store)
        if dry_run or format is options.OutcomeFormat.TEXT:
            output.result(rendered(plan, options.PlanFormat(format), no_color))
        if dry_run:
            raise typer.Exit(ExitCode.DONE)
        if plan.without_client_id:
            output.warn(f"no client_id yet: {listed(plan.without_client_id)}", no_color)
        outcomes: list[Outcome] = []
        try:
            outcomes.extend(tracked(command.run(plan, validation.definitions, store), len(plan.writes)))
        finally:  # also what was done before an interruption is told
            _report(plan, outcomes, format, no_color)
    failed = any(isinstance(outcome, Failed) for outcome in outcomes)
    raise typer.Exit(ExitCode.PROBLEMS if failed else ExitCode.DONE)


def _report(plan: "Plan", outcomes: "Sequence[Outcome]", format: options.OutcomeFormat, no_color: bool) -> None:
    from provisioner.render import outcomes as render

    match format:
        case options.OutcomeFormat.TEXT:
            output.result(render.as_text(plan, outcomes, output.paint(sys.stdout, no_color)))
        case options.OutcomeFormat.JSON:
            output.result(render.as_json(plan, outcomes))
        case _:
            assert_never(format)
