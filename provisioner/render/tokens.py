"""Kept tokens, as a table or in a form that other programs accept; and the requests for them, without secrets."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from urllib.parse import parse_qsl

from provisioner.core.masking import Mask
from provisioner.core.oauth.hops import Hop
from provisioner.core.oauth.kept_token import KeptToken, shown_values
from provisioner.core.outside_json import merged, read_pairs, write
from provisioner.core.text import printable
from provisioner.render.layout import Paint, plain, table


def as_table(tokens: Sequence[KeptToken], now: datetime, paint: Paint = plain) -> str:
    """One line per token, without any part of the token itself."""
    head = ("ID", "ACCOUNT", "SCOPE", "EXPIRES", "REFRESHES", "FROM")
    return table(head, [_row(each, now) for each in tokens], paint)


def _row(kept: KeptToken, now: datetime) -> tuple[str, ...]:
    expiry = "" if kept.expires_at is None else kept.expires_at.isoformat(timespec="seconds")
    if kept.expired(now):
        expiry += " (expired)"
    refreshes = "no" if kept.token.refresh_token is None else "yes"
    return kept.id, kept.account, kept.binding.scope or "", expiry, refreshes, kept.folder


class TokenFormat(StrEnum):
    """The forms in which a token is printed for other programs."""

    TOKEN = "token"  # noqa: S105  # no secret
    JSON = "json"
    HEADER = "header"
    CURL = "curl"


def as_format(kept: KeptToken, format: TokenFormat) -> str:
    """A token, with its secrets: alone, as JSON, as an Authorization header, or in a command for a POSIX shell."""
    token = str(kept.token.access_token.reveal())
    header = f"Authorization: Bearer {token}"  # RFC 6750, section 2.1
    match format:
        case TokenFormat.TOKEN:
            return token
        case TokenFormat.JSON:
            return write(shown_values(kept), indent=2)
        case TokenFormat.HEADER:
            return header
        case TokenFormat.CURL:
            return f"curl --header {_quoted(header)}"
        case _:
            assert_never(format)


def as_userinfo(body: bytes) -> str:
    """What a provider says about a user: formatted JSON, or the text as received if it is not JSON."""
    try:
        return write(merged(read_pairs(body)), indent=2)
    except ValueError:
        return printable(body.decode(errors="replace"))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_SECRET = frozenset({"access_token", "refresh_token", "id_token", "client_secret", "code", "token", "code_verifier"})
_MASK = "(secret)"
_MAX = 2000


def request_text(hop: Hop, host: str) -> str:
    """A request: its line, its headers, and its form, one line per field."""
    target, headers = hop.url.path or "/", hop.fields(host)
    lines = [f"{hop.method} {hop.origin}{target} HTTP/1.1"]
    lines += [f"{name}: {_MASK if name in ('Authorization', 'Referer') else value}" for name, value in headers]
    lines += [f"  {line}" for line in _form(hop.url.raw_query)]
    lines += [f"  {line}" for line in _form(hop.body.decode("utf-8", "replace"))]
    return "\n".join(f"> {printable(line)}" for line in lines)


def answer_text(status: int, headers: Mapping[str, str], body: bytes, secrets: Collection[str]) -> str:
    """An answer: its status, some headers, and its fields or the start of its text."""
    lines = [f"status {status}"]
    shown = ("content-type", "content-encoding", "location", "retry-after", "www-authenticate")
    known = Mask(secrets)
    lines += [f"{name}: {known.clean(headers[name], _MAX)}" for name in shown if name in headers]
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
            shown = _MASK if name.lower() in _SECRET and value else known.clean(str(value), _MAX)
            yield f"{name}: {shown}"
    elif any(name in body.decode("utf-8", "replace") for name in ("access_token", "id_token", "refresh_token")):
        yield f"{len(body)} bytes that contain a token and are not a JSON object"
    elif body:
        yield known.clean(body.decode("utf-8", "replace"), _MAX)
