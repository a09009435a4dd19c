"""Finds out whether provisioned account types work: in the database, and at their providers."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from provisioner.commands.proving import credentials_result, redirect_uri, testable
from provisioner.commands.validate import ReadCredentials
from provisioner.core.definitions.account_type import CODE_MODES, IMPLICIT_MODES
from provisioner.core.definitions.definition import LIVE, NONE_LEFT, Selection, Validation
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.url import host_of
from provisioner.core.errors import AccessRefused, ProvisionError, SignInRefused, StoreError
from provisioner.core.http import Answer
from provisioner.core.oauth.endpoints import (
    MAX_HOPS,
    Metadata,
    SignIn,
    discovery_result,
    published_by,
    sign_in_result,
    token_endpoint_result,
)
from provisioner.core.oauth.requests import (
    Client,
    Request,
    StackRefuses,
    Start,
    TokenMode,
    authorize_url,
    clients_of,
)
from provisioner.core.plan.health import (
    DATABASE,
    CheckResult,
    Inspection,
    Verdict,
    database_findings,
    document_findings,
    failed,
    ok,
    warning,
)
from provisioner.core.plan.live_document import ends_of, live_definition, live_faults
from provisioner.core.plan.store import Live
from provisioner.core.rules import DefinitionView
from provisioner.core.rules.checking import Policy, check_each, check_together, with_policy
from provisioner.core.text import did_you_mean, printable

_STATE = "provision-check"


class Providers(Protocol):
    """The endpoints of providers, asked at a pace that suits each host. All but `metadata` raise `ProvisionError`."""

    def page(self, url: str, cookies: dict[str, str]) -> Answer:
        """The answer that a browser with these cookies gets; those that it sets are put among them."""
        ...

    def probe(self, method: str, url: str) -> Answer:
        """The answer to a request without content; redirects are not followed."""
        ...

    def exchange(self, request: Request) -> Answer:
        """The answer of a token endpoint; redirects are followed only within its origin."""
        ...

    def metadata(self, url: str) -> Metadata | None:
        """What is published at an address; ``None`` if it cannot be had."""
        ...


class Provisioned(Struct, frozen=True):
    """What a database holds, as far as it was asked for."""

    results: tuple[CheckResult, ...]
    clients: tuple[Client, ...]
    documents: tuple[Live, ...] = ()
    inspected: bool = True

    @property
    def ids(self) -> frozenset[str]:
        """The ids of its documents."""
        return frozenset(live.id for live in self.documents)

    def beside(self, ids: Collection[str]) -> "Provisioned":
        """The same, where documents of another kind have some ids: then it says nothing of these."""
        return replace(self, results=tuple(each for each in self.results if each.subject not in {*ids} - self.ids))


def unreachable(error: StoreError) -> Provisioned:
    """A database that cannot be looked into: how far the requests came."""
    reachable = ok("the server answers").of(DATABASE, "reachable")
    signed_in = ok("your requests are accepted").of(DATABASE, "signed-in")
    refused = failed(error.what, error.next)
    match error:
        case SignInRefused():
            return Provisioned((reachable, refused.of(DATABASE, "signed-in")), (), inspected=False)
        case AccessRefused():
            return Provisioned((reachable, signed_in, refused.of(DATABASE, "access")), (), inspected=False)
        case _:
            return Provisioned((refused.of(DATABASE, "reachable"),), (), inspected=False)


def run_live(live: Mapping[str, Live], check: Check, domains: Domains) -> Validation:
    """Check every document of a database, by its id."""
    documents = [live[id] for id in sorted(live)]
    definitions = tuple(map(live_definition, documents))
    problems = [
        fault.in_file(definition.path)
        for definition, live in zip(definitions, documents, strict=True)
        for fault in live_faults(live, check)
    ]
    views = [DefinitionView.of(each, domains, live=True) for each in definitions]
    problems += [*check_each(views), *check_together(views, whole=True)]
    return Validation(0, definitions, tuple(sorted(problems)), documents=len(definitions))


_STATED = {"undecodable": "document", "missing-credentials": "credentials", "no-client-secret": "credentials"}
"""Rules whose finding is that of a check."""


def rule_findings(
    found: Provisioned, documents: Mapping[str, Live], check: Check, domains: Domains, policy: Policy
) -> Iterator[CheckResult]:
    """What the rules of definitions find in the documents that were checked, beside the others of their database."""
    validation = with_policy(run_live(documents, check, domains), policy)
    shown = {f"{LIVE}{printable(live.id)}": live.id for live in found.documents}
    known = {(each.subject, each.check) for each in found.results if each.verdict is not Verdict.OK}
    for problem in validation.problems:
        id = shown.get(problem.path)
        if id is not None and (id, _STATED.get(problem.rule)) not in known:
            found_as = failed if problem.severity is Severity.ERROR else warning
            yield found_as(problem.message, f"see provision explain {problem.rule}").of(id, problem.rule)


def provisioned(inspection: Inspection, documents: Mapping[str, Live], selection: Selection) -> Provisioned:
    """Check a database, and those of its documents that are meant."""
    results = [*database_findings(inspection)]
    for id in selection.ids:
        if id not in documents:
            what = f"there is no such {inspection.kind.noun}{did_you_mean(id, documents)}"
            results.append(failed(what, "see provision list").of(id, "document"))
    chosen = [documents[id] for id in sorted(documents) if selection.means(id)]
    if documents and not chosen and not selection.ids:
        results.append(failed(NONE_LEFT, "see provision list").of(DATABASE, "document"))
    clients: list[Client] = []
    for live in chosen:
        results += document_findings(live)
        with suppress(StackRefuses):  # what the stack cannot decode is among the findings
            clients += clients_of(live.kind, live.id, live_definition(live).document)
    flows = CODE_MODES | IMPLICIT_MODES
    return Provisioned(tuple(results), tuple(client for client in clients if client.grant_mode in flows), tuple(chosen))


def expiring(
    documents: Sequence[Live], sources: ReadCredentials, lifetimes: Mapping[str, str], today: date
) -> Iterator[CheckResult]:
    """The client secrets that have expired, or do so within a month; sources that cannot be read are a result."""
    ids = [live.id for live in documents]
    try:
        ends = [*ends_of(ids, sources(dict.fromkeys(ids, ())), documents, lifetimes, today)]
    except ProvisionError as error:
        yield failed(error.what, error.next).of(DATABASE, "expiry")
        return
    for expiry in ends:
        if expiry.near:
            next = "create a new client secret at the provider, and put it into the credential source"
            yield (failed if expiry.over else warning)(str(expiry), next).of(expiry.id, "expiry")


def ask_for_credentials(
    client: Client, providers: Providers, choose: Callable[[str], str], *, try_modes: bool
) -> Iterator[CheckResult]:
    """Whether the provider accepts the credentials of an account type, with any token_mode if it is to `try_modes`.

    `choose` picks one character of a text at random.
    """
    if testable([client]):
        found = credentials_result(client, providers.exchange, choose, try_modes=try_modes)
        yield found.of(client.id, "client")


def ask_endpoints(client: Client, scope: str, providers: Providers) -> Iterator[CheckResult]:
    """Whether both endpoints of an account type accept its client, and are those that the provider publishes."""

    def judged(check: str, work: Callable[[], CheckResult]) -> CheckResult:
        try:
            found = work()
        except ProvisionError as error:
            found = failed(error.what, error.next)
        return found.of(client.id, check).without(client.secrets)

    yield judged("auth_endpoint", lambda: _sign_in(client, scope, providers))
    if client.token_endpoint and client.grant_mode in CODE_MODES:
        method, url = "GET" if client.token_mode is TokenMode.GET else "POST", client.token_endpoint
        yield judged("token_endpoint", lambda: token_endpoint_result(method, url, providers.probe(method, url)))
    with suppress(ProvisionError, ValueError):  # an invalid endpoint is reported above
        if published := published_by(client, providers.metadata):
            yield judged("discovery", lambda: discovery_result(client, published))


def _sign_in(client: Client, scope: str, providers: Providers) -> CheckResult:
    asked = SignIn(
        redirect_uri=redirect_uri(client),
        state=_STATE,
        scope=scope,
        assumed=not client.redirect_uri,
        implicit=client.grant_mode in IMPLICIT_MODES,
    )
    url = authorize_url(client, asked.redirect_uri, Start(scope=scope), _STATE)
    cookies: dict[str, str] = {}
    for _ in range(MAX_HOPS + 1):
        found = sign_in_result(asked, url, providers.page(url, cookies))
        if isinstance(found, CheckResult):
            return found
        url = found
    return warning(f"redirects more than {MAX_HOPS} times within {host_of(url)}", "open it in a browser")
