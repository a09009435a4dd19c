"""What a provider publishes about itself, and the definition that follows from it.

Sources: OpenID Connect Discovery 1.0, sections 3 and 4; RFC 8414, sections 2 and 3.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from provisioner.core.definitions.domains import is_loopback
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.text import listed, printable

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
_MODES = {"client_secret_post": "form", "client_secret_basic": "basic"}


def metadata_urls(url: str) -> tuple[str, list[str]]:
    """The issuer that a URL stands for, and where its metadata may be, most likely first.

    OpenID appends its path to the issuer's; RFC 8414 (section 3.1) puts its own before it. Raises `UsageError`.
    """
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        parts = urlsplit("")
    local = is_loopback(parts.hostname or "")
    if not parts.hostname or (parts.scheme != "https" and not (local and parts.scheme == "http")):
        raise UsageError(
            "the provider's URL must start with https://", "name its issuer, as https://accounts.google.com"
        )
    if parts.username is not None:
        raise UsageError("the provider's URL must not hold a user or a password", "name its issuer alone")
    path = parts.path.rstrip("/")
    for known in (OPENID, OAUTH):
        if known in path:
            issuer = urlunsplit((parts.scheme, parts.netloc, path.replace(known, ""), "", ""))
            return issuer, [urlunsplit((parts.scheme, parts.netloc, path, "", ""))]
    paths = (path + OPENID, OAUTH + path)
    issuer = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return issuer, [urlunsplit((parts.scheme, parts.netloc, each, "", "")) for each in paths]


def definition_text(id: str, issuer: str, metadata: Mapping[str, Any]) -> str:
    """The text of a commented definition. Raises `ProvisionError` for metadata that the stack cannot use."""
    if str(metadata.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        what = f"the metadata of {issuer} names another issuer: {metadata.get('issuer')}"
        raise ProvisionError(what, "name the issuer itself; metadata of another issuer must not be trusted")
    authorize, token = (_endpoint(metadata, name) for name in ("authorization_endpoint", "token_endpoint"))
    supported = _texts(metadata, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    modes = [_MODES[method] for method in _MODES if method in supported]
    if not modes:
        what = f"the provider supports none of {listed(_MODES)}, and the stack supports nothing else"
        raise ProvisionError(what, "ask the provider for a client with a secret")
    scopes = _texts(metadata, "scopes_supported")
    lines = [
        "x-scope-delimiter: ' '",
        *([f"x-scopes: {_quoted(' '.join(scopes))}"] if scopes else []),
        *(["x-refresh: the scope offline_access gives a refresh token"] if "offline_access" in scopes else []),
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
