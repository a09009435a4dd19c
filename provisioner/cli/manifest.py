"""``provision manifest``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.reach import Reach

if TYPE_CHECKING:
    from provisioner.commands.manifest import Places


def manifest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATHS...", help="Files manifest.konnector or manifest.webapp, or folders.")
    ],
    couch: Annotated[
        str | None, typer.Option(metavar="URL", help="Look for the account types in this CouchDB.")
    ] = None,
    target: options.OneTarget = None,
    catalogue: options.CatalogueFolder = None,
    format: Annotated[
        options.ProblemFormat, typer.Option(help="github: workflow annotations.")
    ] = options.ProblemFormat.TEXT,
    strict: options.Strict = False,
    config: options.ConfigFile = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Check which account types konnectors need, and which scope their provider will receive."""
    from provisioner.adapters.files.manifest_files import read_manifests
    from provisioner.commands import manifest as command
    from provisioner.render import manifests as render
    from provisioner.render import problems

    reach = Reach(couch, database, target, False, config, None, timeout, verbose, no_color)
    found = command.run(read_manifests(paths), _places(reach, catalogue))
    if strict:
        found = found.strict()
    match format:
        case options.ProblemFormat.TEXT:
            output.result(render.as_text(found, output.paint(sys.stdout, no_color)))
        case options.ProblemFormat.JSON:
            output.result(render.as_json(found))
        case options.ProblemFormat.GITHUB:
            output.result(problems.as_annotations(found.validation))
        case _:
            assert_never(format)
    raise typer.Exit(ExitCode.PROBLEMS if found.validation.errors else ExitCode.DONE)


def _places(reach: Reach, catalogue: list[Path] | None) -> "Places":
    """The account types of the catalogue and, where a server is named, of its database."""
    from provisioner.commands.manifest import Places
    from provisioner.core.definitions.catalogue import providers

    known = {provider.id: provider.fields for provider in providers(reach.read_catalogue(catalogue))}
    if not reach.live:
        return Places(known)
    with reach.store(reach.target()) as store:
        return Places(known, frozenset(store.read_all().documents))
