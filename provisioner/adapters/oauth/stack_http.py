"""Sends a request as the HTTP client of cozy-stack does: the same bytes, to the same host.

Go speaks HTTP/2 with a server that offers it over TLS; the content of a request is the same there.
"""

import re
from urllib.parse import urlsplit

from provisioner.adapters.http.client import Answer, Budget, Call, Client
from provisioner.adapters.http.network import Left
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.core.definitions.go_url import GoUrl
from provisioner.core.oauth.hops import Hop

_UNSENDABLE = re.compile(rb"[^\x21-\x7e]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What Go refuses in a header, and h11 takes."""

_ZONE = re.compile(r"%[^]]*")


def host_header(url: GoUrl) -> str:
    """The host of a URL as the request names it: Go encodes it label by label, and maps nothing."""
    host = _ZONE.sub("", url.host) if url.host.startswith("[") else url.host
    host = host.removesuffix(":")
    if host.isascii():
        return host
    name, colon, port = host.partition(":")
    try:
        labels = [each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in name.split(".")]
    except UnicodeError:
        raise NoAnswer(Trouble.UNSENDABLE, "its host is not a name of DNS") from None
    return ".".join(labels) + colon + port


def send_hop(hop: Hop, left: Left, budget: Budget) -> Answer:
    """The answer to one request, over a connection of its own. Raises `NoAnswer`."""
    with Client() as client:
        answer = client.send(call_of(hop), left, budget)
    if any(_CONTROL.search(value) for _, value in answer.headers):
        raise NoAnswer(Trouble.UNREADABLE, "malformed header")
    return answer


def call_of(hop: Hop) -> Call:
    """The request. Raises `NoAnswer` for one that cannot be sent."""
    url = hop.url
    port = url.port or (443 if url.scheme == "https" else 80)
    if url.port == 0 or port > 65535:
        raise NoAnswer(Trouble.UNSENDABLE, f"invalid port {url.port}")
    # h11 takes visible ASCII alone; Go sends the bytes of a query as they are, and servers read both alike
    target = _UNSENDABLE.sub(lambda byte: b"%%%02X" % byte[0][0], _bytes(url.request_uri()))
    headers = [(name.encode(), _bytes(value)) for name, value in hop.fields(host_header(url))]
    return Call(hop.method, url.scheme, _dialled(url.hostname), port, target, headers, hop.body or None)


def _dialled(name: str) -> str:
    """The name that is looked up: mapped as browsers map it."""
    if name.isascii():
        return name
    import ada_url  # a binary library, and most hosts are plain

    try:
        mapped = urlsplit(ada_url.URL(f"http://{name}/").href).hostname
    except ValueError:
        mapped = None
    if not mapped:
        raise NoAnswer(Trouble.UNSENDABLE, "its host is not a name of DNS")
    return mapped


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
