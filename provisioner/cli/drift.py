"""``provision drift``."""

from contextlib import ExitStack
from typing import Annotated, assert_never

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.grouping import grouped
from provisioner.cli.report import Reporter, good
from provisioner.cli.surroundings import planning_of
from provisioner.cli.wiring import Wiring
from provisioner.commands import drift as command
from provisioner.commands.side_by_side import by_target
from provisioner.render import drift as render


@grouped
def drift(
    databases: options.Databases,
    catalogue: options.CatalogueFolder = None,
    sets: options.Sets = None,
    owner: options.Owner = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 if someone else changed something.")
    ] = False,
    format: Annotated[
        options.DriftFormat, typer.Option(help="markdown: for a message to a team.")
    ] = options.DriftFormat.TEXT,
) -> None:
    """Show what others changed since your last apply.

    What is pending in the definitions is left out. ignore in provision.yaml lists the ids and fields that may change.
    """
    with ExitStack() as stack:
        wiring = Wiring(databases)
        definitions = options.Definitions(paths=catalogue, sets=sets)
        planning, around = planning_of(wiring, stack, definitions, owner=owner)
        report = Reporter.of(wiring, planning.options.owner)
        if format is options.DriftFormat.TEXT:
            report.begin()
        ignore = wiring.configuration.ignore

        found = by_target(
            lambda target: command.run(planning.expected(target, ignore), around.store(target)), wiring.targets()
        )
    match format:
        case options.DriftFormat.TEXT:
            output.result(
                report.sections({name: render.as_text(each, report.paint) for name, each in good(found).items()})
            )
        case options.DriftFormat.MARKDOWN:
            output.result(report.markdown({name: render.as_markdown(each) for name, each in good(found).items()}))
        case options.DriftFormat.JSON:
            output.result(report.json(found, render.values))
        case _:
            assert_never(format)
    report.errors(found)
    code = worst(found.values())
    changed = exit_code and any(good(found).values())
    raise typer.Exit(ExitCode.DIFFERENCES if changed and code is ExitCode.DONE else code)
