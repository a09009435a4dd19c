"""``provision token``: the kept token of an account type, or a new one for which the user signs in.

The way of a new one: `_get` reads the account type and the scope, and `_connect` opens the page of `authorize_url`
(core/oauth/requests.py). The callback server (adapters/oauth) gets what comes back, and `read_callback`
(core/oauth/answers.py) says what it means. `token_of` (commands/token.py) exchanges a code: `token_request` makes the
request, a `Sender` (adapters/oauth/providers.py) sends it and follows its redirects (core/oauth/hops.py), and
`read_answer` reads the answer. The token is kept, and `Destination` (cli/konnector.py) writes it for the konnector.
"""

import os
import secrets
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.adapters.oauth.callback_server import listening, open_page
from provisioner.adapters.oauth.providers import RealProviders, Sender
from provisioner.adapters.oauth.token_store import TokenFile, every_token, forget
from provisioner.cli import options, output
from provisioner.cli.konnector import MANIFEST, Destination, requested_of
from provisioner.cli.options import grouped
from provisioner.cli.wiring import Wiring, environment_credentials
from provisioner.commands import token as command
from provisioner.commands import validate
from provisioner.commands.token import Attempt
from provisioner.core.definitions.account_type import Document, konnector_secret
from provisioner.core.definitions.definition import providers
from provisioner.core.definitions.go_url import read_query
from provisioner.core.definitions.problem import START
from provisioner.core.definitions.url import as_browser
from provisioner.core.errors import NoUsableToken, ProvisionError, UsageError
from provisioner.core.http import Answer
from provisioner.core.oauth.answers import (
    Callback,
    Code,
    Granted,
    KeptToken,
    Token,
    missing_scope,
    read_callback,
    redirect_note,
)
from provisioner.core.oauth.konnector import ManifestRequest, scope_faults
from provisioner.core.oauth.requests import Client, Hop, Start, authorize_url, check_sign_in
from provisioner.core.text import printable
from provisioner.render import tokens as render
from provisioner.render.pages import callback_page

DEFAULT_PORT = 8484


class Origin(options.OneDatabase, frozen=True):
    """Where the account type comes from."""

    couch: Annotated[
        str | None, typer.Option(metavar="URL", help="Read the account type from this CouchDB server.")
    ] = None
    catalogue: options.CatalogueFolder = None
    sets: options.Sets = None


class SignInOptions(Struct, frozen=True):
    """How the user signs in."""

    scope: Annotated[
        str | None,
        typer.Option(metavar="SCOPE", help="The scope to request. Default: the one in ./manifest.konnector."),
    ] = None
    nonce: Annotated[
        bool,
        typer.Option(
            "--nonce/--no-nonce", help="Send a nonce with the code, as the stack does for the client of an instance."
        ),
    ] = True
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help=f"Listen on this port for the answer; 0: any free one. Default: PROVISION_PORT, or {DEFAULT_PORT}.",
        ),
    ] = None
    redirect_uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="The registered redirect URI. Default: http://localhost:PORT/oauth2callback."),
    ] = None
    paste: Annotated[
        bool,
        typer.Option("--paste", help="Ask you to paste the address of the last page, instead of listening for it."),
    ] = False
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            help="Time limit for the answer, for CouchDB (60 at most), and for a refresh that has no other limit.",
        ),
    ] = 300.0
    trace: Annotated[
        bool, typer.Option("--trace", help="Show each request to the token endpoint and its answer, without secrets.")
    ] = False


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
    _check_options(id, destination, keeping)
    if keeping.list_:
        found = [each for each in every_token() if id in ("", each.id)]
        paint = output.paint(sys.stdout)
        output.result(render.as_table(found, datetime.now(UTC), paint) if found else "no kept token found")
    elif keeping.forget and not keeping.revoke:
        _forget(id, keeping.account)
    else:
        _get(id, origin, sign_in, destination, keeping)


def _check_options(id: str, destination: Destination, keeping: KeepOptions) -> None:
    """Raise `UsageError` for options that exclude or need each other."""
    if sum((keeping.new, keeping.forget, keeping.list_)) > 1:
        raise UsageError("--new, --forget and --list cannot be combined", "pass only one of them")
    if destination.format and destination.test:
        raise UsageError("--print and --test cannot be combined", "pass only one of them")
    if keeping.revoke and not keeping.forget:
        raise UsageError("--revoke requires --forget", "add --forget")
    if keeping.forget and keeping.account and not id:
        what = f"--account {keeping.account} requires an account type"
        raise UsageError(what, f"for example: provision token google --forget --account {keeping.account}")
    if not id and not keeping.list_ and (keeping.revoke or not keeping.forget):
        raise UsageError("no account type given", "for example: provision token google")


def _forget(id: str, account: str) -> None:
    gone = forget(id or None, account)
    output.result("\n".join(f"deleted {path}" for path in gone) or "no kept token found")


def _get(  # the whole way of a token, from top to bottom
    id: str, origin: Origin, sign_in: SignInOptions, destination: Destination, keeping: KeepOptions
) -> None:
    """Take the kept token or a new one, and put it where it is wanted; or revoke it. Raises `ProvisionError`."""
    if not destination.elsewhere and not keeping.revoke:
        destination.check()
    wiring = Wiring(replace(origin, timeout=min(sign_in.timeout, options.DEFAULT_TIMEOUT)))
    document = _account_type(wiring, id, origin)
    client, file = Client.of(id, document), TokenFile(id, keeping.account)
    send = _sender(client, sign_in)
    if keeping.revoke:
        place = command.revoke(client, file.kept(), RealProviders().metadata, send)
        output.message(f"revoked the token at {place}")
        _forget(id, keeping.account)
        return
    check_sign_in(client)
    requested = requested_of(id) if sign_in.scope is None else ManifestRequest(id, id, sign_in.scope or None, START)
    scope = None if requested is None else requested.scope or ""

    def deliver(kept: KeptToken, before: KeptToken | None = None) -> str:
        userinfo = partial(command.userinfo, client, fetch=RealProviders().metadata, send=send)
        return destination.deliver(kept, konnector_secret(document), userinfo, before)

    def finish(token: Token) -> str:
        if missing := missing_scope(scope, token):
            output.warn(f"the provider did not grant {printable(', '.join(missing))}")
        kept = KeptToken.of(client, scope, token, datetime.now(UTC))
        kept = replace(kept, account=keeping.account, folder=str(Path.cwd()))
        try:
            file.keep(kept)
        except ProvisionError as error:
            if not destination.elsewhere:
                raise
            output.warn(error.what)  # it is shown all the same
        return deliver(kept)

    if not keeping.new and (usable := _usable(client, scope, file, send)):
        deliver(*usable)
        return
    if not destination.elsewhere:
        file.check()
    _warn_of_scope(id, requested or ManifestRequest(id, id, None, START), wiring, origin)
    _connect(client, scope or "", sign_in, send, finish)


def _account_type(wiring: Wiring, id: str, origin: Origin) -> Document:
    """The document of an account type, with its credentials: from the database if one is given, else its definition.

    Raises `ProvisionError` if it does not exist or has errors.
    """
    if wiring.names_database:
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


def _usable(client: Client, scope: str | None, file: TokenFile, send: Sender) -> tuple[KeptToken, KeptToken] | None:
    """A kept token that works, and the one before it; none if you have to sign in. Raises `ProvisionError`."""
    waiting = f"waiting for another run that is refreshing the token of {printable(client.id)}"
    lock = partial(file.locked, partial(output.message, waiting))
    try:
        kept, before = command.usable(client, scope, file.kept, file.keep, lock, send, lambda: datetime.now(UTC))
    except NoUsableToken as error:
        output.message(error.what)
        return None
    if kept is before:
        output.message("the kept token has not expired, so nothing had to be refreshed; --new signs in again")
    else:
        output.message("refreshed the kept token, which had expired")
    return kept, before


def _warn_of_scope(id: str, requested: ManifestRequest, wiring: Wiring, origin: Origin) -> None:
    """Warn of what will go wrong with the scope, as ``provision manifest`` does."""
    notes = {each.id: each.fields for each in providers(wiring.read_catalogue(origin.catalogue))}
    for fault in scope_faults(requested, notes.get(id, {})):
        place = "" if fault.mark == START else f"{MANIFEST}:{fault.mark.line}:{fault.mark.column}: "
        advice = ": pass one with --scope" if requested.scope is None else ""
        output.warn(f"{place}{fault.message}{advice}")


def _connect(client: Client, scope: str, sign_in: SignInOptions, send: Sender, finish: Callable[[Token], str]) -> None:
    """Send the user to the provider for a token. Raises `ProvisionError`.

    `finish` gets the token, and returns a sentence that says where it is.
    """
    state = secrets.token_hex(16)  # as long as the stack's
    nonce = secrets.token_hex(16) if sign_in.nonce else ""
    if sign_in.paste:
        attempt = Attempt(_registered(client, sign_in), state, nonce)
        _send_there(client, scope, attempt, sign_in)
        finish(_token(client, _pasted(client, state), attempt, send))
        return
    port, path = _port_and_path(sign_in)
    id = printable(client.id)
    expected = sign_in.redirect_uri or f"http://localhost{path}"  # only its host and path are compared

    def read(given: Sequence[tuple[str, str]], fragment: bool) -> Callback:  # as `Read` has it
        return read_callback(given, state, client, fragment=fragment, awaited=True)

    def ignore(why: str) -> None:
        output.warn(f"ignored an answer: {why}")

    with listening(port, expected, partial(callback_page, id=id), read, ignore) as (port, listener):
        attempt = Attempt(sign_in.redirect_uri or f"http://localhost:{port}{path}", state, nonce)
        _send_there(client, scope, attempt, sign_in)
        callback = listener.wait(sign_in.timeout, attempt.redirect_uri)
        try:
            written = finish(_token(client, callback, attempt, send))
        except ProvisionError as error:
            next = f"Next: {error.next}." if error.next else ""
            listener.tell(callback_page("failure", id, what=error.what, next=next), good=False)
            raise
        last = "fragment" if isinstance(callback, Granted) and callback.fragment else "success"
        listener.tell(callback_page(last, id, written=written), good=True)


def _registered(client: Client, sign_in: SignInOptions) -> str:
    """The redirect URI whose page the user pastes. Raises `UsageError`."""
    redirect_uri = sign_in.redirect_uri or client.redirect_uri
    if not redirect_uri:
        raise UsageError("the redirect URI is unknown", "pass the registered one with --redirect-uri")
    if "${" in redirect_uri:
        what = f"the redirect URI {printable(redirect_uri)} contains a variable without a value"
        raise UsageError(what, "set the variable, as in --set domain=example.org, or pass --redirect-uri")
    return redirect_uri


def _port_and_path(sign_in: SignInOptions) -> tuple[int, str]:
    """The port and the path to listen on. Raises `UsageError` for a redirect URI that cannot lead to this machine."""
    if sign_in.redirect_uri is None:
        given = os.environ.get("PROVISION_PORT", "") or str(DEFAULT_PORT)
        if sign_in.port is None and (not given.isdecimal() or int(given) > 65535):
            raise UsageError("PROVISION_PORT is not a port", "set it to a number from 0 to 65535, or pass --port")
        return int(given) if sign_in.port is None else sign_in.port, "/oauth2callback"
    seen = as_browser(sign_in.redirect_uri)
    if seen is None or seen.fragment:
        raise UsageError(
            "the redirect URI is not an absolute URL without a fragment",
            "write one such as http://localhost:8484/oauth2callback",
        )
    if seen.scheme == "https" and sign_in.port is None:
        what = "provision cannot receive an answer over https"
        raise UsageError(what, "use --paste, or pass the --port to which your proxy forwards it")
    return seen.port if sign_in.port is None else sign_in.port, seen.path


def _send_there(client: Client, scope: str, attempt: Attempt, sign_in: SignInOptions) -> None:
    """Open the page at which the user signs in, or say where it is."""
    url = authorize_url(client, attempt.redirect_uri, Start(scope=scope, nonce=attempt.nonce), attempt.state)
    output.message(f"Register this redirect URI with the provider: {attempt.redirect_uri}")
    opened = not sign_in.no_browser and open_page(url)
    how = "Your browser is opening this address; sign in there" if opened else "Open this address, and sign in there"
    output.message(f"{how}:\n\n{printable(url)}\n")


def _pasted(client: Client, state: str) -> Callback:
    """What the address that the user pastes means. Raises `ProvisionError` if it has no answer."""
    output.message("Paste the address of the last page that you reach, even if that page shows an error:")
    address, _, fragment = sys.stdin.readline().strip().partition("#")
    query = address.partition("?")[2]
    if not query and not fragment:
        raise ProvisionError(
            "the pasted address contains no answer", "copy the whole address, with everything after the ?"
        )
    return read_callback(read_query(query or fragment), state, client, fragment=not query, awaited=True)


def _token(client: Client, callback: Callback, attempt: Attempt, send: Sender) -> Token:
    """The token of a callback, with a warning of each thing in it that will not work with a Cozy."""
    if isinstance(callback, Code | Granted):
        for note in callback.notes:
            output.warn(note)
    if isinstance(callback, Granted) and callback.fragment:
        what = "the token is after the # of the address, which the stack does not read"
        output.warn(f"{what}: connecting from an instance will fail")
    elif isinstance(callback, Granted) and (note := redirect_note(client)):
        output.warn(note)
    return command.token_of(client, callback, attempt, send)


def _sender(client: Client, sign_in: SignInOptions) -> Sender:
    """Sends token requests, warns if they are redirected to another host, and shows them if requested."""

    def redirected(origin: str, next: str) -> None:
        output.warn(f"{printable(origin)} redirects the token request to {printable(next)}, and the stack follows")

    def exchanged(hop: Hop, answer: Answer) -> None:
        if sign_in.trace:
            output.message(render.request_text(hop))
            output.message(render.answer_text(answer, str(client.client_secret.reveal())))

    return Sender(sign_in.timeout, redirected, exchanged)
