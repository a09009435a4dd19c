"""What is known of a provider's endpoints: how they answer what cozy-stack sends, and what the provider publishes.

An authorization endpoint redirects errors back to the redirect URI (RFC 6749, section 4.1.2.1) once it has accepted
client and redirect URI; before, it shows them on a page of its own. Sources of metadata: OpenID Connect Discovery 1.0,
sections 3 and 4; RFC 8414, sections 2 and 3.
"""

from collections.abc import Callable, Mapping
from posixpath import commonprefix
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from msgspec import Struct

from provisioner.core.definitions.domains import is_loopback
from provisioner.core.definitions.go_url import UrlError, parse, resolve
from provisioner.core.definitions.url import as_browser, host_of, linked, origin_of
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
from provisioner.core.oauth.requests import Client, TokenMode
from provisioner.core.plan.health import CheckResult, failed, ok, undecided, warning
from provisioner.core.text import listed, printable

SOON = 14
"""Days: a certificate that ends earlier is worth a warning."""

MAX_HOPS = 5
"""Redirects within the provider's origin that are followed."""

_DOCUMENTATION = "the provider's documentation"


class SignIn(Struct, frozen=True):
    """What was asked of an authorization endpoint. `assumed`: the redirect URI is not known, and is made up."""

    redirect_uri: str
    state: str
    scope: str = ""
    assumed: bool = False
    implicit: bool = False


def sign_in_result(asked: SignIn, url: str, answer: Answer) -> CheckResult | str:
    """Whether the provider lets people sign in for this client, by the answer at an address.

    A text is the address within the provider's origin that a browser goes to next, where it is to be seen.
    """
    if not answer.redirects:
        return _of_page(asked, url, answer)
    target = linked(url, answer.location) if answer.location else None
    if target is None:
        return _of_no_address(answer, ": a browser shows an empty page")
    if (parameters := _returned(asked, target)) is not None:
        return _of_return(asked, parameters, answer, fragment="?" not in target.partition("#")[0])
    if complaint := complaint_of_url(target):
        return _refused(asked, complaint)
    if origin_of(target) == origin_of(url):
        return target
    return with_days(answer, f"redirects to {host_of(target)} to sign in")


def _of_no_address(answer: Answer, consequence: str = "") -> CheckResult:
    named = f"with a Location that is no address: {answer.location}" if answer.location else "without a Location"
    return failed(f"answers {answer.status} {named}{consequence}", f"check the endpoint with {_DOCUMENTATION}")


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
    error, good = given.get("error", ""), "accepts client_id and redirect_uri"
    said = ": ".join(filter(None, (error, given.get("error_description", ""))))
    if not error and asked.implicit and fragment:
        what = "answers after the # of the redirect URI, which the stack never sees"
        return failed(what, "ask the provider for a client with grant_mode authorization_code")
    if not error and not given.keys() & {"code", "access_token"}:
        return warning("redirects back to the redirect URI with neither a code nor an error", "open it in a browser")
    if not error:
        return with_days(answer, good)
    if error in ("login_required", "interaction_required", "consent_required", "account_selection_required"):
        return with_days(answer, f"{good} ({error})")  # OpenID Connect Core, section 3.1.2.6: nobody is signed in
    if error == "invalid_scope" and not asked.scope:
        return with_days(answer, f"{good}, and requires a scope")
    if error == "invalid_scope":
        next = "compare the scope with the provider's documentation, or pass another one with --scope"
        return warning(f"{good}, but not the scope {asked.scope!r}: {said}", next)
    if mentions_pkce(said):
        return _refused(asked, Complaint(About.PKCE, said))
    if error in ("temporarily_unavailable", "server_error"):
        return undecided(f"the provider returned a server error: {said}", "try again later")
    next = ADVICE[About.CLIENT if error == "unauthorized_client" else About.REQUEST]
    return failed(f"the provider refuses before anyone signs in: {said}", next)


def _of_page(asked: SignIn, url: str, answer: Answer) -> CheckResult:
    status = answer.status
    complaint = complaint_of_page(answer.text) if answer.html else complaint_in(answer.text)
    if status == 200 and answer.html and not complaint:
        later = parse_qsl(url.partition("#")[0].partition("?")[2])
        if any(name == "next" and "client_id=" in value for name, value in later):  # as Django has it
            what = "asks to sign in before it checks client_id and redirect_uri"
            return undecided(what, "sign in with provision token to see")
        return with_days(answer, "answers with a page")
    if status == 200 and answer.html and complaint:
        return _refused(asked, complaint)
    if status == 429:
        return undecided("the provider limits the number of requests (429)", "try again later")
    if status == 405:
        what = "answers 405: it does not accept GET, which a browser sends"
        return failed(what, f"check auth_endpoint with {_DOCUMENTATION}")
    if complaint and status < 500:
        return _refused(asked, complaint)
    what = f"answers {status}: neither a redirect nor a page to sign in"
    return (failed if _is_missing(status) else warning)(what, "open it in a browser; check client_id and redirect_uri")


def _refused(asked: SignIn, complaint: Complaint) -> CheckResult:
    about, said = complaint.about, complaint.words
    if about is About.REDIRECT_URI and asked.assumed:
        what = f"the redirect URI is that of each instance, which is not known here: {said}"
        return undecided(what, "write a redirect_uri, or sign in from an instance to see")
    what = {
        About.PKCE: "requires PKCE, and the stack does not support PKCE",
        About.SCOPE: "does not accept the request without another scope",
        About.REDIRECT_URI: f"does not accept the redirect URI {asked.redirect_uri}",
        About.CLIENT: "does not accept client_id",
        About.REQUEST: "refuses before anyone signs in",
    }[about]
    return (undecided if about is About.SCOPE else failed)(f"the provider {what}: {said}", ADVICE[about])


def token_endpoint_result(method: str, url: str, answer: Answer) -> CheckResult:
    """Whether something answers at a token endpoint that was sent no code, by the method that the stack uses."""
    status = answer.status
    documentation = f"check token_endpoint with {_DOCUMENTATION}"
    if status == 405:
        what = f"answers 405: it does not accept {method}"
        return failed(what, "check token_mode: the stack sends POST unless it is get")
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
    what = f"redirects to {place}"
    if origin_of(target) != origin_of(url):
        what += ", another scheme, host or port: the stack follows, and may send it the client secret; check does not"
    return warning(what, f"write token_endpoint: {place}, if {_DOCUMENTATION} lists it")


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
        next = "pass its issuer, such as https://accounts.google.com"
        raise UsageError("the provider's URL must start with https://", next)
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
    endpoints = []
    for name in ("authorization_endpoint", "token_endpoint"):
        endpoint = metadata.get(name)
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            what = f"the provider publishes no {name}"
            raise ProvisionError(what, "it may offer another flow than authorization_code")
        endpoints.append(_quoted(endpoint))
    supported = _texts(metadata, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    mode = next((mode for mode, method in _METHODS.items() if method in supported), None)
    if mode is None:
        what = f"the provider supports none of {listed(_METHODS.values())}, and the stack supports nothing else"
        raise ProvisionError(what, "ask the provider for a client with a secret")
    scopes = _texts(metadata, "scopes_supported")
    refresh = "x-refresh: request the scope offline_access to get a refresh token\n"
    return (
        "x-scope-delimiter: ' '\n"
        + (f"x-scopes: {_quoted(' '.join(scopes))}\n" if scopes else "")
        + (refresh if "offline_access" in scopes else "")
        + f"""\
x-verified: the provider's own metadata at {_quoted(issuer)[1:-1]}
grant_mode: authorization_code
auth_endpoint: {endpoints[0]}
token_endpoint: {endpoints[1]}
# The provider accepts {printable(listed(supported))}.
token_mode: {mode}
# Register exactly this redirect URI with the provider.
redirect_uri: https://oauthcallback.${{domain}}/accounts/{id.rpartition("/")[2]}/redirect
"""
    )


def _texts(metadata: Mapping[str, Any], name: str) -> list[str]:
    value = metadata.get(name, [])
    if not isinstance(value, list):
        what = f"the provider publishes invalid metadata: {name} is not a list"
        raise ProvisionError(what, "write the definition by hand")
    return [each for each in value if isinstance(each, str)]


def _quoted(text: str) -> str:
    """A text as a single-quoted YAML string in which no ``$`` starts a variable."""
    return "'" + printable(text).replace("$", "$$").replace("'", "''") + "'"


MAX_ISSUERS = 5
"""Issuers that are asked for, for one authorization endpoint."""

Metadata: TypeAlias = Mapping[str, Any]
Fetch: TypeAlias = Callable[[str], Metadata | None]
"""Gives the metadata at an address, ``None`` if there is none."""


def published_by(client: Client, fetch: Fetch) -> Metadata | None:
    """The metadata of the first issuer that publishes its own (RFC 8414, section 3.3); ``None`` if none does.

    The issuer of an authorization endpoint is its origin with a beginning of its path; that of
    ``https://a.example/realms/x/protocol/auth`` may be ``https://a.example``, ``https://a.example/realms``,
    ``https://a.example/realms/x`` and so on. The longer ones come first, since the metadata of a host's root is that of
    another issuer if the longer one has its own. A token endpoint on the same host narrows them down.
    """
    ours, token = as_browser(client.auth_endpoint), as_browser(client.token_endpoint)
    if ours is None:
        return None
    segments = [segment for segment in ours.path.split("/")[:-1] if segment]
    if token and token.site == ours.site:
        segments = [*commonprefix([segments, [segment for segment in token.path.split("/") if segment]])]
    for length in range(min(len(segments), MAX_ISSUERS - 1), -1, -1):
        issuer = "/".join([ours.site, *segments[:length]])
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
    methods, needed = published.get("token_endpoint_auth_methods_supported"), _METHODS.get(client.token_mode)
    accepted = methods if isinstance(methods, list) else []
    accepts_another = any(method in accepted for method in _METHODS.values()) and needed not in accepted
    if client.token_endpoint and needed and accepts_another:
        names = listed(map(str, accepted))
        faults.append(f"the provider accepts {names}, and token_mode {client.token_mode} is {needed}")
    if not faults:
        return ok("the endpoints are those that the provider publishes")
    return warning("; ".join(faults), "compare them: older endpoints may be switched off without notice")
