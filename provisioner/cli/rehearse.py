"""``provision rehearse`` and ``provision manifest``: what a konnector needs, before anything is live."""

import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.definitions import catalogue_of, read_manifests, read_requests
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.wiring import Wiring, environment_credentials
from provisioner.commands import rehearse as command
from provisioner.commands import validate
from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.definition import providers
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, REMOTE_SECRET, Kind
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.oauth.konnector import check_manifests
from provisioner.core.oauth.rehearsal import Quirk, Rehearsal, SimulatedProvider, Step, StepOutcome, StepResult
from provisioner.core.oauth.requests import Client
from provisioner.core.rules.remote_secrets import check_templates
from provisioner.core.secret import Secret
from provisioner.core.text import did_you_mean
from provisioner.render import checks as render
from provisioner.render import problems
from provisioner.render.layout import Formats

FORMATS = Formats(render.rehearsals_text, render.rehearsals_values, github=render.rehearsals_annotations)


class Play(Struct, frozen=True):
    """What to rehearse."""

    catalogue: options.CatalogueFolder = None
    sets: options.Sets = None
    quirk: Annotated[
        list[Quirk] | None,
        typer.Option(
            "--quirk", metavar="QUIRK", help="How the provider behaves; repeatable. Default: it accepts everything."
        ),
    ] = None
    scope: Annotated[str, typer.Option(metavar="SCOPE", help="The scope to request, as a konnector does.")] = ""
    nonce: Annotated[
        bool, typer.Option("--nonce/--no-nonce", help="Send a nonce, as the stack does for the client of an instance.")
    ] = True


@grouped
def rehearse(
    play: Play,
    live: options.OneDatabase,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID...", autocompletion=options.offer_ids, help="The account types to rehearse. Default: all."
        ),
    ] = None,
    format: Annotated[str, options.one_of(FORMATS, "github: workflow annotations.")] = "text",
) -> None:
    """Simulate the login against a provider on this machine.

    The requests are those of the stack. The real provider is not contacted, and you need no client there: missing
    credentials and variables get dummy values.

    QUIRK is one of basic-only, post-only, refuses-unknown-parameters, no-refresh-token-without-consent,
    form-encoded-answers, form-encoded-without-accept, status-201, expires-in-string, rotates-refresh-tokens and
    needs-pkce.
    """
    documents = [*_documents(Wiring(live), ids or [], play)]
    rehearsals = [_rehearsed(id, path, document, play) for id, path, document in documents]
    output.result(FORMATS.render(format, rehearsals, output.paint(sys.stdout)))
    raise typer.Exit(ExitCode.PROBLEMS if any(each.failed for each in rehearsals) else ExitCode.DONE)


def _documents(wiring: Wiring, ids: Sequence[str], play: Play) -> Iterator[tuple[str, str | None, Document]]:
    """The account types of a database if one is given, else those of the catalogue with the path of each.

    Raises `ProvisionError` for an id that is not there, and for a definition with errors.
    """
    live = _live(wiring, ACCOUNT_TYPE)
    sources = wiring.read_catalogue(play.catalogue) if live is None else []
    known = [source.document_id for source in sources] if live is None else sorted(live)
    if unknown := next((id for id in ids if id not in known), None):
        what = f"{'the catalogue' if live is None else 'the database'} has no account type {unknown}"
        raise ProvisionError(f"{what}{did_you_mean(unknown, known)}", "run provision list to see all ids")
    if live is not None:
        yield from ((id, None, live[id]) for id in known if not ids or id in ids)
        return
    chosen = [source for source in sources if not ids or source.document_id in ids]
    given = wiring.lookup(options.set_values(play.sets))

    def value(name: str) -> str:
        return given(name) or f"{name.replace('_', '-').lower()}.cozy.example"  # a dummy host

    for each in validate.with_credentials(chosen, shipped.check(), DOMAINS, value, environment_credentials):
        yield each.id, each.path, each.document


def _rehearsed(id: str, path: str | None, document: Document, play: Play) -> Rehearsal:
    """The rehearsal of an account type; the credentials that a definition at a path lacks are dummies."""
    try:
        client = Client.of(id, document)
    except ProvisionError as error:
        return Rehearsal(id, (StepResult(Step.START, StepOutcome.FAILED, error.what, error.next),), path)
    if path:
        secret = client.client_secret if client.client_secret.reveal() else Secret("simulated-secret")
        client = replace(client, client_id=client.client_id or "simulated-client", client_secret=secret)
    nonce = secrets.token_hex(16) if play.nonce else ""
    login = command.Login(secrets.token_hex(16), play.scope, nonce, command.instance_of(client))
    redirect_uri, quirks = login.redirect_uri(client), frozenset(play.quirk or ())
    provider = SimulatedProvider(client.client_id, str(client.client_secret.reveal()), redirect_uri, quirks)
    return command.rehearse(client, login, provider, path)


MANIFESTS: Formats[render.Manifests] = Formats(
    render.manifests_text, render.manifests_values, github=lambda found: problems.as_annotations(found[1])
)
DOCTYPES: Formats[render.Doctypes] = Formats(
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
    format: Annotated[str, options.one_of(MANIFESTS, "github: workflow annotations.")] = "text",
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
        text = MANIFESTS.render(format, (rows, validation), output.paint(sys.stdout))
    else:
        if paths:
            raise UsageError("--doctypes checks no manifests", "leave out PATHS")
        files = catalogue_of(wiring.configuration, catalogue, kind=REMOTE_SECRET)
        sources = [] if files.absent else files.read()
        found, validation = check_templates(read_requests(doctypes), sources, _live(wiring, REMOTE_SECRET))
        validation = validation.strict() if strict else validation
        text = DOCTYPES.render(format, (found, validation), output.paint(sys.stdout))
    output.result(text)
    raise typer.Exit(ExitCode.PROBLEMS if validation.errors else ExitCode.DONE)


def _live(wiring: Wiring, kind: Kind) -> Mapping[str, Document] | None:
    """The documents of the database by their ids; none if no server is given."""
    if not wiring.names_database:
        return None
    with wiring.store(wiring.targets_of_kinds((kind,))[0]) as store:
        return {id: live.document for id, live in store.read_all().documents.items()}
