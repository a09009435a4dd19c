"""``provision manifest``: what konnectors and doctypes ask for, beside what there is."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from provisioner.adapters.files.definitions import catalogue_of
from provisioner.adapters.files.konnector_files import read_manifests, read_requests
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.definition import providers
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.definitions.remote_secret import REMOTE_SECRET
from provisioner.core.errors import UsageError
from provisioner.core.oauth.konnector import check_manifests
from provisioner.core.rules.remote_secrets import check_templates
from provisioner.render import checks as render
from provisioner.render import problems
from provisioner.render.formats import Formats

FORMATS: Formats[render.Manifests] = Formats(
    render.manifests_text, render.manifests_values, github=lambda found: problems.as_annotations(found[1])
)
OF_DOCTYPES: Formats[render.Doctypes] = Formats(
    render.doctypes_text, render.doctypes_values, github=lambda found: problems.as_annotations(found[1])
)


@grouped
def manifest(
    live: options.OneDatabase,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATHS...", help="manifest.konnector or manifest.webapp files, or folders with them."),
    ] = None,
    doctypes: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Check the requests DIR/*/request of doctypes."),
    ] = None,
    cozy_config: options.CozyConfig = None,
    catalogue: options.CatalogueFolder = None,
    format: Annotated[str, options.one_of(FORMATS, "github: workflow annotations.")] = "text",
    strict: options.Strict = False,
) -> None:
    """Check which account types and scopes konnectors need.

    With --doctypes, check which secrets the requests of doctypes need instead. With --couch or --target, what is in
    that database also counts.
    """
    wiring = Wiring(replace(live, cozy_config=cozy_config))
    if doctypes is None and not paths:
        raise UsageError(
            "missing argument 'PATHS...'", "pass manifests, or --doctypes DIR for the requests of doctypes"
        )
    if doctypes is None:
        known = {provider.id: provider.fields for provider in providers(wiring.read_catalogue(catalogue))}
        rows, validation = check_manifests(read_manifests(paths or []), known, _live(wiring, ACCOUNT_TYPE))
        validation = validation.strict() if strict else validation
        text = FORMATS.render(format, (rows, validation), output.paint(sys.stdout))
    else:
        if paths:
            raise UsageError("--doctypes checks no manifests", "leave out PATHS")
        files = catalogue_of(wiring.configuration, catalogue, kind=REMOTE_SECRET)
        sources = [] if files.absent else files.read()
        secrets, validation = check_templates(read_requests(doctypes), sources, _live(wiring, REMOTE_SECRET))
        validation = validation.strict() if strict else validation
        text = OF_DOCTYPES.render(format, (secrets, validation), output.paint(sys.stdout))
    output.result(text)
    raise typer.Exit(ExitCode.PROBLEMS if validation.errors else ExitCode.DONE)


def _live(wiring: Wiring, kind: Kind) -> Mapping[str, Document] | None:
    """The documents of the database by their ids; none if no server is given."""
    if not wiring.live:
        return None
    with wiring.store(wiring.target_of_kinds((kind,))[0]) as store:
        return {id: live.document for id, live in store.read_all().documents.items()}
