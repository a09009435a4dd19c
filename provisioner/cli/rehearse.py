"""``provision rehearse``: a login as the stack makes it, before anything is live."""

import secrets
import sys
from collections.abc import Iterator, Sequence
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
from provisioner.core.definitions.variables import Lookup
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
    wiring = Wiring(live)
    documents = [*_live(wiring, ids or []), *_defined(wiring, ids or [], play)]
    rehearsals = [_rehearsed(id, path, document, play) for id, path, document in documents]
    output.result(FORMATS.render(format, rehearsals, output.paint(sys.stdout)))
    raise typer.Exit(ExitCode.PROBLEMS if any(each.failed for each in rehearsals) else ExitCode.DONE)


def _rehearsed(id: str, path: str | None, document: Document, play: Play) -> Rehearsal:
    try:
        client = Client.of(id, document)
    except ProvisionError as error:
        return Rehearsal(id, (StepResult(Step.START, StepOutcome.FAILED, error.what, error.next),), path)
    client = _with_credentials(client) if path else client
    login = command.Login(
        state=secrets.token_hex(16),
        scope=play.scope,
        nonce=secrets.token_hex(16) if play.nonce else "",
        instance=command.instance_of(client),
    )
    secret = str(client.client_secret.reveal())
    provider = SimulatedProvider(client.client_id, secret, login.redirect_uri(client), frozenset(play.quirk or ()))
    return command.rehearse(client, login, provider, path)


def _with_credentials(client: Client) -> Client:
    """The client, with dummy credentials in place of missing ones."""
    secret = client.client_secret if client.client_secret.reveal() else Secret("simulated-secret")
    return replace(client, client_id=client.client_id or "simulated-client", client_secret=secret)


def _live(wiring: Wiring, ids: Sequence[str]) -> Iterator[tuple[str, None, Document]]:
    """The account types of a database, if one is given. Raises `ProvisionError` for an id that it does not have."""
    if not wiring.live:
        return
    with wiring.store(wiring.target()) as store:
        found = store.read_all().documents
    _check_known(ids, [*found], "the database")
    for id in sorted(found):
        if not ids or id in ids:
            yield id, None, found[id].document


def _defined(wiring: Wiring, ids: Sequence[str], play: Play) -> Iterator[tuple[str, str, Document]]:
    """The definitions of the catalogue, if no database is given. Raises `ProvisionError` for one with errors."""
    if wiring.live:
        return
    sources = wiring.read_catalogue(play.catalogue)
    _check_known(ids, [source.account_type for source in sources], "the catalogue")
    chosen = [source for source in sources if not ids or source.account_type in ids]
    given = wiring.lookup(options.set_values(play.sets))
    check = shipped.check()
    for each in validate.with_credentials(
        chosen, check, DOMAINS, lambda name: _value(given, name), environment_credentials
    ):
        yield each.id, each.path, each.document


def _value(given: Lookup, name: str) -> str:
    """The value of a variable; a dummy host if it has none."""
    return given(name) or f"{name.replace('_', '-').lower()}.cozy.example"


def _check_known(ids: Sequence[str], known: Sequence[str], where: str) -> None:
    for id in ids:
        if id not in known:
            raise ProvisionError(
                f"{where} has no account type {id}{did_you_mean(id, known)}", "run provision list to see all ids"
            )
