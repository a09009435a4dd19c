"""``provision rehearse``: a login as the stack makes it, before anything is live."""

import secrets
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.options import grouped
from provisioner.cli.wiring import Wiring, environment_credentials
from provisioner.commands import rehearse as command
from provisioner.commands import validate
from provisioner.core.definitions.account_type import Document
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.rehearsal import Quirk, Rehearsal, SimulatedProvider, Step, StepOutcome, StepResult
from provisioner.core.oauth.requests import Client
from provisioner.core.secret import Secret
from provisioner.core.text import did_you_mean
from provisioner.render import checks as render
from provisioner.render.formats import Formats

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
    wiring, wanted = Wiring(live), ids or []
    documents = _live(wiring, wanted) if wiring.live else _defined(wiring, wanted, play)
    rehearsals = [_rehearsed(id, path, document, play) for id, path, document in documents]
    output.result(FORMATS.render(format, rehearsals, output.paint(sys.stdout)))
    raise typer.Exit(ExitCode.PROBLEMS if any(each.failed for each in rehearsals) else ExitCode.DONE)


def _live(wiring: Wiring, ids: Sequence[str]) -> list[tuple[str, str | None, Document]]:
    """The account types of the database. Raises `ProvisionError` for an id that it does not have."""
    with wiring.store(wiring.target()) as store:
        found = store.read_all().documents
    _check_known(ids, [*found], "the database")
    return [(id, None, found[id].document) for id in sorted({*ids} or found)]


def _defined(wiring: Wiring, ids: Sequence[str], play: Play) -> list[tuple[str, str | None, Document]]:
    """The definitions of the catalogue. Raises `ProvisionError` for an unknown id, and for one with errors."""
    sources = wiring.read_catalogue(play.catalogue)
    _check_known(ids, [source.account_type for source in sources], "the catalogue")
    chosen = [source for source in sources if not ids or source.account_type in ids]
    given = wiring.lookup(options.set_values(play.sets))

    def value(name: str) -> str:
        return given(name) or f"{name.replace('_', '-').lower()}.cozy.example"

    found = validate.with_credentials(chosen, shipped.check(), DOMAINS, value, environment_credentials)
    return [(each.id, each.path, each.document) for each in found]


def _check_known(ids: Sequence[str], known: Sequence[str], where: str) -> None:
    for id in ids:
        if id not in known:
            what = f"{where} has no account type {id}{did_you_mean(id, known)}"
            raise ProvisionError(what, "run provision list to see all ids")


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
