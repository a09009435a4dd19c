"""Asks an address of a provider as a browser or a library does: one request, within limits of time and of size."""

import re
from collections.abc import Mapping

from provisioner.adapters.http.client import MIB, Answer, Budget, Call, Client, basic
from provisioner.adapters.http.network import seconds
from provisioner.adapters.http.trouble import NoAnswer, Trouble

BUDGET = Budget(MIB, cut=True)
"""What is read of a page: the rest of a longer one is left."""

_COOKIE = re.compile(r"\s*([!#-'*+.0-9A-Z^-z|~-]+)\s*=\s*([!#-+\--:<-\[\]-~]*)")


def fetch(method: str, url: str, headers: Mapping[str, str], limit: float) -> Answer:
    """The answer to a request without content; redirects are not followed.

    `limit`: seconds from the look-up of the name to the last byte that is read. Raises `NoAnswer`.
    """
    with Client() as client:
        return client.send(_call(method, url, headers), seconds(limit), BUDGET)


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
