"""Asks providers: as the HTTP client of cozy-stack does, and as a browser or a library does; within limits."""

import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct, field

from provisioner.adapters.http.client import MIB, Budget, Call, HttpClient, basic
from provisioner.adapters.http.network import Left, countdown
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.core.definitions.go_url import raw_bytes
from provisioner.core.definitions.url import dialled, header_host
from provisioner.core.errors import ProvisionError
from provisioner.core.http import PORTS, Answer
from provisioner.core.oauth.hops import Hop, RedirectFails, host, origin
from provisioner.core.oauth.requests import LIMIT as STACK_LIMIT
from provisioner.core.oauth.requests import Request
from provisioner.core.text import printable

PATIENCE = 300.0
"""Seconds after which we stop if the stack would wait for ever."""

BUDGET = Budget(MIB, cut=True)
"""What is read of a page: the rest of a longer one is left."""

_WHOLE = Budget(32 * MIB)
_LOG = logging.getLogger("provisioner.http")

_UNSENDABLE = re.compile(rb"[^\x21-\x7e]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What Go refuses in a header, and h11 takes."""


def _nothing(*_: object) -> None:
    pass


class Sender(Struct, frozen=True):
    """Sends a request as the stack does, and follows its redirects within one time limit.

    `timeout`: seconds for a request that the stack sends without a limit. `on_redirect` gets the origin of the
    request and another one (scheme, host or port) to which it is sent on; `on_exchange` each request and its answer,
    with their secrets.
    """

    timeout: float = PATIENCE
    on_redirect: Callable[[str, str], None] = field(default=_nothing)
    on_exchange: Callable[[Hop, Answer], None] = field(default=_nothing)

    def __call__(self, request: Request) -> Answer:
        """The answer. Raises `ProvisionError` if there is none."""
        limit, stack, next = request.limit, "as long as the stack waits", "try again"
        if limit is None:
            limit, stack = self.timeout, "while the stack waits for this refresh without a limit"
            next = "--timeout waits longer"
        try:
            return _followed(request, limit, self._exchanged, self._goes_on)
        except (NoAnswer, RedirectFails) as error:
            late = ProvisionError(f"no answer from {request.place} within {limit:g} s, {stack}", next)
            raise _trouble(request.place, error, late, "check token_endpoint") from None

    def _exchanged(self, hop: Hop, left: Left) -> Answer:
        started = time.monotonic()
        answer = _sent(hop, left, _WHOLE)
        shown = printable(f"{hop.origin}{hop.url.path}")
        _LOG.debug("%s %s: %s in %.0f ms", hop.method, shown, answer.status, 1000 * (time.monotonic() - started))
        self.on_exchange(hop, answer)
        return answer

    def _goes_on(self, hop: Hop, next: Hop) -> bool:
        if next.server != hop.server:
            self.on_redirect(hop.origin, next.origin)
        return True


def _followed(
    request: Request, limit: float, send: Callable[[Hop, Left], Answer], goes_on: Callable[[Hop, Hop], bool]
) -> Answer:
    """The answer after all redirects that are followed. Raises `NoAnswer` and `RedirectFails`."""
    left, hop = countdown(limit), Hop.first(request)
    while True:
        answer = send(hop, left)
        next = hop.after(answer.status, answer.location)
        if next is None or not goes_on(hop, next):
            return answer
        hop = next


def _sent(hop: Hop, left: Left, budget: Budget) -> Answer:
    """The answer to one request, over a connection of its own. Raises `NoAnswer`."""
    with HttpClient() as client:
        answer = client.send(call_of(hop), left, budget)
    if any(_CONTROL.search(value) for _, value in answer.headers):
        raise NoAnswer(Trouble.UNREADABLE, "malformed header")
    return answer


def call_of(hop: Hop) -> Call:
    """The request. Raises `NoAnswer` for one that cannot be sent."""
    url = hop.url
    port = url.port or PORTS.get(url.scheme, 0)
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


def _trouble(place: str, error: NoAnswer | RedirectFails, late: ProvisionError, check: str) -> ProvisionError:
    """Why there is no answer, and what to do: `late` if the time was over, to `check` something if a redirect fails."""
    if isinstance(error, RedirectFails):
        return ProvisionError(f"the request to {place} failed: {error}", check)
    return late if error.trouble is Trouble.TIME else ProvisionError(*error.of_provider(place))


_COOKIE = re.compile(r"\s*([!#-'*+.0-9A-Z^-z|~-]+)\s*=\s*([!#-+\--:<-\[\]-~]*)")


def fetch(method: str, url: str, headers: Mapping[str, str], limit: float) -> Answer:
    """The answer to a request without content; redirects are not followed.

    `limit`: seconds from the look-up of the name to the last byte that is read. Raises `NoAnswer`.
    """
    with HttpClient() as client:
        return client.send(_call(method, url, headers), countdown(limit), BUDGET)


def cookies_of(answer: Answer) -> dict[str, str]:
    """The cookies that an answer sets; the last of a name counts, and one that could not be sent back is left out."""
    return {found[1]: found[2] for each in answer.every("set-cookie") if (found := _COOKIE.match(each))}


def _call(method: str, url: str, headers: Mapping[str, str]) -> Call:
    from ada_url import URL  # a binary library

    try:
        parts = URL(url)
    except ValueError:
        raise NoAnswer(Trouble.UNSENDABLE, "its URL cannot be read") from None
    scheme = parts.protocol.removesuffix(":")
    if scheme not in ("http", "https"):
        raise NoAnswer(Trouble.UNSENDABLE, f"it is not spoken to by {scheme}")
    port = int(parts.port) if parts.port else PORTS[scheme]
    pairs = [("Host", parts.host), ("User-Agent", "provision"), ("Accept-Encoding", "gzip"), *headers.items()]
    sent = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in pairs]
    if parts.username:
        sent.append((b"Authorization", basic(parts.username, parts.password)))
    host, target = parts.hostname.strip("[]"), f"{parts.pathname}{parts.search}".encode()
    length = [] if method in ("GET", "HEAD") else [(b"Content-Length", b"0")]
    return Call(method, scheme, host, port, target, [*sent, *length])


METADATA_LIMIT = 15.0
"""Seconds for each address, all of its answer."""


def fetch_metadata(urls: Sequence[str]) -> dict[str, Any]:
    """The first metadata that one of some addresses gives. Raises `ProvisionError` if none does."""
    troubles = []
    for url in urls:
        try:
            return _fetch(url)
        except NoAnswer as error:
            troubles.append(error.what(url))
        except ValueError as error:
            troubles.append(f"{url} {error}")
    what = "the provider publishes no metadata:"
    raise ProvisionError(what, "pass its issuer, or write the definition by hand", (f"  {each}" for each in troubles))


def _fetch(url: str) -> dict[str, Any]:
    answer = fetch("GET", url, {"Accept": "application/json"}, METADATA_LIMIT)
    if answer.status != 200:
        raise ValueError(f"answers {answer.status}")
    if answer.cut:
        raise ValueError("sends more than 1 MiB")
    if isinstance(metadata := answer.json, dict):
        return metadata
    raise ValueError("answers with something other than a JSON object")


GAP = 0.25
"""Seconds from the end of one request to a host to the start of the next."""


class Pace:
    """Gives turns: one request a host at a time."""

    def __init__(self, gap: float = GAP) -> None:
        self._gap = gap
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._ends: dict[str, float] = {}
        self._all = threading.Lock()

    @contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Wait for the turn of a URL's host, and hold it."""
        host = origin(url) or url
        with self._all:
            lock = self._locks[host]
        with lock:
            time.sleep(max(0.0, self._ends.get(host, 0.0) + self._gap - time.monotonic()))
            try:
                yield
            finally:
                self._ends[host] = time.monotonic()


LIMIT = 10.0
"""Seconds for one answer, all of it."""

_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en"}


class RealProviders:
    """The `Providers` of a check."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._published: dict[str, Mapping[str, Any] | None] = {}
        self._silent: set[str] = set()

    def page(self, url: str, cookies: dict[str, str]) -> Answer:
        """The answer that a browser with these cookies gets; those that it sets are put among them."""
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer = self._fetched("GET", url, {**_BROWSER, **({"Cookie": sent} if sent else {})})
        cookies.update(cookies_of(answer))
        return answer

    def probe(self, method: str, url: str) -> Answer:
        """The answer to a request without content; redirects are not followed."""
        return self._fetched(method, url, {"Accept": "application/json"})

    def exchange(self, request: Request) -> Answer:
        """The answer of a token endpoint to exactly what the stack sends; redirects are followed within its origin."""
        try:
            return _followed(request, STACK_LIMIT, self._exchanged, lambda hop, other: hop.server == other.server)
        except (NoAnswer, RedirectFails) as error:
            raise _trouble(request.place, error, _late(request.place, STACK_LIMIT), "check the endpoint") from None

    def _exchanged(self, hop: Hop, left: Left) -> Answer:
        with self._pace.turn(hop.origin):
            return _sent(hop, left, BUDGET)

    def metadata(self, url: str) -> Mapping[str, Any] | None:
        """What is published at an address, fetched once; ``None`` if it cannot be had."""
        if url not in self._published:
            with self._pace.turn(url):
                if url not in self._published:  # another thread may have asked while this one waited
                    self._published[url] = self._metadata(url)
        return self._published[url]

    def _metadata(self, url: str) -> Mapping[str, Any] | None:
        if origin(url) in self._silent:
            return None
        try:
            return fetch_metadata([url])
        except ProvisionError:
            return None

    def _fetched(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        try:
            with self._pace.turn(url):
                return fetch(method, url, headers, LIMIT)
        except NoAnswer as error:
            if error.trouble is not Trouble.UNSENDABLE:
                self._silent.add(origin(url))
            place = host(url) or "the endpoint"
            raise _trouble(place, error, _late(place, LIMIT), "check the endpoint") from None


def _late(place: str, limit: float) -> ProvisionError:
    return ProvisionError(f"no answer from {place} within {limit:g} s", "try again later")
