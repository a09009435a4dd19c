"""What a provider answers, read exactly as cozy-stack reads it.

Source: ``model/account/type.go``, where ``RequestAccessToken`` and ``RefreshAccount`` decode the answer: exactly 200,
one JSON object, texts for the tokens, an integer for ``expires_in``, no ``error``. Go finds a key whatever its case.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from provisioner.core.definitions.account_type import matched
from provisioner.core.http import Answer
from provisioner.core.masking import Mask
from provisioner.core.outside_json import Pairs, merged, read_pairs, write
from provisioner.core.secret import Json, Secret
from provisioner.core.text import printable

_TEXTS = ("access_token", "refresh_token", "id_token", "token_type", "error", "error_description")
_STANDARD = ("access_token", "refresh_token", "token_type", "expires_in")
_FIELDS = frozenset((*_TEXTS, "expires_in"))
_INTEGERS = range(-(2**63), 2**63)
_NANOSECONDS = 10**9

CONNECT_AGAIN = frozenset({"invalid_grant", "invalid_token"})
"""Errors of a refresh after which only a new consent helps: the stack then says so to the person."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a provider gave. `expires_in` are seconds; `extras` is the rest of its answer, which the stack keeps."""

    access_token: Secret
    refresh_token: Secret | None = None
    token_type: str = ""
    expires_in: int | None = None
    extras: Secret = field(default_factory=lambda: Secret({}))


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a refresh changes: a token that does not come stays as it was."""

    access_token: Secret | None
    refresh_token: Secret | None
    expires_in: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the stack does not take: why, the OAuth `error` in it, and whether a token came nonetheless.

    `said` is what the provider says itself, never to be shown.
    `connect_again`: for a refresh, the stack asks the person to connect again.
    """

    why: str
    error: str = ""
    said: str = field(default="", repr=False, compare=False)
    token_came: bool = False
    status: int = 200
    connect_again: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as it is decoded: its JSON, the fields that Go finds in it, and those of a wrong type."""

    content: Any
    fields: Mapping[str, Any]
    wrong: Mapping[str, Any]

    @property
    def is_object(self) -> bool:
        return isinstance(self.content, Pairs)

    @property
    def said(self) -> str:
        error, description = self.text("error"), self.text("error_description")
        return f"{error}: {description}" if error and description else error

    def text(self, name: str) -> str:
        return str(self.fields.get(name, ""))


def lifetime(seconds: int) -> timedelta:
    """How long a token is valid for the stack, which counts nanoseconds in 64 bits."""
    wrapped = (seconds * _NANOSECONDS + 2**63) % 2**64 - 2**63
    return timedelta(microseconds=wrapped // 1000)


def read_answer(came: Answer, secrets: Collection[Json | Secret] = ()) -> Token | Refusal:
    """What the stack makes of the answer to an exchange. `secrets` are texts that the refusal must not repeat."""
    answer = _decoded(came.body)
    troubles = _troubles(came.status, answer, Mask(secrets).clean)
    access = answer.text("access_token") or answer.text("id_token")
    why = next(troubles, None) or ("" if access else "there is no access_token, and no id_token in its place")
    if why:
        return _refusal(came, answer, why)
    extras = merged(answer.content)
    assert isinstance(extras, dict)
    refresh = answer.text("refresh_token")
    return Token(
        access_token=Secret(access),
        refresh_token=Secret(refresh) if refresh else None,
        token_type=answer.text("token_type"),
        expires_in=answer.fields.get("expires_in") or None,
        extras=Secret({name: value for name, value in extras.items() if name not in _STANDARD}),
    )


def read_renewal(came: Answer, secrets: Collection[Json | Secret] = ()) -> Renewal | Refusal:
    """What the stack makes of the answer to a refresh: an answer without any token is fine with it."""
    answer = _decoded(came.body)
    troubles = _troubles(came.status, answer, Mask(secrets).clean, null_is_empty=True)
    if why := next(troubles, None):
        return _refusal(came, answer, why)
    access, refresh = answer.text("access_token"), answer.text("refresh_token")
    return Renewal(
        access_token=Secret(access) if access else None,
        refresh_token=Secret(refresh) if refresh else None,
        expires_in=answer.fields.get("expires_in") or None,
    )


def _refusal(came: Answer, answer: _Answer, why: str) -> Refusal:
    error = answer.fields.get("error", "")
    given = {**answer.wrong, **answer.fields} if answer.is_object else dict(parse_qsl(came.text))
    has_token = bool(given.get("access_token") or given.get("id_token"))
    again = came.status != 200 and not answer.wrong and error in CONNECT_AGAIN
    return Refusal(printable(why), error, answer.said, has_token, came.status, connect_again=again)


def _troubles(
    status: int, answer: _Answer, clean: Callable[[str], str], *, null_is_empty: bool = False
) -> Iterator[str]:
    """Why the stack does not take an answer, in its order. `clean` takes the secrets out of a text."""
    said = clean(answer.said)
    if status != 200:
        yield f"its status is {status}, and not 200" + (f" ({said})" if said else "")
    if not answer.is_object and not (null_is_empty and answer.content is None):
        yield "it is not a JSON object"
    for name, value in answer.wrong.items():
        if name == "expires_in":
            yield f"expires_in is not an integer: {clean(_shown(value))}"
        else:
            yield f"{name} is not a string"
    if said:
        yield said


def _decoded(body: bytes) -> _Answer:
    """An answer as Go decodes it: the last of equal keys counts, null changes nothing, a wrong type stays wrong."""
    try:
        content = read_pairs(body)
    except ValueError:
        return _Answer((), {}, {})
    fields: dict[str, Any] = {}
    wrong: dict[str, Any] = {}
    for key, value in content if isinstance(content, Pairs) else ():
        name = matched(key, _FIELDS)
        if name is None or value is None:
            continue
        (fields if _fits(name, value) else wrong)[name] = value
    return _Answer(content, fields, wrong)


def _fits(name: str, value: Any) -> bool:
    if name == "expires_in":
        return isinstance(value, int) and not isinstance(value, bool) and value in _INTEGERS
    return isinstance(value, str)


def _shown(value: Any) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "a number that is too large"
    held: Json = merged(value) if isinstance(value, list) else value
    return write(held)
