"""Whether an endpoint of an account type can be asked, by the rules of Go's HTTP client."""

from provisioner.core.definitions.go_url import GoUrl, UrlError, parse, quoted
from provisioner.core.definitions.url import as_browser
from provisioner.core.errors import ProvisionError


class StackRefuses(ProvisionError):
    """A request that the stack itself does not make; `detail` is what it answers instead."""

    def __init__(self, detail: str, what: str, next: str = "") -> None:
        super().__init__(what, next)
        self.detail = detail


def check_token_endpoint(id: str, endpoint: str, method: str, url: str) -> None:
    """See that Go's client takes a URL that is made of the endpoint. Raises `StackRefuses`, as that client would."""
    if not endpoint:
        detail = f'{method} {quoted(url)}: unsupported protocol scheme ""'
        what, next = f"{id} has no token_endpoint", "write it into the definition, and apply it"
        raise StackRefuses(detail, what, next)
    try:
        parts = parse(url)
    except UrlError as error:
        raise not_a_url(id, "token_endpoint", error) from None
    if trouble := _trouble(parts):
        raise not_a_url(id, "token_endpoint", UrlError(f"{method} {quoted(url)}: {trouble}", trouble))


def check_auth_endpoint(id: str, endpoint: str) -> None:
    """See that a browser can be sent there. Raises `StackRefuses`."""
    if not endpoint:
        what = f"{id} has no auth_endpoint"
        raise ProvisionError(what, "write auth_endpoint: https://… into the definition, and apply it")
    try:
        parse(endpoint)
    except UrlError as error:
        raise not_a_url(id, "auth_endpoint", error) from None
    seen = as_browser(endpoint)
    if seen is None or not seen.port:
        raise not_a_url(id, "auth_endpoint", UrlError("no browser goes there"))


def _trouble(url: GoUrl) -> str:
    """Why Go's client sends no request to a URL, in its words; empty if it does."""
    if url.scheme not in ("http", "https"):
        return f"unsupported protocol scheme {quoted(url.scheme)}"
    if not url.host:
        return "http: no Host in request URL"
    return f"invalid port {url.port}" if url.port is not None and not 0 < url.port < 2**16 else ""


def not_a_url(id: str, name: str, error: UrlError) -> StackRefuses:
    """The error for an endpoint that Go cannot read or ask."""
    what = f"the {name} of {id} is not a URL that can be requested ({error.reason})"
    return StackRefuses(str(error), what, f"write {name}: https://… into the definition, and apply it")
