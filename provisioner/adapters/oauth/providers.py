"""Asks providers: as the HTTP client of cozy-stack does, and as a browser or a library does; within limits."""

import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from msgspec import Struct, field

from provisioner.adapters.http.client import MIB, Budget, Call, HttpClient, basic
from provisioner.adapters.http.network import Left, countdown
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.core.definitions.go_url import raw_bytes
from provisioner.core.definitions.url import dialled, header_host, host_of, origin_of
from provisioner.core.errors import ProvisionError
from provisioner.core.http import PORTS, Answer
from provisioner.core.oauth.requests import LIMIT as STACK_LIMIT
from provisioner.core.oauth.requests import Hop, RedirectFails, Request
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


class Sender(Struct, frozen=True):
    """Sends a request as the stack does, and follows its redirects within one time limit.

    `timeout`: seconds for a request that the stack sends without a limit. `on_redirect` gets the origin of the
    request and another one (scheme, host or port) to which it is sent on; `on_exchange` each request and its answer,
    with their secrets.
    """

    timeout: float = PATIENCE
    on_redirect: Callable[[str, str], None] = field(default=lambda *_: None)
    on_exchange: Callable[[Hop, Answer], None] = field(default=lambda *_: None)

    def __call__(self, request: Request) -> Answer:
        """The answer. Raises `ProvisionError` if there is none."""
        limit, stack, next = request.limit, "as long as the stack waits", "try again"
        if limit is None:
            limit, stack = self.timeout, "while the stack waits for this refresh without a limit"
            next = "--timeout waits longer"
        late = ProvisionError(f"no answer from {request.place} within {limit:g} s, {stack}", next)
        return _followed(request, limit, late, "check token_endpoint", self._exchanged, self._goes_on)

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
    request: Request,
    limit: float,
    late: ProvisionError,
    advice: str,
    send: Callable[[Hop, Left], Answer],
    goes_on: Callable[[Hop, Hop], bool],
) -> Answer:
    """The answer after all redirects that are followed.

    Raises `ProvisionError`: `late` if the time was over; with an `advice` if a redirect fails.
    """
    left, hop = countdown(limit), Hop.first(request)
    try:
        while True:
            answer = send(hop, left)
            next = hop.after(answer.status, answer.location)
            if next is None or not goes_on(hop, next):
                return answer
            hop = next
    except RedirectFails as error:
        raise ProvisionError(f"the request to {request.place} failed: {error}", advice) from None
    except NoAnswer as error:
        raise _explained(error, request.place, late) from None


def _explained(error: NoAnswer, place: str, late: ProvisionError) -> ProvisionError:
    return late if error.trouble is Trouble.TIME else ProvisionError(*error.of_provider(place))


def _sent(hop: Hop, left: Left, budget: Budget) -> Answer:
    """The answer to one request, over a connection of its own. Raises `NoAnswer`."""
    with HttpClient() as client:
        answer = client.send(_call_of(hop), left, budget)
    if any(_CONTROL.search(value) for _, value in answer.headers):
        raise NoAnswer(Trouble.UNREADABLE, "malformed header")
    return answer


def _call_of(hop: Hop) -> Call:
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


def fetch(method: str, url: str, headers: Mapping[str, str], limit: float) -> Answer:
    """The answer to a request without content, to a URL as browsers read it; redirects are not followed.

    `limit`: seconds from the look-up of the name to the last byte that is read. Raises `NoAnswer`.
    """
    from ada_url import URL  # a binary library

    try:
        parts = URL(url)
    except ValueError:
        raise NoAnswer(Trouble.UNSENDABLE, "its URL cannot be read") from None
    scheme, host = parts.protocol.removesuffix(":"), parts.hostname.strip("[]")
    if scheme not in PORTS:
        raise NoAnswer(Trouble.UNSENDABLE, f"it is not spoken to by {scheme}")
    pairs = [("Host", parts.host), ("User-Agent", "provision"), ("Accept-Encoding", "gzip"), *headers.items()]
    pairs += [] if method in ("GET", "HEAD") else [("Content-Length", "0")]
    sent = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in pairs]
    if parts.username:
        sent.append((b"Authorization", basic(parts.username, parts.password)))
    port = int(parts.port) if parts.port else PORTS[scheme]
    with HttpClient() as client:
        call = Call(method, scheme, host, port, f"{parts.pathname}{parts.search}".encode(), sent)
        return client.send(call, countdown(limit), BUDGET)


_COOKIE = re.compile(r"\s*([!#-'*+.0-9A-Z^-z|~-]+)\s*=\s*([!#-+\--:<-\[\]-~]*)")


def cookies_of(answer: Answer) -> dict[str, str]:
    """The cookies that an answer sets; the last of a name counts, and one that could not be sent back is left out."""
    return {found[1]: found[2] for each in answer.every("set-cookie") if (found := _COOKIE.match(each))}


METADATA_LIMIT = 15.0
"""Seconds for each address, all of its answer."""


def fetch_metadata(urls: Sequence[str]) -> dict[str, Any]:
    """The first metadata that one of some addresses gives. Raises `ProvisionError` if none does."""
    troubles = []
    for url in urls:
        try:
            answer = fetch("GET", url, {"Accept": "application/json"}, METADATA_LIMIT)
        except NoAnswer as error:
            troubles.append(f"  {error.what(url)}")
            continue
        if answer.status != 200:
            troubles.append(f"  {url} answers {answer.status}")
        elif answer.cut:
            troubles.append(f"  {url} sends more than 1 MiB")
        elif isinstance(metadata := answer.json, dict):
            return metadata
        else:
            troubles.append(f"  {url} answers with something other than a JSON object")
    what = "the provider publishes no metadata:"
    raise ProvisionError(what, "pass its issuer, or write the definition by hand", troubles)


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
        host = origin_of(url) or url
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
    """The `Providers` of a check, each host of which is asked at its own pace."""

    def __init__(self) -> None:
        self._pace = Pace()
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

    def _fetched(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        try:
            with self._pace.turn(url):
                return fetch(method, url, headers, LIMIT)
        except NoAnswer as error:
            if error.trouble is not Trouble.UNSENDABLE:
                self._silent.add(origin_of(url))
            place = host_of(url) or "the endpoint"
            raise _explained(error, place, _late(place, LIMIT)) from None

    def exchange(self, request: Request) -> Answer:
        """The answer of a token endpoint to exactly what the stack sends; redirects are followed within its origin."""

        def send(hop: Hop, left: Left) -> Answer:
            with self._pace.turn(hop.origin):
                return _sent(hop, left, BUDGET)

        late = _late(request.place, STACK_LIMIT)
        advice = "check the endpoint"
        return _followed(request, STACK_LIMIT, late, advice, send, lambda hop, other: hop.server == other.server)

    def metadata(self, url: str) -> Mapping[str, Any] | None:
        """What is published at an address, fetched once; ``None`` if it cannot be had."""
        if url not in self._published:
            with self._pace.turn(url):
                if url not in self._published:  # another thread may have asked while this one waited
                    found = None
                    if origin_of(url) not in self._silent:
                        with suppress(ProvisionError):
                            found = fetch_metadata([url])
                    self._published[url] = found
        return self._published[url]


def _late(place: str, limit: float) -> ProvisionError:
    return ProvisionError(f"no answer from {place} within {limit:g} s", "try again later")
