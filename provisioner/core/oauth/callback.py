"""The answer that a provider sends through the browser to the redirect URI (RFC 6749, sections 4.1.2 and 4.2.2)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.oauth.answer import Token
from provisioner.core.oauth.requests import CODE_MODES
from provisioner.core.secret import Secret
from provisioner.core.text import printable


@dataclass(frozen=True, slots=True)
class Code:
    """A code to exchange."""

    code: Secret


@dataclass(frozen=True, slots=True)
class Granted:
    """A token at once, as in the implicit modes; from the fragment, where the stack does not see it, or the query."""

    token: Token
    fragment: bool


@dataclass(frozen=True, slots=True)
class Denied:
    """The provider, or the person, said no."""

    why: str


@dataclass(frozen=True, slots=True)
class Stray:
    """No answer to our request: another state, or nothing that we wait for. It is ignored."""

    why: str


Callback: TypeAlias = Code | Granted | Denied | Stray


def read_callback(parameters: Mapping[str, str], state: str, grant_mode: str, *, fragment: bool = False) -> Callback:
    """What the parameters of a redirect mean for the request that was sent with a state.

    With token_redirect_url a missing state is no fault: there the stack never sees one.
    """
    answered = parameters.keys() & {"code", "access_token", "error"}
    if not answered:
        return Stray("it has neither a code nor a token")
    given = parameters.get("state")
    if given is None and not (grant_mode == "token_redirect_url" and "access_token" in parameters):
        return Stray("it has no state")
    if given is not None and not hmac.compare_digest(given.encode(), state.encode()):
        return Stray("its state is not the one that was sent")
    if error := parameters.get("error"):
        description = parameters.get("error_description")
        return Denied(printable(f"{error}: {description}" if description else error))
    if grant_mode in CODE_MODES:
        code = parameters.get("code")
        return Code(Secret(code)) if code and not fragment else Stray("it has no code in its query")
    access = parameters.get("access_token")
    return Granted(_token(access, parameters), fragment) if access else Stray("it has no access_token")


def _token(access: str, parameters: Mapping[str, str]) -> Token:
    seconds = parameters.get("expires_in", "")
    return Token(
        access_token=Secret(access),
        token_type=parameters.get("token_type", ""),
        expires_in=int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 12 else None,
    )
