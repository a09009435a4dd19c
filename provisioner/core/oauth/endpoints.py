"""What is known of a provider's endpoints: how they answer what cozy-stack sends, and what the provider publishes.

An authorization endpoint redirects errors back to the redirect URI (RFC 6749, section 4.1.2.1) once it has accepted
client and redirect URI; before, it shows them on a page of its own. Sources of metadata: OpenID Connect Discovery 1.0,
sections 3 and 4; RFC 8414, sections 2 and 3.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from msgspec import Struct

from provisioner.core.definitions.domains import is_loopback
from provisioner.core.definitions.go_url import UrlError, parse, resolve
from provisioner.core.definitions.url import as_browser, linked
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.http import Answer
from provisioner.core.oauth.complaints import (
    ADVICE,
    About,
    Complaint,
    complaint_in,
    complaint_of_page,
    complaint_of_url,
    mentions_pkce,
)
from provisioner.core.oauth.hops import host, origin
from provisioner.core.oauth.requests import Client, TokenMode
from provisioner.core.plan.health import CheckResult, failed, ok, undecided, warning
from provisioner.core.text import listed, printable

SOON = 14
"""Days: a certificate that ends earlier is worth a warning."""

MAX_HOPS = 5
"""Redirects within the provider's origin that are followed."""

_SIGN_IN_NEEDED = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)
"""OpenID Connect Core, section 3.1.2.6: client and redirect URI are accepted, and nobody is signed in."""

_LATER = frozenset({"temporarily_unavailable", "server_error"})


class SignIn(Struct, frozen=True):
    """What was asked of an authorization endpoint. `assumed`: the redirect URI is not known, and is made up."""

    redirect_uri: str
    state: str
    scope: str = ""
    assumed: bool = False
    implicit: bool = False


def next_page(asked: SignIn, url: str, answer: Answer) -> str | None:
    """The address within the provider's origin that a browser goes to next; ``None`` if the answer decides."""
    target = _page_after(url, answer)
    if target is None or _returned(asked, target) is not None or complaint_of_url(target):
        return None
    return target if origin(target) == origin(url) else None


def _page_after(url: str, answer: Answer) -> str | None:
    """Where a browser goes after an answer; ``None`` for nowhere."""
    return linked(url, answer.location) if answer.redirects and answer.location else None


def sign_in_result(asked: SignIn, pages: Sequence[tuple[str, Answer]]) -> CheckResult:
    """Whether the provider lets people sign in for this client; `pages` are the addresses asked, with the answers."""
    url, answer = pages[-1]
    target = _page_after(url, answer)
    if target is None:
        return (
            _of_no_address(answer, ": a browser shows an empty page")
            if answer.redirects
            else _of_page(asked, url, answer)
        )
    if (parameters := _returned(asked, target)) is not None:
        return _of_return(asked, parameters, answer, fragment="?" not in target.partition("#")[0])
    if complaint := complaint_of_url(target):
        return _refused(asked, complaint)
    if len(pages) > MAX_HOPS:
        return warning(f"redirects more than {MAX_HOPS} times within {host(url)}", "open it in a browser")
    where = "" if origin(target) == origin(url) else f" to {host(target)}"
    return with_days(answer, f"redirects{where} to sign in" if where else "redirects")


def _of_no_address(answer: Answer, consequence: str = "") -> CheckResult:
    named = f"with a Location that is no address: {answer.location}" if answer.location else "without a Location"
    return failed(
        f"answers {answer.status} {named}{consequence}", "check the endpoint with the provider's documentation"
    )


def _returned(asked: SignIn, target: str) -> Mapping[str, str] | None:
    """The parameters of an answer that came back to the redirect URI, in its query or else in its fragment."""
    theirs, ours = as_browser(target), as_browser(asked.redirect_uri)
    if theirs is None:
        return None
    given = dict(parse_qsl(theirs.query or theirs.fragment, keep_blank_values=True))
    if ours and (theirs.origin, theirs.path) == (ours.origin, ours.path):
        return {**dict(parse_qsl(theirs.fragment)), **given}
    return given if given.get("state") == asked.state and given.keys() & {"error", "code", "access_token"} else None


def _of_return(asked: SignIn, given: Mapping[str, str], answer: Answer, *, fragment: bool) -> CheckResult:
    error = given.get("error", "")
    said = ": ".join(filter(None, (error, given.get("error_description", ""))))
    if not error:
        return _of_success(asked, given, answer, fragment=fragment)
    if error != "invalid_scope" and mentions_pkce(said):
        return _refused(asked, Complaint(About.PKCE, said))
    if error in _SIGN_IN_NEEDED:
        return with_days(answer, f"accepts client_id and redirect_uri ({error})")
    if error == "invalid_scope":
        return _of_scope(asked, said, answer)
    if error in _LATER:
        return undecided(f"the provider returned a server error: {said}", "try again later")
    what = f"the provider refuses before anyone signs in: {said}"
    return failed(what, ADVICE[About.CLIENT if error == "unauthorized_client" else About.REQUEST])


def _of_success(asked: SignIn, given: Mapping[str, str], answer: Answer, *, fragment: bool) -> CheckResult:
    if asked.implicit and fragment:
        what = "answers after the # of the redirect URI, which the stack never sees"
        return failed(what, "ask the provider for a client with grant_mode authorization_code")
    if given.keys() & {"code", "access_token"}:
        return with_days(answer, "accepts client_id and redirect_uri")
    return warning("redirects back to the redirect URI with neither a code nor an error", "open it in a browser")


def _of_scope(asked: SignIn, said: str, answer: Answer) -> CheckResult:
    if not asked.scope:
        return with_days(answer, "accepts client_id and redirect_uri, and requires a scope")
    what = f"accepts client_id and redirect_uri, but not the scope {asked.scope!r}: {said}"
    next = "compare the scope with the provider's documentation, or pass another one with --scope"
    return warning(what, next)


def _signs_in_first(url: str) -> bool:
    """Whether a page to sign in has the whole request for later, as Django's has it in ``next``."""
    query = url.partition("#")[0].partition("?")[2]
    return any(name == "next" and "client_id=" in value for name, value in parse_qsl(query))


def _of_page(asked: SignIn, url: str, answer: Answer) -> CheckResult:
    status = answer.status
    complaint = complaint_of_page(answer.text) if answer.html else complaint_in(answer.text)
    if status == 200 and answer.html and not complaint and _signs_in_first(url):
        what = "asks to sign in before it checks client_id and redirect_uri"
        return undecided(what, "sign in with provision token to see")
    if status == 200 and answer.html:
        return _refused(asked, complaint) if complaint else with_days(answer, "answers with a page")
    if status == 429:
        return undecided("the provider limits the number of requests (429)", "try again later")
    if status == 405:
        what = "answers 405: it does not accept GET, which a browser sends"
        return failed(what, "check auth_endpoint with the provider's documentation")
    if complaint and status < 500:
        return _refused(asked, complaint)
    what = f"answers {status}: neither a redirect nor a page to sign in"
    next = "open it in a browser; check client_id and redirect_uri"
    return failed(what, next) if _is_missing(status) else warning(what, next)


def _refused(asked: SignIn, complaint: Complaint) -> CheckResult:
    said = complaint.words
    match complaint.about:
        case About.PKCE:
            what = f"the provider requires PKCE, and the stack does not support PKCE: {said}"
        case About.SCOPE:
            what = f"the provider does not accept the request without another scope: {said}"
            return undecided(what, ADVICE[About.SCOPE])
        case About.REDIRECT_URI if asked.assumed:
            what = f"the redirect URI is that of each instance, which is not known here: {said}"
            next = "write a redirect_uri, or sign in from an instance to see"
            return undecided(what, next)
        case About.REDIRECT_URI:
            what = f"the provider does not accept the redirect URI {asked.redirect_uri}: {said}"
        case About.CLIENT:
            what = f"the provider does not accept client_id: {said}"
        case About.REQUEST:
            what = f"the provider refuses before anyone signs in: {said}"
    return failed(what, ADVICE[complaint.about])


def token_endpoint_result(method: str, url: str, answer: Answer) -> CheckResult:
    """Whether something answers at a token endpoint that was sent no code, by the method that the stack uses."""
    status = answer.status
    documentation = "check token_endpoint with the provider's documentation"
    if status == 405:
        next = "check token_mode: the stack sends POST unless it is get"
        return failed(f"answers 405: it does not accept {method}", next)
    if status == 429:
        return undecided("the provider limits the number of requests (429)", "try again later")
    if _is_missing(status):
        return failed(f"answers {status}", documentation)
    if answer.redirects:
        return moved(url, answer)
    if answer.html and status < 400:
        return warning(f"answers {status} with a web page: this is not a token endpoint", documentation)
    return with_days(answer, f"answers {status} if no code is sent")


def moved(url: str, answer: Answer) -> CheckResult:
    """What a redirect of a token endpoint comes to."""
    try:
        target = resolve(parse(url), answer.location).text() if answer.location else ""
    except UrlError:
        target = ""
    if not target:
        return _of_no_address(answer)
    place = target.partition("?")[0].partition("#")[0]
    elsewhere = (
        ", another scheme, host or port: the stack follows, and may send it the client secret; check does not"
        if origin(target) != origin(url)
        else ""
    )
    return warning(
        f"redirects to {place}{elsewhere}", f"write token_endpoint: {place}, if the provider's documentation lists it"
    )


def _is_missing(status: int) -> bool:
    """Whether a status says that nothing is there."""
    return status in (404, 410) or status >= 500


def with_days(answer: Answer, what: str) -> CheckResult:
    """All right, unless the certificate ends soon."""
    if answer.days_left is None:
        return ok(f"{what}; no TLS")
    days = f"certificate: {int(answer.days_left)} days left"
    if answer.days_left < SOON:
        return warning(f"{what}; {days}", "the provider must renew it: see whether it does")
    return ok(f"{what}; {days}")


OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
_METHODS = {TokenMode.FORM: "client_secret_post", TokenMode.BASIC: "client_secret_basic"}


def metadata_urls(url: str) -> tuple[str, list[str]]:
    """The issuer that a URL stands for, and where its metadata may be, most likely first.

    OpenID appends its path to the issuer's; RFC 8414 (section 3.1) puts its own before it. Raises `UsageError`.
    """
    seen = as_browser(url if "://" in url else f"https://{url}")
    if seen is None or (seen.scheme != "https" and not is_loopback(seen.host)):
        raise UsageError(
            "the provider's URL must start with https://", "pass its issuer, such as https://accounts.google.com"
        )
    if seen.user_info:
        raise UsageError("the provider's URL must not contain a user or a password", "pass its issuer alone")
    path = seen.path.rstrip("/")
    for known in (OPENID, OAUTH):
        if known in path:
            return seen.site + path.replace(known, ""), [seen.site + path]
    return seen.site + path, [seen.site + path + OPENID, seen.site + OAUTH + path]


def definition_text(id: str, issuer: str, metadata: Mapping[str, Any]) -> str:
    """The text of a commented definition. Raises `ProvisionError` for metadata that the stack cannot use."""
    if str(metadata.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        what = f"the metadata of {issuer} is for another issuer: {metadata.get('issuer')}"
        raise ProvisionError(what, "pass the issuer itself; metadata of another issuer must not be trusted")
    authorize, token = (_endpoint(metadata, name) for name in ("authorization_endpoint", "token_endpoint"))
    supported = _texts(metadata, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    modes = [mode for mode, method in _METHODS.items() if method in supported]
    if not modes:
        what = f"the provider supports none of {listed(_METHODS.values())}, and the stack supports nothing else"
        raise ProvisionError(what, "ask the provider for a client with a secret")
    scopes = _texts(metadata, "scopes_supported")
    lines = [
        "x-scope-delimiter: ' '",
        *([f"x-scopes: {_quoted(' '.join(scopes))}"] if scopes else []),
        *(["x-refresh: request the scope offline_access to get a refresh token"] if "offline_access" in scopes else []),
        f"x-verified: the provider's own metadata at {_quoted(issuer)[1:-1]}",
        "grant_mode: authorization_code",
        f"auth_endpoint: {_quoted(authorize)}",
        f"token_endpoint: {_quoted(token)}",
        f"# The provider accepts {printable(listed(supported))}.",
        f"token_mode: {modes[0]}",
        "# Register exactly this redirect URI with the provider.",
        f"redirect_uri: https://oauthcallback.${{domain}}/accounts/{id.rpartition('/')[2]}/redirect",
    ]
    return "\n".join(lines) + "\n"


def _endpoint(metadata: Mapping[str, Any], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise ProvisionError(f"the provider publishes no {name}", "it may offer another flow than authorization_code")
    return value


def _texts(metadata: Mapping[str, Any], name: str) -> list[str]:
    value = metadata.get(name, [])
    if not isinstance(value, list):
        raise ProvisionError(
            f"the provider publishes invalid metadata: {name} is not a list", "write the definition by hand"
        )
    return [each for each in value if isinstance(each, str)]


def _quoted(text: str) -> str:
    """A text as a single-quoted YAML string in which no ``$`` starts a variable."""
    return "'" + printable(text).replace("$", "$$").replace("'", "''") + "'"


MAX_ISSUERS = 5
"""Issuers that are asked for, for one authorization endpoint."""

Metadata: TypeAlias = Mapping[str, Any]


def issuers(client: Client) -> Iterator[str]:
    """The issuers that an authorization endpoint may belong to: its origin with each beginning of its path.

    ``https://a.example/realms/x/protocol/auth`` may be of the issuers ``https://a.example``,
    ``https://a.example/realms``, ``https://a.example/realms/x`` and so on; the longer ones come first, since the
    metadata of a host's root is that of another issuer if the longer one has its own. A token endpoint on the same
    host narrows them down.
    """
    ours, token = as_browser(client.auth_endpoint), as_browser(client.token_endpoint)
    if ours is None:
        return
    segments = [segment for segment in ours.path.split("/")[:-1] if segment]
    if token and token.site == ours.site:
        theirs = [segment for segment in token.path.split("/") if segment]
        same = [one == other for one, other in zip(segments, theirs, strict=False)]
        segments = segments[: (*same, False).index(False)]
    for length in range(min(len(segments), MAX_ISSUERS - 1), -1, -1):
        yield "/".join([ours.site, *segments[:length]])


def published_by(client: Client, fetch: Callable[[str], Metadata | None]) -> Metadata | None:
    """The metadata of the first issuer that publishes its own (RFC 8414, section 3.3); ``None`` if none does.

    `fetch` gives the metadata at an address, ``None`` if there is none.
    """
    for issuer in issuers(client):
        for url in metadata_urls(issuer)[1]:
            metadata = fetch(url)
            if metadata is not None and str(metadata.get("issuer", "")).rstrip("/") == issuer:
                return metadata
    return None


def discovery_result(client: Client, published: Metadata) -> CheckResult:
    """Whether the endpoints and the token_mode of an account type are among what its provider publishes."""
    ours = {"authorization_endpoint": client.auth_endpoint.partition("?")[0]}
    if client.token_endpoint:
        ours["token_endpoint"] = client.token_endpoint
    faults = [
        f"the provider publishes {name} {published[name]}"
        for name, url in ours.items()
        if isinstance(published.get(name), str) and url != published[name]
    ]
    methods = published.get("token_endpoint_auth_methods_supported")
    needed = _METHODS.get(client.token_mode)
    if client.token_endpoint and needed and isinstance(methods, list) and _takes_another(methods, needed):
        takes = listed(str(method) for method in methods)
        faults.append(f"the provider accepts {takes}, and token_mode {client.token_mode} is {needed}")
    if not faults:
        return ok("the endpoints are those that the provider publishes")
    return warning("; ".join(faults), "compare them: older endpoints may be switched off without notice")


def _takes_another(methods: list[Any], needed: str) -> bool:
    """Whether a provider names the way in which the stack can send the secret, and it is not ours."""
    return needed not in methods and any(method in methods for method in _METHODS.values())
