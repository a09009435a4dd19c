"""Sends requests to token endpoints, as the HTTP client of cozy-stack does."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.adapters.oauth.go_answer import NoAnswer, RawAnswer, decoded
from provisioner.adapters.oauth.go_http import exchange, host_header
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.hops import Hop, RedirectFails
from provisioner.core.oauth.requests import Request
from provisioner.core.text import printable

NO_LIMIT = 300.0
"""Seconds after which we stop if the stack would wait for ever."""

_LOG = logging.getLogger("provisioner.http")

_OF_THE_PROVIDER = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    62: "its certificate is for another host",
    64: "its certificate is for another address",
}
"""Codes of OpenSSL for what only the owner of a server can fix."""


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends a request and follows its redirects within one time limit.

    `timeout`: seconds for a request that the stack sends without a limit. `on_redirect` is told the origin of the
    request and another one to which it is sent on; `on_exchange` each request and its answer, with their secrets.
    """

    timeout: float = NO_LIMIT
    on_redirect: Callable[[str, str], None] = field(default=_nothing)
    on_exchange: Callable[[Hop, RawAnswer], None] = field(default=_nothing)

    def __call__(self, request: Request) -> tuple[int, bytes]:
        """The status and the body of an answer. Raises `ProvisionError` if there is none."""
        limit = self.timeout if request.limit is None else request.limit
        deadline = time.monotonic() + limit
        hop = Hop.first(request)
        try:
            while True:
                answer = self._exchanged(hop, deadline)
                next = hop.after(answer.status, answer.headers.get("location", ""))
                if next is None:
                    return answer.status, decoded(answer)
                if next.url.hostname != hop.url.hostname:
                    self.on_redirect(hop.origin, next.origin)
                hop = next
        except (OSError, NoAnswer, RedirectFails, UnicodeError) as error:
            raise _trouble(request, limit, error) from None

    def _exchanged(self, hop: Hop, deadline: float) -> RawAnswer:
        started = time.monotonic()
        answer = exchange(hop.url, hop.lines(host_header(hop.url)), deadline)
        shown = printable(f"{hop.origin}{hop.url.path}")
        _LOG.debug("%s %s: %s in %.0f ms", hop.method, shown, answer.status, 1000 * (time.monotonic() - started))
        self.on_exchange(hop, answer)
        return answer


def send(request: Request) -> tuple[int, bytes]:
    """The status and the body of an answer. Raises `ProvisionError` if there is none."""
    return Sender()(request)


def _trouble(request: Request, limit: float, error: Exception) -> ProvisionError:
    what, next = _reason(request, limit, error)
    return ProvisionError(what, next)


def _reason(request: Request, limit: float, error: Exception) -> tuple[str, str]:
    """What happened, and the next thing to do."""
    shown, check = request.place, "check token_endpoint"
    match error:
        case TimeoutError():
            stack = "as long as the stack waits"
            if request.limit is None:
                stack, check = "while the stack waits for this refresh without a limit", "--timeout waits longer"
            result = f"no answer from {shown} within {limit:g} s, {stack}", "try again" if request.limit else check
        case ssl.SSLError():
            result = _reason_of_tls(shown, error)
        case ConnectionRefusedError():
            result = f"connection refused: nothing is listening at {shown}", check
        case socket.gaierror():
            result = f"the host of {shown} has no address", check
        case _:
            result = f"the request to {shown} failed: {printable(str(error))}", check
    return result


def _reason_of_tls(shown: str, error: ssl.SSLError) -> tuple[str, str]:
    what = f"no TLS connection to {shown}"
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"{what}: {printable(str(error))}", "check token_endpoint"
    if why := _OF_THE_PROVIDER.get(error.verify_code):
        return f"{what}: {why}", "tell the provider: only the owner of the server can fix that"
    why = printable(error.verify_message)
    return f"{what}: {why}", "name the authority that signed its certificate in SSL_CERT_FILE"
