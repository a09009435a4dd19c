"""Sends a person to the provider, and takes the answer: from the browser, or from what the person pastes."""

import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from provisioner.adapters.oauth.browser import open_page
from provisioner.adapters.oauth.callback_server import Pages, listening
from provisioner.adapters.oauth.token_endpoint import send
from provisioner.cli import output
from provisioner.commands import connect
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.oauth.callback import Callback, Granted, read_callback
from provisioner.core.oauth.requests import Client, authorize_url
from provisioner.core.text import printable
from provisioner.render import callback_page as page

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.core.oauth.answer import Token

_PATH = "/oauth2callback"
_FRAGMENT = "the token came behind the # of the address, which the stack does not read: from a Cozy, connecting fails"


@dataclass(frozen=True, slots=True)
class Connecting:
    """One sign-in. `redirect_uri` and `port` are those that were asked for."""

    client: Client
    scope: str | None
    redirect_uri: str | None
    port: int | None
    browser: bool
    timeout: float
    no_color: bool

    def by_callback(self, finish: "Callable[[Token], str]") -> None:
        """Listen for the answer; `finish` does something with the token, and says what. Raises `ProvisionError`."""
        state = secrets.token_urlsafe(32)
        port, path = _place(self.redirect_uri, self.port)
        pages = Pages(page.bare(), page.stray(), page.repeated())
        mode = self.client.grant_mode
        with listening(
            port,
            path,
            pages,
            lambda given, fragment: read_callback(given, state, mode, fragment=fragment),
            self._ignored,
        ) as (port, ear):
            redirect_uri = self.redirect_uri or f"http://localhost:{port}{path}"
            self._send_there(redirect_uri, state)
            callback = ear.wait(self.timeout)
            try:
                written = finish(self._token(callback, redirect_uri, state))
            except ProvisionError as error:
                ear.tell(page.failure(error.what, error.next), good=False)
                raise
            last = page.fragment if isinstance(callback, Granted) and callback.fragment else page.success
            ear.tell(last(self.client.id, written), good=True)

    def by_paste(self, registered: str, finish: "Callable[[Token], str]") -> None:
        """Ask for the address of the page reached, where no answer can reach this machine. Raises `ProvisionError`."""
        redirect_uri = self.redirect_uri or registered
        if not redirect_uri:
            raise UsageError("the redirect URI is not known", "name the registered one with --redirect-uri")
        state = secrets.token_urlsafe(32)
        self._send_there(redirect_uri, state)
        output.message("Paste the address of the page that you reach in the end, whatever it shows:")
        address, _, fragment = sys.stdin.readline().strip().partition("#")
        query = address.partition("?")[2]
        text = query or fragment
        if not text:
            raise ProvisionError("the address pasted has no answer in it", "copy it whole, with all behind the ?")
        given = dict(parse_qsl(text, keep_blank_values=True))
        callback = read_callback(given, state, self.client.grant_mode, fragment=not query)
        finish(self._token(callback, redirect_uri, state))

    def _token(self, callback: Callback, redirect_uri: str, state: str) -> "Token":
        if isinstance(callback, Granted) and callback.fragment:
            output.warn(_FRAGMENT, self.no_color)
        return connect.run(self.client, callback, redirect_uri, state, send)

    def _send_there(self, redirect_uri: str, state: str) -> None:
        url = authorize_url(self.client, redirect_uri, self.scope, state)
        output.message(f"The redirect URI is {printable(redirect_uri)}: the provider must know it.")
        opened = self.browser and open_page(url)
        how = "Your browser opens this address; sign in there" if opened else "Open this address, and sign in there"
        output.message(f"{how}:\n\n{printable(url)}\n")

    def _ignored(self, why: str) -> None:
        output.warn(f"an answer was ignored: {why}", self.no_color)


def _place(redirect_uri: str | None, port: int | None) -> tuple[int, str]:
    """The port and the path to listen at. Raises `UsageError` for a redirect URI that never leads to this machine."""
    if redirect_uri is None:
        return port or 0, _PATH
    try:
        parts = urlsplit(redirect_uri)
        given = parts.port
    except ValueError:
        parts, given = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise UsageError("this redirect URI cannot be meant", "write it as http://localhost:3000/oauth2callback")
    if parts.scheme == "https" and port is None:
        what = "the answer to an https redirect URI cannot be received here"
        raise UsageError(what, "use --paste, or name the --port to which a proxy hands it over")
    return given or 80 if port is None else port, parts.path or "/"
