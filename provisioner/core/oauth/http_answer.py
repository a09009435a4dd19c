"""How a provider's endpoint answered one request of a check."""

from dataclasses import dataclass, field
from typing import Any

from provisioner.core.definitions.domains import is_loopback
from provisioner.core.definitions.go_url import UrlError, parse, resolve
from provisioner.core.definitions.url import as_browser, linked
from provisioner.core.outside_json import read_json


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer: its status, where it redirects to, and the beginning of its body.

    `location` is as it was sent, ``None`` without the header. `days_left` are those of the certificate (``None``: no
    TLS). The body may repeat secrets that were sent: it is shown only after it went through `redacted`.
    """

    status: int
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)
    location: str | None = None
    days_left: float | None = None

    @property
    def redirects(self) -> bool:
        """Whether it sends the client to another address."""
        return self.status in (301, 302, 303, 307, 308)

    @property
    def html(self) -> bool:
        """Whether the body is a web page."""
        return "html" in self.content_type.lower()

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        """The body as JSON; ``None`` if it is not JSON."""
        try:
            return read_json(self.text.encode())
        except ValueError:
            return None

    def target(self, url: str) -> str | None:
        """Where the stack goes after the answer of a token endpoint, with the fragment; ``None`` for nowhere."""
        if not self.redirects or not self.location:
            return None
        try:
            return resolve(parse(url), self.location).text()
        except UrlError:
            return None

    def page(self, url: str) -> str | None:
        """Where a browser goes after the answer of an authorization endpoint; ``None`` for nowhere."""
        return linked(url, self.location) if self.redirects and self.location else None


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent to a URL: over https, or over http to this machine."""
    try:
        parts = parse(url)
    except UrlError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def origin(url: str) -> str:
    """Scheme, host and port of a URL, in lower case; empty if it has none."""
    seen = as_browser(url)
    return seen.origin if seen else ""


def host(url: str) -> str:
    """The host of a URL, in lower case, without its port; empty if it has none."""
    seen = as_browser(url)
    return seen.host if seen else ""
