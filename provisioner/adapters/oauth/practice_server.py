"""The practice provider on free ports of this machine, and the browser of a rehearsal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from provisioner.adapters.http.trouble import NoAnswer, of_provider
from provisioner.adapters.oauth.fetching import fetch
from provisioner.adapters.oauth.token_endpoint import Sender
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.error_page import complaint_of_page
from provisioner.core.oauth.practice_provider import PracticeAnswer, PracticeProvider
from provisioner.core.oauth.requests import Request

LIMIT = 15.0
"""Seconds for an answer."""


@dataclass(frozen=True, slots=True)
class PracticeStage:
    """The `Stage` of a rehearsal: `authorize` and `token` are the origins of the two endpoints."""

    authorize: str
    token: str

    def visit(self, url: str) -> str:
        """Where a browser is sent that signs in at an address. Raises `ProvisionError` if it is not sent back."""
        try:
            answer = fetch("GET", url, {}, LIMIT)
        except NoAnswer as error:
            what, _ = of_provider(error, "the practice provider")
            raise ProvisionError(f"no browser gets to the provider: {what}", "check auth_endpoint") from None
        if location := answer.header("location"):
            return location
        if answer.header("x-posts-to"):
            what = "the provider posts its answer to the redirect URI, and the stack answers 405"
            raise ProvisionError(what, "remove response_mode: form_post from extras and from auth_endpoint")
        complaint = complaint_of_page(answer.body.decode(errors="replace"))
        what = f"the provider shows an error page ({complaint.words if complaint else answer.status})"
        raise ProvisionError(what, "compare client_id and redirect_uri with what is registered")

    def send(self, request: Request) -> tuple[int, bytes]:
        """The answer of the token endpoint. Raises `ProvisionError` if there is none."""
        return Sender(LIMIT)(request)


@contextmanager
def practice_stage(provider: PracticeProvider) -> Iterator[PracticeStage]:
    """A practice provider that listens until the end of the block."""
    with _listening(provider, authorizes=True) as authorize, _listening(provider, authorizes=False) as token:
        yield PracticeStage(authorize, token)


@contextmanager
def _listening(provider: PracticeProvider, *, authorizes: bool) -> Iterator[str]:
    """The origin of one endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider, authorizes=authorizes))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(provider: PracticeProvider, *, authorizes: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            query = self.path.partition("?")[2]
            if authorizes:
                answer = provider.authorize(query)
            else:
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = provider.token(self.command, query, headers, body)
            self._write(answer)

        def _write(self, answer: PracticeAnswer) -> None:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass  # the rehearsal says what happens

    return Handler
