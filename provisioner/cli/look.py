"""``provision list`` and ``provision show``: the catalogue beside the live documents."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.reach import Reach
from provisioner.core.errors import ProvisionError

if TYPE_CHECKING:
    from provisioner.core.overview import Entry

Catalogue = Annotated[
    list[Path] | None, typer.Option(metavar="DIR", help="The folder of definitions. Default: account_types/.")
]


def list_(
    couch: options.Couch = None,
    target: options.OneTarget = None,
    catalogue: Catalogue = None,
    sets: options.Sets = None,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
    config: options.ConfigFile = None,
    cozy_config: options.CozyConfig = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """List the account types of the catalogue and of the live database."""
    from provisioner.render import overview as render

    reach = Reach(couch, database, target, False, config, cozy_config, timeout, verbose, no_color)
    entries = _entries(reach, catalogue, sets)
    if format is options.OutcomeFormat.JSON:
        output.result(render.list_as_json(entries))
    else:
        output.result(render.list_as_text(entries, output.paint(sys.stdout, no_color)))


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The account type, such as google or foobar/google.")],
    couch: options.Couch = None,
    target: options.OneTarget = None,
    catalogue: Catalogue = None,
    sets: options.Sets = None,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
    config: options.ConfigFile = None,
    cozy_config: options.CozyConfig = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Show one account type, its variables replaced, beside the live one."""
    from provisioner.core.text import nearest
    from provisioner.render import overview as render

    reach = Reach(couch, database, target, False, config, cozy_config, timeout, verbose, no_color)
    entries = {entry.id: entry for entry in _entries(reach, catalogue, sets)}
    if id not in entries:
        what = f"no account type {id}, neither in the catalogue nor in the database{nearest(id, entries)}"
        raise ProvisionError(what, "see provision list")
    if format is options.OutcomeFormat.JSON:
        output.result(render.show_as_json(entries[id]))
    else:
        output.result(render.show_as_text(entries[id], output.paint(sys.stdout, no_color)))


def _entries(reach: Reach, catalogue: list[Path] | None, sets: list[str] | None) -> "list[Entry]":
    from provisioner.cli import report
    from provisioner.cli.planning import Planning
    from provisioner.core.errors import InvalidCatalogue

    with ExitStack() as stack:
        planning = Planning(reach, reach.configuration(), catalogue or (), options.set_values(sets), stack)
        try:
            return planning.overview(reach.target())
        except InvalidCatalogue as error:
            report.errors({"": error}, reach.no_color)
            raise typer.Exit(error.exit_code) from None
