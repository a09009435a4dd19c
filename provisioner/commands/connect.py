"""Turns what a provider sent through the browser into a token, as the stack would."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from provisioner.core.errors import NoUsableToken, ProvisionError
from provisioner.core.oauth.answer import Refusal, Renewal, Token, read_answer, read_renewal
from provisioner.core.oauth.callback import Callback, Code, Denied, Granted, Stray, Unexchanged
from provisioner.core.oauth.complaints import About, complaint_in, is_dead, mentions_pkce
from provisioner.core.oauth.endpoint_check import ADVICE
from provisioner.core.oauth.requests import Client, Request, refresh_request, token_request

Send: TypeAlias = Callable[[Request], tuple[int, bytes]]
"""Sends a request, and gives the status and the body of the answer. Raises `ProvisionError`."""


@dataclass(frozen=True, slots=True)
class Attempt:
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
    status, body = send(refresh_request(client, refresh_token))
    answer = read_renewal(status, body, [*client.secrets, refresh_token])
    if isinstance(answer, Renewal):
        return answer
    if answer.connect_again or is_dead(answer.said):
        what = f"the provider no longer accepts the refresh token: {answer.why}"
        if not answer.connect_again:
            what += "; a Cozy does not see from this answer that the person has to connect again"
        raise NoUsableToken(what, f"sign in again: provision token {client.id}")
    raise _refused(client, answer)


def _exchanged(client: Client, callback: Code, attempt: Attempt, send: Send) -> Token:
    code = str(callback.code.reveal())
    status, body = send(token_request(client, attempt.redirect_uri, code, attempt.state, attempt.nonce))
    answer = read_answer(status, body, [*client.secrets, code])
    if isinstance(answer, Token):
        return answer
    if callback.error:
        what = f"the provider refused: {callback.error}"
        next = "check the client, its redirect URI and scope"
        if mentions_pkce(callback.error):
            next = ADVICE[About.PKCE]
        raise ProvisionError(
            f"{what}; the stack ignores that, and {client.token_place} gives no token: {answer.why}", next
        )
    raise _refused(client, answer)


def _refused(client: Client, refusal: Refusal) -> ProvisionError:
    """The error for an answer that the stack does not take."""
    if refusal.token_came:
        what = f"a token came, but cozy-stack would not accept the answer of {client.token_place}: {refusal.why}"
        return ProvisionError(
            what, "no option of the account type changes that: ask the provider, or use another grant mode"
        )
    what = f"{client.token_place} gives no token: {refusal.why}"
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
            return "the provider has a fault: try again later"
        case _:
            return f"check token_endpoint and token_mode ({client.token_mode})"
