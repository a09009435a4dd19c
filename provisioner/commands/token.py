"""Kept tokens: use one, refreshed if it has expired; ask its provider whose it is; revoke it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from provisioner.commands.connect import Send, renewed
from provisioner.core.errors import NoUsableToken, ProvisionError
from provisioner.core.oauth.hops import is_private
from provisioner.core.oauth.kept_token import Binding, KeptToken, revocation_request, userinfo_request
from provisioner.core.oauth.requests import Client

Clock: TypeAlias = Callable[[], datetime]


class Tokens(Protocol):
    """Where tokens are kept, each under an account type and the name of an account (empty: the only one)."""

    def kept(self, id: str, account: str) -> KeptToken:
        """A token. Raises `NoUsableToken` if there is none, or one that cannot be read."""

    def keep(self, kept: KeptToken) -> None:
        """Keep a token in place of an earlier one. Raises `ProvisionError`."""

    def locked(self, id: str, account: str) -> AbstractContextManager[None]:
        """The right to refresh a token, which one run has at a time. Raises `ProvisionError`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The token that somebody asks for: of which account, and with which scope (none: any; empty: without one)."""

    client: Client
    account: str = ""
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Usable:
    """A kept token that works. `before` is the one that it replaces, none if nothing had to be refreshed."""

    kept: KeptToken
    before: KeptToken | None = None


def usable(wanted: Wanted, tokens: Tokens, send: Send, now: Clock) -> Usable:
    """The kept token, refreshed and kept again if it has expired.

    Raises `NoUsableToken` if the user has to sign in, and `ProvisionError` for other trouble.

    One run at a time refreshes: a provider may take each refresh token once, and take a second use for theft. A run
    that has waited for another one takes what that one got.
    """
    id, account = wanted.client.id, wanted.account
    seen = _of_this_client(tokens.kept(id, account), wanted)
    if not seen.expired(now()):
        return Usable(seen)
    with tokens.locked(id, account):
        kept = _of_this_client(tokens.kept(id, account), wanted)
        if kept != seen and not kept.expired(now()):
            return Usable(kept, seen)
        if kept.token.refresh_token is None:
            raise NoUsableToken(f"the kept token of {id} has expired, and came without a refresh token")
        renewal = renewed(wanted.client, str(kept.token.refresh_token.reveal()), send)
        new = kept.refreshed(renewal, now())
        tokens.keep(new)
    return Usable(new, seen)


def _of_this_client(kept: KeptToken, wanted: Wanted) -> KeptToken:
    """The token, if it was given for what the definition says: its refresh token is sent nowhere else."""
    now = Binding.of(wanted.client, kept.binding.scope if wanted.scope is None else wanted.scope)
    if difference := kept.binding.difference(now):
        what = f"the kept token of {wanted.client.id} {difference}; --account NAME keeps several side by side"
        raise NoUsableToken(what)
    return kept


Metadata: TypeAlias = Mapping[str, object]
Publish: TypeAlias = Callable[[Client], Metadata | None]
"""What the provider of an account type publishes about itself (RFC 8414); none if it publishes nothing."""


def userinfo(client: Client, kept: KeptToken, publish: Publish, send: Send) -> bytes:
    """What the provider says about the person whose token it is. Raises `ProvisionError`."""
    url = _published(client, publish, "userinfo_endpoint", "try the token at another URL: --print curl")
    request = userinfo_request(url, kept)
    status, body = send(request)
    if status == 200:
        return body
    if status in (401, 403):
        what = f"{request.place} rejects the token: it answers {status}"
        next = f"sign in again with the scope openid: provision token {client.id} --new --scope openid"
        raise ProvisionError(what, next)
    raise ProvisionError(f"{request.place} answers {status}", "try again later, or another URL: --print curl")


def revoke(client: Client, kept: KeptToken, publish: Publish, send: Send) -> str:
    """Revoke a token at its provider, and return the place that did it. Raises `ProvisionError`."""
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
