"""``provision manifest``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files.konnector_files import read_manifests
from provisioner.cli import options, output
from provisioner.cli.options import grouped
from provisioner.cli.results import ExitCode
from provisioner.cli.wiring import Wiring
from provisioner.commands import manifest as command
from provisioner.core.definitions.definition import providers
from provisioner.render import checks as render
from provisioner.render import problems
from provisioner.render.formats import Formats

FORMATS = Formats(
    render.manifests_text, render.manifests_values, github=lambda found: problems.as_annotations(found.validation)
)


@grouped
def manifest(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATHS...", help="manifest.konnector or manifest.webapp files, or folders with them."),
    ],
    live: options.OneDatabase,
    catalogue: options.CatalogueFolder = None,
    format: Annotated[str, options.one_of(FORMATS, "github: workflow annotations.")] = "text",
    strict: options.Strict = False,
) -> None:
    """Check which account types and scopes konnectors need.

    With --couch or --target, account types in that database count too.
    """
    found = command.run(read_manifests(paths), _known(Wiring(live.alone), catalogue))
    if strict:
        found = found.strict()
    output.result(FORMATS.render(format, found, output.paint(sys.stdout)))
    raise typer.Exit(ExitCode.PROBLEMS if found.validation.errors else ExitCode.DONE)


def _known(wiring: Wiring, catalogue: Sequence[Path] | None) -> command.KnownAccountTypes:
    """The account types in the catalogue and, if a server is given, in its database."""
    known = {provider.id: provider.fields for provider in providers(wiring.read_catalogue(catalogue))}
    if not wiring.live:
        return command.KnownAccountTypes(known)
    with wiring.store(wiring.target()) as store:
        return command.KnownAccountTypes(known, frozenset(store.read_all().documents))
