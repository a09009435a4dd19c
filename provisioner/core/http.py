"""An answer over HTTP, whoever asked."""

from typing import Any

from provisioner.core.outside_json import read_json
from provisioner.core.secret import Confidential

PORTS = {"http": 80, "https": 443}
"""The ports that a URL need not name."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Answer(Confidential, frozen=True):
    """What came back: names of headers in lower case, their values with bytes that are not UTF-8 as surrogates.

    `cut`: the body is longer, and only its beginning is here. `days_left` are those of the certificate (``None``: no
    TLS). The body may repeat secrets that were sent: it is shown only after it went through a `Mask`.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: bool = False
    days_left: float | None = None

    def header(self, name: str) -> str:
        """The first header of a name, in lower case; empty if there is none."""
        return next((value for each, value in self.headers if each == name), "")

    def every(self, name: str) -> list[str]:
        """All headers of a name, in lower case."""
        return [value for each, value in self.headers if each == name]

    @property
    def location(self) -> str:
        """Where it redirects to, as it was sent."""
        return self.header("location")

    @property
    def redirects(self) -> bool:
        """Whether it sends the client to another address."""
        return self.status in REDIRECTS

    @property
    def html(self) -> bool:
        """Whether the body is a web page."""
        return "html" in self.header("content-type").lower()

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
