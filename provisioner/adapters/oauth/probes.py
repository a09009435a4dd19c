"""Asks the endpoints of providers for a first answer."""

import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from provisioner.adapters.oauth.discovery import fetch_metadata
from provisioner.adapters.oauth.pacing import Pace
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.discovery import OAUTH, OPENID
from provisioner.core.oauth.health import Reply
from provisioner.core.text import printable

LIMIT = 10.0
"""Seconds for an answer."""


class EndpointProbe:
    """Asks, at a pace that suits each host; what a host publishes is fetched once."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._client = httpx.Client(timeout=LIMIT, headers={"Accept": "text/html, application/json"})
        self._published: dict[str, Mapping[str, Any] | None] = {}

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def probe(self, method: str, url: str) -> Reply:
        """The first answer of an endpoint; redirects are not followed. Raises `ProvisionError` where there is none."""
        try:
            with self._pace.turn(url), self._client.stream(method, url) as response:
                kind = response.headers.get("Content-Type", "")
                return Reply(response.status_code, "html" in kind, _days_left(response))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _trouble(error) from None

    def discover(self, url: str) -> Mapping[str, Any] | None:
        """The metadata published at the host of a URL, where it is that host's own."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._pace.turn(origin):
            if origin not in self._published:
                self._published[origin] = _metadata(origin)
            return self._published[origin]


def _metadata(origin: str) -> Mapping[str, Any] | None:
    try:
        metadata = fetch_metadata([origin + OPENID, origin + OAUTH])
    except ProvisionError:
        return None
    return metadata if str(metadata.get("issuer", "")).rstrip("/") == origin else None


def _days_left(response: httpx.Response) -> float | None:
    """The days until the certificate of a connection ends; none without TLS."""
    connection = response.extensions["network_stream"].get_extra_info("ssl_object")
    if connection is None:
        return None
    end: str = connection.getpeercert()["notAfter"]
    return (ssl.cert_time_to_seconds(end) - time.time()) / 86400


def _trouble(error: Exception) -> ProvisionError:
    if isinstance(error, httpx.TimeoutException):
        return ProvisionError(f"no answer within {LIMIT:g} s", "try again later")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return ProvisionError(f"its certificate is not valid: {printable(str(error))}", "ask the provider")
    return ProvisionError(f"no answer: {printable(str(error)) or type(error).__name__}", "check its host and its path")
