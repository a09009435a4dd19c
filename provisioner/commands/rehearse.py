"""Rehearses the login of an account type: exactly the requests of cozy-stack, against a provider that plays along."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from provisioner.commands import connect
from provisioner.commands.connect import Attempt
from provisioner.core.definitions.go_url import UrlError, parse, read_query
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answer import Renewal, Token
from provisioner.core.oauth.callback import (
    Callback,
    Code,
    Denied,
    Granted,
    Host,
    Stray,
    Unexchanged,
    account_type_of,
    read_callback,
)
from provisioner.core.oauth.practice_provider import Quirk
from provisioner.core.oauth.rehearsal import ADVICE, Rehearsal, Step, StepOutcome, StepResult, advice
from provisioner.core.oauth.requests import (
    CODE_MODES,
    IMPLICIT_MODES,
    Client,
    Request,
    Start,
    authorize_url,
    check_flow,
    default_redirect_uri,
)

INSTANCE = "https://alice.cozy.example"
"""The Cozy that the rehearsal plays."""


class Stage(Protocol):
    """The provider's side of a rehearsal."""

    def visit(self, url: str) -> str:
        """Where a browser is sent that signs in at an address. Raises `ProvisionError` if it is not sent back."""
        ...

    def send(self, request: Request) -> tuple[int, bytes]:
        """The answer of the token endpoint. Raises `ProvisionError` if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """One login to rehearse: what a Cozy's client starts it with, and whose host a callback reaches."""

    state: str
    scope: str = ""
    nonce: str = ""
    instance: str = INSTANCE
    quirks: frozenset[Quirk] = frozenset()
    host_of: Callable[[str], Host] | None = None

    def redirect_uri(self, client: Client) -> str:
        """The registered redirect URI, or that of the instance."""
        return client.redirect_uri or default_redirect_uri(self.instance, client.id)

    def host(self, host: str) -> Host:
        """Whose host it is: only that of the instance is known to be one's."""
        if self.host_of is not None:
            return self.host_of(host)
        return Host.INSTANCE if f"//{host}" in self.instance else Host.ELSEWHERE


def rehearse(
    client: Client, login: Login, stage: Stage, path: str | None = None, names: Mapping[str, str] | None = None
) -> Rehearsal:
    """Go through the login of an account type, up to the step that stops it.

    `names`: what to show in place of some texts, such as an origin on this machine.
    """
    return Rehearsal(client.id, tuple(_renamed(step, names or {}) for step in _steps(client, login, stage)), path)


def _renamed(step: StepResult, names: Mapping[str, str]) -> StepResult:
    message, next = step.message, step.next
    for text, shown in names.items():
        message, next = message.replace(text, shown), next.replace(text, shown)
    return replace(step, message=message, next=next)


def _steps(client: Client, login: Login, stage: Stage) -> Iterator[StepResult]:
    if client.grant_mode not in CODE_MODES | IMPLICIT_MODES and _no_flow(client):
        yield StepResult(Step.START, StepOutcome.SKIPPED, _no_flow(client))
        return
    redirect_uri = login.redirect_uri(client)
    try:
        check_flow(client)
        url = authorize_url(client, redirect_uri, Start(scope=login.scope), login.state)
        back = stage.visit(url)
    except ProvisionError as error:
        yield _failed(Step.START, error, login)
        return
    yield StepResult(Step.START, StepOutcome.OK, f"the stack sends people to {client.auth_endpoint.partition('?')[0]}")
    attempt = Attempt(redirect_uri, login.state, login.nonce)
    yield from _after(client, login, stage, attempt, back)


def _after(client: Client, login: Login, stage: Stage, attempt: Attempt, back: str) -> Iterator[StepResult]:
    """The steps from the callback on; `back` is the address that the browser is sent back to."""
    found = _callback(client, login, back)
    if isinstance(found, StepResult):
        yield found
        return
    result, callback = found
    yield result
    if isinstance(callback, Granted):
        yield StepResult(Step.EXCHANGE, StepOutcome.SKIPPED, "the token came with the callback")
        yield StepResult(Step.REFRESH, StepOutcome.SKIPPED, f"no refresh token comes with {client.grant_mode}")
        return
    if isinstance(callback, Unexchanged):
        what = "there is no token_endpoint: the stack keeps what the provider sent, and the konnector exchanges it"
        yield StepResult(Step.EXCHANGE, StepOutcome.SKIPPED, what)
        return
    if isinstance(callback, Denied):
        return
    try:
        token = connect.run(client, callback, attempt, stage.send)
    except ProvisionError as error:
        yield _failed(Step.EXCHANGE, error, login)
        return
    yield StepResult(Step.EXCHANGE, StepOutcome.OK, f"a token comes, by token_mode {client.token_mode}")
    yield from _refreshes(client, login, stage, token)


def _callback(
    client: Client, login: Login, back: str
) -> StepResult | tuple[StepResult, Granted | Unexchanged | Denied | Code]:
    """How the stack takes the address to which a browser is sent back."""
    try:
        address = parse(back)
    except UrlError as error:
        return StepResult(Step.CALLBACK, StepOutcome.FAILED, f"no browser gets there: {error!s}")
    named = account_type_of(address.path)
    if named is None:
        what = f"the stack has no page at {address.path}: the user sees 404"
        return _wrong_path(client, what)
    if named != client.id.rpartition("/")[2]:
        return _wrong_path(client, f"the path names the account type {named}: the user sees “bad state”")
    query = read_query(address.raw_query)
    fragment = not address.raw_query and bool(address.fragment)
    if fragment:
        what = "the answer comes after the # of the redirect URI, which never reaches the stack"
        next = "remove response_mode from extras, or ask the provider for a client with authorization_code"
        return StepResult(Step.CALLBACK, StepOutcome.FAILED, what, next)
    return _taken(client, read_callback(query, login.state, client, host=login.host(address.host)))


def _taken(client: Client, read: Callback) -> StepResult | tuple[StepResult, Code | Granted | Unexchanged | Denied]:
    """What the stack makes of a callback that reached it."""
    match read:
        case Stray():
            return StepResult(
                Step.CALLBACK, StepOutcome.FAILED, f"the stack refuses the callback: {read.why}", _where(client)
            )
        case Denied():
            what = f"the user is sent back without an account: {read.why}"
            return StepResult(Step.CALLBACK, StepOutcome.OK, what), read
    notes = "; ".join(getattr(read, "notes", ()))
    return StepResult(Step.CALLBACK, StepOutcome.OK, notes or "the stack accepts the answer of the provider"), read


def _wrong_path(client: Client, what: str) -> StepResult:
    path = f"/accounts/{client.id.rpartition('/')[2]}/redirect"
    return StepResult(Step.CALLBACK, StepOutcome.FAILED, what, f"write a redirect_uri whose path is {path}")


def _where(client: Client) -> str:
    if client.grant_mode in IMPLICIT_MODES and client.redirect_uri:
        return "leave redirect_uri out: a token is accepted only at the address of the instance"
    return "remove state, code and error from the query of redirect_uri and from extras"


def _refreshes(client: Client, login: Login, stage: Stage, token: Token) -> Iterator[StepResult]:
    refresh_token = token.refresh_token
    if refresh_token is None:
        what = "no refresh token comes: once the token has expired, the user has to connect again"
        next = ADVICE[Quirk.NO_REFRESH_TOKEN_WITHOUT_CONSENT]
        yield StepResult(Step.REFRESH, StepOutcome.FAILED, what, next)
        return
    for step in (Step.REFRESH, Step.REFRESH_AGAIN):
        try:
            renewal: Renewal = connect.renewed(client, str(refresh_token.reveal()), stage.send)
        except ProvisionError as error:
            yield _failed(step, error, login)
            return
        new = renewal.refresh_token is not None and renewal.refresh_token != refresh_token
        refresh_token = renewal.refresh_token or refresh_token
        kept = "; the refresh token is a new one, which the stack keeps" if new else ""
        yield StepResult(step, StepOutcome.OK, f"the token is refreshed{kept}")


def _no_flow(client: Client) -> str:
    """Why there is no login to rehearse; empty if there should be one."""
    if client.grant_mode == "secret":
        return "no login: the konnector gets the secret itself"
    if client.grant_mode.startswith("bi_"):
        return "the login is that of Budget Insight, which needs a token of a Cozy: it is not rehearsed"
    return ""


def _failed(step: Step, error: ProvisionError, login: Login) -> StepResult:
    next = advice(error.what, login.quirks) or error.next
    return StepResult(step, StepOutcome.FAILED, error.what, next)


def staged(client: Client, authorize: str, token: str) -> Client:
    """The client with its endpoints at other origins, with their own paths, queries and user information."""
    return replace(
        client,
        auth_endpoint=_moved(client.auth_endpoint, authorize),
        token_endpoint=_moved(client.token_endpoint, token),
    )


def names_of(client: Client, authorize: str, token: str) -> dict[str, str]:
    """The origins that a client's own endpoints have in place of those on a stage."""
    endpoints = {authorize: client.auth_endpoint, token: client.token_endpoint}
    return {staged: _origin(url)[0] + _origin(url)[2] for staged, url in endpoints.items()}


def _origin(url: str) -> tuple[str, str, str, str]:
    """Scheme with its mark, user information with its mark, host with port, and the rest of a URL."""
    scheme, mark, rest = url.partition("://")
    end = min((place for place in (rest.find(char) for char in "/?#") if place >= 0), default=len(rest))
    user, at, host = rest[:end].rpartition("@")
    return scheme + mark, user + at, host, rest[end:]


def _moved(url: str, origin: str) -> str:
    scheme, user, _, rest = _origin(url)
    if scheme.lower() not in ("http://", "https://"):
        return url
    return f"http://{user}{origin.partition('://')[2]}{rest}"
