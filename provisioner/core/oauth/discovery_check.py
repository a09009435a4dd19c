"""Whether endpoints are those that a provider publishes, for issuers with a path too."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from provisioner.core.oauth.discovery import metadata_urls
from provisioner.core.oauth.health import CheckResult, Verdict
from provisioner.core.oauth.requests import Client, TokenMode
from provisioner.core.text import listed

MOST_ISSUERS = 5
"""Issuers that are asked for, for one authorization endpoint."""

Metadata: TypeAlias = Mapping[str, Any]

_METHODS = {TokenMode.FORM: "client_secret_post", TokenMode.BASIC: "client_secret_basic"}


def issuers(client: Client) -> Iterator[str]:
    """The issuers that an authorization endpoint may belong to: its origin with each beginning of its path.

    ``https://a.example/realms/x/protocol/auth`` may be of the issuers ``https://a.example``,
    ``https://a.example/realms``, ``https://a.example/realms/x`` and so on; the longer ones come first, since the
    metadata of a host's root is that of another issuer if the longer one has its own. A token endpoint on the same
    host narrows them down.
    """
    parts = urlsplit(client.auth_endpoint)
    segments = [segment for segment in parts.path.split("/")[:-1] if segment]
    token = urlsplit(client.token_endpoint)
    if client.token_endpoint and token.netloc == parts.netloc:
        theirs = [segment for segment in token.path.split("/") if segment]
        same = [one == other for one, other in zip(segments, theirs, strict=False)]
        segments = segments[: (*same, False).index(False)]
    most = min(len(segments), MOST_ISSUERS - 1)
    for length in range(most, -1, -1):
        path = "/" + "/".join(segments[:length]) if length else ""
        yield urlunsplit((parts.scheme, parts.netloc, path, "", ""))


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
    ours = {"authorization_endpoint": urlsplit(client.auth_endpoint)._replace(query="").geturl()}
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
        what = "the endpoints are those that the provider publishes"
        return CheckResult(client.id, "discovery", Verdict.OK, what)
    next = "compare them: older endpoints may be switched off without notice"
    return CheckResult(client.id, "discovery", Verdict.WARNING, "; ".join(faults), next)


def _takes_another(methods: list[Any], needed: str) -> bool:
    """Whether a provider names the way in which the stack can send the secret, and it is not ours."""
    return needed not in methods and any(method in methods for method in _METHODS.values())
