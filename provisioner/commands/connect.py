"""Turns what a provider sent through the browser into a token, as the stack would."""

from collections.abc import Callable
from typing import TypeAlias, assert_never

from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answer import CONNECT_AGAIN, Refusal, Token, read_answer
from provisioner.core.oauth.callback import Callback, Code, Denied, Granted, Stray
from provisioner.core.oauth.requests import Client, Request, refresh_request, token_request

Send: TypeAlias = Callable[[Request], tuple[int, bytes]]
"""Sends a request, and gives the status and the body of the answer. Raises `ProvisionError`."""


def run(client: Client, callback: Callback, redirect_uri: str, state: str, send: Send) -> Token:
    """The token of an answer: its code is exchanged. Raises `ProvisionError`."""
    match callback:
        case Code():
            return _exchanged(client, str(callback.code.reveal()), redirect_uri, state, send)
        case Granted():
            return callback.token
        case Denied():
            raise ProvisionError(
                f"the provider refused: {callback.why}", "check the client, its redirect URI and scope"
            )
        case Stray():
            what = f"this is not the answer to the address above: {callback.why}"
            raise ProvisionError(what, "open the address above, sign in there, and try again")
        case _:
            assert_never(callback)


def refreshed(client: Client, refresh_token: str, send: Send) -> Token:
    """A new token for a refresh token. Raises `ProvisionError`."""
    if not client.token_endpoint:
        raise ProvisionError(f"{client.id} has no token_endpoint to refresh at", "write it into the definition")
    status, body = send(refresh_request(client, refresh_token))
    answer = read_answer(status, body, [str(client.client_secret.reveal()), refresh_token])
    if isinstance(answer, Token):
        return answer
    if answer.error in CONNECT_AGAIN:
        what = f"the provider takes the refresh token no more: {answer.why}"
        raise ProvisionError(what, f"connect again: provision token {client.id}")
    raise _refused(client, answer)


def _exchanged(client: Client, code: str, redirect_uri: str, state: str, send: Send) -> Token:
    if not client.token_endpoint:
        what = f"{client.id} has no token_endpoint: the stack exchanges nothing, and keeps the code for the konnector"
        raise ProvisionError(what, "let the konnector exchange it, or write a token_endpoint into the definition")
    status, body = send(token_request(client, redirect_uri, code, state))
    answer = read_answer(status, body, [str(client.client_secret.reveal()), code])
    if isinstance(answer, Token):
        return answer
    raise _refused(client, answer)


def _refused(client: Client, refusal: Refusal) -> ProvisionError:
    """The error for an answer that the stack does not take."""
    if refusal.token_came:
        what = f"a token came, but cozy-stack would not take the answer of {client.token_place}: {refusal.why}"
        return ProvisionError(
            what, "no option of the account type mends that: ask the provider, or use another grant mode"
        )
    what = f"{client.token_place} gives no token: {refusal.why}"
    return ProvisionError(what, _advice(client, refusal.error))


def _advice(client: Client, error: str) -> str:
    match error:
        case "invalid_client" | "unauthorized_client":
            return f"check client_id, client_secret and token_mode ({client.token_mode})"
        case "invalid_grant":
            return "check that the redirect URI is the registered one, and sign in again: a code counts once"
        case _:
            return f"check token_endpoint and token_mode ({client.token_mode})"
