"""Requests to a provider and its answers, for people to read, without secrets."""

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import parse_qsl

from provisioner.core.masking import Mask
from provisioner.core.oauth.go_json import merged, read_pairs
from provisioner.core.oauth.hops import Hop
from provisioner.core.text import printable

_SECRET = frozenset({"access_token", "refresh_token", "id_token", "client_secret", "code", "token", "code_verifier"})
_MASK = "(secret)"
_MOST = 2000


def request(hop: Hop, host: str) -> str:
    """A request: its line, its headers, and its form, one line per field."""
    target, headers = hop.url.path or "/", hop.fields(host)
    lines = [f"{hop.method} {hop.origin}{target} HTTP/1.1"]
    lines += [f"{name}: {_MASK if name in ('Authorization', 'Referer') else value}" for name, value in headers]
    lines += [f"  {line}" for line in _form(hop.url.raw_query)]
    lines += [f"  {line}" for line in _form(hop.body.decode("utf-8", "replace"))]
    return "\n".join(f"> {printable(line)}" for line in lines)


def answer(status: int, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> str:
    """An answer: its status, some headers, and its fields or the start of its text."""
    lines = [f"status {status}"]
    shown = ("content-type", "content-encoding", "location", "retry-after", "www-authenticate")
    known = Mask(secrets)
    lines += [f"{name}: {known.clean(headers[name], _MOST)}" for name in shown if name in headers]
    lines += [f"  {line}" for line in _content(body, known)]
    return "\n".join(f"< {printable(line)}" for line in lines)


def _form(text: str) -> Iterator[str]:
    for name, value in parse_qsl(text, keep_blank_values=True):
        yield f"{name}={_MASK if name in _SECRET and value else value}"


def _content(body: bytes, known: Mask) -> Iterator[str]:
    try:
        content = merged(read_pairs(body))
    except ValueError:
        content = None
    if isinstance(content, dict):
        for name, value in content.items():
            shown = _MASK if name.lower() in _SECRET and value else known.clean(str(value), _MOST)
            yield f"{name}: {shown}"
    elif any(name in body.decode("utf-8", "replace") for name in ("access_token", "id_token", "refresh_token")):
        yield f"{len(body)} bytes that contain a token and are not a JSON object"
    elif body:
        yield known.clean(body.decode("utf-8", "replace"), _MOST)
