"""Tokens: turn what a provider sent through the browser into one, as the stack would; refresh, try and revoke it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from msgspec import Struct

from provisioner.core.definitions.go_url import parse, write_query
from provisioner.core.errors import NoUsableToken, ProvisionError
from provisioner.core.oauth.answers import (
    Callback,
    Code,
    Denied,
    Granted,
    KeptToken,
    Refusal,
    Stray,
    Token,
    Unexchanged,
    read_answer,
)
from provisioner.core.oauth.complaints import ADVICE, About, complaint_in, is_dead, mentions_pkce
from provisioner.core.oauth.requests import (
    FORM,
    Client,
    Request,
    Send,
    TokenMode,
    basic,
    is_private,
    refresh_request,
    token_request,
)

if TYPE_CHECKING:  # only what tries or revokes a token asks for metadata
    from provisioner.core.oauth.endpoints import Fetch


class Attempt(Struct, frozen=True):
    """One flow as it was started: the redirect URI, the state and the nonce (empty: none) that it has."""

    redirect_uri: str
    state: str
    nonce: str = ""


def token_of(client: Client, callback: Callback, attempt: Attempt, send: Send) -> Token:
    """The token of a callback; a code is exchanged for it. Raises `ProvisionError`."""
    match callback:
        case Granted():
            return callback.token
        case Code():
            code = str(callback.code.reveal())
            came = send(token_request(client, attempt.redirect_uri, code, attempt.state, attempt.nonce))
            answer = read_answer(came, [*client.secrets, code])
            if isinstance(answer, Token):
                return answer
            if not callback.error:
                raise _refused(client, answer)
            what = f"the provider refused: {callback.error} (the stack ignores that); {client.token_place}"
            pkce = mentions_pkce(callback.error)
            next = ADVICE[About.PKCE] if pkce else "check the client, its redirect URI and scope"
            raise ProvisionError(f"{what} returned no token: {answer.why}", next)
        case Unexchanged():
            what = "the stack exchanges nothing, and keeps the code for the konnector"
            what = f"{client.id} has no token_endpoint: {what}"
            next = "let the konnector exchange it, or write a token_endpoint into the definition"
        case Denied():
            what = f"the provider refused: {callback.why}"
            next = "sign in again and agree; if you did, the provider does not let this person use the client: "
            next += "add them as a test user, or ask for an administrator's consent"
            complaint = complaint_in(callback.why)
            if complaint and complaint.about in (About.PKCE, About.SCOPE):
                next = ADVICE[complaint.about]
        case Stray():
            what = f"this is not the answer to the address above: {callback.why}"
            next = "open the address above, sign in there, and try again"
        case _:
            assert_never(callback)
    raise ProvisionError(what, next)


def renewed(client: Client, refresh_token: str, send: Send) -> Token:
    """What a refresh token gives. Raises `ProvisionError`; `NoUsableToken` if the provider no longer accepts it."""
    if not client.token_endpoint:
        raise ProvisionError(f"{client.id} has no token_endpoint to refresh at", "write it into the definition")
    came = send(refresh_request(client, refresh_token))
    answer = read_answer(came, [*client.secrets, refresh_token], refresh=True)
    if isinstance(answer, Token):
        return answer
    if not answer.connect_again and not is_dead(answer.said):
        raise _refused(client, answer)
    what = f"the provider no longer accepts the refresh token: {answer.why}"
    if not answer.connect_again:
        what += "; from this answer, an instance cannot tell that the user must connect again"
    raise NoUsableToken(what, f"sign in again: provision token {client.id}")


def _refused(client: Client, refusal: Refusal) -> ProvisionError:
    """The error for an answer that the stack does not take."""
    if refusal.token_came:
        what = f"a token came, but cozy-stack would not accept the answer of {client.token_place}: {refusal.why}"
        next = "no option of the account type changes that: ask the provider, or use another grant mode"
        return ProvisionError(what, next)
    if refusal.status == 429:
        next = "the provider limits the number of requests: wait, and try again; nothing is wrong with the definition"
    elif mentions_pkce(refusal.said):
        next = ADVICE[About.PKCE]
    elif refusal.error in ("invalid_client", "unauthorized_client"):
        next = f"check client_id, client_secret and token_mode ({client.token_mode})"
    elif refusal.error == "invalid_grant":
        next = "check that the redirect URI is the registered one, and sign in again: a code works only once"
    elif refusal.status >= 500:
        next = "the provider returned a server error: try again later"
    else:
        next = f"check token_endpoint and token_mode ({client.token_mode})"
    return ProvisionError(f"{client.token_place} returned no token: {refusal.why}", next)


def usable(
    client: Client,
    scope: str | None,
    kept: Callable[[], KeptToken],
    keep: Callable[[KeptToken], None],
    lock: Callable[[], AbstractContextManager[None]],
    send: Send,
    now: Callable[[], datetime],
) -> tuple[KeptToken, KeptToken]:
    """The kept token for a scope (none: any; empty: without one), refreshed and kept again if it has expired.

    And the token that was kept before, which is the same if nothing had to be refreshed. `kept` reads it, and `lock` is
    the right to refresh it. Raises `NoUsableToken` if the user has to sign in, and `ProvisionError` for other trouble.

    One run at a time refreshes: a provider may take each refresh token once, and take a second use for theft. A run
    that has waited for another one takes what that one got.
    """

    def read() -> KeptToken:
        found = kept()
        if why := found.why_not_for(client, found.scope if scope is None else scope):
            what = f"the kept token of {client.id} {why}; --account NAME keeps several side by side"
            raise NoUsableToken(what)
        return found

    before = read()
    if not before.expired(now()):
        return before, before
    with lock():
        found = read()
        if found != before and not found.expired(now()):
            return found, before
        if found.refresh_token is None:
            raise NoUsableToken(f"the kept token of {client.id} has expired, and came without a refresh token")
        new = found.refreshed(renewed(client, str(found.refresh_token.reveal()), send), now())
        keep(new)
    return new, before


def userinfo(client: Client, kept: KeptToken, fetch: "Fetch", send: Send) -> bytes:
    """What the provider says about the person whose token it is (OpenID Connect Core, section 5.3.1).

    Raises `ProvisionError`.
    """
    url = _published(client, fetch, "userinfo_endpoint", "try the token at another URL: --print curl")
    headers = {"Accept": "application/json", "Authorization": f"Bearer {kept.access_token.reveal()}"}
    place = parse(url).place
    answer = send(Request("GET", place, url, headers, b""))
    if answer.status == 200:
        return answer.body
    if answer.status in (401, 403):
        what = f"{place} rejects the token: it answers {answer.status}"
        next = f"sign in again with the scope openid: provision token {client.id} --new --scope openid"
        raise ProvisionError(what, next)
    raise ProvisionError(f"{place} answers {answer.status}", "try again later, or another URL: --print curl")


def revoke(client: Client, kept: KeptToken, fetch: "Fetch", send: Send) -> str:
    """Revoke a token at its provider (RFC 7009, section 2.1), and return the place that did it.

    For a refresh token, a provider revokes the access tokens too. Raises `ProvisionError`.
    """
    url = _published(client, fetch, "revocation_endpoint", "revoke it on the provider's own pages, and use --forget")
    kind, token = "refresh_token", kept.refresh_token
    if token is None:
        kind, token = "access_token", kept.access_token
    fields = [("token", str(token.reveal())), ("token_type_hint", kind)]
    headers = {"Accept": "application/json", "Content-Type": FORM}
    secret = str(client.client_secret.reveal())
    if client.token_mode is TokenMode.BASIC:
        headers["Authorization"] = basic(client.client_id, secret)
    else:
        fields += [("client_id", client.client_id), ("client_secret", secret)]
    place = parse(url).place
    status = send(Request("POST", place, url, headers, write_query(fields).encode())).status
    if status != 200:
        what = f"{place} does not revoke the token: it answers {status}"
        raise ProvisionError(what, "revoke it on the provider's own pages; --forget alone deletes it here")
    return place


def _published(client: Client, fetch: "Fetch", name: str, otherwise: str) -> str:
    """An endpoint that is published beside the token endpoint of a client: no other one gets its secrets."""
    from provisioner.core.oauth.endpoints import published_by  # as above

    published = published_by(client, fetch) or {}
    url = published.get(name)
    if not isinstance(url, str) or not is_private(url):
        raise ProvisionError(f"the provider of {client.id} publishes no {name}", otherwise)
    if published.get("token_endpoint") != client.token_endpoint:
        what = f"the provider of {client.id} publishes another token_endpoint: nothing is sent to its {name}"
        raise ProvisionError(what, "compare with provision check --endpoints")
    return url
