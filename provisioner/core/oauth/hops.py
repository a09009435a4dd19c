"""The requests of Go's HTTP client on the wire, and how it follows a redirect.

Source: Go's ``net/http`` (``Client.do``, ``redirectBehavior``, ``refererForURL``, ``Request.write``), version 1.26.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.core.definitions.go_url import GoUrl, UrlError, parse, quoted, resolve
from provisioner.core.oauth.requests import Request, basic

MOST_REQUESTS = 10

_ALWAYS = ("User-Agent", "Go-http-client/1.1")
_LAST = ("Accept-Encoding", "gzip")
"""Some providers answer by the program that asks; theirs is the stack's, not ours."""

_SAME_METHOD = frozenset({307, 308})
_REDIRECTS = frozenset({301, 302, 303}) | _SAME_METHOD
_OF_BODY = frozenset({"Content-Type"})
_SENSITIVE = frozenset({"Authorization"})


class RedirectFails(ValueError):
    """A redirect that Go's client does not follow; as text, why."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on the way to an answer. It is secret, but for its method and the origin of its URL.

    `headers` are those of the first request that still hold, and `referer` the URL that led here.
    """

    method: str
    url: GoUrl = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    referer: str = field(repr=False, default="")
    number: int = 1

    @classmethod
    def first(cls, request: Request) -> "Hop":
        """The request itself. Its URL has been read before."""
        return cls(request.method, parse(request.url), request.headers, request.body)

    @property
    def origin(self) -> str:
        """Scheme, host and port, to be shown."""
        return f"{self.url.scheme}://{self.url.host}"

    def lines(self, host: str) -> bytes:
        """The request, byte for byte, for a host as DNS writes it."""
        headers = {**self.headers, **({"Referer": self.referer} if self.referer else {})}
        if self.url.user is not None and "Authorization" not in headers:
            name, password = self.url.user
            headers["Authorization"] = basic(name, password or "")
        length = [("Content-Length", str(len(self.body)))] if self.method == "POST" else []
        every = [("Host", host), _ALWAYS, *length, *sorted(headers.items()), _LAST]
        head = f"{self.method} {self.url.request_uri()} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in every
        )
        return head.encode("utf-8", "surrogateescape") + b"\r\n" + self.body

    def after(self, status: int, location: str) -> "Hop | None":
        """The request that a redirect leads to; none if this answer counts. Raises `RedirectFails`."""
        if status not in _REDIRECTS or not location:
            return None
        try:
            url = resolve(self.url, location)
        except UrlError as error:
            raise RedirectFails(f"failed to parse Location header {quoted(location)}: {error}") from None
        if self.number >= MOST_REQUESTS:
            raise RedirectFails(f"stopped after {MOST_REQUESTS} redirects")
        if url.scheme not in ("http", "https"):
            raise RedirectFails(f"unsupported protocol scheme {quoted(url.scheme)}")
        again = status in _SAME_METHOD
        dropped = (frozenset() if again and self.body else _OF_BODY) | (
            frozenset() if _within(url.hostname, self.url.hostname) else _SENSITIVE
        )
        return Hop(
            self.method if again else "GET",
            url,
            {name: value for name, value in self.headers.items() if name not in dropped},
            self.body if again else b"",
            "" if (self.url.scheme, url.scheme) == ("https", "http") else _without_user(self.url),
            self.number + 1,
        )


def _within(host: str, first: str) -> bool:
    return host.lower() == first.lower() or host.lower().endswith("." + first.lower())


def _without_user(url: GoUrl) -> str:
    text = url.text()
    return text.replace(text.partition("//")[2].partition("@")[0] + "@", "", 1) if url.user is not None else text
