"""What a provider answers, read exactly as cozy-stack reads it, and the token that is kept from one run to the next.

Sources: ``model/account/type.go``, where ``RequestAccessToken`` and ``RefreshAccount`` decode the answer: exactly 200,
one JSON object, texts for the tokens, an integer for ``expires_in``, no ``error``; Go finds a key whatever its case.
``web/accounts/oauth.go``, ``redirect``, for what comes through the browser to the redirect URI (RFC 6749, sections
4.1.2 and 4.2.2): what the stack overlooks, and a person should know, stands in the `notes` beside it.
"""

import hmac
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from provisioner.core.definitions.account_type import matched
from provisioner.core.definitions.go_url import UrlError, escape_path, parse, raw_bytes, unescaped
from provisioner.core.http import Answer
from provisioner.core.masking import Mask
from provisioner.core.oauth.requests import Client
from provisioner.core.outside_json import Pairs, merged, read_pairs, write
from provisioner.core.secret import Confidential, Json, Secret, revealed
from provisioner.core.text import printable

_STANDARD = ("access_token", "refresh_token", "token_type", "expires_in")
_FIELDS = frozenset((*_STANDARD, "id_token", "error", "error_description"))
_INTEGERS = range(-(2**63), 2**63)
_NANOSECONDS = 10**9


class Token(Struct, frozen=True):
    """What a provider gave. `expires_in` are seconds; `extras` is the rest of its answer, which the stack keeps.

    `access_token` is empty only where a refresh gave none.
    """

    access_token: Secret
    refresh_token: Secret | None = None
    token_type: str | None = None
    expires_in: int | None = None
    extras: Secret = Secret({})


class Refusal(Confidential, frozen=True):
    """An answer that the stack does not take: why, the OAuth `error` in it, and whether a token came anyway.

    `said` is what the provider says itself, never to be shown.
    `connect_again`: after a refresh that fails so, only a new consent helps, and the stack says so to the person.
    """

    why: str
    error: str = ""
    said: str = ""
    token_came: bool = False
    status: int = 200
    connect_again: bool = False


def lifetime(seconds: int) -> timedelta:
    """How long a token is valid for the stack, which counts nanoseconds in 64 bits."""
    wrapped = (seconds * _NANOSECONDS + 2**63) % 2**64 - 2**63
    return timedelta(microseconds=wrapped // 1000)


def read_answer(came: Answer, secrets: Collection[Json | Secret] = (), *, refresh: bool = False) -> Token | Refusal:
    """What the stack makes of the answer to an exchange, or to a `refresh`, in which no token need be.

    As Go decodes it, the last of equal keys counts, and null changes nothing. `secrets` are texts that the refusal
    must not repeat.
    """
    fields: dict[str, Any] = {}
    wrong: dict[str, Any] = {}
    try:
        content = read_pairs(came.body)
    except ValueError:
        content = ()
    for key, value in content if isinstance(content, Pairs) else ():
        if (name := matched(key, _FIELDS)) and value is not None:
            fits = type(value) is int and value in _INTEGERS if name == "expires_in" else isinstance(value, str)
            (fields if fits else wrong)[name] = value
    said = Mask(secrets).clean(_said(fields))
    access = fields.get("access_token") or ("" if refresh else fields.get("id_token", ""))
    why = ""
    if came.status != 200:
        why = f"its status is {came.status}, and not 200" + (f" ({said})" if said else "")
    elif not isinstance(content, Pairs) and not (refresh and content is None):
        why = "it is not a JSON object"
    elif wrong:
        name, value = next(iter(wrong.items()))
        found = write(merged(value)) if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
        why = f"{name} is not a string"
        if name == "expires_in":
            why = f"expires_in is not an integer: {Mask(secrets).clean(found)}"
    elif said:
        why = said
    elif not access and not refresh:
        why = "there is no access_token, and no id_token in its place"
    if why:
        error = fields.get("error", "")
        given = {**wrong, **fields} if isinstance(content, Pairs) else dict(parse_qsl(came.text))
        has_token = bool(given.get("access_token") or given.get("id_token"))
        again = came.status != 200 and not wrong and error in ("invalid_grant", "invalid_token")
        return Refusal(printable(why), error, _said(fields), has_token, came.status, connect_again=again)
    rest, refresh_token = merged(content), fields.get("refresh_token")
    return Token(
        access_token=Secret(access),
        refresh_token=Secret(refresh_token) if refresh_token else None,
        token_type=fields.get("token_type") or None,
        expires_in=fields.get("expires_in") or None,
        extras=Secret({name: rest[name] for name in rest if name not in _STANDARD} if isinstance(rest, dict) else {}),
    )


def _said(given: Mapping[str, str]) -> str:
    """The error of a provider in its own words; empty if it gives none."""
    error, description = given.get("error", ""), given.get("error_description")
    return f"{error}: {description}" if error and description else error


STATELESS = "token_redirect_url"
"""The grant mode in which providers do not send the state back."""

_ROUTE = re.compile(r"/accounts/([^/]+)/redirect")


class Host(Enum):
    """Whose host a callback reaches; elsewhere is no instance, such as oauthcallback.<domain>."""

    INSTANCE = auto()
    OTHER_INSTANCE = auto()
    APP = auto()
    ELSEWHERE = auto()


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
    """There is no token endpoint: the stack keeps the whole query, without the state, for the konnector."""

    query: Secret


class Denied(Struct, frozen=True):
    """The person, or the provider, said no."""

    why: str


class Stray(Struct, frozen=True):
    """No answer to our request, which the stack answers with an error. We go on waiting for the right one."""

    why: str


Callback: TypeAlias = Code | Granted | Unexchanged | Denied | Stray


def read_callback(
    pairs: Sequence[tuple[str, str]],
    state: str,
    client: Client,
    *,
    host: Host = Host.INSTANCE,
    fragment: bool = False,
    awaited: bool = False,
) -> Callback:
    """What the parameters of a callback mean for the request that was sent with a state; checked in the stack's order.

    Of a repeated parameter the first counts. The stack takes a token in the query from anyone, without a state. A
    person who waits for it on this machine (`awaited`) must not get one that some page made up, so that it needs the
    right state there, except in the mode token_redirect_url, in which providers send none back.
    """
    given = dict(reversed(pairs))
    access, said, wrong_state = given.get("access_token", ""), printable(_said(given)), _wrong_state(given, state, host)
    stateless = client.grant_mode == STATELESS and "state" not in given
    if host is Host.APP:
        return Stray("it came to the host of an app")
    if access and host is Host.ELSEWHERE:
        return Stray("a token came to a host without an instance")
    if wrong_state and (fragment or not access or (awaited and not stateless)):
        return Stray(wrong_state)
    if fragment and said:
        return Denied(said)
    if fragment and not access:
        return Stray("it has no access_token, and the part after the # never reaches the stack")
    if fragment:
        seconds = given.get("expires_in", "")
        short = seconds.isascii() and seconds.isdigit() and len(seconds) < 12
        expires_in = int(seconds) if short else None
        return Granted(Token(Secret(access), None, given.get("token_type") or None, expires_in), fragment=True)
    if access:
        return Granted(Token(Secret(access)), notes=tuple(_overlooked(given, state, stateless=stateless)))
    if given.get("error") == "access_denied":
        return Denied(said)
    if not client.token_endpoint:
        kept: defaultdict[str, list[Json]] = defaultdict(list)
        for name, value in pairs:
            if name != "state":
                kept[name].append(value)
        return Unexchanged(Secret(dict(kept)))
    notes = []
    if said:
        notes.append(f"the provider answers {said}, but the stack exchanges the code unless it is access_denied")
    if not given.get("code"):
        notes.append("the answer has no code, and the stack exchanges an empty one")
    return Code(Secret(given.get("code", "")), tuple(notes), said)


def _wrong_state(given: Mapping[str, str], state: str, host: Host = Host.INSTANCE) -> str:
    """Why the state is not ours; empty if it is."""
    sent = given.get("state", "")
    if sent and host is not Host.OTHER_INSTANCE and hmac.compare_digest(raw_bytes(sent), raw_bytes(state)):
        return ""
    return "its state is not the one that was sent" if sent else "it has no state"


def _overlooked(given: Mapping[str, str], state: str, *, stateless: bool) -> Iterator[str]:
    """What the stack overlooks in an answer with a token."""
    if "state" not in given and not stateless:
        yield "the answer has no state, but the stack accepts a token without one, from anyone"
    elif "state" in given and _wrong_state(given, state):
        yield "the state of the answer is not the one that was sent, but the stack accepts the token anyway"
    if error := given.get("error"):
        yield f"the answer has the error {printable(error)} in addition to the token, which the stack accepts"
    if left := [name for name in ("refresh_token", "expires_in", "token_type") if given.get(name)]:
        yield f"the stack keeps the access_token alone, and not {', '.join(left)}"


def account_type_of(path: str) -> str | None:
    """The account type that the path of a callback names, as the stack reads it; none for a path without a route.

    Escapes are undone only if Go would write them so: with ``%71`` for ``q``, no account type is found.
    """
    match = _ROUTE.fullmatch(path)
    if match is None:
        return None
    try:
        plain = unescaped(parse(f"//host{path}").path)
    except UrlError:
        return None
    route = _ROUTE.fullmatch(plain)
    return route[1] if route and escape_path(plain) == path else match[1]


def redirect_note(client: Client) -> str:
    """What to say of an implicit flow whose own redirect URI the stack refuses a token at; empty if it does not."""
    if not client.redirect_uri:
        return ""
    return (
        f"an instance accepts a token only at its own address: unless {printable(client.redirect_uri)} is that of the "
        "instance, connecting from it fails; leave redirect_uri out"
    )


SOON = timedelta(minutes=1)
"""A token with so little time left counts as expired: what starts with it must be able to finish."""


class KeptToken(Token, frozen=True, kw_only=True):
    """The token of an account type, with what it was given for. Without an expiry it is taken for valid.

    It works with nothing else than what it was given for, and its refresh token is sent nowhere else.
    `origin`: scheme, host and port of the token endpoint. `scope`: the requested one, none if none was sent.
    `account`: the name under which it is kept beside others of the account type, empty for the only one.
    `folder`: where it was got.
    """

    id: str
    client_id: str
    origin: str
    scope: str | None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None
    account: str = ""
    folder: str = ""

    @classmethod
    def of(cls, client: Client, scope: str | None, token: Token, now: datetime) -> "KeptToken":
        """A token that has just come for a client and a scope."""
        return cls(
            **asdict(token),
            id=client.id,
            client_id=client.client_id,
            origin=_origin(client.token_endpoint),
            scope=scope or None,
            expires_at=_expiry(token.expires_in, now),
        )

    def refreshed(self, new: Token, now: datetime) -> "KeptToken":
        """The same after a refresh; as in the stack, what does not come stays as it was."""
        return replace(
            self,
            access_token=new.access_token if new.access_token.reveal() else self.access_token,
            refresh_token=new.refresh_token or self.refresh_token,
            expires_in=new.expires_in or self.expires_in,
            expires_at=self.expires_at if new.expires_in is None else _expiry(new.expires_in, now),
        )

    def expired(self, now: datetime) -> bool:
        """Whether it has expired, or soon will."""
        return self.expires_at is not None and self.expires_at <= now + SOON

    def why_not_for(self, client: Client, scope: str | None) -> str:
        """Why it is not for a client as it is defined now, or for a scope; empty if it is."""
        if self.client_id != client.client_id:
            return "was given to another client_id"
        if self.origin != (origin := _origin(client.token_endpoint)):
            place = f"at {origin} now" if origin else "empty now"
            return f"came from {self.origin or 'another token endpoint'}, and token_endpoint is {place}"
        if self.scope != (scope or None):
            return f"has the scope {self.scope or '(none)'}, and this run requests {scope or '(none)'}"
        return ""


def _origin(url: str) -> str:
    """Scheme, host and port of a URL; empty if it is not one."""
    try:
        parts = parse(url)
    except UrlError:
        return ""
    return parts.origin if parts.host else ""


def _expiry(seconds: int | None, now: datetime) -> datetime | None:
    try:
        return None if seconds is None else now + lifetime(seconds)
    except OverflowError:
        return None


def missing_scope(requested: str | None, token: Token) -> list[str]:
    """The parts of a requested scope that the provider says it did not grant (RFC 6749, section 5.1)."""
    extras = token.extras.reveal()
    granted = extras.get("scope") if isinstance(extras, dict) else None
    if isinstance(granted, list) and all(isinstance(each, str) for each in granted):
        granted = " ".join(map(str, granted))
    if requested is None or not isinstance(granted, str):
        return []
    given = set(granted.replace(",", " ").split())
    return [part for part in requested.replace(",", " ").split() if part not in given]


def to_values(kept: KeptToken) -> dict[str, Json]:
    """The JSON object to keep, with its secrets; times are those of ISO 8601."""
    values = {name: revealed(value) for name, value in asdict(kept).items()}
    return {**values, "expires_at": kept.expires_at.isoformat() if kept.expires_at else None}


def shown_values(kept: KeptToken) -> dict[str, Json]:
    """What is printed where somebody asks to see a token, with its secrets: its values, and expires_at (ISO 8601)."""
    values = to_values(kept)
    return {name: values[name] for name in (*Token.__struct_fields__, "expires_at")}


def from_values(values: Mapping[str, Any]) -> KeptToken:
    """The token that was kept. Raises `ValueError` for an object of another shape."""
    return msgspec.convert(values, KeptToken, dec_hook=lambda _, value: Secret(value))
