"""What a provider answers, read as strictly as cozy-stack reads it.

Source: ``model/account/type.go``, where ``RequestAccessToken`` and ``RefreshAccount`` decode the answer: exactly 200,
one JSON object, texts for the tokens, an integer for ``expires_in``, no ``error``. Go finds a key whatever its case.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from provisioner.core.secret import Secret
from provisioner.core.text import printable

_TEXTS = ("access_token", "refresh_token", "id_token", "token_type", "error", "error_description")
_STANDARD = ("access_token", "refresh_token", "token_type", "expires_in")
_INTEGERS = range(-(2**63), 2**63)

CONNECT_AGAIN = frozenset({"invalid_grant", "invalid_token"})
"""Errors of a refresh that only a new consent mends."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a provider gave. `expires_in` are seconds; `extras` is the rest of its answer, which the stack keeps."""

    access_token: Secret
    refresh_token: Secret | None = None
    token_type: str = ""
    expires_in: int | None = None
    extras: Secret = field(default_factory=lambda: Secret({}))


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the stack does not take: why, the OAuth `error` in it, and whether a token came nonetheless."""

    why: str
    error: str = ""
    token_came: bool = False


def read_answer(status: int, body: bytes, secrets: Collection[str] = ()) -> Token | Refusal:
    """What the stack makes of an answer. `secrets` are texts that the refusal must not repeat."""
    text = body.decode(errors="replace")
    content, fields = _decoded(text)
    came = _token_came(text, fields)
    for why in _troubles(status, content, fields, secrets):
        error = fields.get("error")
        return Refusal(why, error if isinstance(error, str) else "", came)
    refresh = fields.get("refresh_token")
    return Token(
        access_token=Secret(fields.get("access_token") or fields["id_token"]),
        refresh_token=Secret(refresh) if refresh else None,
        token_type=fields.get("token_type", ""),
        expires_in=fields.get("expires_in") or None,
        extras=Secret({name: value for name, value in content.items() if name not in _STANDARD}),
    )


def _troubles(status: int, content: Any, fields: Mapping[str, Any], secrets: Collection[str]) -> Iterator[str]:
    """Why the stack does not take an answer, in the order in which it looks."""
    said = _clean(_said(fields), secrets)
    if status != 200:
        yield f"its status is {status}, and not 200" + (f" ({said})" if said else "")
    if not isinstance(content, dict):
        yield "it is not a JSON object"
    for name in _TEXTS:
        if not isinstance(fields.get(name, ""), str):
            yield f"{name} is not a string"
    expires = fields.get("expires_in", 0)
    if isinstance(expires, bool) or not isinstance(expires, int) or expires not in _INTEGERS:
        yield f"expires_in is not an integer: {_clean(json.dumps(expires), secrets)}"
    if said:
        yield said
    if not (fields.get("access_token") or fields.get("id_token")):
        yield "there is no access_token, and no id_token in its place"


def _decoded(text: str) -> tuple[Any, Mapping[str, Any]]:
    """The JSON of an answer, and its fields by their names in lower case, without nulls."""
    try:
        content = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None, {}
    fields = content if isinstance(content, dict) else {}
    return content, {name.lower(): _whole(value) for name, value in fields.items() if value is not None}


def _no_number(constant: str) -> Any:
    raise ValueError(constant)


def _whole(value: Any) -> Any:
    """A text without halves of characters, which Go replaces by U+FFFD."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


def _token_came(text: str, fields: Mapping[str, Any]) -> bool:
    """Whether there is a token in the answer, also in one that is a form."""
    given = fields or dict(parse_qsl(text))
    return bool(given.get("access_token") or given.get("id_token"))


def _said(fields: Mapping[str, Any]) -> str:
    """The OAuth error of an answer with its description (RFC 6749, section 5.2), or nothing."""
    error, description = fields.get("error"), fields.get("error_description")
    return f"{error}: {description}" if error and description else str(error or "")


def _clean(text: str, secrets: Collection[str]) -> str:
    """What the provider says, on one line, without a secret that it repeats."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "(secret)")
    return printable(text)
