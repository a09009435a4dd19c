"""``provision list`` and ``provision show``: the catalogue beside the live documents."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import worst
from provisioner.cli.reach import Reach, side_by_side
from provisioner.core.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provisioner.core.plan.overview import Entry

T = TypeVar("T")


def list_(
    couch: options.Couch = None,
    target: options.Targets = None,
    all_targets: options.AllTargets = False,
    catalogue: options.CatalogueFolder = None,
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

    reach = Reach(couch, database, target, all_targets, config, cozy_config, timeout, verbose, no_color)
    overviews = _overviews(reach, catalogue, sets)
    paint = output.paint(sys.stdout, no_color)
    _report(overviews, format, lambda found: render.list_as_text(found, paint), render.list_values, no_color)


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The account type, such as google or foobar/google.")],
    couch: options.Couch = None,
    target: options.Targets = None,
    all_targets: options.AllTargets = False,
    catalogue: options.CatalogueFolder = None,
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

    def chosen(entries: "Sequence[Entry]") -> "Entry | ProvisionError":
        found = {entry.id: entry for entry in entries}
        what = f"no account type {id}, neither in the catalogue nor in the database{nearest(id, found)}"
        return found.get(id) or ProvisionError(what, "see provision list")

    reach = Reach(couch, database, target, all_targets, config, cozy_config, timeout, verbose, no_color)
    overviews = _overviews(reach, catalogue, sets)
    entries = {name: found if isinstance(found, ProvisionError) else chosen(found) for name, found in overviews.items()}
    paint = output.paint(sys.stdout, no_color)
    _report(entries, format, lambda entry: render.show_as_text(entry, paint), render.show_values, no_color)


def _overviews(
    reach: Reach, catalogue: list[Path] | None, sets: list[str] | None
) -> "dict[str, list[Entry] | ProvisionError]":
    from provisioner.cli.planning import Planning

    config = reach.configuration()
    targets = reach.targets(config)
    with ExitStack() as stack:
        planning = Planning(reach, config, catalogue or (), options.set_values(sets), stack)
        results = side_by_side(planning.overview, targets)
    return dict(zip((target.name or "" for target in targets), results, strict=True))


def _report(
    results: "Mapping[str, T | ProvisionError]",
    format: options.OutcomeFormat,
    as_text: "Callable[[T], str]",
    values: "Callable[[T], object]",
    no_color: bool,
) -> None:
    """Write what there is of each target, what stopped the others, and exit."""
    from provisioner.cli import report

    good = {name: result for name, result in results.items() if not isinstance(result, ProvisionError)}
    if format is options.OutcomeFormat.JSON:
        output.result(report.as_json({name: values(result) for name, result in good.items()}, results))
    else:
        texts = {name: as_text(result) for name, result in good.items()}
        output.result(report.sections(texts, results, output.paint(sys.stdout, no_color)))
    report.errors(results, no_color)
    raise typer.Exit(worst(results.values()))
