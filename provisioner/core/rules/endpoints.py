"""The URLs of a provider, where it sends the user back to, and what the stack adds to the query of a login."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from provisioner.core.definitions.account_type import (
    ASKED_PARAMETERS,
    BANK_ENDPOINTS,
    BANK_PARAMETERS,
    CODE_MODES,
    FLOW_MODES,
    IMPLICIT_MODES,
    PARAMETERS,
    context_of,
    global_id,
)
from provisioner.core.definitions.domains import DOMAINS_NOTE, is_loopback, stated_domains
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
from provisioner.core.rules import ENDPOINTS, DefinitionView, Finding, found
from provisioner.core.text import counted, listed

_USER = re.compile(r"\w+://[^/?#]*@")
"""A user before the host of a URL, even an empty one."""

TEMPLATE = "https://provider.example/oauth/"
"""How the endpoints begin that ``provision new`` writes for a service that it does not know."""


def check_urls(view: DefinitionView) -> Iterator[Finding]:
    """What is wrong with each URL by itself."""
    for name, text in view.written.items():
        fault = (
            browser_fault(text) if name == "redirect_uri" else stack_fault(text, browser=name != "token_endpoint")
        ) or place_fault(text)
        if fault:
            yield found("url-unreadable", f"{name} cannot be used: {fault}", name)
        if text.startswith(TEMPLATE):
            message = f"{name} is still that of the template: write the one that the provider documents"
            yield found("template-value", message, name)
    sends_no_basic = view.text("token_mode") != "basic" and "token_mode" not in view.gaps
    for name, url in view.urls.items():
        if url.fragment:
            yield found("url-fragment", f"{name} has a fragment (#…), which no OAuth endpoint may have", name)
        if url.user_info.strip(":"):
            message = f"{name} has a user or password before its host: anyone can read it there"
            yield found("url-user-info", message, name)
        elif name == "token_endpoint" and _USER.match(view.written.get(name, "")) and sends_no_basic:
            message = f"{name} has an @ before its host: the stack would send an Authorization header for it"
            yield found("url-user-info", message, name)
        if url.scheme == "http" and name in ENDPOINTS and GAP not in url.host and not is_loopback(url.host):
            message = f"{name} is http: codes, tokens and the client secret travel in clear text"
            yield found("plain-http", message, name)


def check_endpoints(view: DefinitionView) -> Iterator[Finding]:
    """What is wrong with the endpoints beside each other, and in their grant mode."""
    mode, token = view.mode, view.written.get("token_endpoint", "")
    hosts = [(name, host) for name in ENDPOINTS if name in view.urls and (host := _comparable(view, name))]
    for name, host in hosts[1:]:
        first, of_first = hosts[0]
        if not view.domains.one_owner((of_first, host), stated_domains(view.definition.content.values)):
            mine, its = view.domains.domain(of_first), view.domains.domain(host)
            advice = f"if both are the provider's, say {DOMAINS_NOTE}: [{listed((mine, its))}]"
            yield found("foreign-endpoint", f"{name} is on {its}, {first} on {mine}: {advice}", name)
    if mapped := mapped_host(token):
        connected, named = mapped
        message = f"the stack connects to {connected}, and asks it for {named}, which no server has: write {connected}"
        written = "the host of token_endpoint is written unlike its name of DNS"
        yield found("host-mapped", f"{written}: {message}", "token_endpoint")
    if ("?" in token or "#" in token) and view.text("token_mode") == "get":
        message = "token_mode get cannot have a ? or # in token_endpoint: the stack adds ? and its parameters to it"
        yield found("get-with-query", message, "token_endpoint")
    if mode in CODE_MODES and view.absent("token_endpoint"):
        message = "without token_endpoint the code is not exchanged: the account keeps the callback's query"
        place = "token_endpoint" if "token_endpoint" in view.document else "grant_mode"
        yield found("no-token-endpoint", message, place)
    of_banks = [name for name in BANK_ENDPOINTS if not view.absent(name)]
    if mode.startswith("bi_"):
        yield from _check_bank(view)
    elif of_banks and mode:
        message = f"the stack ignores {listed(of_banks)} with grant_mode {mode}"
        yield found("ignored-key", message, of_banks[0])


def _comparable(view: DefinitionView, name: str) -> str:
    """The host of an endpoint, or the known end of it; empty where too little of it is known."""
    host = view.urls[name].host
    _, gap, end = host.rpartition(GAP)
    if not gap:
        return host
    return end[1:] if end.startswith(".") and view.domains.registrable(end[1:]) else ""


def _check_bank(view: DefinitionView) -> Iterator[Finding]:
    """What is wrong with the endpoints of Budget Insight; the schema takes an empty value for a value."""
    if "reconnect_endpoint" in view.document and view.absent("reconnect_endpoint"):
        message = f"grant_mode {view.mode} needs reconnect_endpoint, and it is empty"
        yield found("bi-endpoints", message, "reconnect_endpoint")
    if (manage := view.text("manage_endpoint")) and manage == view.text("reconnect_endpoint"):
        message = "manage_endpoint is the same page as reconnect_endpoint: Budget Insight has one for each"
        yield found("bi-same-page", message, "manage_endpoint")
    if not view.absent("token_endpoint"):
        message = f"with token_endpoint, {view.mode} keeps no connection_id, so users cannot manage accounts"
        yield found("bi-token-endpoint", message, "token_endpoint")


_APPS = frozenset({"drive", "home", "settings", "store"})
"""The web applications that every instance has: each is served on a host of its own, `<app>.<instance>`."""

_ANSWERS = frozenset({"access_token", "code", "error", "state"})
"""What the stack looks for in the query of a callback (``web/accounts/oauth.go``, ``redirect``)."""


def check_redirect(view: DefinitionView) -> Iterator[Finding]:
    """What is wrong with the place to which the provider sends the user back."""
    field, url, text = "redirect_uri", view.urls.get("redirect_uri"), view.written.get("redirect_uri")
    if context_of(view.id) is not None and view.mode in FLOW_MODES and view.absent(field):
        route = f"/accounts/{view.id}/redirect"
        message = f"the override of a context needs a redirect_uri: its default {route} is not a route of the stack"
        yield found("context-without-redirect", message, field if field in view.document else "grant_mode")
    if text and (seen := as_browser(without_gaps(text))):
        wanted, path = f"/accounts/{global_id(view.id)}/redirect", unescaped(seen.path)
        routed = path if escape_path(path) == seen.path else seen.path  # so the stack's router compares paths
        if url and GAP not in url.path and routed != wanted and view.mode != "secret":
            message = f"the path of redirect_uri must be {wanted}: the callback would answer “bad state”"
            yield found("redirect-path", message, field)
        for name in _ANSWERS.intersection(name for name, _ in read_query(seen.query)):
            message = f"redirect_uri has {name} in its query: the stack would read it as the provider's answer"
            yield found("redirect-query", message, field)
    if url and is_app(url.host):
        app = url.host.partition(".")[0]
        message = f"redirect_uri is on {app}.…: the stack serves an application there, and no callback"
        yield found("redirect-to-app", message, field)
    if url and view.mode in IMPLICIT_MODES:
        if url.host.startswith("oauthcallback."):
            needs = f"grant_mode {view.mode} needs a redirect to the instance itself"
            yield found("implicit-redirect", f"{needs}: oauthcallback is not an instance", field)
        elif GAP not in url.host:
            message = f"grant_mode {view.mode} works with this redirect_uri only if {url.host} is an instance"
            yield found("implicit-redirect", message, field, severity=Severity.WARNING)


def is_app(host: str) -> bool:
    """Whether an application of an instance is on a host."""
    first, _, rest = host.partition(".")
    return first in _APPS and "." in rest


_FLOWLESS = frozenset({"", "secret", "refresh_token"})
"""Modes that send no one to an authorization endpoint."""

_UNREADABLE = frozenset({"form_post", "fragment", "web_message"})
_MAX_NAMED = 20
"""The most pairs of a query that are named one by one."""

Parameters = Mapping[str, str | None]
"""Parameters by name; ``None`` for a value that is not known."""


def check_query(view: DefinitionView) -> Iterator[Finding]:
    """What is wrong with the extra parameters, and with the queries of the pages to which the stack sends people."""
    opened = ("auth_endpoint", *BANK_ENDPOINTS) if view.mode.startswith("bi_") else ("auth_endpoint",)
    urls = {name: url for name in opened if (url := view.urls.get(name))}
    extras, queries = _extras(view), {name: _query(url) for name, url in urls.items() if url.query}
    query = queries.get("auth_endpoint", {})
    for name in queries:
        dropped = [pair.replace(GAP, "…") for pair in dropped_pairs(urls[name].query)]
        more = [counted(len(dropped) - _MAX_NAMED, "other pair")] if len(dropped) > _MAX_NAMED else []
        for pair in dropped[:_MAX_NAMED] + more:
            yield found("query-dropped", f"the stack drops {pair} from the query of {name}", name)
    sent = _sent(view.mode, skips=view.document.get("skip_redirect_uri_on_authorize") is True)
    for place, names in (("extras", extras), *queries.items()):
        yield from _sent_twice(view, place, names, frozenset(BANK_PARAMETERS) if place in BANK_ENDPOINTS else sent)
    for name in extras.keys() & query.keys() - sent:
        yield found(
            "parameter-twice", f"{name} is also in the query of auth_endpoint: it would be sent twice", "extras", name
        )
    if view.mode in CODE_MODES and "auth_endpoint" in urls and urls["auth_endpoint"].host == "accounts.google.com":
        yield from _check_google({**query, **extras}, "extras" if "extras" in view.document else "auth_endpoint")
    if view.mode not in _FLOWLESS:
        for name, value in extras.items():
            yield from _check_parameter(name, value, "extras", name)
        for name, value in query.items():
            yield from _check_parameter(name, value, "auth_endpoint")


def _extras(view: DefinitionView) -> Parameters:
    extras = view.document.get("extras")
    if not isinstance(extras, dict):
        return {}
    unknown = {path[1] for path in view.definition.content.gaps if path[0] == "extras" and len(path) == 2}
    return {name: value if isinstance(value, str) and name not in unknown else None for name, value in extras.items()}


def _query(url: Url) -> Parameters:
    return {name: None if GAP in value else value for name, value in read_query(url.query) if GAP not in name}


@lru_cache(100)
def _sent(mode: str, *, skips: bool) -> frozenset[str]:
    """The parameters that the stack adds itself to auth_endpoint in a mode; `skips`: never redirect_uri."""
    if mode in _FLOWLESS:
        return frozenset()
    names = frozenset(PARAMETERS.get(mode.removesuffix("+secret"), ())) | {"state"}
    return names if skips or mode == "token_redirect_url" else names | {"redirect_uri"}


def _sent_twice(view: DefinitionView, place: str, names: Parameters, sent: frozenset[str]) -> Iterator[Finding]:
    """What of some names the stack sends, or may send, beside them."""
    may_be_sent = ASKED_PARAMETERS.get(view.mode.removesuffix("+secret"), ()) if place not in BANK_ENDPOINTS else None
    for name in names:
        path = (place, name) if place == "extras" else (place,)
        if name in sent:
            message = f"{place} has {name}, which the stack sends itself: it would be sent twice"
            yield found("reserved-parameter", message, *path)
        elif sent and may_be_sent is not None and name == "scope":
            message = f"{place} has a scope, which is sent in addition to that of the konnector's manifest"
            yield found("reserved-parameter", message, *path, severity=Severity.WARNING)
        elif sent and may_be_sent is not None and name in may_be_sent:
            message = f"{place} has {name}, which is sent twice if an instance also sends it"
            yield found("reserved-parameter", message, *path, severity=Severity.WARNING)


def _check_google(given: Parameters, place: str) -> Iterator[Finding]:
    """What Google needs to return a refresh token."""
    access, prompt = given.get("access_type", ""), given.get("prompt", "")
    missing = ["access_type: offline"] if access is not None and access != "offline" else []
    forced = given.get("approval_prompt", "") in ("force", None)
    missing += ["prompt: consent"] if prompt is not None and "consent" not in prompt.split() and not forced else []
    if missing:
        yield found("google-offline", f"Google returns no refresh token without {listed(missing)} in extras", place)


def _check_parameter(name: str, value: str | None, *path: str) -> Iterator[Finding]:
    """What a parameter asks for that the stack cannot do."""
    match name:
        case "response_mode" if value and value.partition(".")[0] in _UNREADABLE:
            message = f"response_mode {value}: the stack reads an answer only from the query of a GET"
            yield found("unreadable-answer", message, *path)
        case "code_challenge" | "code_challenge_method":
            message = f"{name}: the stack does not support PKCE, and sends no code_verifier when it exchanges the code"
            yield found("no-pkce", message, *path)
        case "nonce":
            same = "a nonce that is the same at each login protects nothing"
            yield found("fixed-nonce", f"{same}, and a provider may refuse it the second time", *path)
        case _:
            pass
