"""The practice provider, with its token endpoint on a free port of this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from provisioner.adapters.oauth.token_endpoint import Sender
from provisioner.core.definitions.go_url import parse
from provisioner.core.oauth.rehearsal import PracticeAnswer, PracticeProvider, Quirk, Visit
from provisioner.core.oauth.requests import Request

LIMIT = 15.0
"""Seconds for an answer."""


@dataclass(frozen=True, slots=True)
class PracticeStage:
    """The `Stage` of a rehearsal: the token endpoint is at `origin`."""

    provider: PracticeProvider
    origin: str

    @property
    def acted(self) -> Quirk | None:
        """The last quirk that decided an answer."""
        return self.provider.acted

    def visit(self, query: str) -> Visit:
        """What the authorization endpoint does with a person who signs in there."""
        return self.provider.authorize(query)

    def send(self, request: Request) -> tuple[int, bytes]:
        """The answer of the token endpoint in place of the one that is asked. Raises `ProvisionError`."""
        url = replace(parse(request.url), scheme="http", host=self.origin).text()
        return Sender(LIMIT)(replace(request, url=url))


@contextmanager
def practice_stage(provider: PracticeProvider) -> Iterator[PracticeStage]:
    """A practice provider whose token endpoint listens until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield PracticeStage(provider, f"127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(provider: PracticeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            query = self.path.partition("?")[2]
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._write(provider.token(self.command, query, headers, body))

        def _write(self, answer: PracticeAnswer) -> None:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass  # the rehearsal says what happens

    return Handler
