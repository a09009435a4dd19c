"""Rehearses the login of an account type: exactly the requests of cozy-stack, against a provider that plays along.

Its endpoints and its redirect URI are read as the stack and a browser read them; only then a simulated provider stands
in for the real one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from msgspec import Struct

from provisioner.commands.token import Attempt, renewed, token_of
from provisioner.core.definitions.account_type import BANK_MODES, BANK_PARAMETERS, IMPLICIT_MODES, global_id
from provisioner.core.definitions.credential_form import padding, why_no_credential
from provisioner.core.definitions.go_url import UrlError, dropped_pairs, parse, read_query, unescaped
from provisioner.core.definitions.url import Url, as_browser, browser_fault, mapped_host, stack_fault
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answers import (
    Callback,
    Code,
    Denied,
    Granted,
    Host,
    Stray,
    Token,
    Unexchanged,
    account_type_of,
    read_callback,
    redirect_note,
)
from provisioner.core.oauth.rehearsal import (
    ADVICE,
    Quirk,
    Rehearsal,
    SimulatedProvider,
    Step,
    StepOutcome,
    StepResult,
)
from provisioner.core.oauth.requests import (
    Client,
    Start,
    added_parameters,
    authorize_url,
    check_flow,
    default_redirect_uri,
    not_a_url,
)
from provisioner.core.rules.endpoints import is_app
from provisioner.core.rules.ids import why_no_id
from provisioner.core.text import listed

INSTANCE = "https://alice.cozy.example"
"""The Cozy that the rehearsal plays."""

BANK_TOKEN = "simulated-bank-token"  # noqa: S105  # a dummy one
"""What a Cozy's client brings from Budget Insight."""


class Login(Struct, frozen=True):
    """One login to rehearse: what a Cozy's client starts it with, and whose host a callback reaches."""

    state: str
    scope: str = ""
    nonce: str = ""
    instance: str = INSTANCE
    host_of: Callable[[str], Host] | None = None

    def redirect_uri(self, client: Client) -> str:
        """The registered redirect URI, or that of the instance."""
        return client.redirect_uri or default_redirect_uri(self.instance, client.id)

    def host(self, seen: Url) -> Host:
        """Whose host it is: only that of the instance is known to be one's."""
        if self.host_of is not None:
            return self.host_of(seen.authority)
        if is_app(seen.host):
            return Host.APP
        return Host.INSTANCE if as_browser(self.instance) == as_browser(seen.origin) else Host.ELSEWHERE


class _Failure(Exception):
    """A step at which the login ends."""

    def __init__(self, step: Step, what: str, next: str) -> None:
        super().__init__(what)
        self.result = StepResult(step, StepOutcome.FAILED, what, next)


def instance_of(client: Client) -> str:
    """The Cozy to rehearse with: where a token comes to a fixed address, the one with that address."""
    seen = as_browser(client.redirect_uri) if client.grant_mode in IMPLICIT_MODES else None
    if seen is None or seen.host.startswith("oauthcallback.") or is_app(seen.host):
        return INSTANCE
    return seen.site


def rehearse(client: Client, login: Login, provider: SimulatedProvider, path: str | None = None) -> Rehearsal:
    """Go through the login of an account type, up to the step that stops it."""
    return Rehearsal(client.id, tuple(_steps(client, login, provider)), path)


def _steps(client: Client, login: Login, provider: SimulatedProvider) -> Iterator[StepResult]:
    if client.grant_mode == "secret":
        yield StepResult(Step.START, StepOutcome.SKIPPED, "no login: the konnector gets the secret itself")
        return
    try:
        yield from _to_the_token(client, login, provider)
    except _Failure as failure:
        yield failure.result


def _to_the_token(client: Client, login: Login, provider: SimulatedProvider) -> Iterator[StepResult]:
    redirect_uri = login.redirect_uri(client)
    back = _start(client, redirect_uri, login, provider)
    yield StepResult(Step.START, StepOutcome.OK, f"the stack sends people to {client.auth_endpoint.partition('?')[0]}")
    callback, notes = _callback(client, login, back)
    yield StepResult(Step.CALLBACK, StepOutcome.OK, notes or "the stack accepts the answer of the provider")
    match callback:
        case Granted():
            yield StepResult(Step.EXCHANGE, StepOutcome.SKIPPED, "the token came with the callback")
            yield StepResult(Step.REFRESH, StepOutcome.SKIPPED, f"no refresh token comes with {client.grant_mode}")
        case Unexchanged():
            what = "there is no token_endpoint: the stack keeps the provider's answer, and the konnector exchanges it"
            yield StepResult(Step.EXCHANGE, StepOutcome.SKIPPED, what)
        case Code():
            token = _exchanged(client, callback, Attempt(redirect_uri, login.state, login.nonce), provider)
            yield StepResult(
                Step.EXCHANGE, StepOutcome.OK, f"the provider returns a token, with token_mode {client.token_mode}"
            )
            yield from _refreshes(client, provider, token)
        case _:
            assert_never(callback)
    yield from _bank_pages(client)


def _bank_pages(client: Client) -> Iterator[StepResult]:
    """Whether people get to the pages of Budget Insight later on. Raises `_Failure`."""
    pages = client.bank_pages if client.grant_mode in BANK_MODES else {}
    for name, url in pages.items():
        try:
            _opened(Step.RECONNECT, name, url, parse(url).text())
        except UrlError as error:
            refused = not_a_url(client.id, name, error)
            raise _Failure(Step.RECONNECT, refused.what, refused.next) from None
        _check_query(Step.RECONNECT, name, url, BANK_PARAMETERS)
    if pages:
        yield StepResult(Step.RECONNECT, StepOutcome.OK, f"the stack sends people to {listed(pages)}")


def _start(client: Client, redirect_uri: str, login: Login, provider: SimulatedProvider) -> str:
    """The address that the browser is sent back to. Raises `_Failure`."""
    start = Start(scope=login.scope, token=BANK_TOKEN)
    if why := why_no_id(client.id):
        raise _Failure(Step.START, f"no account type has the id {client.id}: {why}", "rename it")
    try:
        check_flow(client)
        url = authorize_url(client, redirect_uri, start, login.state)
    except ProvisionError as error:
        raise _failed(Step.START, error, provider) from None
    _check_credential(Step.START, "client_id", client.client_id)
    added = [parameter for parameter, _ in added_parameters(client, redirect_uri, start, login.state)]
    _check_query(Step.START, "auth_endpoint", client.auth_endpoint, added)
    page = _opened(Step.START, "auth_endpoint", client.auth_endpoint, url)
    try:
        return provider.visit(page.query)
    except ProvisionError as error:
        raise _Failure(Step.START, error.what, error.next) from None


def _opened(step: Step, name: str, endpoint: str, sent: str) -> Url:
    """The page that a browser opens for what the stack makes of an endpoint. Raises `_Failure`."""
    seen, meant = as_browser(sent), as_browser(endpoint)
    if seen is None or (fault := browser_fault(seen.origin)):
        what = f"{name} cannot be used: {fault if seen else 'no browser opens it'}"
        raise _Failure(step, what, f"write {name}: https://… as the provider states it")
    if meant is None or (seen.origin, unescaped(seen.path)) != (meant.origin, unescaped(meant.path)):
        what = f"the stack sends people to {seen.origin}{seen.path}, which is another page"
        raise _Failure(step, what, f"write / for each backslash in {name}, and no space at its end")
    return seen


def _check_query(step: Step, name: str, url: str, added: Iterable[str]) -> None:
    """See that each parameter arrives, and once. Raises `_Failure`."""
    query = parse(url).raw_query
    if dropped := dropped_pairs(query):
        what = f"the stack drops {listed(dropped[:3])} from the query of {name}"
        raise _Failure(step, what, "write %3B for a semicolon, and %25 for a percent sign")
    numbers = Counter(added)
    own = {parameter for parameter, _ in read_query(query)}
    if twice := sorted(each for each, number in numbers.items() if number > 1 or each in own):
        what = f"{listed(twice)} is sent twice, and providers must refuse that"
        raise _Failure(step, what, f"remove it from extras or from the query of {name}")


def _callback(client: Client, login: Login, back: str) -> tuple[Code | Granted | Unexchanged, str]:
    """How the stack takes the address to which a browser is sent back, with what to say of it. Raises `_Failure`."""
    seen = as_browser(back)
    if seen is None or (fault := browser_fault(seen.origin)):
        what = f"redirect_uri cannot be used: {fault if seen else 'no browser opens it'}"
        raise _Failure(Step.CALLBACK, what, "write redirect_uri: https://… as it is registered")
    named, service = account_type_of(seen.path), global_id(client.id)
    query = read_query(seen.query)
    implicit = bool(dict(reversed(query)).get("access_token"))
    if named is None or (named != service and not implicit):
        what = f"the stack has no page at {seen.path}: the user sees 404"
        if named is not None:
            what = f"the path is for the account type {named}: the user sees “bad state”"
        raise _Failure(Step.CALLBACK, what, f"write a redirect_uri whose path is /accounts/{service}/redirect")
    if not seen.query and seen.fragment:
        what = "the answer comes after the # of the redirect URI, which never reaches the stack"
        next = "remove response_mode from extras, or ask the provider for a client with authorization_code"
        raise _Failure(Step.CALLBACK, what, next)
    return _accepted(client, read_callback(query, login.state, client, host=login.host(seen)))


def _accepted(client: Client, read: Callback) -> tuple[Code | Granted | Unexchanged, str]:
    """What the stack makes of a callback that reached it. Raises `_Failure`."""
    match read:
        case Stray():
            raise _Failure(Step.CALLBACK, f"the stack refuses the callback: {read.why}", _where(client))
        case Denied():
            what = f"the user is sent back without an account: {read.why}"
            raise _Failure(Step.CALLBACK, what, _where(client))
        case Granted():
            return read, "; ".join(filter(None, (*read.notes, redirect_note(client))))
        case Code():
            return read, "; ".join(read.notes)
        case Unexchanged():
            return read, ""
        case _:
            assert_never(read)


def _where(client: Client) -> str:
    if client.grant_mode in IMPLICIT_MODES and client.redirect_uri:
        return "leave redirect_uri out: a token is accepted only at the address of the instance"
    return "remove state, code and error from the query of redirect_uri and from extras"


def _exchanged(client: Client, callback: Code, attempt: Attempt, provider: SimulatedProvider) -> Token:
    """The token for a code. Raises `_Failure`."""
    _check_credential(Step.EXCHANGE, "client_secret", str(client.client_secret.reveal()))
    if fault := stack_fault(client.token_endpoint, browser=False):
        next = "write token_endpoint: https://… as the provider states it"
        raise _Failure(Step.EXCHANGE, f"token_endpoint cannot be used: {fault}", next)
    if mapped := mapped_host(client.token_endpoint):
        what = f"the stack connects to {mapped[0]}, and asks it for {mapped[1]}, which no server has"
        raise _Failure(Step.EXCHANGE, what, f"write {mapped[0]} as the host of token_endpoint")
    try:
        return token_of(client, callback, attempt, provider.send)
    except ProvisionError as error:
        raise _failed(Step.EXCHANGE, error, provider) from None


def _refreshes(client: Client, provider: SimulatedProvider, token: Token) -> Iterator[StepResult]:
    refresh_token = token.refresh_token
    if refresh_token is None:
        what = "the provider returns no refresh token: once the token has expired, the user must connect again"
        raise _Failure(Step.REFRESH, what, ADVICE[Quirk.NO_REFRESH_TOKEN_WITHOUT_CONSENT])
    for step in (Step.REFRESH, Step.REFRESH_AGAIN):
        try:
            renewal = renewed(client, str(refresh_token.reveal()), provider.send)
        except ProvisionError as error:
            raise _failed(step, error, provider) from None
        new = renewal.refresh_token is not None and renewal.refresh_token != refresh_token
        refresh_token = renewal.refresh_token or refresh_token
        kept = ", and the stack keeps the new refresh token" if new else ""
        yield StepResult(step, StepOutcome.OK, f"the token is refreshed{kept}")


def _check_credential(step: Step, name: str, text: str) -> None:
    """See that a provider may have given a credential. Raises `_Failure`."""
    why = padding(text)
    if why or (placeholder := why_no_credential(name, text)):
        what = f"{name} {why or f'is {placeholder}'}: the provider does not recognize it"
        raise _Failure(step, what, f"set {name} as the provider shows it")


def _failed(step: Step, error: ProvisionError, provider: SimulatedProvider) -> _Failure:
    return _Failure(step, error.what, (ADVICE.get(provider.acted, "") if provider.acted else "") or error.next)
