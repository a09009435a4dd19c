"""``provision rotate``."""

from pathlib import Path
from typing import Annotated

import typer

from provisioner.cli import options
from provisioner.cli.apply import Limits, OutputOptions, bring
from provisioner.cli.grouping import grouped


@grouped
def rotate(
    id: options.AccountTypeId,
    databases: options.Databases,
    owner: options.Owner = None,
    sets: options.Sets = None,
    unproven: Annotated[
        bool, typer.Option("--unproven", help="Also write what the provider neither accepts nor rejects.")
    ] = False,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """Write new credentials of an account type, if its provider agrees.

    It is apply --prove for one account type: put the new credentials into the credential source before, and revoke the
    old ones at the provider afterwards.
    """
    raise typer.Exit(
        bring(
            options.Definitions(paths=[Path(id)], sets=sets),
            databases,
            Limits(prove=True, unproven=unproven),
            OutputOptions(format, options.Detail()),
            owner,
        )
    )
