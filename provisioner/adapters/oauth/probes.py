"""Asks the endpoints of providers on behalf of a check: at a pace, within limits of time and size."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from provisioner.adapters.oauth.discovery import fetch_metadata
from provisioner.adapters.oauth.go_answer import NoAnswer, decoded
from provisioner.adapters.oauth.go_http import exchange, host_header
from provisioner.adapters.oauth.limited_http import MOST_BYTES, Fetched, fetch
from provisioner.adapters.oauth.pacing import Pace
from provisioner.adapters.oauth.tls import tls_trouble
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.hops import Hop, RedirectFails
from provisioner.core.oauth.http_answer import HttpAnswer, host, origin
from provisioner.core.oauth.requests import LIMIT as STACK_LIMIT
from provisioner.core.oauth.requests import Request

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
        cookies.update(answer.cookies)
        return _read(answer)

    def probe(self, method: str, url: str) -> HttpAnswer:
        """The answer to a request without content; redirects are not followed."""
        return _read(self._fetched(method, url, {"Accept": "application/json"}))

    def exchange(self, request: Request) -> HttpAnswer:
        """The answer of a token endpoint to exactly what the stack sends; redirects are followed within its origin."""
        deadline = time.monotonic() + STACK_LIMIT
        hop = first = Hop.first(request)
        try:
            while True:
                with self._pace.turn(hop.origin):
                    answer = exchange(hop.url, hop.lines(host_header(hop.url)), deadline)
                location = answer.headers.get("location", "")
                next = hop.after(answer.status, location)
                if next is None or next.origin != first.origin:
                    kind = answer.headers.get("content-type", "")
                    body = decoded(answer)[:MOST_BYTES]
                    return HttpAnswer(answer.status, kind, body, answer.headers.get("location"))
                hop = next
        except TimeoutError:
            what = f"no answer from {request.place} within {STACK_LIMIT:g} s"
            raise ProvisionError(what, "try again later") from None
        except (OSError, NoAnswer, RedirectFails, UnicodeError) as error:
            raise _trouble(request.place, error) from None

    def metadata(self, url: str) -> Mapping[str, Any] | None:
        """What is published at an address, fetched once; ``None`` if it cannot be had."""
        with self._pace.turn(url):
            if url not in self._published:
                self._published[url] = self._metadata(url)
            return self._published[url]

    def _metadata(self, url: str) -> Mapping[str, Any] | None:
        if origin(url) in self._silent:
            return None
        try:
            return fetch_metadata([url])
        except ProvisionError:
            return None

    def _fetched(self, method: str, url: str, headers: Mapping[str, str]) -> Fetched:
        place = host(url) or "the endpoint"
        try:
            with self._pace.turn(url):
                return fetch(method, url, headers, LIMIT)
        except (TimeoutError, httpx.TimeoutException):
            self._silent.add(origin(url))
            raise ProvisionError(f"no answer from {place} within {LIMIT:g} s", "try again later") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            if isinstance(error, httpx.TransportError):
                self._silent.add(origin(url))
            raise _trouble(place, error) from None


def _read(answer: Fetched) -> HttpAnswer:
    headers = answer.headers
    return HttpAnswer(
        answer.status, headers.get("Content-Type", ""), answer.body, headers.get("Location"), answer.days_left
    )


def _trouble(place: str, error: Exception) -> ProvisionError:
    if trouble := tls_trouble(place, error):
        return trouble
    why = str(error) or type(error).__name__
    return ProvisionError(f"no answer from {place}: {why}", "check the host and the path of the endpoint")
