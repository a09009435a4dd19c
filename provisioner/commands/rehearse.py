"""Rehearses the login of an account type: exactly the requests of cozy-stack, against a provider that plays along.

Its endpoints and its redirect URI are read as the stack and a browser read them; only then a simulated provider stands
in for the real one.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from provisioner.commands.token import Attempt, renewed, token_of
from provisioner.core.definitions.account_type import BANK_MODES, BANK_PARAMETERS, IMPLICIT_MODES, global_id
from provisioner.core.definitions.credential_form import padding, why_no_credential
from provisioner.core.definitions.go_url import UrlError, dropped_pairs, parse, read_query, unescaped
from provisioner.core.definitions.url import Url, as_browser, browser_fault, mapped_host, stack_fault
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answers import (
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
        """Whose host a callback reaches: the only instance that is known is the one that the rehearsal plays."""
        if self.host_of is not None:
            return self.host_of(seen.authority)
        if is_app(seen.host):
            return Host.APP
        return Host.INSTANCE if as_browser(self.instance) == as_browser(seen.origin) else Host.ELSEWHERE


def instance_of(client: Client) -> str:
    """The Cozy to rehearse with: where a token comes to a fixed address, the one with that address."""
    seen = as_browser(client.redirect_uri) if client.grant_mode in IMPLICIT_MODES else None
    if seen is None or seen.host.startswith("oauthcallback.") or is_app(seen.host):
        return INSTANCE
    return seen.site


def rehearse(client: Client, login: Login, provider: SimulatedProvider, path: str | None = None) -> Rehearsal:
    """Go through the login of an account type, up to the step that stops it."""
    steps: list[StepResult] = []
    step = Step.START

    def done(message: str, outcome: StepOutcome = StepOutcome.OK) -> None:
        steps.append(StepResult(step, outcome, message))

    try:
        if client.grant_mode == "secret":
            done("no login: the konnector gets the secret itself", StepOutcome.SKIPPED)
            return Rehearsal(client.id, tuple(steps), path)
        redirect_uri = login.redirect_uri(client)
        back = _start(client, redirect_uri, login, provider)
        done(f"the stack sends people to {client.auth_endpoint.partition('?')[0]}")
        step = Step.CALLBACK
        callback, notes = _callback(client, login, back)
        done(notes or "the stack accepts the answer of the provider")
        step = Step.EXCHANGE
        if isinstance(callback, Granted):
            done("the token came with the callback", StepOutcome.SKIPPED)
            step = Step.REFRESH
            done(f"no refresh token comes with {client.grant_mode}", StepOutcome.SKIPPED)
        elif isinstance(callback, Unexchanged):
            what = "there is no token_endpoint: the stack keeps the provider's answer, and the konnector exchanges it"
            done(what, StepOutcome.SKIPPED)
        else:
            token = _exchanged(client, callback, Attempt(redirect_uri, login.state, login.nonce), provider)
            done(f"the provider returns a token, with token_mode {client.token_mode}")
            for step in (Step.REFRESH, Step.REFRESH_AGAIN):  # noqa: B007  # `done` reads it
                token, message = _refreshed(client, token, provider)
                done(message)
        step = Step.RECONNECT
        if pages := client.bank_pages if client.grant_mode in BANK_MODES else {}:
            for name, url in pages.items():
                _page(client.id, name, url, BANK_PARAMETERS)
            done(f"the stack sends people to {listed(pages)}")
    except ProvisionError as error:
        advice = ADVICE.get(provider.acted) if provider.acted else None
        steps.append(StepResult(step, StepOutcome.FAILED, error.what, advice or error.next))
    return Rehearsal(client.id, tuple(steps), path)


def _start(client: Client, redirect_uri: str, login: Login, provider: SimulatedProvider) -> str:
    """The address that the browser is sent back to. Raises `ProvisionError`."""
    if why := why_no_id(client.id):
        raise ProvisionError(f"no account type has the id {client.id}: {why}", "rename it")
    check_flow(client)
    start = Start(scope=login.scope, token=BANK_TOKEN)
    url = authorize_url(client, redirect_uri, start, login.state)
    _check_credential("client_id", client.client_id)
    added = [parameter for parameter, _ in added_parameters(client, redirect_uri, start, login.state)]
    return provider.visit(_page(client.id, "auth_endpoint", client.auth_endpoint, added, url).query)


def _page(id: str, name: str, endpoint: str, added: Iterable[str], sent: str | None = None) -> Url:
    """The page that a browser opens for what the stack makes of an endpoint, or for the endpoint as Go writes it.

    Each parameter must arrive, and once. Raises `ProvisionError`.
    """
    try:
        url = parse(endpoint)
    except UrlError as error:
        raise not_a_url(id, name, error) from None
    if dropped := dropped_pairs(url.raw_query):
        what = f"the stack drops {listed(dropped[:3])} from the query of {name}"
        raise ProvisionError(what, "write %3B for a semicolon, and %25 for a percent sign")
    own = {parameter for parameter, _ in read_query(url.raw_query)}
    if twice := sorted(each for each, number in Counter(added).items() if number > 1 or each in own):
        what = f"{listed(twice)} is sent twice, and providers must refuse that"
        raise ProvisionError(what, f"remove it from extras or from the query of {name}")
    seen, meant = _opened(name, url.text() if sent is None else sent, "the provider states it"), as_browser(endpoint)
    if meant is None or (seen.origin, unescaped(seen.path)) != (meant.origin, unescaped(meant.path)):
        what = f"the stack sends people to {seen.origin}{seen.path}, which is another page"
        raise ProvisionError(what, f"write / for each backslash in {name}, and no space at its end")
    return seen


def _opened(name: str, url: str, source: str) -> Url:
    """What a browser opens. Raises `ProvisionError` if it opens nothing."""
    seen = as_browser(url)
    if seen is None or (fault := browser_fault(seen.origin)):
        what = f"{name} cannot be used: {fault if seen else 'no browser opens it'}"
        raise ProvisionError(what, f"write {name}: https://… as {source}")
    return seen


def _callback(client: Client, login: Login, back: str) -> tuple[Code | Granted | Unexchanged, str]:
    """How the stack takes the address to which a browser is sent back, with what to say of it.

    Raises `ProvisionError`.
    """
    seen = _opened("redirect_uri", back, "it is registered")
    named, service = account_type_of(seen.path), global_id(client.id)
    query = read_query(seen.query)
    if named is None or (named != service and not dict(reversed(query)).get("access_token")):
        what = f"the stack has no page at {seen.path}: the user sees 404"
        if named is not None:
            what = f"the path is for the account type {named}: the user sees “bad state”"
        raise ProvisionError(what, f"write a redirect_uri whose path is /accounts/{service}/redirect")
    if not seen.query and seen.fragment:
        what = "the answer comes after the # of the redirect URI, which never reaches the stack"
        next = "remove response_mode from extras, or ask the provider for a client with authorization_code"
        raise ProvisionError(what, next)
    callback = read_callback(query, login.state, client, host=login.host(seen))
    if isinstance(callback, Stray | Denied):
        refused = "the stack refuses the callback"
        what = refused if isinstance(callback, Stray) else "the user is sent back without an account"
        next = "remove state, code and error from the query of redirect_uri and from extras"
        if client.grant_mode in IMPLICIT_MODES and client.redirect_uri:
            next = "leave redirect_uri out: a token is accepted only at the address of the instance"
        raise ProvisionError(f"{what}: {callback.why}", next)
    notes = [] if isinstance(callback, Unexchanged) else [*callback.notes]
    notes += [redirect_note(client)] if isinstance(callback, Granted) else []
    return callback, "; ".join(filter(None, notes))


def _exchanged(client: Client, callback: Code, attempt: Attempt, provider: SimulatedProvider) -> Token:
    """The token for a code. Raises `ProvisionError`."""
    _check_credential("client_secret", str(client.client_secret.reveal()))
    if fault := stack_fault(client.token_endpoint, browser=False):
        next = "write token_endpoint: https://… as the provider states it"
        raise ProvisionError(f"token_endpoint cannot be used: {fault}", next)
    if mapped := mapped_host(client.token_endpoint):
        what = f"the stack connects to {mapped[0]}, and asks it for {mapped[1]}, which no server has"
        raise ProvisionError(what, f"write {mapped[0]} as the host of token_endpoint")
    return token_of(client, callback, attempt, provider.send)


def _refreshed(client: Client, token: Token, provider: SimulatedProvider) -> tuple[Token, str]:
    """The token after a refresh, and what to say of it. Raises `ProvisionError`."""
    old = token.refresh_token
    if old is None:
        what = "the provider returns no refresh token: once the token has expired, the user must connect again"
        raise ProvisionError(what, ADVICE[Quirk.NO_REFRESH_TOKEN_WITHOUT_CONSENT])
    new = renewed(client, str(old.reveal()), provider.send)
    if new.refresh_token in (None, old):
        return token, "the token is refreshed"
    return new, "the token is refreshed, and the stack keeps the new refresh token"


def _check_credential(name: str, text: str) -> None:
    """See that a provider may have given a credential. Raises `ProvisionError`."""
    why = padding(text)
    if why or (placeholder := why_no_credential(name, text)):
        what = f"{name} {why or f'is {placeholder}'}: the provider does not recognize it"
        raise ProvisionError(what, f"set {name} as the provider shows it")
