"""``provision rehearse``."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, assert_never

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.credentials import read_credentials
from provisioner.adapters.files.public_suffix import DOMAINS
from provisioner.adapters.oauth.practice_server import practice_stage
from provisioner.cli import options, output, wiring
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.grouping import grouped
from provisioner.cli.reach import Reach
from provisioner.commands import rehearse as command
from provisioner.commands import validate
from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import InvalidFile, ProvisionError
from provisioner.core.oauth.practice_provider import PracticeProvider, Quirk
from provisioner.core.oauth.rehearsal import Rehearsal, Step, StepOutcome, StepResult
from provisioner.core.oauth.requests import Client
from provisioner.core.secret import Secret
from provisioner.core.targets.credentials import fill
from provisioner.core.targets.target import EnvironmentSource
from provisioner.core.text import nearest, printable
from provisioner.render import rehearsal as render


@dataclass(frozen=True, slots=True)
class Play:
    """What to rehearse."""

    catalogue: options.CatalogueFolder = None
    sets: options.Sets = None
    quirk: Annotated[
        list[Quirk] | None,
        typer.Option("--quirk", metavar="QUIRK", help="How the provider behaves; repeatable. Default: patiently."),
    ] = None
    scope: Annotated[str, typer.Option(metavar="SCOPE", help="Ask for it, as a konnector does.")] = ""
    nonce: Annotated[bool, typer.Option("--nonce/--no-nonce", help="Whether the Cozy's client gives a nonce.")] = True


@dataclass(frozen=True, slots=True)
class Live:
    """A database to take the account types from."""

    couch: Annotated[str | None, typer.Option(metavar="URL", help="Take the account types from this CouchDB.")] = None
    target: options.OneTarget = None
    config: options.ConfigFile = None
    database: options.Database = None
    timeout: options.Timeout = options.DEFAULT_TIMEOUT


@grouped
def rehearse(
    play: Play,
    live: Live,
    speech: options.Speech,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="The account types to rehearse. Default: all.")
    ] = None,
    format: Annotated[
        options.ProblemFormat, typer.Option(help="github: workflow annotations.")
    ] = options.ProblemFormat.TEXT,
) -> None:
    """Rehearse the login of account types against a provider on this machine, by the stack's own requests.

    Nobody is asked over the network, and no client is needed: credentials that are not there are made up, as are the
    values of variables. A step that fails here fails for users too.

    QUIRK is one of basic-only, post-only, refuses-unknown-parameters, no-refresh-token-without-consent,
    form-encoded-answers, form-encoded-without-accept, status-201, expires-in-string, rotates-refresh-tokens and
    needs-pkce.
    """
    databases = options.Databases(
        couch=live.couch, target=live.target, config=live.config, database=live.database, timeout=live.timeout
    )
    reach = wiring.reach_of(databases, speech)
    documents = [*_live(reach, ids or []), *_defined(reach, ids or [], play)]
    rehearsals = [_rehearsed(id, path, document, play) for id, path, document in documents]
    match format:
        case options.ProblemFormat.TEXT:
            output.result(render.as_text(rehearsals, output.paint(sys.stdout, speech.no_color)))
        case options.ProblemFormat.JSON:
            output.result(json.dumps(render.values(rehearsals), indent=2, ensure_ascii=False))
        case options.ProblemFormat.GITHUB:
            output.result(render.as_annotations(rehearsals))
        case _:
            assert_never(format)
    raise typer.Exit(ExitCode.PROBLEMS if any(each.failed for each in rehearsals) else ExitCode.DONE)


def _rehearsed(id: str, path: str | None, document: Document, play: Play) -> Rehearsal:
    try:
        client = _with_credentials(Client.of(id, document))
    except ProvisionError as error:
        return Rehearsal(id, (StepResult(Step.START, StepOutcome.FAILED, error.what, error.next),), path)
    quirks = frozenset(play.quirk or ())
    login = command.Login(
        state=secrets.token_hex(16),
        scope=play.scope,
        nonce=secrets.token_hex(16) if play.nonce else "",
        quirks=quirks,
    )
    secret = str(client.client_secret.reveal())
    provider = PracticeProvider(client.client_id, secret, login.redirect_uri(client), quirks)
    with practice_stage(provider) as stage:
        moved = command.staged(client, stage.authorize, stage.token)
        names = command.names_of(client, stage.authorize, stage.token)
        return command.rehearse(moved, login, stage, path, names)


def _with_credentials(client: Client) -> Client:
    """The client with made-up credentials in place of those that it lacks."""
    secret = client.client_secret if client.client_secret.reveal() else Secret("made-up-secret")
    return replace(client, client_id=client.client_id or "made-up-client", client_secret=secret)


def _live(reach: Reach, ids: Sequence[str]) -> Iterator[tuple[str, None, Document]]:
    """The account types of a database, if one is named. Raises `ProvisionError` if one of the ids is not there."""
    if not reach.live:
        return
    with reach.store(reach.target()) as store:
        found = store.read_all().documents
    _check_known(ids, [*found], "the database")
    for id in sorted(found):
        if not ids or id in ids:
            yield id, None, found[id].document


def _defined(reach: Reach, ids: Sequence[str], play: Play) -> Iterator[tuple[str, str, Document]]:
    """The definitions of the catalogue, if no database is named. Raises `ProvisionError` for one with errors."""
    if reach.live:
        return
    sources = reach.read_catalogue(play.catalogue)
    _check_known(ids, [source.id for source in sources], "the catalogue")
    chosen = [source for source in sources if not ids or source.id in ids]
    check = schema_check(shipped.schema())
    validation = validate.run(chosen, check, _values(play), need_values=False, domains=DOMAINS)
    if validation.errors:
        raise InvalidFile(tuple(each for each in validation.problems if each.severity is Severity.ERROR))
    known = [definition.id for definition in validation.definitions]
    check = schema_check(shipped.schema("credentials"))
    credentials = [read_credentials(EnvironmentSource(), known, os.environ, check)]
    for definition in validation.definitions:
        yield definition.id, definition.path, fill(definition, credentials).document


def _values(play: Play) -> Callable[[str], str | None]:
    """The values of variables; a host of our own for those that have none."""
    given = {**os.environ, **options.set_values(play.sets)}
    return lambda name: given.get(name) or f"{name.replace('_', '-').lower()}.cozy.example"


def _check_known(ids: Sequence[str], known: Sequence[str], where: str) -> None:
    for id in ids:
        if id not in known:
            raise ProvisionError(f"{where} has no {printable(id)}{nearest(id, known)}", "see provision list")
