"""The requests of Go's HTTP client on the wire, and how it follows a redirect.

Source: Go's ``net/http`` (``Client.do``, ``redirectBehavior``, ``refererForURL``, ``Request.write``), version 1.26.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from provisioner.core.definitions.domains import is_loopback
from provisioner.core.definitions.go_url import GoUrl, UrlError, parse, quoted, resolve
from provisioner.core.http import PORTS, REDIRECTS
from provisioner.core.oauth.requests import Request, basic
from provisioner.core.secret import Confidential

MAX_REQUESTS = 10

_ALWAYS = ("User-Agent", "Go-http-client/1.1")
_LAST = ("Accept-Encoding", "gzip")
"""Some providers answer by the program that asks; theirs is the stack's, not ours."""


class RedirectFails(ValueError):
    """A redirect that Go's client does not follow; as text, why."""


class Hop(Confidential, frozen=True):
    """One request on the way to an answer. It is secret, except for its method and the origin of its URL.

    `headers` are those of the first request that still hold, `referer` is the URL that led here, and `first_host` the
    host of the first request.
    """

    method: str
    url: GoUrl
    headers: Mapping[str, str]
    body: bytes
    referer: str = ""
    number: int = 1
    first_host: str = ""

    @classmethod
    def first(cls, request: Request) -> "Hop":
        """The request itself. Its URL has been read before."""
        url = parse(request.url)
        return cls(request.method, url, request.headers, request.body, first_host=url.hostname)

    @property
    def origin(self) -> str:
        """Scheme, host and port, to be shown."""
        return self.url.origin

    @property
    def server(self) -> tuple[str, str, int]:
        """Scheme, host and port, to be compared."""
        return self.url.scheme, self.url.hostname.lower(), self.url.port or PORTS.get(self.url.scheme, 0)

    def fields(self, host: str) -> list[tuple[str, str]]:
        """The headers of the request in their order, for a host as DNS writes it."""
        headers = {**self.headers, **({"Referer": self.referer} if self.referer else {})}
        if self.url.user is not None and "Authorization" not in headers:
            name, password = self.url.user
            headers["Authorization"] = basic(name, password or "")
        length = [("Content-Length", str(len(self.body)))] if self.method == "POST" else []
        return [("Host", host), _ALWAYS, *length, *sorted(headers.items()), _LAST]

    def after(self, status: int, location: str) -> "Hop | None":
        """The request that a redirect leads to; none if this answer counts. Raises `RedirectFails`."""
        if status not in REDIRECTS or not location:
            return None
        try:
            url = resolve(self.url, location)
        except UrlError as error:
            raise RedirectFails(f"failed to parse Location header {quoted(location)}: {error}") from None
        if self.number >= MAX_REQUESTS:
            raise RedirectFails(f"stopped after {MAX_REQUESTS} redirects")
        if url.scheme not in ("http", "https"):
            raise RedirectFails(f"unsupported protocol scheme {quoted(url.scheme)}")
        again, host, first = status in (307, 308), url.hostname, self.first_host
        headers = dict(self.headers)
        if not (again and self.body):
            headers.pop("Content-Type", None)
        if host != first and (":" in host or not host.endswith(f".{first}")):
            headers.pop("Authorization", None)
        return Hop(
            self.method if again else "GET",
            url,
            headers,
            self.body if again else b"",
            "" if (self.url.scheme, url.scheme) == ("https", "http") else replace(self.url, user=None).text(),
            self.number + 1,
            first,
        )


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent to a URL: over https, or over http to this machine."""
    try:
        parts = parse(url)
    except UrlError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
