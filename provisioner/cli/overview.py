"""``provision list`` and ``provision show``: the catalogue beside the live documents."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, TypeVar

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import worst
from provisioner.cli.grouping import grouped
from provisioner.cli.report import Reporter, Results, good
from provisioner.cli.surroundings import planning_of
from provisioner.cli.wiring import Wiring
from provisioner.commands.side_by_side import by_target
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.overview import AccountTypeRow
from provisioner.core.text import nearest
from provisioner.render import overview as render

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CatalogueOptions:
    """The catalogue to show, and the owner to show it for."""

    catalogue: options.CatalogueFolder = None
    sets: options.Sets = None
    owner: options.Owner = None


@grouped
def list_(
    catalogue: CatalogueOptions,
    databases: options.Databases,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """List the account types in the catalogue and in the live database."""
    report, overviews = _overviews(catalogue, databases, format)
    _tell(report, overviews, format, lambda rows: render.list_as_text(rows, report.paint), render.list_values)


@grouped
def show(
    id: options.AccountTypeId,
    catalogue: CatalogueOptions,
    databases: options.Databases,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """Show one account type, with its variables replaced, beside the live one."""

    def chosen(rows: Sequence[AccountTypeRow]) -> AccountTypeRow | ProvisionError:
        found = {row.id: row for row in rows}
        what = f"neither the catalogue nor the database has an account type {id}{nearest(id, found)}"
        return found.get(id) or ProvisionError(what, "run provision list to see all ids")

    report, overviews = _overviews(catalogue, databases, format)
    rows = {name: found if isinstance(found, ProvisionError) else chosen(found) for name, found in overviews.items()}
    _tell(report, rows, format, lambda row: render.show_as_text(row, report.paint), render.show_values)


def _overviews(
    catalogue: CatalogueOptions, databases: options.Databases, format: options.OutcomeFormat
) -> tuple[Reporter, Results[list[AccountTypeRow]]]:
    """The rows of each target, and the report that has begun."""
    with ExitStack() as stack:
        wiring = Wiring(databases)
        definitions = options.Definitions(paths=catalogue.catalogue, sets=catalogue.sets)
        planning, _ = planning_of(wiring, stack, definitions, owner=catalogue.owner, optional=True)
        report = Reporter.of(wiring, planning.wishes.owner)
        if format is options.OutcomeFormat.TEXT:
            report.begin()
        return report, by_target(planning.overview, wiring.targets())


def _tell(
    report: Reporter,
    results: Results[T],
    format: options.OutcomeFormat,
    as_text: Callable[[T], str],
    values: Callable[[T], Mapping[str, object]],
) -> None:
    """Write the result of each target, or the error that stopped it, and exit."""
    if format is options.OutcomeFormat.JSON:
        output.result(report.json(results, values))
    else:
        output.result(report.sections({name: as_text(result) for name, result in good(results).items()}))
    report.errors(results)
    raise typer.Exit(worst(results.values()))
