"""What a provider answers, read exactly as cozy-stack reads it: at its token endpoint, and through the browser.

Sources: ``model/account/type.go``, where ``RequestAccessToken`` and ``RefreshAccount`` decode the answer: exactly 200,
one JSON object, texts for the tokens, an integer for ``expires_in``, no ``error``; Go finds a key whatever its case.
``web/accounts/oauth.go``, ``redirect``, for what comes to the redirect URI (RFC 6749, sections 4.1.2 and 4.2.2): what
the stack overlooks, and a person should know, stands in the `notes` beside it.
"""

import hmac
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from msgspec import Struct

from provisioner.core.definitions.account_type import matched
from provisioner.core.definitions.go_url import UrlError, escape_path, parse, raw_bytes
from provisioner.core.http import Answer
from provisioner.core.masking import Mask
from provisioner.core.oauth.requests import Client
from provisioner.core.outside_json import Pairs, merged, read_pairs, write
from provisioner.core.secret import Confidential, Json, Secret
from provisioner.core.text import printable

_TEXTS = ("access_token", "refresh_token", "id_token", "token_type", "error", "error_description")
_STANDARD = ("access_token", "refresh_token", "token_type", "expires_in")
_FIELDS = frozenset((*_TEXTS, "expires_in"))
_INTEGERS = range(-(2**63), 2**63)
_NANOSECONDS = 10**9

CONNECT_AGAIN = frozenset({"invalid_grant", "invalid_token"})
"""Errors of a refresh after which only a new consent helps: the stack then says so to the person."""


class Token(Struct, frozen=True):
    """What a provider gave. `expires_in` are seconds; `extras` is the rest of its answer, which the stack keeps."""

    access_token: Secret
    refresh_token: Secret | None = None
    token_type: str = ""
    expires_in: int | None = None
    extras: Secret = Secret({})


class Renewal(Struct, frozen=True):
    """What a refresh changes: a token that does not come stays as it was."""

    access_token: Secret | None
    refresh_token: Secret | None
    expires_in: int | None


class Refusal(Confidential, frozen=True):
    """An answer that the stack does not take: why, the OAuth `error` in it, and whether a token came nonetheless.

    `said` is what the provider says itself, never to be shown.
    `connect_again`: for a refresh, the stack asks the person to connect again.
    """

    why: str
    error: str = ""
    said: str = ""
    token_came: bool = False
    status: int = 200
    connect_again: bool = False


class _Answer(Struct, frozen=True):
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


STATELESS = "token_redirect_url"
"""The grant mode in which providers do not send the state back."""

_ROUTE = re.compile(r"/accounts/([^/]+)/redirect")


class Host(StrEnum):
    """Whose host a callback reaches."""

    INSTANCE = "the instance that started the flow"
    OTHER_INSTANCE = "another instance"
    APP = "an app of an instance"
    ELSEWHERE = "no instance, such as oauthcallback.<domain>"


class Code(Struct, frozen=True):
    """A code to exchange; it may be empty. `error`: what the provider says, and the stack does not look at."""

    code: Secret
    notes: tuple[str, ...] = ()
    error: str = ""


class Granted(Struct, frozen=True):
    """A token at once, as in the implicit modes; from the fragment, where the stack does not see it, or the query."""

    token: Token
    fragment: bool = False
    notes: tuple[str, ...] = ()


class Unexchanged(Struct, frozen=True):
    """There is no token endpoint: the stack keeps the whole query for the konnector, but for the state."""

    query: Secret


class Denied(Struct, frozen=True):
    """The person, or the provider, said no."""

    why: str


class Stray(Struct, frozen=True):
    """No answer to our request, which the stack answers with an error. We go on waiting for the right one."""

    why: str


Callback: TypeAlias = Code | Granted | Unexchanged | Denied | Stray
Parameters: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


def read_callback(
    parameters: Parameters, state: str, client: Client, *, host: Host = Host.INSTANCE, fragment: bool = False
) -> Callback:
    """What the parameters of a callback mean for the request that was sent with a state.

    Of a repeated parameter the first counts. A token in the query counts without a state, as in the stack.
    """
    pairs = list(parameters.items() if isinstance(parameters, Mapping) else parameters)
    given = dict(reversed(pairs))
    access = given.get("access_token", "")
    if fragment:
        return _in_fragment(given, state, access)
    if why := _unwanted(given, state, host):
        return Stray(why)
    if access:
        return Granted(Token(Secret(access)), notes=tuple(_of_token(given, state, client.grant_mode)))
    if given.get("error") == "access_denied":
        return Denied(_error_in(given))
    if not client.token_endpoint:
        return Unexchanged(Secret(_kept(pairs)))
    return Code(Secret(given.get("code", "")), tuple(_of_code(given)), _error_in(given) if given.get("error") else "")


def read_own_callback(parameters: Parameters, state: str, client: Client, *, fragment: bool = False) -> Callback:
    """What the parameters of a callback mean for a person who waits for it here: a token needs the right state, too.

    The stack takes a token from anyone, but whoever waits on this machine must not get one that some page made up. Only
    in the mode token_redirect_url providers send no state back.
    """
    pairs = list(parameters.items() if isinstance(parameters, Mapping) else parameters)
    callback = read_callback(pairs, state, client, fragment=fragment)
    given = dict(reversed(pairs))
    stateless = client.grant_mode == STATELESS and "state" not in given
    why = "" if stateless or not isinstance(callback, Granted) else _of_state(given, state, Host.INSTANCE)
    return Stray(why) if why else callback


def account_type_of(path: str) -> str | None:
    """The account type that the path of a callback names, as the stack reads it; none for a path without a route.

    Escapes are undone only if Go would write them so: with ``%71`` for ``q``, no account type is found.
    """
    match = _ROUTE.fullmatch(path)
    if match is None:
        return None
    try:
        plain = parse(f"//host{path}")
    except UrlError:
        return None
    unescaped = plain.unescaped_path()
    route = _ROUTE.fullmatch(unescaped)
    return route[1] if escape_path(unescaped) == path and route else match[1]


def redirect_note(client: Client) -> str:
    """What to say of an implicit flow whose own redirect URI the stack refuses a token at; empty if it does not."""
    if not client.redirect_uri:
        return ""
    return (
        f"an instance accepts a token only at its own address: unless {printable(client.redirect_uri)} is that of the "
        "instance, connecting from it fails; leave redirect_uri out"
    )


def _in_fragment(given: Mapping[str, str], state: str, access: str) -> Callback:
    if why := _of_state(given, state, Host.INSTANCE):
        return Stray(why)
    if given.get("error"):
        return Denied(_error_in(given))
    if not access:
        return Stray("it has no access_token, and the part after the # never reaches the stack")
    seconds = given.get("expires_in", "")
    short = seconds.isascii() and seconds.isdigit() and len(seconds) < 12
    token = Token(Secret(access), token_type=given.get("token_type", ""), expires_in=int(seconds) if short else None)
    return Granted(token, fragment=True)


def _unwanted(given: Mapping[str, str], state: str, host: Host) -> str:
    """Why the stack answers with an error, or nothing."""
    if host is Host.APP:
        return "it came to the host of an app"
    if given.get("access_token"):
        return "a token came to a host without an instance" if host is Host.ELSEWHERE else ""
    return _of_state(given, state, host)


def _of_state(given: Mapping[str, str], state: str, host: Host) -> str:
    """Why the state is not ours, or nothing."""
    sent = given.get("state", "")
    if not sent:
        return "it has no state"
    if host is Host.OTHER_INSTANCE or not hmac.compare_digest(raw_bytes(sent), raw_bytes(state)):
        return "its state is not the one that was sent"
    return ""


def _of_token(given: Mapping[str, str], state: str, grant_mode: str) -> Iterator[str]:
    if "state" not in given:
        if grant_mode != STATELESS:
            yield "the answer has no state, but the stack accepts a token without one, from anyone"
    elif not hmac.compare_digest(raw_bytes(given["state"]), raw_bytes(state)):
        yield "the state of the answer is not the one that was sent, but the stack accepts the token anyway"
    if error := given.get("error"):
        yield f"the answer has the error {printable(error)} in addition to the token, which the stack accepts"
    if left := [name for name in ("refresh_token", "expires_in", "token_type") if given.get(name)]:
        yield f"the stack keeps the access_token alone, and not {', '.join(left)}"


def _of_code(given: Mapping[str, str]) -> Iterator[str]:
    if given.get("error"):
        yield f"the provider answers {_error_in(given)}, but the stack exchanges the code unless it is access_denied"
    if not given.get("code"):
        yield "the answer has no code, and the stack exchanges an empty one"


def _kept(pairs: Sequence[tuple[str, str]]) -> dict[str, Json]:
    kept: dict[str, list[Json]] = {}
    for name, value in pairs:
        if name != "state":
            kept.setdefault(name, []).append(value)
    return dict(kept)


def _error_in(given: Mapping[str, str]) -> str:
    error, description = given.get("error", ""), given.get("error_description")
    return printable(f"{error}: {description}" if description else error)
