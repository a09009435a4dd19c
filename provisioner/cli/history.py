"""``provision history``."""

from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.cli import options, output
from provisioner.cli.backups import folder_of
from provisioner.cli.exit_code import worst
from provisioner.cli.grouping import grouped
from provisioner.cli.report import Reporter, good
from provisioner.cli.wiring import Wiring
from provisioner.commands.side_by_side import by_target
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.history import History, Run
from provisioner.core.targets.target import Target
from provisioner.render import history as render


@grouped
def history(
    target: options.Targets = None,
    all_targets: options.AllTargets = False,
    config: options.ConfigFile = None,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """List the backups of a target, the latest first.

    CouchDB is not asked. Encrypted backups are read with the key that provision.yaml names.
    """
    wiring = Wiring(options.Databases(target=target, all_targets=all_targets, config=config))
    report = Reporter.of(wiring, None)
    found = by_target(_history, wiring.targets())
    if format is options.OutcomeFormat.JSON:
        output.result(report.json(found, render.values))
    else:
        report.begin()
        output.result(report.sections({name: render.as_text(each, report.paint) for name, each in good(found).items()}))
    report.errors(found)
    raise typer.Exit(worst(found.values()))


def _history(target: Target) -> History:
    folder, schema = folder_of(target), shipped.schema("backup")

    def run(name: str) -> Run:
        try:
            return Run(name, folder.read(folder.path(name), schema))
        except ProvisionError as error:
            return Run(name, trouble=error.what)

    return History(folder.shown, tuple(map(run, folder.names())))
