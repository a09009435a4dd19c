"""Sends requests to token endpoints, as the HTTP client of cozy-stack does."""

import logging
import ssl
import time

import httpx

from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.requests import LIMIT, Request
from provisioner.core.text import printable

MOST_BYTES = 1024 * 1024
MOST_REDIRECTS = 10

_GO = {"User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"}
"""Some providers answer by the program that asks; theirs is the stack's, not ours."""

_LOG = logging.getLogger("provisioner.http")


def send(request: Request) -> tuple[int, bytes]:
    """The status and the body of an answer. Raises `ProvisionError` where there is none."""
    shown = request.place
    started = time.monotonic()
    try:
        with httpx.Client(timeout=LIMIT, max_redirects=MOST_REDIRECTS, follow_redirects=True) as client:
            answer = client.send(_built(client, request), stream=True)
            body = _read(answer)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _trouble(shown, error) from None
    _LOG.debug("%s %s: %s in %.0f ms", request.method, shown, answer.status_code, 1000 * (time.monotonic() - started))
    return answer.status_code, body


def _built(client: httpx.Client, request: Request) -> httpx.Request:
    """The request with the headers of the stack, and none of httpx's own but those that HTTP wants."""
    built = client.build_request(request.method, request.url, headers=_GO, content=request.body or None)
    for name in ("Accept", "Connection"):
        built.headers.pop(name, None)
    built.headers.update(request.headers)
    return built


def _read(answer: httpx.Response) -> bytes:
    body = b""
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise ValueError("it answers more than 1 MiB")
    return body


def _trouble(shown: str, error: Exception) -> ProvisionError:
    if isinstance(error, httpx.TimeoutException):
        return ProvisionError(f"no answer from {shown} within {LIMIT:g} s, as long as the stack waits", "try again")
    if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        what = f"no TLS connection to {shown}: {printable(str(error))}"
        return ProvisionError(what, "name the authority that signed its certificate in SSL_CERT_FILE")
    if isinstance(error, httpx.ConnectError):
        return ProvisionError(f"nobody answers at {shown}: {printable(str(error))}", "check token_endpoint")
    return ProvisionError(f"the request to {shown} failed: {printable(str(error))}", "check token_endpoint")
