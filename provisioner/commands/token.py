"""The tokens that are kept: a refresh, a list, and an end of them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from provisioner.commands.connect import Send, renewed
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.kept_token import Binding, KeptToken
from provisioner.core.oauth.requests import Client

Clock: TypeAlias = Callable[[], datetime]


class Tokens(Protocol):
    """Where tokens are kept, each under an account type and the name of an account (empty: the only one)."""

    def kept(self, id: str, account: str) -> KeptToken:
        """A token. Raises `ProvisionError` if there is none, or one that cannot be read."""

    def keep(self, kept: KeptToken) -> None:
        """Keep a token in place of an earlier one. Raises `ProvisionError`."""

    def locked(self, id: str, account: str) -> AbstractContextManager[None]:
        """The right to refresh a token, which one run has at a time. Raises `ProvisionError`."""

    def every(self) -> Sequence[KeptToken]:
        """All tokens that can be read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The token that somebody asks for: of which account, with which scope (none: any), and how fresh."""

    client: Client
    account: str = ""
    scope: str | None = None
    only_if_expired: bool = False


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A token, and the access token that it had before, if it has another one now."""

    kept: KeptToken
    before: KeptToken


def refresh(wanted: Wanted, tokens: Tokens, send: Send, now: Clock) -> Refreshed:
    """The kept token, refreshed and kept again. Raises `ProvisionError`.

    One run at a time refreshes: a provider may take each refresh token once, and take a second use for theft. A run
    that has waited for another one takes what that one got.
    """
    id, account = wanted.client.id, wanted.account
    seen = _of_this_client(tokens.kept(id, account), wanted)
    if wanted.only_if_expired and not seen.expired(now()):
        return Refreshed(seen, seen)
    with tokens.locked(id, account):
        kept = _of_this_client(tokens.kept(id, account), wanted)
        if kept != seen and not kept.expired(now()):
            return Refreshed(kept, seen)
        if kept.token.refresh_token is None:
            raise _no_refresh_token(id)
        renewal = renewed(wanted.client, str(kept.token.refresh_token.reveal()), send)
        new = kept.refreshed(renewal, now())
        tokens.keep(new)
    return Refreshed(new, seen)


def _of_this_client(kept: KeptToken, wanted: Wanted) -> KeptToken:
    """The token, if it was given for what the definition says now: nobody else gets its refresh token."""
    now = Binding.of(wanted.client, wanted.scope)
    if wanted.client.token_endpoint and (difference := kept.binding.difference(now)):
        what = f"the kept token of {wanted.client.id} {difference}"
        next = f"connect again: provision token {wanted.client.id}; --account NAME keeps several side by side"
        raise ProvisionError(what, next)
    return kept


def _no_refresh_token(id: str) -> ProvisionError:
    what = f"no refresh token of {id} was given: the stack hands client_id and client_secret to the konnector"
    next = f"see what makes the provider give one: provision catalogue {id}; connect again: provision token {id}"
    return ProvisionError(what, next)


def revocation(client: Client, kept: KeptToken) -> Mapping[str, str]:
    """The form that revokes a token (RFC 7009, section 2.1); it holds secrets.

    The refresh token, if there is one: with it, a provider ends the access tokens too.
    """
    refresh_token = kept.token.refresh_token
    token = kept.token.access_token if refresh_token is None else refresh_token
    kind = "access_token" if refresh_token is None else "refresh_token"
    return {
        "token": str(token.reveal()),
        "token_type_hint": kind,
        "client_id": client.client_id,
        "client_secret": str(client.client_secret.reveal()),
    }
