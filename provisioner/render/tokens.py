"""Kept tokens, as a table or in a form that other programs accept."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from provisioner.core.oauth.go_json import merged, read_pairs, write
from provisioner.core.oauth.kept_token import KeptToken, shown_values
from provisioner.core.text import printable
from provisioner.render.paint import Paint, plain
from provisioner.render.table import table


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
