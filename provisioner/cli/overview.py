"""``provision list``: the catalogue beside the live documents."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import Annotated, NamedTuple

import typer
from msgspec.structs import replace

from provisioner.adapters.couchdb.accounts import InstanceAccounts
from provisioner.adapters.files.definitions import Catalogue
from provisioner.cli import options, output
from provisioner.cli.boundary import by_target, good
from provisioner.cli.options import grouped
from provisioner.cli.output import tracked
from provisioner.cli.planning import check_selection, planning_of
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.definition import Selection
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.plan.overview import AccountTypeRow
from provisioner.core.plan.planning import PlanOptions
from provisioner.core.targets.target import Target
from provisioner.core.text import listed
from provisioner.render import overview as render
from provisioner.render.formats import Formats


class Listing(NamedTuple):
    """The rows of a target, and the kind of documents that they are."""

    kind: Kind
    rows: Sequence[AccountTypeRow]


BRIEF: Formats[Listing] = Formats(
    lambda found, paint: render.brief(found.rows, paint, found.kind),
    lambda found: render.values(found.rows, found.kind, full=False),
)
IN_FULL: Formats[Listing] = Formats(
    lambda found, paint: render.in_full(found.rows, paint),
    lambda found: render.values(found.rows, found.kind, full=True),
)


@grouped
def list_(
    chosen: options.Chosen,
    catalogue: options.CatalogueOptions,
    databases: options.Databases,
    accounts: Annotated[
        bool,
        typer.Option("--accounts", help="Also count the accounts of all instances that are connected through each."),
    ] = False,
    format: Annotated[str, options.one_of(BRIEF)] = "text",
) -> None:
    """List definitions and live documents side by side.

    With ids, each is shown in full, with its variables replaced. --accounts only counts: it reads no value of an
    account, and the user must be an admin of CouchDB.
    """
    selection = chosen.selection
    with ExitStack() as stack:
        wiring = Wiring(databases)
        planning, files = planning_of(wiring, stack, catalogue.definitions, PlanOptions(catalogue.owner), selection)
        wiring.about(selection.ids)

        def rows(target: Target) -> Listing:
            every = planning.overview(target)
            found = _chosen(every, selection, files)
            if accounts and target.kind is ACCOUNT_TYPE:
                found = _counted(found, {row.id for row in every if row.live}, wiring, target)
            return Listing(target.kind, found)

        targets = wiring.targets()
        found = by_target(rows, targets)
        others = wiring.also_live(each for each in targets if each.key in good(found)) if not selection.ids else []
        found |= by_target(rows, others)
        report = Reporter(wiring.places({each.key: each for each in (*targets, *others)}), planning.options.owner)
        report.begin(format)
    raise typer.Exit(report.print(found, format, IN_FULL if selection.ids else BRIEF))


def _chosen(rows: Sequence[AccountTypeRow], selection: Selection, files: Catalogue) -> list[AccountTypeRow]:
    """The rows of the account types that are meant. Raises `ProvisionError` if there are none."""
    found = {row.id: row for row in rows}
    check_selection(selection, found.keys(), files)
    return [found[id] for id in selection.ids or found if id in found and selection.takes(id)]


def _counted(
    rows: Sequence[AccountTypeRow], live: Collection[str], wiring: Wiring, target: Target
) -> list[AccountTypeRow]:
    """The rows with the accounts that they serve; `live` are the ids of all documents. Raises `StoreError`."""
    if target.instances:
        what = f"couchdb.clusters also has instances on {listed(target.instances)}"
        output.message(f"{what}: their accounts are counted there")
    with wiring.connection(target) as connection, wiring.clusters(target) as clusters:
        counts = InstanceAccounts(connection, clusters).count([row.id for row in rows], live, tracked)
    return [replace(row, connected=counts[row.id]) for row in rows]
