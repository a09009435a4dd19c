"""What a provider publishes about itself: the definition that follows from it, and whether endpoints are among it.

Sources: OpenID Connect Discovery 1.0, sections 3 and 4; RFC 8414, sections 2 and 3.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from provisioner.core.definitions.domains import is_loopback
from provisioner.core.definitions.url import as_browser
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.oauth.requests import Client, TokenMode
from provisioner.core.plan.health import CheckResult, ok, warning
from provisioner.core.text import listed, printable

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
