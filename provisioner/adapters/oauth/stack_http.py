"""Sends a request as the HTTP client of cozy-stack does: the same bytes, to the same host.

Go speaks HTTP/2 with a server that offers it over TLS; the content of a request is the same there.
"""

import re

from provisioner.adapters.http.client import Answer, Budget, Call, Client
from provisioner.adapters.http.network import Left
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.core.definitions.url import dialled, header_host
from provisioner.core.oauth.hops import Hop

_UNSENDABLE = re.compile(rb"[^\x21-\x7e]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What Go refuses in a header, and h11 takes."""


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
    try:
        host, name = header_host(url), dialled(url.hostname)
    except UnicodeError:
        name = None
    if name is None:
        raise NoAnswer(Trouble.UNSENDABLE, "its host is not a name of DNS")
    headers = [(name.encode(), _bytes(value)) for name, value in hop.fields(host)]
    return Call(hop.method, url.scheme, name, port, target, headers, hop.body or None)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
