"""Rules about the URLs of a provider."""

from collections.abc import Iterator

from provisioner.core.definitions.domains import NOTE, is_loopback, stated_domains
from provisioner.core.definitions.go_url import read_query
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, Rule
from provisioner.core.rules.subject import CODE_MODES, ENDPOINTS, Subject
from provisioner.core.rules.url import GAP, browser_fault, stack_fault
from provisioner.core.text import listed

_BI_NEEDS = ("reconnect_endpoint",)


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


def _plain_http(subject: Subject) -> Iterator[Finding]:
    for name in ENDPOINTS:
        url = subject.urls.get(name)
        if url and url.scheme == "http" and GAP not in url.host and not is_loopback(url.host):
            yield Finding(f"{name} is http: codes, tokens and the client secret travel in clear text", (name,))


def _fragment(subject: Subject) -> Iterator[Finding]:
    for name, url in subject.urls.items():
        if url.fragment:
            yield Finding(f"{name} has a fragment (#…), which no OAuth endpoint may have", (name,))


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


def _unreadable(subject: Subject) -> Iterator[Finding]:
    for name, text in subject.written.items():
        redirect = name == "redirect_uri"
        fault = browser_fault(text) if redirect else stack_fault(text, browser=name != "token_endpoint")
        if fault:
            yield Finding(f"{name} cannot be used: {fault}", (name,))


def _dropped(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("auth_endpoint")
    for pair in url.query.split("&") if url else ():
        if pair and not read_query(pair.replace(GAP, "a")):
            message = f"the stack drops {pair.replace(GAP, '…')} from the query of auth_endpoint"
            yield Finding(message, ("auth_endpoint",))


def _get_query(subject: Subject) -> Iterator[Finding]:
    text = subject.written.get("token_endpoint", "")
    if ("?" in text or "#" in text) and subject.text("token_mode") == "get":
        message = "token_mode get cannot have a ? or # in token_endpoint: the stack adds ? and its parameters to it"
        yield Finding(message, ("token_endpoint",))


def _no_token_endpoint(subject: Subject) -> Iterator[Finding]:
    if subject.mode in CODE_MODES and subject.absent("token_endpoint"):
        place = "token_endpoint" if "token_endpoint" in subject.definition.document else "grant_mode"
        message = "without token_endpoint the code is not exchanged: the account keeps the callback's query"
        yield Finding(message, (place,))


def _bi(subject: Subject) -> Iterator[Finding]:
    """What the schema does not see: it takes an empty value for a value."""
    if subject.mode.startswith("bi_"):
        for name in _BI_NEEDS:
            if name in subject.definition.document and subject.absent(name):
                yield Finding(f"grant_mode {subject.mode} needs {name}, and it is empty", (name,))


def _ignored(subject: Subject) -> Iterator[Finding]:
    names = [name for name in ("reconnect_endpoint", "manage_endpoint") if not subject.absent(name)]
    if names and subject.mode and not subject.mode.startswith("bi_"):
        yield Finding(f"the stack ignores {listed(names)} with grant_mode {subject.mode}", (names[0],))


RULES = (
    Rule(
        id="foreign-endpoint",
        severity=Severity.WARNING,
        finds=(
            "Endpoints on different registrable domains, by the public suffix list. A host whose domain is a variable "
            "is not compared."
        ),
        why=(
            "The stack sends the code and the client secret to whatever `token_endpoint` names "
            "(`model/account/type.go`, `RequestAccessToken`): a foreign one collects them, and the user sees only the "
            "right login page."
        ),
        fix=(
            "Correct the endpoint. Where the provider does have several domains, name all of them in the definition: "
            "`x-domains: [google.com, googleapis.com]`. Live documents have no notes: there, what the shipped "
            "catalogue and the definitions named on the command line state is known."
        ),
        reference="RFC 9700, section 4.4",
        check=_foreign,
    ),
    Rule(
        id="url-unreadable",
        severity=Severity.ERROR,
        finds=(
            "A URL that the stack or the user's browser cannot use: a control character, a `%` without two hexadecimal "
            "digits in its path or host, no host, an impossible host or port; for `token_endpoint` also an address "
            "that only browsers know (`0x7f.1`)."
        ),
        why=(
            "The stack reads each endpoint with Go's `net/url` and answers 500 if that fails (`model/account/type.go`, "
            "`MakeOauthStartURL`, `RequestAccessToken`). The user's browser follows the `Location` that the stack "
            "sends and, from the provider, `redirect_uri`: what it cannot read as a URL leads nowhere."
        ),
        fix="Copy the URL from the provider's documentation once more; write `%25` for a percent sign.",
        reference="RFC 3986, sections 2.1 and 3.2; WHATWG URL",
        check=_unreadable,
        ignorable=False,
    ),
    Rule(
        id="query-dropped",
        severity=Severity.ERROR,
        finds="A pair in the query of `auth_endpoint` with a `;`, or with a `%` without two hexadecimal digits.",
        why=(
            "The stack reads the query in order to add its parameters, and Go's `ParseQuery` leaves such pairs out "
            "(`model/account/type.go`, `MakeOauthStartURL`): the provider never gets them."
        ),
        fix="Write `%3B` for a semicolon, `%25` for a percent sign, and `&` between pairs.",
        check=_dropped,
    ),
    Rule(
        id="plain-http",
        severity=Severity.WARNING,
        finds="An `http:` endpoint on another host than loopback (`localhost`, `*.localhost`, `127.*`, `::1`).",
        why=(
            "The stack does not require TLS (`model/account/type.go`): code, tokens and client secret can be read "
            "and changed on the way."
        ),
        fix="Write `https:`. For a test server in a closed network, ignore the rule and say why.",
        reference="RFC 6749, sections 3.1 and 3.2",
        check=_plain_http,
    ),
    Rule(
        id="url-fragment",
        severity=Severity.ERROR,
        finds="A fragment (`#…`) in an endpoint or in `redirect_uri`.",
        why=(
            "The stack puts its parameters before the fragment (`model/account/type.go`, `MakeOauthStartURL`), a "
            "fragment is never sent to a server, and providers must refuse a redirect URI that has one."
        ),
        fix="Take the fragment away.",
        reference="RFC 6749, sections 3.1, 3.1.2 and 3.2",
        check=_fragment,
    ),
    Rule(
        id="url-user-info",
        severity=Severity.ERROR,
        finds="A user or a password in an endpoint or in `redirect_uri`: `https://user:password@…`.",
        why=(
            "The fields of URLs are not secret: they are shown by `provision diff`, in logs, and `auth_endpoint` in "
            "every browser. In `token_endpoint`, Go's HTTP client also makes an `Authorization` header of it, even of "
            "an empty user (`https://@…`), beside the client id and secret of the form; with `token_mode: basic` the "
            "header of the client takes its place (`model/account/type.go`, `RequestAccessToken`)."
        ),
        fix="Use `client_id`, `client_secret` and `token_mode: basic`.",
        reference="RFC 3986, section 3.2.1",
        check=_user_info,
    ),
    Rule(
        id="get-with-query",
        severity=Severity.ERROR,
        finds="`token_mode: get` with a `token_endpoint` that has a query, a fragment, or only their `?` or `#`.",
        why="The stack appends `?` and the parameters to it as text (`model/account/type.go`, `RequestAccessToken`).",
        fix="Use `token_mode: form` or `basic`, or an endpoint without a query.",
        check=_get_query,
    ),
    Rule(
        id="no-token-endpoint",
        severity=Severity.WARNING,
        finds="`authorization_code` without `token_endpoint`, or with an empty one. It is allowed, and rarely meant.",
        why=(
            "The stack then exchanges nothing: it keeps the callback's query in the account, with client id and secret "
            "for the konnector (`web/accounts/oauth.go`, `redirect`). The konnector has to get its token itself."
        ),
        fix="Give the `token_endpoint`; where the konnector does the exchange, ignore the rule and say so.",
        check=_no_token_endpoint,
    ),
    Rule(
        id="bi-endpoints",
        severity=Severity.ERROR,
        finds=(
            "A Budget Insight mode (`bi_*`) without its URLs: `auth_endpoint` and `reconnect_endpoint`; `bi_webview` "
            "also `manage_endpoint`."
        ),
        why=(
            "The stack makes the login, reconnect and manage pages from them, and from an empty one a URL without a "
            "host (`model/account/type.go`, `MakeReconnectURL`, `MakeManageURL`)."
        ),
        fix="Give all of them; they are the pages of your Budget Insight domain.",
        check=_bi,
        ignorable=False,
    ),
    Rule(
        id="ignored-key",
        severity=Severity.WARNING,
        finds=(
            "Keys that today's stack does not read. They are `reconnect_endpoint` and `manage_endpoint` outside the "
            "`bi_*` modes; in the database also every unknown key, such as `android_api_key` (withdrawn in 2024) or "
            "`redirect_url` (of the public tutorial). In a file those are the error `unknown-key`."
        ),
        why="The stack decodes the keys that it knows and drops the rest in silence (`model/account/type.go`).",
        fix="Take the key away, or correct its name.",
        check=_ignored,
    ),
)
