"""The tokens that are kept: a refresh, a list, and an end of them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from provisioner.commands.connect import Send, renewed
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.http_answer import is_private
from provisioner.core.oauth.kept_token import Binding, KeptToken
from provisioner.core.oauth.requests import Client
from provisioner.core.oauth.token_use import revocation_request, userinfo_request

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
    what = f"no refresh token of {id} was given: the stack gives client_id and client_secret to the konnector"
    next = f"see what makes the provider give one: provision catalogue {id}; connect again: provision token {id}"
    return ProvisionError(what, next)


Metadata: TypeAlias = Mapping[str, object]
Publish: TypeAlias = Callable[[Client], Metadata | None]
"""What the provider of an account type publishes about itself (RFC 8414); none if it publishes nothing."""


def userinfo(client: Client, kept: KeptToken, publish: Publish, send: Send) -> bytes:
    """What the provider says of the person whose token it is. Raises `ProvisionError`."""
    url = _published(client, publish, "userinfo_endpoint", "try the token with --curl URL")
    request = userinfo_request(url, kept)
    status, body = send(request)
    if status == 200:
        return body
    if status in (401, 403):
        what = f"{request.place} rejects the token: it answers {status}"
        raise ProvisionError(what, f"refresh it, or connect again with the scope openid: provision token {client.id}")
    raise ProvisionError(f"{request.place} answers {status}", "try again later, or another URL with --curl")


def revoke(client: Client, kept: KeptToken, publish: Publish, send: Send) -> str:
    """End a token at its provider; where that was done. Raises `ProvisionError`."""
    url = _published(client, publish, "revocation_endpoint", "revoke it on the provider's own pages, and use --forget")
    request = revocation_request(url, client, kept)
    status, _ = send(request)
    if status != 200:
        what = f"{request.place} does not revoke the token: it answers {status}"
        raise ProvisionError(what, "revoke it on the provider's own pages; --forget alone deletes it here")
    return request.place


def _published(client: Client, publish: Publish, name: str, otherwise: str) -> str:
    """An endpoint that is published beside the token endpoint of a client: no other one gets its secrets."""
    published = publish(client)
    url = (published or {}).get(name)
    if published is None or not isinstance(url, str) or not is_private(url):
        raise ProvisionError(f"the provider of {client.id} publishes no {name}", otherwise)
    if published.get("token_endpoint") != client.token_endpoint:
        what = f"the provider of {client.id} publishes another token_endpoint: nothing is sent to its {name}"
        raise ProvisionError(what, "compare with provision check --endpoints")
    return url
