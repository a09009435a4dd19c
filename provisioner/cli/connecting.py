"""Sends the user to the provider, and receives the answer: from the browser, or pasted by the user."""

import os
import secrets
import sys
from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer
from msgspec import Struct

from provisioner.adapters.oauth.callback_server import Pages, listening, open_page
from provisioner.adapters.oauth.providers import Sender
from provisioner.cli import output
from provisioner.commands.token import Attempt, token_of
from provisioner.core.definitions.go_url import read_query
from provisioner.core.definitions.url import as_browser, header_host
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.http import Answer
from provisioner.core.oauth.answers import Callback, Code, Granted, Token, read_own_callback, redirect_note
from provisioner.core.oauth.hops import Hop
from provisioner.core.oauth.requests import Client, Start, authorize_url
from provisioner.core.text import printable
from provisioner.render import tokens as render
from provisioner.render.pages import callback_page

_PATH = "/oauth2callback"
DEFAULT_PORT = 8484
_FRAGMENT = (
    "the token is after the # of the address, which the stack does not read: connecting from an instance will fail"
)

Finish: TypeAlias = Callable[[Token], str]
"""Does something with a token, and returns a sentence about it."""


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


class Connecting(Struct, frozen=True):
    """One sign-in, with the scope to request."""

    client: Client
    scope: str | None
    sign_in: SignInOptions

    def run(self, finish: Finish) -> None:
        """Get a token, and pass it on. Raises `ProvisionError`."""
        state = secrets.token_hex(16)  # as long as the stack's
        nonce = secrets.token_hex(16) if self.sign_in.nonce else ""
        if self.sign_in.paste:
            self._by_paste(Attempt(self._registered(), state, nonce), finish)
        else:
            self._by_callback(state, nonce, finish)

    def _by_callback(self, state: str, nonce: str, finish: Finish) -> None:
        wanted, id = self.sign_in.redirect_uri, printable(self.client.id)
        port, path = _place(wanted, self.sign_in.port)
        redirect_uri = wanted or f"http://localhost{path}"
        pages = Pages(*(callback_page(kind, id) for kind in ("bare", "stray", "repeated")))
        with listening(
            port,
            redirect_uri,
            pages,
            lambda given, fragment: read_own_callback(given, state, self.client, fragment=fragment),
            self._ignored,
        ) as (port, listener):
            attempt = Attempt(wanted or f"http://localhost:{port}{path}", state, nonce)
            self._send_there(attempt)
            callback = listener.wait(self.sign_in.timeout, attempt.redirect_uri)
            try:
                written = finish(self._token(callback, attempt))
            except ProvisionError as error:
                next = f"Next: {error.next}." if error.next else ""
                listener.tell(callback_page("failure", id, what=error.what, next=next), good=False)
                raise
            last = "fragment" if isinstance(callback, Granted) and callback.fragment else "success"
            listener.tell(callback_page(last, id, written=written), good=True)

    def _by_paste(self, attempt: Attempt, finish: Finish) -> None:
        self._send_there(attempt)
        output.message("Paste the address of the last page that you reach, even if that page shows an error:")
        address, _, fragment = sys.stdin.readline().strip().partition("#")
        query = address.partition("?")[2]
        text = query or fragment
        if not text:
            raise ProvisionError(
                "the pasted address contains no answer", "copy the whole address, with everything after the ?"
            )
        callback = read_own_callback(read_query(text), attempt.state, self.client, fragment=not query)
        finish(self._token(callback, attempt))

    def _registered(self) -> str:
        redirect_uri = self.sign_in.redirect_uri or self.client.redirect_uri
        if not redirect_uri:
            raise UsageError("the redirect URI is unknown", "pass the registered one with --redirect-uri")
        if "${" in redirect_uri:
            what = f"the redirect URI {printable(redirect_uri)} contains a variable without a value"
            raise UsageError(what, "set the variable, as in --set domain=example.org, or pass --redirect-uri")
        return redirect_uri

    def _token(self, callback: Callback, attempt: Attempt) -> Token:
        if isinstance(callback, Code | Granted):
            for note in callback.notes:
                output.warn(note)
        if isinstance(callback, Granted) and callback.fragment:
            output.warn(_FRAGMENT)
        elif isinstance(callback, Granted) and (note := redirect_note(self.client)):
            output.warn(note)
        return token_of(self.client, callback, attempt, sender(self.sign_in, self.client))

    def _send_there(self, attempt: Attempt) -> None:
        start = Start(scope=self.scope or "", nonce=attempt.nonce)
        url = authorize_url(self.client, attempt.redirect_uri, start, attempt.state)
        output.message(f"Register this redirect URI with the provider: {attempt.redirect_uri}")
        opened = not self.sign_in.no_browser and open_page(url)
        how = (
            "Your browser is opening this address; sign in there" if opened else "Open this address, and sign in there"
        )
        output.message(f"{how}:\n\n{printable(url)}\n")

    def _ignored(self, why: str) -> None:
        output.warn(f"ignored an answer: {why}")


def sender(sign_in: SignInOptions, client: Client) -> Sender:
    """Sends token requests, warns if they are redirected to another host, and shows them if requested."""

    def redirected(origin: str, next: str) -> None:
        what = f"{printable(origin)} redirects the token request to {printable(next)}, and the stack follows"
        output.warn(what)

    def exchanged(hop: Hop, answer: Answer) -> None:
        if sign_in.trace:
            output.message(render.request_text(hop, header_host(hop.url)))
            secret = str(client.client_secret.reveal())
            output.message(render.answer_text(answer.status, dict(reversed(answer.headers)), answer.body, [secret]))

    return Sender(sign_in.timeout, redirected, exchanged)


def _default_port() -> int:
    """The port to register with a provider: always the same one, unless the environment names another."""
    given = os.environ.get("PROVISION_PORT", "") or str(DEFAULT_PORT)
    if not given.isdecimal() or int(given) > 65535:
        raise UsageError("PROVISION_PORT is not a port", "set it to a number from 0 to 65535, or pass --port")
    return int(given)


def _place(redirect_uri: str | None, port: int | None) -> tuple[int, str]:
    """The port and the path to listen on. Raises `UsageError` for a redirect URI that cannot lead to this machine."""
    if redirect_uri is None:
        return _default_port() if port is None else port, _PATH
    seen = as_browser(redirect_uri)
    if seen is None or seen.fragment:
        raise UsageError(
            "the redirect URI is not an absolute URL without a fragment",
            "write one such as http://localhost:8484/oauth2callback",
        )
    if seen.scheme == "https" and port is None:
        what = "provision cannot receive an answer over https"
        raise UsageError(what, "use --paste, or pass the --port to which your proxy forwards it")
    return seen.port if port is None else port, seen.path
