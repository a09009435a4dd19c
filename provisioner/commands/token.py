"""Tokens: turn what a provider sent through the browser into one, as the stack would; refresh, try and revoke it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeAlias, assert_never

from msgspec import Struct

from provisioner.core.errors import NoUsableToken, ProvisionError
from provisioner.core.oauth.answers import (
    Callback,
    Code,
    Denied,
    Granted,
    Refusal,
    Renewal,
    Stray,
    Token,
    Unexchanged,
    read_answer,
    read_renewal,
)
from provisioner.core.oauth.complaints import ADVICE, About, complaint_in, is_dead, mentions_pkce
from provisioner.core.oauth.hops import is_private
from provisioner.core.oauth.kept_token import Binding, KeptToken, revocation_request, userinfo_request
from provisioner.core.oauth.requests import Client, Send, refresh_request, token_request


class Attempt(Struct, frozen=True):
    """One flow as it was started: the redirect URI, the state and the nonce (empty: none) that it has."""

    redirect_uri: str
    state: str
    nonce: str = ""


def token_of(client: Client, callback: Callback, attempt: Attempt, send: Send) -> Token:
    """The token of a callback; a code is exchanged for it. Raises `ProvisionError`."""
    match callback:
        case Code():
            return _exchanged(client, callback, attempt, send)
        case Granted():
            return callback.token
        case Unexchanged():
            what = f"{client.id} has no token_endpoint: the stack exchanges nothing, and keeps the code for the "
            what += "konnector"
            next = "let the konnector exchange it, or write a token_endpoint into the definition"
            raise ProvisionError(what, next)
        case Denied():
            next = "sign in again and agree; if you did, the provider does not let this person use the client: "
            next += "add them as a test user, or ask for an administrator's consent"
            complaint = complaint_in(callback.why)
            if complaint and complaint.about in (About.PKCE, About.SCOPE):
                next = ADVICE[complaint.about]
            raise ProvisionError(f"the provider refused: {callback.why}", next)
        case Stray():
            what = f"this is not the answer to the address above: {callback.why}"
            raise ProvisionError(what, "open the address above, sign in there, and try again")
        case _:
            assert_never(callback)


def renewed(client: Client, refresh_token: str, send: Send) -> Renewal:
    """What a refresh token gives. Raises `ProvisionError`; `NoUsableToken` if the provider no longer accepts it."""
    if not client.token_endpoint:
        raise ProvisionError(f"{client.id} has no token_endpoint to refresh at", "write it into the definition")
    came = send(refresh_request(client, refresh_token))
    answer = read_renewal(came, [*client.secrets, refresh_token])
    if isinstance(answer, Renewal):
        return answer
    if answer.connect_again or is_dead(answer.said):
        what = f"the provider no longer accepts the refresh token: {answer.why}"
        if not answer.connect_again:
            what += "; from this answer, an instance cannot tell that the user must connect again"
        raise NoUsableToken(what, f"sign in again: provision token {client.id}")
    raise _refused(client, answer)


def _exchanged(client: Client, callback: Code, attempt: Attempt, send: Send) -> Token:
    code = str(callback.code.reveal())
    came = send(token_request(client, attempt.redirect_uri, code, attempt.state, attempt.nonce))
    answer = read_answer(came, [*client.secrets, code])
    if isinstance(answer, Token):
        return answer
    if callback.error:
        what = f"the provider refused: {callback.error}"
        next = "check the client, its redirect URI and scope"
        if mentions_pkce(callback.error):
            next = ADVICE[About.PKCE]
        raise ProvisionError(
            f"{what} (the stack ignores that); {client.token_place} returned no token: {answer.why}", next
        )
    raise _refused(client, answer)


def _refused(client: Client, refusal: Refusal) -> ProvisionError:
    """The error for an answer that the stack does not take."""
    if refusal.token_came:
        what = f"a token came, but cozy-stack would not accept the answer of {client.token_place}: {refusal.why}"
        return ProvisionError(
            what, "no option of the account type changes that: ask the provider, or use another grant mode"
        )
    what = f"{client.token_place} returned no token: {refusal.why}"
    return ProvisionError(what, _advice(client, refusal))


def _advice(client: Client, refusal: Refusal) -> str:
    if refusal.status == 429:
        return "the provider limits the number of requests: wait, and try again; nothing is wrong with the definition"
    if mentions_pkce(refusal.said):
        return ADVICE[About.PKCE]
    match refusal.error:
        case "invalid_client" | "unauthorized_client":
            return f"check client_id, client_secret and token_mode ({client.token_mode})"
        case "invalid_grant":
            return "check that the redirect URI is the registered one, and sign in again: a code works only once"
        case _ if refusal.status >= 500:
            return "the provider returned a server error: try again later"
        case _:
            return f"check token_endpoint and token_mode ({client.token_mode})"


Clock: TypeAlias = Callable[[], datetime]


class Wanted(Struct, frozen=True):
    """The token that somebody asks for: of which account, and with which scope (none: any; empty: without one)."""

    client: Client
    account: str = ""
    scope: str | None = None


class Usable(Struct, frozen=True):
    """A kept token that works. `before` is the one that it replaces, none if nothing had to be refreshed."""

    kept: KeptToken
    before: KeptToken | None = None


def usable(
    wanted: Wanted,
    kept_of: Callable[[str, str], KeptToken],
    keep: Callable[[KeptToken], None],
    locked: Callable[[str, str], AbstractContextManager[None]],
    send: Send,
    now: Clock,
) -> Usable:
    """The kept token, refreshed and kept again if it has expired.

    `kept_of` gives the token of an account type under the name of an account, `locked` the right to refresh it, which
    one run has at a time. Raises `NoUsableToken` if the user has to sign in, and `ProvisionError` for other trouble.

    One run at a time refreshes: a provider may take each refresh token once, and take a second use for theft. A run
    that has waited for another one takes what that one got.
    """
    id, account = wanted.client.id, wanted.account
    seen = _of_this_client(kept_of(id, account), wanted)
    if not seen.expired(now()):
        return Usable(seen)
    with locked(id, account):
        kept = _of_this_client(kept_of(id, account), wanted)
        if kept != seen and not kept.expired(now()):
            return Usable(kept, seen)
        if kept.token.refresh_token is None:
            raise NoUsableToken(f"the kept token of {id} has expired, and came without a refresh token")
        renewal = renewed(wanted.client, str(kept.token.refresh_token.reveal()), send)
        new = kept.refreshed(renewal, now())
        keep(new)
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
    answer = send(request)
    if answer.status == 200:
        return answer.body
    if answer.status in (401, 403):
        what = f"{request.place} rejects the token: it answers {answer.status}"
        next = f"sign in again with the scope openid: provision token {client.id} --new --scope openid"
        raise ProvisionError(what, next)
    raise ProvisionError(f"{request.place} answers {answer.status}", "try again later, or another URL: --print curl")


def revoke(client: Client, kept: KeptToken, publish: Publish, send: Send) -> str:
    """Revoke a token at its provider, and return the place that did it. Raises `ProvisionError`."""
    url = _published(client, publish, "revocation_endpoint", "revoke it on the provider's own pages, and use --forget")
    request = revocation_request(url, client, kept)
    status = send(request).status
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
