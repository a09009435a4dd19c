"""Finds out whether provisioned account types work."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from provisioner.core.definitions.schema_check import Check
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answer import Refusal, Token, read_answer
from provisioner.core.oauth.health import (
    Finding,
    Inspection,
    Reply,
    State,
    authorize_finding,
    database_findings,
    discovery_finding,
    document_findings,
    token_finding,
)
from provisioner.core.oauth.requests import (
    CODE_MODES,
    IMPLICIT_MODES,
    Client,
    Request,
    TokenMode,
    authorize_url,
    token_request,
)
from provisioner.core.plan.live_document import live_definition
from provisioner.core.plan.store import Live
from provisioner.core.text import nearest, printable

Send: TypeAlias = Callable[[Request], tuple[int, bytes]]
Probe: TypeAlias = Callable[[str, str], Reply]
"""Sends a request without content, by its method and URL. Raises `ProvisionError` where there is no answer."""

Discover: TypeAlias = Callable[[str], Mapping[str, Any] | None]
"""The metadata that a provider publishes at the host of a URL, or none."""

_RIGHT = frozenset({"invalid_grant", "bad_verification_code"})
_WRONG = frozenset({"invalid_client", "unauthorized_client", "incorrect_client_credentials"})
"""RFC 6749, section 5.2; and what GitHub says in its place."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a database holds, as far as it was asked for."""

    findings: tuple[Finding, ...]
    clients: tuple[Client, ...]


def database(inspection: Inspection, documents: Mapping[str, Live], ids: Sequence[str], check: Check) -> Provisioned:
    """Check a database and its documents, or those of them that are named."""
    findings = [*database_findings(inspection)]
    for id in ids:
        if id not in documents:
            what = f"there is no such account type{nearest(id, documents)}"
            findings.append(Finding(id, "document", State.FAILED, what, "see provision list"))
    chosen = [documents[id] for id in sorted(documents) if not ids or id in ids]
    clients = []
    for live in chosen:
        found = [*document_findings(live, check)]
        findings += found
        if not any(each.check == "document" and each.state is State.FAILED for each in found):
            clients.append(Client.of(live.id, live_definition(live).document))
    flows = CODE_MODES | IMPLICIT_MODES
    return Provisioned(tuple(findings), tuple(client for client in clients if client.grant_mode in flows))


def endpoints(client: Client, probe: Probe, discover: Discover) -> Iterator[Finding]:
    """Check that both endpoints of an account type answer, and are those that the provider publishes."""
    yield _probed(client.id, "auth_endpoint", lambda: authorize_finding(client.id, probe("GET", _first_page(client))))
    if client.token_endpoint and client.grant_mode in CODE_MODES:
        method = "GET" if client.token_mode is TokenMode.GET else "POST"
        url = client.token_endpoint
        yield _probed(client.id, "token_endpoint", lambda: token_finding(client.id, probe(method, url)))
    if published := discover(client.auth_endpoint):
        ours = {"authorization_endpoint": _plain(client.auth_endpoint)}
        if client.token_endpoint:
            ours["token_endpoint"] = client.token_endpoint
        yield discovery_finding(client.id, ours, published)


def _probed(id: str, check: str, ask: Callable[[], Finding]) -> Finding:
    try:
        return ask()
    except ProvisionError as error:
        return Finding(id, check, State.FAILED, error.what, error.next)


def _first_page(client: Client) -> str:
    return authorize_url(client, _redirect_uri(client), None, "provision-check")


def _redirect_uri(client: Client) -> str:
    return client.redirect_uri or f"https://localhost/accounts/{client.id}/redirect"


def _plain(url: str) -> str:
    return urlsplit(url)._replace(query="").geturl()


def credentials(clients: Iterable[Client]) -> list[Client]:
    """Those of some account types whose credentials can be tried."""
    return [each for each in clients if each.grant_mode in CODE_MODES and each.token_endpoint and each.client_id]


def credentials_finding(client: Client, code: str, send: Send) -> Finding:
    """Try the credentials of an account type with a made-up code: a provider looks at the client first."""
    try:
        answer = _tried(client, code, send)
        right = _is_right(answer)
        if right is None:
            said = "a token came for a made-up code" if isinstance(answer, Token) else answer.why
            next = "get a token with provision token to be sure"
            return Finding(client.id, "client", State.WARNING, f"it cannot be told from the answer: {said}", next)
        if right:
            what = f"the provider takes client_id and client_secret, with token_mode {client.token_mode}"
            return Finding(client.id, "client", State.OK, what)
        return _wrong(client, code, send, answer)
    except ProvisionError as error:
        return Finding(client.id, "client", State.FAILED, error.what, error.next)


def _wrong(client: Client, code: str, send: Send, answer: Token | Refusal) -> Finding:
    """What is wrong: the token_mode, where the provider takes another one."""
    for mode in TokenMode:
        if mode is not client.token_mode and _is_right(_tried(replace(client, token_mode=mode), code, send)):
            what = f"the provider takes the credentials with token_mode {mode}, and not with {client.token_mode}"
            return Finding(client.id, "client", State.FAILED, what, f"write token_mode: {mode}")
    why = answer.why if isinstance(answer, Refusal) else ""
    what = f"the provider takes client_id and client_secret with no token_mode: {printable(why)}"
    return Finding(client.id, "client", State.FAILED, what, "compare them with the provider's console")


def _tried(client: Client, code: str, send: Send) -> Token | Refusal:
    status, body = send(token_request(client, _redirect_uri(client), code, "provision-check"))
    secret = str(client.client_secret.reveal())
    answer = read_answer(status, body, [secret])
    if isinstance(answer, Refusal) and status == 401 and answer.error not in _RIGHT:
        return replace(answer, error="invalid_client")
    return answer


def _is_right(answer: Token | Refusal) -> bool | None:
    """Whether the provider took the client; none where its answer does not say."""
    if isinstance(answer, Refusal) and answer.error in _RIGHT | _WRONG:
        return answer.error in _RIGHT
    return None
