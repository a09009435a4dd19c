"""Sends requests to token endpoints, as the HTTP client of cozy-stack does."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.adapters.http.client import MIB, Answer, Budget, Call, HttpClient
from provisioner.adapters.http.network import Left, countdown
from provisioner.adapters.http.trouble import NoAnswer, Trouble, of_provider
from provisioner.core.definitions.go_url import raw_bytes
from provisioner.core.definitions.url import dialled, header_host
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.hops import Hop, RedirectFails
from provisioner.core.oauth.requests import Request
from provisioner.core.text import printable

PATIENCE = 300.0
"""Seconds after which we stop if the stack would wait for ever."""

BUDGET = Budget(32 * MIB)

_LOG = logging.getLogger("provisioner.http")

_UNSENDABLE = re.compile(rb"[^\x21-\x7e]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What Go refuses in a header, and h11 takes."""


def send_hop(hop: Hop, left: Left, budget: Budget) -> Answer:
    """The answer to one request, over a connection of its own. Raises `NoAnswer`."""
    with HttpClient() as client:
        answer = client.send(call_of(hop), left, budget)
    if any(_CONTROL.search(value) for _, value in answer.headers):
        raise NoAnswer(Trouble.UNREADABLE, "malformed header")
    return answer


def call_of(hop: Hop) -> Call:
    """The request. Raises `NoAnswer` for one that cannot be sent."""
    url = hop.url
    port = url.port or (443 if url.scheme == "https" else 80)
    if url.port == 0 or port > 65535:
        raise NoAnswer(Trouble.UNSENDABLE, f"invalid port {url.port}")
    # h11 takes visible ASCII alone; Go sends the bytes of a query as they are, and servers read both alike
    target = _UNSENDABLE.sub(lambda byte: b"%%%02X" % byte[0][0], raw_bytes(url.request_uri()))
    try:
        host, name = header_host(url), dialled(url.hostname)
    except UnicodeError:
        name = None
    if name is None:
        raise NoAnswer(Trouble.UNSENDABLE, "its host is not a name of DNS")
    headers = [(name.encode(), raw_bytes(value)) for name, value in hop.fields(host)]
    return Call(hop.method, url.scheme, name, port, target, headers, hop.body or None)


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends a request and follows its redirects within one time limit.

    `timeout`: seconds for a request that the stack sends without a limit. `on_redirect` gets the origin of the
    request and another one (scheme, host or port) to which it is sent on; `on_exchange` each request and its answer,
    with their secrets.
    """

    timeout: float = PATIENCE
    on_redirect: Callable[[str, str], None] = field(default=_nothing)
    on_exchange: Callable[[Hop, Answer], None] = field(default=_nothing)

    def __call__(self, request: Request) -> tuple[int, bytes]:
        """The status and the body of an answer. Raises `ProvisionError` if there is none."""
        limit = self.timeout if request.limit is None else request.limit
        left = countdown(limit)
        hop = Hop.first(request)
        try:
            while True:
                answer = self._exchanged(hop, left)
                next = hop.after(answer.status, answer.header("location") or "")
                if next is None:
                    return answer.status, answer.body
                if next.server != hop.server:
                    self.on_redirect(hop.origin, next.origin)
                hop = next
        except (NoAnswer, RedirectFails) as error:
            raise _trouble(request, limit, error) from None

    def _exchanged(self, hop: Hop, left: Left) -> Answer:
        started = time.monotonic()
        answer = send_hop(hop, left, BUDGET)
        shown = printable(f"{hop.origin}{hop.url.path}")
        _LOG.debug("%s %s: %s in %.0f ms", hop.method, shown, answer.status, 1000 * (time.monotonic() - started))
        self.on_exchange(hop, answer)
        return answer


def _trouble(request: Request, limit: float, error: NoAnswer | RedirectFails) -> ProvisionError:
    """What happened, and the next thing to do."""
    if isinstance(error, RedirectFails):
        return ProvisionError(f"the request to {request.place} failed: {error}", "check token_endpoint")
    if error.trouble is not Trouble.TIME:
        return ProvisionError(*of_provider(error, request.place))
    if request.limit is None:
        stack, next = "while the stack waits for this refresh without a limit", "--timeout waits longer"
    else:
        stack, next = "as long as the stack waits", "try again"
    return ProvisionError(f"no answer from {request.place} within {limit:g} s, {stack}", next)
