"""Asks providers as a browser or a library does: at a pace, within limits of time and size."""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from provisioner.adapters.http.client import MIB, Answer, Budget, Call, HttpClient, basic
from provisioner.adapters.http.network import countdown
from provisioner.adapters.http.trouble import NoAnswer, Trouble, of_provider
from provisioner.adapters.oauth.token_endpoint import send_hop
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.hops import Hop, HttpAnswer, RedirectFails, host, origin
from provisioner.core.oauth.requests import LIMIT as STACK_LIMIT
from provisioner.core.oauth.requests import Request
from provisioner.core.outside_json import read_json

BUDGET = Budget(MIB, cut=True)
"""What is read of a page: the rest of a longer one is left."""

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
    port = int(parts.port) if parts.port else 443 if scheme == "https" else 80
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
            what, _ = of_provider(error, url)
            troubles.append(what)
        except ValueError as error:
            troubles.append(f"{url} {error}")
    what = "the provider publishes no metadata:"
    raise ProvisionError(what, "name its issuer, or write the definition by hand", (f"  {each}" for each in troubles))


def _fetch(url: str) -> dict[str, Any]:
    answer = fetch("GET", url, {"Accept": "application/json"}, METADATA_LIMIT)
    if answer.status != 200:
        raise ValueError(f"answers {answer.status}")
    if answer.cut:
        raise ValueError("answers more than 1 MiB")
    try:
        metadata = read_json(answer.body)
    except ValueError:
        metadata = None
    if isinstance(metadata, dict):
        return metadata
    raise ValueError("answers something else than a JSON object")


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

    def page(self, url: str, cookies: dict[str, str]) -> HttpAnswer:
        """The answer that a browser with these cookies gets; those that it sets are put among them."""
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer = self._fetched("GET", url, {**_BROWSER, **({"Cookie": sent} if sent else {})})
        cookies.update(cookies_of(answer))
        return _read(answer)

    def probe(self, method: str, url: str) -> HttpAnswer:
        """The answer to a request without content; redirects are not followed."""
        return _read(self._fetched(method, url, {"Accept": "application/json"}))

    def exchange(self, request: Request) -> HttpAnswer:
        """The answer of a token endpoint to exactly what the stack sends; redirects are followed within its origin."""
        left = countdown(STACK_LIMIT)
        hop = first = Hop.first(request)
        try:
            while True:
                with self._pace.turn(hop.origin):
                    answer = send_hop(hop, left, Budget(MIB, cut=True))
                next = hop.after(answer.status, answer.header("location") or "")
                if next is None or next.server != first.server:
                    return _read(answer)
                hop = next
        except (NoAnswer, RedirectFails) as error:
            raise _trouble(request.place, STACK_LIMIT, error) from None

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
            raise _trouble(host(url) or "the endpoint", LIMIT, error) from None


def _read(answer: Answer) -> HttpAnswer:
    kind = answer.header("content-type") or ""
    return HttpAnswer(answer.status, kind, answer.body, answer.header("location"), answer.days_left)


def _trouble(place: str, limit: float, error: NoAnswer | RedirectFails) -> ProvisionError:
    if isinstance(error, RedirectFails):
        return ProvisionError(f"the request to {place} failed: {error}", "check the endpoint")
    if error.trouble is Trouble.TIME:
        return ProvisionError(f"no answer from {place} within {limit:g} s", "try again later")
    return ProvisionError(*of_provider(error, place))
