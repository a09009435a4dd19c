"""Asks the endpoints of providers on behalf of a check: at a pace, within limits of time and size."""

import ssl
import time
from collections.abc import Mapping
from typing import Any

import httpx

from provisioner.adapters.oauth.discovery import MOST_BYTES, fetch_metadata
from provisioner.adapters.oauth.pacing import Pace
from provisioner.adapters.oauth.tls import tls_trouble
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.http_answer import HttpAnswer, host, origin
from provisioner.core.oauth.requests import Request
from provisioner.core.text import printable

LIMIT = 10.0
"""Seconds for one answer, all of it."""

MOST_HOPS = 5

_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en"}


class RealProviders:
    """The `Providers` of a check, over connections that are closed in the end."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._client = httpx.Client(timeout=LIMIT)
        self._published: dict[str, Mapping[str, Any] | None] = {}
        self._silent: set[str] = set()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def page(self, url: str, cookies: dict[str, str]) -> HttpAnswer:
        """The answer that a browser with these cookies gets; those that it sets are put among them."""
        headers = dict(_BROWSER)
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer, given = self._answer("GET", url, headers, b"")
        cookies.update(given)
        return answer

    def probe(self, method: str, url: str) -> HttpAnswer:
        """The answer to a request without content; redirects are not followed."""
        return self._answer(method, url, {"Accept": "application/json"}, b"")[0]

    def exchange(self, request: Request) -> HttpAnswer:
        """The answer of a token endpoint; redirects are followed within its origin, in the manner of Go's client."""
        method, url, body, headers = str(request.method), request.url, request.body, dict(request.headers)
        for _ in range(MOST_HOPS):
            answer, _ = self._answer(method, url, {"User-Agent": "Go-http-client/1.1", **headers}, body)
            target = answer.target(url)
            if target is None or origin(target) != origin(request.url):
                return answer
            if answer.status in (301, 302, 303):
                method, body = "GET", b""
                headers.pop("Content-Type", None)
            url = target
        raise ProvisionError(f"{request.place} redirects again and again", "check token_endpoint")

    def metadata(self, url: str) -> Mapping[str, Any] | None:
        """What is published at an address, fetched once; ``None`` if it cannot be had."""
        with self._pace.turn(url):
            if url not in self._published:
                self._published[url] = self._fetched(url)
            return self._published[url]

    def _fetched(self, url: str) -> Mapping[str, Any] | None:
        if origin(url) in self._silent:
            return None
        try:
            return fetch_metadata([url])
        except ProvisionError:
            return None

    def _answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[HttpAnswer, Mapping[str, str]]:
        """The first answer to a request, and the cookies that it sets."""
        try:
            with self._pace.turn(url):
                self._client.cookies.clear()
                built = self._client.build_request(method, url, headers=headers, content=body or None)
                if "Accept" not in headers:
                    built.headers.pop("Accept", None)
                answer = self._client.send(built, stream=True)
                try:
                    days_left = _days_left(answer)  # the connection may be gone once the body is read
                    content = _beginning(answer, time.monotonic() + LIMIT)
                    return _read(answer, content, days_left), dict(answer.cookies)
                finally:
                    answer.close()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            if isinstance(error, httpx.TransportError):
                self._silent.add(origin(url))
            raise _trouble(url, error) from None


def _read(answer: httpx.Response, content: bytes, days_left: float | None) -> HttpAnswer:
    return HttpAnswer(
        answer.status_code,
        answer.headers.get("Content-Type", ""),
        content,
        answer.headers.get("Location"),
        days_left,
    )


def _beginning(answer: httpx.Response, end: float) -> bytes:
    """The first MiB of a body, or what comes of it in time."""
    content = b""
    for chunk in answer.iter_bytes(64 * 1024):
        content += chunk
        if len(content) > MOST_BYTES:
            break
        if time.monotonic() > end:
            raise httpx.ReadTimeout("")
    return content[:MOST_BYTES]


def _days_left(response: httpx.Response) -> float | None:
    """The days until the certificate of a connection ends; none without TLS."""
    connection = response.extensions["network_stream"].get_extra_info("ssl_object")
    if connection is None:
        return None
    end: str = connection.getpeercert()["notAfter"]
    return (ssl.cert_time_to_seconds(end) - time.time()) / 86400


def _trouble(url: str, error: Exception) -> ProvisionError:
    place = printable(host(url) or "the endpoint")
    if isinstance(error, httpx.TimeoutException):
        return ProvisionError(f"no answer from {place} within {LIMIT:g} s", "try again later")
    if trouble := tls_trouble(place, error):
        return trouble
    why = printable(str(error)) or type(error).__name__
    return ProvisionError(f"no answer from {place}: {why}", "check the host and the path of the endpoint")
