"""The answer that a provider sends through the browser to the redirect URI (RFC 6749, sections 4.1.2 and 4.2.2).

It is read as cozy-stack reads it (``web/accounts/oauth.go``, ``redirect``). What the stack overlooks, and a person
should know, stands in the `notes` beside it.
"""

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from provisioner.core.definitions.go_url import UrlError, escape_path, parse, raw_bytes
from provisioner.core.oauth.answer import Token
from provisioner.core.oauth.requests import Client
from provisioner.core.secret import Json, Secret
from provisioner.core.text import printable

STATELESS = "token_redirect_url"
"""The grant mode in which providers do not send the state back."""

_ROUTE = re.compile(r"/accounts/([^/]+)/redirect")


class Host(StrEnum):
    """Whose host a callback reaches."""

    INSTANCE = "the instance that started the flow"
    OTHER_INSTANCE = "another instance"
    APP = "an app of an instance"
    ELSEWHERE = "no instance, such as oauthcallback.<domain>"


@dataclass(frozen=True, slots=True)
class Code:
    """A code to exchange; it may be empty. `error`: what the provider says, and the stack does not look at."""

    code: Secret
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """A token at once, as in the implicit modes; from the fragment, where the stack does not see it, or the query."""

    token: Token
    fragment: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unexchanged:
    """There is no token endpoint: the stack keeps the whole query for the konnector, but for the state."""

    query: Secret


@dataclass(frozen=True, slots=True)
class Denied:
    """The person, or the provider, said no."""

    why: str


@dataclass(frozen=True, slots=True)
class Stray:
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
        return Denied(_said(given))
    if not client.token_endpoint:
        return Unexchanged(Secret(_kept(pairs)))
    return Code(Secret(given.get("code", "")), tuple(_of_code(given)), _said(given) if given.get("error") else "")


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
        f"a Cozy accepts a token only at its own address: unless {printable(client.redirect_uri)} is that of the "
        "instance, connecting from a Cozy fails; leave redirect_uri out"
    )


def _in_fragment(given: Mapping[str, str], state: str, access: str) -> Callback:
    if why := _of_state(given, state, Host.INSTANCE):
        return Stray(why)
    if given.get("error"):
        return Denied(_said(given))
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
            yield "the answer has no state; the stack accepts a token without one, from anyone"
    elif not hmac.compare_digest(raw_bytes(given["state"]), raw_bytes(state)):
        yield "the state of the answer is not the one that was sent; the stack accepts the token anyway"
    if error := given.get("error"):
        yield f"the answer has the error {printable(error)} beside the token; the stack accepts the token"
    if left := [name for name in ("refresh_token", "expires_in", "token_type") if given.get(name)]:
        yield f"the stack keeps the access_token alone, and not {', '.join(left)}"


def _of_code(given: Mapping[str, str]) -> Iterator[str]:
    if given.get("error"):
        yield f"the provider answers {_said(given)}; the stack stops only at access_denied, and exchanges the code"
    if not given.get("code"):
        yield "the answer has no code; the stack exchanges an empty one"


def _kept(pairs: Sequence[tuple[str, str]]) -> dict[str, Json]:
    kept: dict[str, list[Json]] = {}
    for name, value in pairs:
        if name != "state":
            kept.setdefault(name, []).append(value)
    return dict(kept)


def _said(given: Mapping[str, str]) -> str:
    error, description = given.get("error", ""), given.get("error_description")
    return printable(f"{error}: {description}" if description else error)
