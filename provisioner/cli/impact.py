"""``provision impact``."""

from typing import Annotated

import typer

from provisioner.adapters.couchdb.accounts import InstanceAccounts
from provisioner.cli import options, output
from provisioner.cli.exit_code import worst
from provisioner.cli.grouping import grouped
from provisioner.cli.progress import tracked
from provisioner.cli.report import Reporter, good
from provisioner.cli.wiring import Wiring
from provisioner.commands import impact as command
from provisioner.commands.side_by_side import by_target
from provisioner.core.plan.impact import Impact
from provisioner.core.targets.target import Target
from provisioner.render import impact as render


@grouped
def impact(
    id: options.AccountTypeId,
    databases: options.Databases,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """Count the accounts of all instances that are connected through an account type.

    It only counts: no value of an account is read. The user must be an admin of CouchDB.
    """
    wiring = Wiring(databases)
    report = Reporter.of(wiring, None)

    def of(target: Target) -> Impact:
        with wiring.connection(target) as connection:
            return command.run(id, InstanceAccounts(connection), tracked)

    found = by_target(of, wiring.targets())
    if format is options.OutcomeFormat.JSON:
        output.result(report.json(found, render.values))
    else:
        report.begin()
        output.result(report.sections({name: render.as_text(each) for name, each in good(found).items()}))
    report.errors(found)
    raise typer.Exit(worst(found.values()))
