"""``provision token``."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.adapters.oauth.providers import Pace, RealProviders, Sender
from provisioner.adapters.oauth.token_store import TokenFolder
from provisioner.cli import options, output
from provisioner.cli.connecting import Connecting, SignInOptions, sender
from provisioner.cli.konnector import MANIFEST, Destination, requested_of
from provisioner.cli.options import grouped
from provisioner.cli.wiring import Wiring, environment_credentials, log_requests
from provisioner.commands import token as command
from provisioner.commands import validate
from provisioner.core.definitions.account_type import Document, konnector_secret
from provisioner.core.definitions.definition import providers
from provisioner.core.definitions.node import START
from provisioner.core.errors import NoUsableToken, ProvisionError, UsageError
from provisioner.core.oauth.answers import Token
from provisioner.core.oauth.endpoints import published_by
from provisioner.core.oauth.kept_token import Binding, KeptToken, granted_scope, missing_scope
from provisioner.core.oauth.konnector import ManifestRequest, scope_faults
from provisioner.core.oauth.requests import Client, check_sign_in
from provisioner.core.text import printable
from provisioner.render import tokens as render


class Origin(options.OneDatabase, frozen=True):
    """Where the account type comes from. What is not annotated is no option here."""

    couch: Annotated[
        str | None, typer.Option(metavar="URL", help="Read the account type from this CouchDB server.")
    ] = None
    timeout: float = options.DEFAULT_TIMEOUT
    verbose: options.Verbose = False
    catalogue: options.CatalogueFolder = None
    sets: options.Sets = None


class KeepOptions(Struct, frozen=True):
    """What to do with kept tokens."""

    account: Annotated[
        str, typer.Option(metavar="NAME", help="Keep the token under NAME, to have several for one account type.")
    ] = ""
    new: Annotated[bool, typer.Option("--new", help="Sign in, even if the kept token still works.")] = False
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
    keeping: KeepOptions,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=options.offer_ids,
            help="The account type, such as google or foobar/google.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Get a token for developing a konnector.

    A kept token is used, and refreshed if it has expired. Otherwise you sign in. The requests are those of
    cozy-stack, except for the redirect URI, which leads to this machine.
    """
    _check_options(destination, keeping)
    if keeping.list_:
        found = [each for each in TokenFolder().every() if id in ("", each.id)]
        paint = output.paint(sys.stdout)
        output.result(render.as_table(found, datetime.now(UTC), paint) if found else "no kept token found")
        return
    if keeping.forget and keeping.account and not id:
        what = f"--account {keeping.account} requires an account type"
        raise UsageError(what, f"for example: provision token google --forget --account {keeping.account}")
    if keeping.forget and not keeping.revoke:
        _forget(id, keeping.account)
        return
    if not id:
        raise UsageError("no account type given", "for example: provision token google")
    if origin.verbose:
        log_requests()
    _get(id, origin, sign_in, destination, keeping)


def _check_options(destination: Destination, keeping: KeepOptions) -> None:
    """Raises `UsageError` for options that exclude each other."""
    if sum((keeping.new, keeping.forget, keeping.list_)) > 1:
        raise UsageError("--new, --forget and --list cannot be combined", "pass only one of them")
    if destination.format and destination.test:
        raise UsageError("--print and --test cannot be combined", "pass only one of them")
    if keeping.revoke and not keeping.forget:
        raise UsageError("--revoke requires --forget", "add --forget")


def _forget(id: str, account: str) -> None:
    gone = TokenFolder().forget(id or None, account)
    output.result("\n".join(f"deleted {path}" for path in gone) or "no kept token found")


def _get(id: str, origin: Origin, sign_in: SignInOptions, destination: Destination, keeping: KeepOptions) -> None:
    """Take the kept token or a new one, and put it where it is wanted. Raises `ProvisionError`."""
    if not destination.elsewhere and not keeping.revoke:
        destination.check()
    wiring = Wiring(replace(origin, timeout=min(sign_in.timeout, options.DEFAULT_TIMEOUT)))
    document = _account_type(wiring, id, origin)
    client = Client.of(id, document)
    send = sender(sign_in, client)
    if keeping.revoke:
        place = command.revoke(client, TokenFolder().kept(id, keeping.account), _published, send)
        output.message(f"revoked the token at {place}")
        _forget(id, keeping.account)
        return
    check_sign_in(client)
    requested = requested_of(id) if sign_in.scope is None else ManifestRequest(id, id, sign_in.scope or None, START)
    wanted = command.Wanted(client, keeping.account, None if requested is None else requested.scope or "")
    secret = konnector_secret(document)

    def deliver(kept: KeptToken, before: KeptToken | None = None) -> str:
        return destination.deliver(kept, secret, lambda kept: command.userinfo(client, kept, _published, send), before)

    usable = None if keeping.new else _usable(wanted, send)
    if usable is not None:
        deliver(usable.kept, usable.before)
        return
    if not destination.elsewhere:
        TokenFolder().check(id, keeping.account)
    _warn_of_scope(id, requested, wiring, origin)
    keep = _keep_if_possible if destination.elsewhere else TokenFolder().keep

    def finish(token: Token) -> str:
        kept = _kept(wanted, token)
        keep(kept)
        return deliver(kept)

    Connecting(client, wanted.scope, sign_in).run(finish)


def _account_type(wiring: Wiring, id: str, origin: Origin) -> Document:
    """The document of an account type, with its credentials: from the database if one is given, else its definition.

    Raises `ProvisionError` if it does not exist or has errors.
    """
    if wiring.live:
        target = wiring.target()
        with wiring.store(target) as store:
            live = store.read([id]).documents.get(id)
        if live is None:
            what = f"the database {target.database} has no account type {id}"
            raise ProvisionError(what, "run provision list to see all ids, or apply its definition first")
        return live.document
    found = validate.of_id(id, wiring.read_catalogue(origin.catalogue))
    check, lookup = shipped.check(), wiring.lookup(options.set_values(origin.sets))
    (definition,) = validate.with_credentials(found, check, DOMAINS, lookup, environment_credentials)
    return validate.with_values(definition).document


def _usable(wanted: command.Wanted, send: Sender) -> command.Usable | None:
    """A kept token that works; none if you have to sign in. Raises `ProvisionError`."""
    tokens = TokenFolder(on_wait=_waiting)
    try:
        found = command.usable(wanted, tokens.kept, tokens.keep, tokens.locked, send, lambda: datetime.now(UTC))
    except NoUsableToken as error:
        output.message(error.what)
        return None
    if found.before is None:
        output.message("the kept token has not expired, so nothing had to be refreshed; --new signs in again")
    else:
        output.message("refreshed the kept token, which had expired")
    return found


def _warn_of_scope(id: str, requested: ManifestRequest | None, wiring: Wiring, origin: Origin) -> None:
    """Warn of what will go wrong with the scope, as ``provision manifest`` does."""
    notes = {each.id: each.fields for each in providers(wiring.read_catalogue(origin.catalogue))}
    requested = requested or ManifestRequest(id, id, None, START)
    for fault in scope_faults(requested, notes.get(id, {})):
        place = "" if fault.mark == START else f"{MANIFEST}:{fault.mark.line}:{fault.mark.column}: "
        advice = ": pass one with --scope" if requested.scope is None else ""
        output.warn(f"{place}{fault.message}{advice}")


def _kept(wanted: command.Wanted, token: Token) -> KeptToken:
    """A token that has just come, with what it is for; warns of a scope that was not granted."""
    if missing := missing_scope(wanted.scope, granted_scope(token)):
        output.warn(f"the provider did not grant {printable(', '.join(missing))}")
    kept = KeptToken.of(wanted.client.id, Binding.of(wanted.client, wanted.scope), token, datetime.now(UTC))
    return replace(kept, account=wanted.account, folder=str(Path.cwd()))


def _keep_if_possible(kept: KeptToken) -> None:
    """Keep a token that is shown all the same."""
    try:
        TokenFolder().keep(kept)
    except ProvisionError as error:
        output.warn(error.what)


def _published(client: Client) -> Mapping[str, object] | None:
    """What the provider publishes about itself."""
    return published_by(client, RealProviders(Pace()).metadata)


def _waiting(id: str) -> None:
    output.message(f"waiting for another run that is refreshing the token of {printable(id)}")
