"""Requests to a provider and its answers, for people to read, without secrets."""

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import parse_qsl

from provisioner.core.oauth.go_json import merged, read_pairs
from provisioner.core.oauth.hops import Hop
from provisioner.core.oauth.redaction import redacted
from provisioner.core.text import printable

_SECRET = frozenset({"access_token", "refresh_token", "id_token", "client_secret", "code", "token", "code_verifier"})
_MASK = "(secret)"
_MOST = 2000


def request(hop: Hop, host: str) -> str:
    """A request: its line, its headers, and its form, one line per field."""
    head, _, body = hop.lines(host).partition(b"\r\n\r\n")
    first, *headers = head.decode("utf-8", "replace").split("\r\n")
    method, target, version = first.split(" ", 1)[0], hop.url.path or "/", "HTTP/1.1"
    lines = [f"{method} {hop.origin}{target} {version}", *(_header(line) for line in headers)]
    lines += [f"  {line}" for line in _form(hop.url.raw_query)]
    lines += [f"  {line}" for line in _form(body.decode("utf-8", "replace"))]
    return "\n".join(f"> {printable(line)}" for line in lines)


def answer(status: int, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> str:
    """An answer: its status, some headers, and its fields or the start of its text."""
    lines = [f"status {status}"]
    shown = ("content-type", "content-encoding", "location", "retry-after", "www-authenticate")
    lines += [f"{name}: {redacted(headers[name], secrets)}" for name in shown if name in headers]
    lines += [f"  {line}" for line in _content(body, secrets)]
    return "\n".join(f"< {printable(line)}" for line in lines)


def _header(line: str) -> str:
    name, colon, _ = line.partition(":")
    return f"{name}: {_MASK}" if colon and name in ("Authorization", "Referer") else line


def _form(text: str) -> Iterator[str]:
    for name, value in parse_qsl(text, keep_blank_values=True):
        yield f"{name}={_MASK if name in _SECRET and value else value}"


def _content(body: bytes, secrets: Collection[str]) -> Iterator[str]:
    try:
        content = merged(read_pairs(body))
    except ValueError:
        content = None
    if isinstance(content, dict):
        for name, value in content.items():
            shown = _MASK if name.lower() in _SECRET and value else redacted(str(value), secrets)
            yield f"{name}: {shown[:_MOST]}"
    elif any(name in body.decode("utf-8", "replace") for name in ("access_token", "id_token", "refresh_token")):
        yield f"{len(body)} bytes that contain a token and are not a JSON object"
    elif body:
        yield redacted(body.decode("utf-8", "replace"), secrets)[:_MOST]
