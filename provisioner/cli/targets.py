"""``provision targets``."""

import os
import sys
from dataclasses import replace
from typing import Annotated

import typer

from provisioner.adapters.couchdb.address import read_address
from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.grouping import grouped
from provisioner.cli.wiring import Wiring
from provisioner.commands.side_by_side import side_by_side
from provisioner.core.errors import AccessRefused, ProvisionError, SignInRefused, UsageError
from provisioner.core.targets.choice import named_target
from provisioner.core.targets.reachability import Reachability
from provisioner.render import targets as render


@grouped
def targets(
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
    config: options.ConfigFile = None,
    timeout: options.Timeout = 5.0,
    insecure_http: options.InsecureHttp = False,
) -> None:
    """List the targets of provision.yaml: whether they can be reached, take your user, and have their database.

    The exit code is 1 if a target cannot be reached or does not take your user.
    """
    wiring = Wiring(
        options.Databases(all_targets=True, config=config, timeout=timeout, insecure_http=insecure_http),
    )
    names = [*wiring.configuration.targets]
    if not names:
        raise UsageError("no provision.yaml with targets was found", "write one, or give its path with --config")
    results = side_by_side(lambda name: _reachability(wiring, name), names)
    rows = [result for result in results if not isinstance(result, ProvisionError)]
    if format is options.OutcomeFormat.JSON:
        output.result(render.as_json(rows))
    else:
        output.result(render.as_text(rows, output.paint(sys.stdout)))
    raise typer.Exit(ExitCode.PROBLEMS if any(row.trouble for row in rows) else ExitCode.DONE)


def _reachability(wiring: Wiring, name: str) -> Reachability:
    """One target, with what can be told of its server."""
    try:
        target = named_target(name, wiring.configuration, os.environ.get)
        url = read_address(target.couch, os.environ, sign_in=False).url
    except ProvisionError as error:
        return Reachability(name, "", "", protected=False, trouble=error.what)
    known = Reachability(name, url, target.database, target.protected)
    try:
        with wiring.store(target) as store:
            exists = store.security() is not None
    except SignInRefused as error:
        return replace(known, reachable=True, signed_in=False, trouble=error.what)
    except AccessRefused as error:
        return replace(known, reachable=True, signed_in=True, trouble=error.what)
    except ProvisionError as error:
        return replace(known, reachable=False, trouble=error.what)
    return replace(known, reachable=True, signed_in=True, exists=exists)
