"""``provision targets``."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.reach import Reach, named_target, side_by_side
from provisioner.core.errors import ProvisionError, UsageError

if TYPE_CHECKING:
    from provisioner.core.targets.reachability import Reachability
    from provisioner.core.targets.target import Config


def targets(
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
    config: options.ConfigFile = None,
    timeout: options.Timeout = 5.0,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """List the targets of provision.yaml, and whether they can be reached.

    The exit code is 1 where one of them cannot.
    """
    from provisioner.render import targets as render

    reach = Reach(config=config, timeout=timeout, verbose=verbose, no_color=no_color)
    found = reach.configuration()
    if not found.targets:
        raise UsageError("there is no provision.yaml with targets here", "write one, or name it with --config")
    results = side_by_side(lambda name: _reachability(reach, found, name), list(found.targets))
    rows = [result for result in results if not isinstance(result, ProvisionError)]
    if format is options.OutcomeFormat.JSON:
        output.result(render.as_json(rows))
    else:
        output.result(render.as_text(rows, output.paint(sys.stdout, no_color)))
    raise typer.Exit(ExitCode.PROBLEMS if any(row.trouble for row in rows) else ExitCode.DONE)


def _reachability(reach: Reach, config: "Config", name: str) -> "Reachability":
    """One target; what keeps it from being reached becomes part of its row."""
    from provisioner.adapters.couchdb.address import read_address
    from provisioner.core.targets.reachability import Reachability

    try:
        target = named_target(name, config)
        url = read_address(target.couch, os.environ).url
    except ProvisionError as error:
        return Reachability(name, "", "", protected=False, trouble=error.what)
    try:
        with reach.store(target) as store:
            store.security()
    except ProvisionError as error:
        return Reachability(name, url, target.database, target.protected, error.what)
    return Reachability(name, url, target.database, target.protected)
