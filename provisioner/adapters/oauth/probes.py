"""Asks the endpoints of providers on behalf of a check: at a pace, within limits of time and size."""

from collections.abc import Mapping
from typing import Any

from provisioner.adapters.http.client import MIB, Answer, Budget
from provisioner.adapters.http.network import seconds
from provisioner.adapters.http.trouble import NoAnswer, Trouble, of_provider
from provisioner.adapters.oauth.discovery import fetch_metadata
from provisioner.adapters.oauth.fetching import cookies_of, fetch
from provisioner.adapters.oauth.pacing import Pace
from provisioner.adapters.oauth.stack_http import send_hop
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
        cookies.update(cookies_of(answer))
        return _read(answer)

    def probe(self, method: str, url: str) -> HttpAnswer:
        """The answer to a request without content; redirects are not followed."""
        return _read(self._fetched(method, url, {"Accept": "application/json"}))

    def exchange(self, request: Request) -> HttpAnswer:
        """The answer of a token endpoint to exactly what the stack sends; redirects are followed within its origin."""
        left = seconds(STACK_LIMIT)
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
