"""``provision list``: the catalogue beside the live documents."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated, NamedTuple

import typer
from msgspec.structs import replace

from provisioner.adapters.couchdb.accounts import count_accounts
from provisioner.cli import options, output
from provisioner.cli.boundary import by_target, good
from provisioner.cli.options import grouped
from provisioner.cli.output import tracked
from provisioner.cli.planning import check_selection, planning_of
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.live import OverviewRow
from provisioner.core.plan.planning import PlanOptions
from provisioner.core.targets.target import Target
from provisioner.core.text import listed
from provisioner.render import live as render
from provisioner.render.layout import Formats


class Listing(NamedTuple):
    """The rows of a target, and the kind of documents that they are."""

    kind: Kind
    rows: Sequence[OverviewRow]


BRIEF: Formats[Listing] = Formats(
    lambda found, paint: render.brief(found.rows, paint, found.kind),
    lambda found: render.rows_values(found.rows, found.kind, full=False),
)
IN_FULL: Formats[Listing] = Formats(
    lambda found, paint: render.in_full(found.rows, paint),
    lambda found: render.rows_values(found.rows, found.kind, full=True),
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
        wiring.limit_to_kinds_of(selection.ids)
        targets = wiring.targets()
        looked = by_target(planning.overview, targets)
        reached = [each for each in targets if each.key in good(looked)]
        others, of_others = wiring.beside(planning.overview, looked, reached, _ids, selection.ids)
        looked |= of_others
        ids = {name: _ids(rows) for name, rows in good(looked).items()}
        if selection.ids and others:  # what is named may be there alone
            targets = [each for each in targets if each.key not in ids or not ids[each.key].isdisjoint(selection.ids)]

        def listing(target: Target) -> Listing:
            every = looked[target.key]
            if isinstance(every, ProvisionError):
                raise every
            beside = (ids[each.key] for each in (*targets, *others) if each.name == target.name and each.key in ids)
            check_selection(selection, set().union(*beside), files)
            by_id = {row.id: row for row in every}
            rows = [by_id[id] for id in selection.ids or by_id if id in by_id and selection.takes(id)]
            if accounts and target.kind is ACCOUNT_TYPE:
                if target.instances:
                    what = f"couchdb.clusters also has instances on {listed(target.instances)}"
                    output.message(f"{what}: their accounts are counted there")
                live = {row.id for row in every if row.live}
                with wiring.connection(target) as connection, wiring.clusters(target) as clusters:
                    counts = count_accounts([connection, *clusters], [row.id for row in rows], live, tracked)
                rows = [replace(row, connected=counts[row.id]) for row in rows]
            return Listing(target.kind, rows)

        found = by_target(listing, [*targets, *others])
        report = Reporter(
            wiring.places({each.key: each for each in (*targets, *others)}), planning.options.owner, format
        )
        report.begin()
    raise typer.Exit(report.print(found, IN_FULL if selection.ids else BRIEF))


def _ids(rows: Sequence[OverviewRow]) -> set[str]:
    return {row.id for row in rows}
