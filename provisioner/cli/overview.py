"""``provision list``: the catalogue beside the live documents."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import Annotated, NamedTuple

import typer
from msgspec.structs import replace

from provisioner.adapters.couchdb.accounts import count_accounts
from provisioner.cli import options, output
from provisioner.cli.boundary import by_target, good, stopped
from provisioner.cli.options import grouped
from provisioner.cli.output import tracked
from provisioner.cli.planning import check_selection, planning_of
from provisioner.cli.report import Reporter
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.definition import Selection
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.errors import ProvisionError
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

        targets = wiring.targets()
        looked = by_target(planning.overview, targets)
        named = {*selection.ids}
        left = not named or any(named - {row.id for row in every} for every in good(looked).values())
        others = wiring.also_live(each for each in targets if each.key in good(looked)) if left else []
        of_others = by_target(planning.overview, others)
        others = [each for each in others if not named or named & _ids(of_others[each.key])]
        looked |= of_others

        def rows(target: Target) -> Listing:
            every = good(looked).get(target.key)
            if every is None:
                raise stopped(looked)[target.key]
            beside = [_ids(looked[each.key]) for each in (*targets, *others) if each.name == target.name]
            check_selection(selection, set().union(*beside), files)
            found = _chosen(every, selection)
            if accounts and target.kind is ACCOUNT_TYPE:
                found = _counted(found, {row.id for row in every if row.live}, wiring, target)
            return Listing(target.kind, found)

        if named & set().union(*(_ids(looked[each.key]) for each in others)):
            targets = [each for each in targets if each.key in stopped(looked) or named & _ids(looked[each.key])]
        found = by_target(rows, [*targets, *others])
        report = Reporter(wiring.places({each.key: each for each in (*targets, *others)}), planning.options.owner)
        report.begin(format)
    raise typer.Exit(report.print(found, format, IN_FULL if selection.ids else BRIEF))


def _ids(rows: Sequence[AccountTypeRow] | ProvisionError) -> set[str]:
    return set() if isinstance(rows, ProvisionError) else {row.id for row in rows}


def _chosen(rows: Sequence[AccountTypeRow], selection: Selection) -> list[AccountTypeRow]:
    """The rows of the account types that are meant."""
    found = {row.id: row for row in rows}
    return [found[id] for id in selection.ids or found if id in found and selection.takes(id)]


def _counted(
    rows: Sequence[AccountTypeRow], live: Collection[str], wiring: Wiring, target: Target
) -> list[AccountTypeRow]:
    """The rows with the accounts that they serve; `live` are the ids of all documents. Raises `StoreError`."""
    if target.instances:
        what = f"couchdb.clusters also has instances on {listed(target.instances)}"
        output.message(f"{what}: their accounts are counted there")
    with wiring.connection(target) as connection, wiring.clusters(target) as clusters:
        counts = count_accounts([connection, *clusters], [row.id for row in rows], live, tracked)
    return [replace(row, connected=counts[row.id]) for row in rows]
