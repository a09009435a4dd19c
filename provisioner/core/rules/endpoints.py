"""Rules about the URLs of a provider, and where it sends the user back to."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import BANK_ENDPOINTS, CODE_MODES, FLOW_MODES, IMPLICIT_MODES, context_of
from provisioner.core.definitions.domains import NOTE, is_loopback, stated_domains
from provisioner.core.definitions.go_url import dropped_pairs, escape_path, read_query, unescaped
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.url import (
    GAP,
    Url,
    as_browser,
    browser_fault,
    mapped_host,
    place_fault,
    stack_fault,
    without_gaps,
)
from provisioner.core.rules.rule import ENDPOINTS, AccountTypeView, Finding, rule
from provisioner.core.text import counted, listed

_BI_NEEDS = ("reconnect_endpoint",)


TEMPLATE = "https://provider.example/oauth/"
"""How the endpoints begin that ``provision new`` writes for a service that it does not know."""


@rule("foreign-endpoint", Severity.WARNING)
def _foreign(view: AccountTypeView) -> Iterator[Finding]:
    hosts = {name: host for name in ENDPOINTS if (host := _comparable(view, name))}
    first, *others = hosts.items() or [("", "")]
    stated = stated_domains(view.definition.node)
    for name, host in others:
        if not view.domains.one_owner((first[1], host), stated):
            mine, its = view.domains.domain(first[1]), view.domains.domain(host)
            advice = f"if both are the provider's, say {NOTE}: [{listed((mine, its))}]"
            yield Finding(f"{name} is on {its}, {first[0]} on {mine}: {advice}", (name,))


def _comparable(view: AccountTypeView, name: str) -> str:
    """The host of an endpoint, or the known end of it; empty where too little of it is known."""
    url = view.urls.get(name)
    host = url.host if url else ""
    _, gap, end = host.rpartition(GAP)
    if not gap:
        return host
    return end[1:] if end.startswith(".") and view.domains.registrable(end[1:]) else ""


@rule("plain-http", Severity.WARNING)
def _plain_http(view: AccountTypeView) -> Iterator[Finding]:
    for name in ENDPOINTS:
        url = view.urls.get(name)
        if url and url.scheme == "http" and GAP not in url.host and not is_loopback(url.host):
            yield Finding(f"{name} is http: codes, tokens and the client secret travel in clear text", (name,))


@rule("url-fragment", Severity.ERROR)
def _fragment(view: AccountTypeView) -> Iterator[Finding]:
    for name, url in view.urls.items():
        if url.fragment:
            yield Finding(f"{name} has a fragment (#…), which no OAuth endpoint may have", (name,))


@rule("url-user-info", Severity.ERROR)
def _user_info(view: AccountTypeView) -> Iterator[Finding]:
    for name, url in view.urls.items():
        if url.user_info.strip(":"):
            yield Finding(f"{name} has a user or password before its host: anyone can read it there", (name,))
        elif name == "token_endpoint" and _authority(view.written.get(name, "")) and _sends_no_basic(view):
            message = f"{name} has an @ before its host: the stack would send an Authorization header for it"
            yield Finding(message, (name,))


def _authority(text: str) -> bool:
    """Whether a user is written before the host, even an empty one."""
    return "@" in text.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[0]


def _sends_no_basic(view: AccountTypeView) -> bool:
    return view.text("token_mode") != "basic" and not view.unknown("token_mode")


_MOST_NAMED = 20
"""The most pairs of a query that are named one by one."""


@rule("url-unreadable", Severity.ERROR, ignorable=False)
def _unreadable(view: AccountTypeView) -> Iterator[Finding]:
    for name, text in view.written.items():
        redirect = name == "redirect_uri"
        fault = browser_fault(text) if redirect else stack_fault(text, browser=name != "token_endpoint")
        if fault := fault or place_fault(text):
            yield Finding(f"{name} cannot be used: {fault}", (name,))


@rule("host-mapped", Severity.WARNING)
def _mapped(view: AccountTypeView) -> Iterator[Finding]:
    if mapped := mapped_host(view.written.get("token_endpoint", "")):
        connected, named = mapped
        message = f"the stack connects to {connected}, and asks it for {named}, which no server has: write {connected}"
        yield Finding(f"the host of token_endpoint is written unlike its name of DNS: {message}", ("token_endpoint",))


@rule("template-value", Severity.ERROR, ignorable=False)
def _template(view: AccountTypeView) -> Iterator[Finding]:
    for name, text in view.written.items():
        if text.startswith(TEMPLATE):
            yield Finding(f"{name} is still that of the template: write the one that the provider documents", (name,))


@rule("query-dropped", Severity.ERROR)
def _dropped(view: AccountTypeView) -> Iterator[Finding]:
    for name in view.opened:
        url = view.urls.get(name)
        dropped = [pair.replace(GAP, "…") for pair in dropped_pairs(url.query)] if url else []
        for pair in dropped[:_MOST_NAMED]:
            yield Finding(f"the stack drops {pair} from the query of {name}", (name,))
        if more := len(dropped[_MOST_NAMED:]):
            yield Finding(f"the stack drops {counted(more, 'other pair')} from the query of {name}", (name,))


@rule("get-with-query", Severity.ERROR)
def _get_query(view: AccountTypeView) -> Iterator[Finding]:
    text = view.written.get("token_endpoint", "")
    if ("?" in text or "#" in text) and view.text("token_mode") == "get":
        message = "token_mode get cannot have a ? or # in token_endpoint: the stack adds ? and its parameters to it"
        yield Finding(message, ("token_endpoint",))


@rule("no-token-endpoint", Severity.WARNING)
def _no_token_endpoint(view: AccountTypeView) -> Iterator[Finding]:
    if view.mode in CODE_MODES and view.absent("token_endpoint"):
        place = "token_endpoint" if "token_endpoint" in view.definition.document else "grant_mode"
        message = "without token_endpoint the code is not exchanged: the account keeps the callback's query"
        yield Finding(message, (place,))


@rule("bi-endpoints", Severity.ERROR, ignorable=False)
def _bi(view: AccountTypeView) -> Iterator[Finding]:
    """What the schema does not see: it takes an empty value for a value."""
    if view.mode.startswith("bi_"):
        for name in _BI_NEEDS:
            if name in view.definition.document and view.absent(name):
                yield Finding(f"grant_mode {view.mode} needs {name}, and it is empty", (name,))


@rule("bi-same-page", Severity.WARNING)
def _same_page(view: AccountTypeView) -> Iterator[Finding]:
    reconnect, manage = (view.text(name) for name in BANK_ENDPOINTS)
    if view.mode.startswith("bi_") and manage and manage == reconnect:
        message = "manage_endpoint is the same page as reconnect_endpoint: Budget Insight has one for each"
        yield Finding(message, ("manage_endpoint",))


@rule("bi-token-endpoint", Severity.WARNING)
def _bi_token(view: AccountTypeView) -> Iterator[Finding]:
    if view.mode.startswith("bi_") and not view.absent("token_endpoint"):
        message = f"with token_endpoint, {view.mode} keeps no connection_id, so users cannot manage accounts"
        yield Finding(message, ("token_endpoint",))


@rule("ignored-key", Severity.WARNING)
def _ignored(view: AccountTypeView) -> Iterator[Finding]:
    names = [name for name in BANK_ENDPOINTS if not view.absent(name)]
    if names and view.mode and not view.mode.startswith("bi_"):
        yield Finding(f"the stack ignores {listed(names)} with grant_mode {view.mode}", (names[0],))


_APPS = frozenset({"drive", "home", "settings", "store"})
"""The web applications that every instance has: each is served on a host of its own, `<app>.<instance>`."""

_ANSWERS = ("access_token", "code", "error", "state")
"""What the stack looks for in the query of a callback (``web/accounts/oauth.go``, ``redirect``)."""


@rule("redirect-path", Severity.ERROR)
def _path(view: AccountTypeView) -> Iterator[Finding]:
    written, url = view.urls.get("redirect_uri"), _seen(view)
    wanted = f"/accounts/{view.global_id}/redirect"
    if written and url and GAP not in written.path and _routed(url.path) != wanted and view.mode != "secret":
        message = f"the path of redirect_uri must be {wanted}: the callback would answer “bad state”"
        yield Finding(message, ("redirect_uri",))


def _seen(view: AccountTypeView) -> Url | None:
    """The redirect URI as the browser calls it; something stands for what is not known."""
    text = view.written.get("redirect_uri")
    return as_browser(without_gaps(text)) if text else None


def _routed(path: str) -> str:
    """A path as the stack's router compares it: escapes count as what they stand for only if Go would write them so."""
    plain = unescaped(path)
    return plain if escape_path(plain) == path else path


@rule("redirect-query", Severity.ERROR)
def _query(view: AccountTypeView) -> Iterator[Finding]:
    url = _seen(view)
    names = {name for name, _ in read_query(url.query)} if url else set()
    for name in sorted(names.intersection(_ANSWERS)):
        message = f"redirect_uri has {name} in its query: the stack would read it as the provider's answer"
        yield Finding(message, ("redirect_uri",))


@rule("redirect-to-app", Severity.WARNING)
def _app(view: AccountTypeView) -> Iterator[Finding]:
    url = view.urls.get("redirect_uri")
    if url and is_app(url.host):
        message = (
            f"redirect_uri is on {url.host.partition('.')[0]}.…: the stack serves an application there, and no callback"
        )
        yield Finding(message, ("redirect_uri",))


def is_app(host: str) -> bool:
    """Whether an application of an instance is on a host."""
    first, _, rest = host.partition(".")
    return first in _APPS and "." in rest


@rule("context-without-redirect", Severity.ERROR)
def _context(view: AccountTypeView) -> Iterator[Finding]:
    starts_flow = view.mode in FLOW_MODES
    if context_of(view.id) is not None and starts_flow and view.absent("redirect_uri"):
        route = f"/accounts/{view.id}/redirect"
        message = f"the override of a context needs a redirect_uri: its default {route} is not a route of the stack"
        yield Finding(message, ("redirect_uri",) if "redirect_uri" in view.definition.document else ("grant_mode",))


@rule("implicit-redirect", Severity.ERROR)
def _implicit(view: AccountTypeView) -> Iterator[Finding]:
    url = view.urls.get("redirect_uri")
    if not url or view.mode not in IMPLICIT_MODES:
        return
    if url.host.startswith("oauthcallback."):
        message = f"grant_mode {view.mode} needs a redirect to the instance itself: oauthcallback is not an instance"
        yield Finding(message, ("redirect_uri",))
    elif GAP not in url.host:
        message = f"grant_mode {view.mode} works with this redirect_uri only if {url.host} is an instance"
        yield Finding(message, ("redirect_uri",), Severity.WARNING)
