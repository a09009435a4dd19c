"""One HTTP request to a provider, within a total limit of time and of size, whatever the provider does."""

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import httpx

MOST_BYTES = 1024 * 1024
"""What is read of an answer: the rest of a longer one is left."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; `cookies` are those that it sets, `days_left` those of its certificate (``None``: no TLS).

    `cut`: the body is longer than `MOST_BYTES`, and only its beginning is here.
    """

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    days_left: float | None = None
    cut: bool = False


def fetch(method: str, url: str, headers: Mapping[str, str], limit: float) -> Fetched:
    """The answer to a request without content; redirects are not followed.

    `limit`: seconds from the name look-up to the last byte that is read. Raises `TimeoutError`, `ValueError`,
    `httpx.HTTPError` or `httpx.InvalidURL`.
    """
    with ThreadPoolExecutor(1) as pool:  # a loop of its own, whatever runs in the thread of the caller
        return pool.submit(lambda: asyncio.run(_fetched(method, url, headers, limit))).result()


async def _fetched(method: str, url: str, headers: Mapping[str, str], limit: float) -> Fetched:
    context = _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    async with (
        asyncio.timeout(limit),
        httpx.AsyncClient(timeout=None, verify=context) as client,  # noqa: S113  # the limit stands above
        client.stream(method, url, headers=headers) as answer,
    ):
        days_left = _days_left(answer)  # the connection may be gone once the body is read
        body = b""
        async for chunk in answer.aiter_bytes(64 * 1024):
            body += chunk
            if len(body) > MOST_BYTES:
                break
        cut = len(body) > MOST_BYTES
        return Fetched(answer.status_code, answer.headers, body[:MOST_BYTES], dict(answer.cookies), days_left, cut)


@cache
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:  # noqa: ARG001  # what httpx reads
    """The authorities that are trusted, read once for each place that they come from."""
    return httpx.create_ssl_context()


def _days_left(answer: httpx.Response) -> float | None:
    """The days until the certificate of a connection ends; none without TLS."""
    connection = answer.extensions["network_stream"].get_extra_info("ssl_object")
    if connection is None:
        return None
    end: str = connection.getpeercert()["notAfter"]
    return (ssl.cert_time_to_seconds(end) - time.time()) / 86400
