"""``provision token``."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from provisioner.adapters.oauth.pacing import Pace
from provisioner.adapters.oauth.probes import RealProviders
from provisioner.adapters.oauth.token_endpoint import Sender
from provisioner.adapters.oauth.token_store import TokenFolder
from provisioner.cli import completion, options, output
from provisioner.cli.connecting import Connecting, SignInOptions, sender
from provisioner.cli.grouping import grouped
from provisioner.cli.konnector import Konnector
from provisioner.cli.one_account_type import account_type, requires_scope
from provisioner.cli.token_writing import Destination, Writing
from provisioner.cli.wiring import Wiring, log_requests
from provisioner.commands import token as command
from provisioner.core.definitions.account_type import konnector_secret
from provisioner.core.errors import UsageError
from provisioner.core.oauth.discovery_check import published_by
from provisioner.core.oauth.requests import Client, check_flow
from provisioner.core.text import printable
from provisioner.render import tokens as render


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the account type comes from."""

    couch: Annotated[
        str | None, typer.Option(metavar="URL", help="Read the account type from this CouchDB server.")
    ] = None
    target: options.OneTarget = None
    catalogue: options.CatalogueFolder = None
    sets: options.Sets = None
    config: options.ConfigFile = None
    database: options.Database = None
    insecure_http: options.InsecureHttp = False
    verbose: options.Verbose = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What to do with kept tokens."""

    account: Annotated[
        str, typer.Option(metavar="NAME", help="Keep the token under NAME, to have several for one account type.")
    ] = ""
    refresh: Annotated[bool, typer.Option("--refresh", help="Refresh the kept token.")] = False
    refresh_if_expired: Annotated[
        bool, typer.Option("--refresh-if-expired", help="Refresh the kept token if it has expired.")
    ] = False
    list_: Annotated[bool, typer.Option("--list", help="List the kept tokens.")] = False
    forget: Annotated[bool, typer.Option("--forget", help="Delete the kept token of ID, or all kept tokens.")] = False
    revoke: Annotated[
        bool, typer.Option("--revoke", help="With --forget ID: revoke the token at the provider first.")
    ] = False


@grouped
def token(
    origin: Origin,
    sign_in: SignInOptions,
    destination: Destination,
    keeping: Kept,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=completion.ids,
            help="The account type, such as google or foobar/google.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Get a token for developing a konnector.

    The requests are exactly those that cozy-stack makes.
    """
    _check_options(sign_in, destination, keeping)
    store = TokenFolder()
    if keeping.list_:
        found = [each for each in store.every() if id in ("", each.id)]
        paint = output.paint(sys.stdout)
        output.result(render.as_table(found, datetime.now(UTC), paint) if found else "no kept token found")
        return
    if keeping.forget and keeping.account and not id:
        what = f"--account {keeping.account} names one token of an account type, and no account type is given"
        raise UsageError(what, f"name it, as in provision token google --forget --account {keeping.account}")
    if keeping.forget and not keeping.revoke:
        gone = store.forget(id or None, keeping.account)
        output.result("\n".join(f"deleted {path}" for path in gone) or "no kept token found")
        return
    if not id:
        raise UsageError("no account type given", "name one, as in provision token google")
    if origin.verbose:
        log_requests()
    _get(id, origin, sign_in, destination, keeping)


def _check_options(sign_in: SignInOptions, destination: Destination, keeping: Kept) -> None:
    """Raises `UsageError` for options that exclude each other."""
    refreshes = keeping.refresh or keeping.refresh_if_expired
    if sum((refreshes, keeping.forget, keeping.list_, sign_in.paste)) > 1:
        raise UsageError("--refresh, --forget, --list and --paste cannot be combined", "give only one of them")
    if sum((destination.show, destination.header, destination.test, destination.curl is not None)) > 1:
        raise UsageError("--print, --header, --test and --curl cannot be combined", "give only one of them")
    if keeping.revoke and not keeping.forget:
        raise UsageError("--revoke requires --forget", "add --forget")


def _get(id: str, origin: Origin, sign_in: SignInOptions, destination: Destination, keeping: Kept) -> None:
    konnector = Konnector(destination.config_file, destination.imported_data)
    elsewhere = destination.show or destination.of_kept
    if not elsewhere and not keeping.revoke:
        konnector.check()
    databases = options.Databases(
        couch=origin.couch,
        target=origin.target,
        config=origin.config,
        database=origin.database,
        insecure_http=origin.insecure_http,
        timeout=min(sign_in.timeout, options.DEFAULT_TIMEOUT),
    )
    wiring = Wiring(databases)
    document = account_type(wiring, id, origin.catalogue, origin.sets)
    client = Client.of(id, document)
    if keeping.revoke:
        _revoke(client, keeping.account, sender(sign_in, client))
        return
    check_flow(client)
    scope = konnector.scope(id) if sign_in.scope is None else sign_in.scope
    writing = Writing(konnector, konnector_secret(document), destination, keeping.account, scope)
    if keeping.refresh or keeping.refresh_if_expired or destination.of_kept:
        wanted = command.Wanted(client, keeping.account, scope, only_if_expired=not keeping.refresh)
        send = sender(sign_in, client)
        refreshed = command.refresh(wanted, TokenFolder(on_wait=_waiting), send, lambda: datetime.now(UTC))
        writing.refreshed(refreshed, lambda: command.userinfo(client, refreshed.kept, _published, send))
        return
    if not elsewhere:
        TokenFolder().check(id, keeping.account)
    if not scope and requires_scope(wiring, id, origin.catalogue):
        output.warn(f"{printable(id)} requires a scope, and none is sent: give one with --scope")
    Connecting(client, scope, sign_in).run(lambda token: writing.new(client, token))


def _published(client: Client) -> Mapping[str, object] | None:
    """What the provider publishes about itself."""
    return published_by(client, RealProviders(Pace()).metadata)


def _revoke(client: Client, account: str, send: Sender) -> None:
    """Revoke the kept token at its provider, then delete it here. Raises `ProvisionError`."""
    store = TokenFolder()
    place = command.revoke(client, store.kept(client.id, account), _published, send)
    output.message(f"revoked the token at {place}")
    output.result("\n".join(f"deleted {path}" for path in store.forget(client.id, account)))


def _waiting(id: str) -> None:
    output.message(f"waiting for another run that is refreshing the token of {printable(id)}")
