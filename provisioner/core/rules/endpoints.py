"""Rules about the URLs of a provider, and where it sends the user back to."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import context_of
from provisioner.core.definitions.domains import NOTE, is_loopback, stated_domains
from provisioner.core.definitions.go_url import dropped_pairs, escape_path, read_query, unescaped
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.url import GAP, Url, as_browser, browser_fault, mapped_host, stack_fault, without_gaps
from provisioner.core.rules.rule import CODE_MODES, ENDPOINTS, IMPLICIT_MODES, Finding, Subject, rule
from provisioner.core.text import counted, listed

_BI_NEEDS = ("reconnect_endpoint",)


TEMPLATE = "https://provider.example/oauth/"
"""How the endpoints begin that ``provision new`` writes for a service that it does not know."""


@rule("foreign-endpoint", Severity.WARNING)
def _foreign(subject: Subject) -> Iterator[Finding]:
    hosts = {name: host for name in ENDPOINTS if (host := _comparable(subject, name))}
    first, *others = hosts.items() or [("", "")]
    stated = stated_domains(subject.definition.node)
    for name, host in others:
        if not subject.domains.one_owner((first[1], host), stated):
            mine, its = subject.domains.domain(first[1]), subject.domains.domain(host)
            advice = f"if both are the provider's, say {NOTE}: [{listed((mine, its))}]"
            yield Finding(f"{name} is on {its}, {first[0]} on {mine}: {advice}", (name,))


def _comparable(subject: Subject, name: str) -> str:
    """The host of an endpoint, or the known end of it; empty where too little of it is known."""
    url = subject.urls.get(name)
    host = url.host if url else ""
    _, gap, end = host.rpartition(GAP)
    if not gap:
        return host
    return end[1:] if end.startswith(".") and subject.domains.registrable(end[1:]) else ""


@rule("plain-http", Severity.WARNING)
def _plain_http(subject: Subject) -> Iterator[Finding]:
    for name in ENDPOINTS:
        url = subject.urls.get(name)
        if url and url.scheme == "http" and GAP not in url.host and not is_loopback(url.host):
            yield Finding(f"{name} is http: codes, tokens and the client secret travel in clear text", (name,))


@rule("url-fragment", Severity.ERROR)
def _fragment(subject: Subject) -> Iterator[Finding]:
    for name, url in subject.urls.items():
        if url.fragment:
            yield Finding(f"{name} has a fragment (#…), which no OAuth endpoint may have", (name,))


@rule("url-user-info", Severity.ERROR)
def _user_info(subject: Subject) -> Iterator[Finding]:
    for name, url in subject.urls.items():
        if url.user_info.strip(":"):
            yield Finding(f"{name} has a user or password before its host: anyone can read it there", (name,))
        elif name == "token_endpoint" and _authority(subject.written.get(name, "")) and _sends_no_basic(subject):
            message = f"{name} has an @ before its host: the stack would send an Authorization header for it"
            yield Finding(message, (name,))


def _authority(text: str) -> bool:
    """Whether a user is written before the host, even an empty one."""
    return "@" in text.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[0]


def _sends_no_basic(subject: Subject) -> bool:
    return subject.text("token_mode") != "basic" and not subject.unknown("token_mode")


_MOST_NAMED = 20
"""The most pairs of a query that are named one by one."""


@rule("url-unreadable", Severity.ERROR, ignorable=False)
def _unreadable(subject: Subject) -> Iterator[Finding]:
    for name, text in subject.written.items():
        redirect = name == "redirect_uri"
        fault = browser_fault(text) if redirect else stack_fault(text, browser=name != "token_endpoint")
        if fault:
            yield Finding(f"{name} cannot be used: {fault}", (name,))


@rule("host-mapped", Severity.WARNING)
def _mapped(subject: Subject) -> Iterator[Finding]:
    if mapped := mapped_host(subject.written.get("token_endpoint", "")):
        connected, named = mapped
        message = f"the stack connects to {connected}, and asks it for {named}, which no server has: write {connected}"
        yield Finding(f"the host of token_endpoint is written unlike its name of DNS: {message}", ("token_endpoint",))


@rule("template-value", Severity.ERROR, ignorable=False)
def _template(subject: Subject) -> Iterator[Finding]:
    for name, text in subject.written.items():
        if text.startswith(TEMPLATE):
            yield Finding(f"{name} is still that of the template: write what the provider documents", (name,))


@rule("query-dropped", Severity.ERROR)
def _dropped(subject: Subject) -> Iterator[Finding]:
    for name in subject.opened:
        url = subject.urls.get(name)
        dropped = [pair.replace(GAP, "…") for pair in dropped_pairs(url.query)] if url else []
        for pair in dropped[:_MOST_NAMED]:
            yield Finding(f"the stack drops {pair} from the query of {name}", (name,))
        if more := len(dropped[_MOST_NAMED:]):
            yield Finding(f"the stack drops {counted(more, 'other pair')} from the query of {name}", (name,))


@rule("get-with-query", Severity.ERROR)
def _get_query(subject: Subject) -> Iterator[Finding]:
    text = subject.written.get("token_endpoint", "")
    if ("?" in text or "#" in text) and subject.text("token_mode") == "get":
        message = "token_mode get cannot have a ? or # in token_endpoint: the stack adds ? and its parameters to it"
        yield Finding(message, ("token_endpoint",))


@rule("no-token-endpoint", Severity.WARNING)
def _no_token_endpoint(subject: Subject) -> Iterator[Finding]:
    if subject.mode in CODE_MODES and subject.absent("token_endpoint"):
        place = "token_endpoint" if "token_endpoint" in subject.definition.document else "grant_mode"
        message = "without token_endpoint the code is not exchanged: the account keeps the callback's query"
        yield Finding(message, (place,))


@rule("bi-endpoints", Severity.ERROR, ignorable=False)
def _bi(subject: Subject) -> Iterator[Finding]:
    """What the schema does not see: it takes an empty value for a value."""
    if subject.mode.startswith("bi_"):
        for name in _BI_NEEDS:
            if name in subject.definition.document and subject.absent(name):
                yield Finding(f"grant_mode {subject.mode} needs {name}, and it is empty", (name,))


@rule("ignored-key", Severity.WARNING)
def _ignored(subject: Subject) -> Iterator[Finding]:
    names = [name for name in ("reconnect_endpoint", "manage_endpoint") if not subject.absent(name)]
    if names and subject.mode and not subject.mode.startswith("bi_"):
        yield Finding(f"the stack ignores {listed(names)} with grant_mode {subject.mode}", (names[0],))


_APPS = frozenset({"drive", "home", "settings", "store"})
"""The web applications that every instance has: each is served on a host of its own, `<app>.<instance>`."""

_ANSWERS = ("access_token", "code", "error", "state")
"""What the stack looks for in the query of a callback (``web/accounts/oauth.go``, ``redirect``)."""


@rule("redirect-path", Severity.ERROR)
def _path(subject: Subject) -> Iterator[Finding]:
    written, url = subject.urls.get("redirect_uri"), _seen(subject)
    wanted = f"/accounts/{subject.service}/redirect"
    if written and url and GAP not in written.path and _routed(url.path) != wanted and subject.mode != "secret":
        message = f"the path of redirect_uri must be {wanted}: the callback would answer “bad state”"
        yield Finding(message, ("redirect_uri",))


def _seen(subject: Subject) -> Url | None:
    """The redirect URI as the browser calls it; something stands for what is not known."""
    text = subject.written.get("redirect_uri")
    return as_browser(without_gaps(text)) if text else None


def _routed(path: str) -> str:
    """A path as the stack's router compares it: escapes count as what they stand for only if Go would write them so."""
    plain = unescaped(path)
    return plain if escape_path(plain) == path else path


@rule("redirect-query", Severity.ERROR)
def _query(subject: Subject) -> Iterator[Finding]:
    url = _seen(subject)
    names = {name for name, _ in read_query(url.query)} if url else set()
    for name in sorted(names.intersection(_ANSWERS)):
        message = f"redirect_uri has {name} in its query: the stack would take it for the provider's answer"
        yield Finding(message, ("redirect_uri",))


@rule("redirect-to-app", Severity.WARNING)
def _app(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("redirect_uri")
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
def _context(subject: Subject) -> Iterator[Finding]:
    starts_flow = subject.mode in CODE_MODES | IMPLICIT_MODES or subject.mode.startswith("bi_")
    if context_of(subject.id) is not None and starts_flow and subject.absent("redirect_uri"):
        route = f"/accounts/{subject.id}/redirect"
        message = f"the overload of a context needs a redirect_uri: its default {route} is not a route of the stack"
        yield Finding(message, ("redirect_uri",) if "redirect_uri" in subject.definition.document else ("grant_mode",))


@rule("implicit-redirect", Severity.ERROR)
def _implicit(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("redirect_uri")
    if not url or subject.mode not in IMPLICIT_MODES:
        return
    if url.host.startswith("oauthcallback."):
        message = f"grant_mode {subject.mode} needs a redirect to the instance itself, and oauthcallback is none"
        yield Finding(message, ("redirect_uri",))
    elif GAP not in url.host:
        message = f"grant_mode {subject.mode} works with this redirect_uri only if {url.host} is an instance"
        yield Finding(message, ("redirect_uri",), Severity.WARNING)
