"""``provision catalogue``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.reach import Reach
from provisioner.core.errors import ProvisionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.core.definitions.catalogue import Provider


def catalogue(
    word: Annotated[str, typer.Argument(metavar="WORD", help="Only those that mention it.", show_default=False)] = "",
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page.")] = None,
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Your domain, for the redirect URIs of the page.")
    ] = None,
    folders: Annotated[
        list[Path] | None,
        typer.Option("--catalogue", metavar="DIR", help="Folders of definitions. Default: those that are shipped."),
    ] = None,
    couch: Annotated[
        str | None, typer.Option(metavar="URL", help="Show on the page which credentials this CouchDB has.")
    ] = None,
    target: options.OneTarget = None,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
    config: options.ConfigFile = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Search the catalogue, or write it as a page to read."""
    from provisioner.adapters.files import shipped
    from provisioner.adapters.files.definitions import read_sources
    from provisioner.core.definitions.catalogue import providers
    from provisioner.core.text import nearest, printable
    from provisioner.render import catalogue as render

    reach = Reach(couch, database, target, False, config, None, timeout, verbose, no_color)
    known = providers(read_sources(folders or [shipped.folder("account_types")]))
    found = [provider for provider in known if provider.mentions(word)]
    if not found:
        hint = nearest(word, [provider.id for provider in known])
        raise ProvisionError(f"nothing mentions {printable(word)}{hint}", "see provision catalogue")
    if html is not None:
        _write(html, found, domain, reach)
    elif format is options.OutcomeFormat.JSON:
        output.result(render.as_json(found))
    else:
        output.result(render.as_text(found, output.paint(sys.stdout, no_color)))


def _write(path: Path, found: "Sequence[Provider]", domain: str | None, reach: Reach) -> None:
    from provisioner.render.page import page

    text = page(found, domain, _credentials(reach))
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path.as_posix()} cannot be written: {error.strerror}", "name another file") from None
    output.result(path.as_posix())


def _credentials(reach: Reach) -> dict[str, str] | None:
    """Which credentials the live documents have, in words; ``None`` where no server is named."""
    from provisioner.core.plan.overview import lacking
    from provisioner.core.text import listed

    if not reach.live:
        return None
    with reach.store(reach.target()) as store:
        live = store.read_all().documents.values()
    missing = {each.id: lacking(each.document) for each in live}
    return {id: f"missing {listed(names)}" if names else "present" for id, names in missing.items()}
