"""Kept tokens, as a table or in a form that other programs accept; and the requests for them, without secrets."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from shlex import quote
from urllib.parse import parse_qsl

from provisioner.core.definitions.url import header_host
from provisioner.core.http import Answer
from provisioner.core.masking import Mask
from provisioner.core.oauth.answers import KeptToken, shown_values
from provisioner.core.oauth.requests import Hop
from provisioner.core.outside_json import merged, read_pairs, write
from provisioner.core.text import printable
from provisioner.render.layout import Paint, plain, table


def as_table(tokens: Sequence[KeptToken], now: datetime, paint: Paint = plain) -> str:
    """One line per token, without any part of the token itself."""
    rows = []
    for kept in tokens:
        expiry = kept.expires_at.isoformat(timespec="seconds") if kept.expires_at else ""
        expired = " (expired)" if kept.expired(now) else ""
        refreshes = "yes" if kept.refresh_token else "no"
        rows.append((kept.id, kept.account, kept.scope or "", expiry + expired, refreshes, kept.folder))
    return table(("ID", "ACCOUNT", "SCOPE", "EXPIRES", "REFRESHES", "FROM"), rows, paint)


class TokenFormat(StrEnum):
    """The forms in which a token is printed for other programs."""

    TOKEN = "token"  # noqa: S105  # no secret
    JSON = "json"
    HEADER = "header"
    CURL = "curl"


def as_format(kept: KeptToken, format: TokenFormat) -> str:
    """A token, with its secrets: alone, as JSON, as an Authorization header, or in a command for a POSIX shell."""
    token = str(kept.access_token.reveal())
    header = f"Authorization: Bearer {token}"  # RFC 6750, section 2.1
    forms: dict[TokenFormat, Callable[[], str]] = {
        TokenFormat.TOKEN: lambda: token,
        TokenFormat.JSON: lambda: write(shown_values(kept), indent=2),
        TokenFormat.HEADER: lambda: header,
        TokenFormat.CURL: lambda: f"curl --header {quote(header)}",
    }
    return forms[format]()


def as_userinfo(body: bytes) -> str:
    """What a provider says about a user: formatted JSON, or the text as received if it is not JSON."""
    try:
        return write(merged(read_pairs(body)), indent=2)
    except ValueError:
        return printable(body.decode(errors="replace"))


_HIDDEN = frozenset({"access_token", "refresh_token", "id_token", "client_secret", "code", "token", "code_verifier"})
_HIDDEN_HEADERS = frozenset({"Authorization", "Referer"})
_MASK = "(secret)"
_MAX = 2000


def request_text(hop: Hop) -> str:
    """A request: its line, its headers, and its form, one line per field."""
    headers = hop.fields(header_host(hop.url))
    lines = [f"{hop.method} {hop.origin}{hop.url.path or '/'} HTTP/1.1"]
    lines += [f"{name}: {_MASK if name in _HIDDEN_HEADERS else value}" for name, value in headers]
    for form in (hop.url.raw_query, hop.body.decode("utf-8", "replace")):
        fields = parse_qsl(form, keep_blank_values=True)
        lines += [f"  {name}={_MASK if name in _HIDDEN and value else value}" for name, value in fields]
    return "\n".join(f"> {printable(line)}" for line in lines)


_SHOWN = ("content-type", "content-encoding", "location", "retry-after", "www-authenticate")


def answer_text(answer: Answer, secret: str) -> str:
    """An answer: its status, some headers, and its fields or the start of its text, without the client's secret."""
    known, text = Mask([secret]), answer.text
    shown = ((name, value) for name in _SHOWN for value in answer.every(name)[:1])
    lines = [f"status {answer.status}", *(f"{name}: {known.clean(value, _MAX)}" for name, value in shown)]
    try:
        content = merged(read_pairs(answer.body))
    except ValueError:
        content = None
    if isinstance(content, dict):
        for name, value in content.items():
            masked = name.lower() in _HIDDEN and value
            lines.append(f"  {name}: {_MASK if masked else known.clean(str(value), _MAX)}")
    elif any(name in text for name in ("access_token", "id_token", "refresh_token")):
        lines.append(f"  {len(answer.body)} bytes that contain a token and are not a JSON object")
    elif answer.body:
        lines.append(f"  {known.clean(text, _MAX)}")
    return "\n".join(f"< {printable(line)}" for line in lines)
