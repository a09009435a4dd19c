"""Listens on this machine for the answer that a provider sends through the browser."""

import errno
import os
import queue
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import urlsplit

from provisioner.core.definitions.domains import is_loopback
from provisioner.core.definitions.go_url import read_query
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answers import Callback, Stray

LAST_WORD = 20.0
"""Seconds in which the browser must have fetched the page with the result."""

MAX_BYTES = 64 * 1024

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

Read: TypeAlias = Callable[[Sequence[tuple[str, str]], bool], Callback]
"""What parameters mean; the flag says that they came in the fragment."""

Reply: TypeAlias = tuple[HTTPStatus, str]
"""A status, and an HTML page."""


class Listener:
    """Waits for one answer; others get a page that says so, and go to `on_stray`.

    `page` gives the HTML page of a kind: ``stray`` and ``repeated`` for what is not the answer, and ``bare`` for an
    address without a query, whose script sends the fragment on as a form.
    """

    def __init__(self, page: Callable[[str], str], read: Read, on_stray: Callable[[str], None]) -> None:
        self.page = page
        self._read = read
        self._on_stray = on_stray
        self._taken = threading.Lock()
        self._answers: queue.Queue[Callback] = queue.Queue()
        self._replies: queue.Queue[Reply] = queue.Queue()
        self.last: Reply | None = None
        self.shown = threading.Event()

    def wait(self, seconds: float, redirect_uri: str) -> Callback:
        """The answer. Raises `ProvisionError` if none comes in time."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            next = f"register the redirect URI {redirect_uri} with the provider, and try again; "
            next += "or pass a longer --timeout, or --paste"
            raise ProvisionError(f"no answer came within {seconds:g} s", next) from None

    def tell(self, page: str, *, good: bool) -> None:
        """Show the browser, which is still waiting, what became of its answer."""
        self.last = HTTPStatus.OK if good else HTTPStatus.BAD_REQUEST, page
        self._replies.put(self.last)
        self.shown.wait(LAST_WORD)

    def take(self, parameters: str, why_refused: str, *, fragment: bool) -> Reply:
        """The reply to what a browser brought; for the answer itself, only once its result is known."""
        if why_refused:
            self._on_stray(why_refused)
            return HTTPStatus.FORBIDDEN, self.page("stray")
        callback = self._read(read_query(parameters), fragment)
        if isinstance(callback, Stray):
            self._on_stray(callback.why)
            return HTTPStatus.BAD_REQUEST, self.page("stray")
        if not self._taken.acquire(blocking=False):
            self._on_stray("an answer has already arrived")
            return HTTPStatus.CONFLICT, self.page("repeated")
        self._answers.put(callback)
        return self._replies.get()


@contextmanager
def listening(
    port: int, redirect_uri: str, page: Callable[[str], str], read: Read, on_stray: Callable[[str], None]
) -> Iterator[tuple[int, Listener]]:
    """Listen on this machine only, by IPv4 and, where there is IPv6, by it; port 0 is any free one.

    What comes to another path than that of the redirect URI is not found, and under another name it is refused: any
    name may lead to this machine, and over http a browser sends Fetch Metadata to loopback names alone.

    Gives the port and the listener. Raises `ProvisionError` if the port is taken.
    """
    listener = Listener(page, read, on_stray)
    parts = urlsplit(redirect_uri)
    handler = type("Handler", (_Handler,), {"listener": listener, "place": parts.path or "/", "host": parts.hostname})
    while True:
        with ExitStack() as stack:
            found = stack.enter_context(_serving(_CallbackServer, "127.0.0.1", port, handler))
            try:
                with suppress(OSError):  # not every machine has IPv6
                    stack.enter_context(_serving(_Server6, "::1", found, handler))
            except ProvisionError:
                if port:
                    raise
                continue  # what is free by IPv4 need not be by IPv6
            yield found, listener
            return


class _CallbackServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: a browser that hangs up, or asks for an invalid path, is no concern of ours."""

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # http.server would look up a name, which may take long


class _Server6(_CallbackServer):
    address_family = socket.AF_INET6


@contextmanager
def _serving(
    kind: type[_CallbackServer], address: str, port: int, handler: type[BaseHTTPRequestHandler]
) -> Iterator[int]:
    """Serve in a thread, and give the port. Raises `ProvisionError`, and `OSError` without IPv6."""
    with kind((address, port), handler, bind_and_activate=False) as server:
        try:
            server.server_bind()
            server.server_activate()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                next = "stop what listens there, or choose another --port"
                raise ProvisionError(f"the port {port} is in use", next) from None
            if kind is _Server6:
                raise
            what = f"the system does not allow listening on port {port} here: {error.strerror}"
            raise ProvisionError(what, "choose another --port, or use --paste") from None
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    listener: Listener
    place: str
    host: str | None
    timeout = 10

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != self.place:
            self._send(HTTPStatus.NOT_FOUND, self.listener.page("stray"))
        elif not parts.query:
            self._send(HTTPStatus.OK, self.listener.page("bare"))
        else:
            why = self._why_refused("a page loaded it in the background, like an image")
            self._send(*self.listener.take(parts.query, why, fragment=False))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if urlsplit(self.path).path != self.place or not length.isdigit() or int(length) > MAX_BYTES:
            self._send(HTTPStatus.NOT_FOUND, self.listener.page("stray"))
        else:
            body = self.rfile.read(int(length)).decode(errors="replace")
            why = self._why_refused("a page sent it in the background")
            self._send(*self.listener.take(body, why, fragment=True))

    def _why_refused(self, embedded: str) -> str:
        """Why no person made this request; empty if one may have.

        A page asks by itself for an image, a frame, a script, or ahead of a click. Browsers say so (Fetch Metadata,
        https://www.w3.org/TR/fetch-metadata/); other programs say nothing.
        """
        try:
            name = urlsplit(f"//{self.headers.get('Host', 'localhost')}").hostname or ""
        except ValueError:
            name = ""
        if not is_loopback(name) and name != self.host:
            return "it came to a host other than that of the redirect URI"
        led = ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")
        unasked = "Sec-Purpose" in self.headers or any(self.headers.get(name, value) != value for name, value in led)
        return embedded if unasked else ""

    def _send(self, status: HTTPStatus, page: str) -> None:
        content = page.encode(errors="replace")
        try:
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        finally:
            if (status, page) == self.listener.last:
                self.listener.shown.set()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the address of an answer holds its code."""


def open_page(url: str) -> bool:
    """Start to open a page, and say whether there is a desktop to open it on: a terminal's browser is not asked for.

    Nothing waits for the browser, which may itself wait for an answer from us.
    """
    desktop = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if sys.platform not in ("win32", "darwin") and not desktop:
        return False
    import webbrowser  # it looks for browsers when it is imported

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    return True
