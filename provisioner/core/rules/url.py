"""The URLs of a definition, in which variables may have no value: as the stack reads them, and as a browser does."""

import re
from typing import NamedTuple

from provisioner.core.definitions.domains import unusable_host
from provisioner.core.definitions.go_url import GoUrl, UrlError, parse
from provisioner.core.definitions.node import START, Scalar
from provisioner.core.definitions.variables import Expansion

GAP = "\ue000"
"""Stands in a URL for a variable without a value: no host, path or query has this character."""

_VARIABLE = re.compile(r"\$\{\w+\}")
_URL = re.compile(
    r"(https?)://(?:([^/?#]*)@)?(\[[^]/?#]*\]|[^:/?#]+)(?::[^/?#]*)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN = re.compile(
    rf"https?://(?:(?!xn--)[a-z0-9{GAP}](?:[a-z0-9{GAP}-]{{0,61}}[a-z0-9{GAP}])?\.)*"
    rf"[a-z{GAP}][a-z0-9{GAP}]{{0,62}}(?::(?:\d{{1,4}}|{GAP}))?"
    rf"(?:/(?:[\w~!$&'()*+,;=:@{GAP}-][\w.~!$&'()*+,;=:@{GAP}-]*)?)*(?:\?[\w.~!$&'()*+,;=:@/?{GAP}-]*)?",
    re.ASCII,
)
"""What Go and a browser read alike, without a look at either: most URLs."""

_START = re.compile(r"https?://", re.IGNORECASE)
_PORT_GAP = re.compile(rf":[\d{GAP}]+(?=[/?#]|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_HOST_HEADER = re.compile(r"[\"<>\\^`{|}]")
_LONGEST_LABEL = 63
_HIGHEST_PORT = 65_535


class Url(NamedTuple):
    """Only what the rules ask for. The host is in lower case and without the brackets of an IPv6 address."""

    scheme: str
    user_info: str
    host: str
    path: str
    query: str
    fragment: str


def read_url(text: str) -> Url | None:
    """The parts of an ``http`` or ``https`` URL as they are written, or ``None`` if it is not one.

    The host is the one that a browser goes to, if it goes to any: without soft hyphens, an address in its usual form.
    """
    match = _URL.fullmatch(text)
    if match is None:
        return None
    scheme, user_info, host, path, query, fragment = match.groups("")
    if not _PLAIN.fullmatch(text) and GAP not in text:
        host = seen.host if (seen := as_browser(text)) else host
    return Url(scheme.lower(), user_info, host.lower().strip("[]"), path, query, fragment)


def as_browser(text: str) -> Url | None:
    """The parts of a URL as a browser reads them (WHATWG URL), or nothing if it refuses the URL or goes nowhere."""
    if _PLAIN.fullmatch(text):
        return read_url(text)
    from ada_url import URL  # a binary library, and most definitions have plain URLs only

    try:
        url = URL(text)
    except ValueError:
        return None
    if url.protocol not in ("http:", "https:"):
        return None
    user_info = ":".join(filter(None, (url.username, url.password)))
    host = url.hostname.strip("[]")
    return Url(url.protocol[:-1], user_info, host, url.pathname, url.search[1:], url.hash[1:])


def stack_fault(text: str, *, browser: bool) -> str:
    """Why the stack cannot use a URL, or the browser that it sends there (`browser`); empty if both can.

    Source: Go's ``net/url`` and ``net/http`` (``no Host in request URL``), RFC 1035 (section 2.3.4, labels), and the
    URL standard of WHATWG for what follows a ``Location``.
    """
    if _PLAIN.fullmatch(text):
        return ""
    if _CONTROL.search(text):
        return "it has a control character"
    text = without_gaps(text)
    try:
        url = parse(text)
    except UrlError as error:
        return f"the stack cannot read it: {_reason(str(error))}"
    return _host_fault(url) or ("" if _found(text, url, browser=browser) else "no browser can read its host or port")


def browser_fault(text: str) -> str:
    """Why a browser cannot come back through a URL, or the stack refuses it then; empty if both work."""
    if _PLAIN.fullmatch(text):
        return ""
    if _CONTROL.search(text):
        return "it has a control character"
    url = as_browser(without_gaps(text))
    if url is None:
        return "no browser can read its host or port"
    if ":" not in url.host and (fault := unusable_host(url.host)):
        return fault
    if bad := _NOT_IN_HOST_HEADER.search(url.host):
        return f"its host has {bad[0]}, and the stack refuses a request with such a host"
    return ""


def without_gaps(text: str) -> str:
    """A URL with something that may stand there in place of each `GAP`."""
    return _PORT_GAP.sub(lambda match: match[0].replace(GAP, "1"), text).replace(GAP, "a")


def is_stated(text: str) -> bool:
    """Whether a text is meant as a URL; anything else is left to the schema of the files."""
    return _START.match(text) is not None and text == text.strip()


def with_gaps(text: str) -> str:
    """A text that could not be expanded, with a `GAP` for each of its variables; empty where it is malformed."""
    text = _VARIABLE.sub(GAP, text)
    if "$" not in text:
        return text
    scalar = Expansion(_gap).node(Scalar(text, START))
    known = isinstance(scalar, Scalar) and not scalar.placeholder and isinstance(scalar.value, str)
    return str(scalar.value) if known and isinstance(scalar, Scalar) else ""


def _reason(error: str) -> str:
    """The reason that Go gives; without what it takes for a port, which may be a piece of a password."""
    reason = error.rpartition(": ")[2]
    return "its port is not a number" if "invalid port" in error else reason


def _host_fault(url: GoUrl) -> str:
    if not url.hostname:
        return "it has no host"
    if url.port is not None and url.port > _HIGHEST_PORT:
        return f"its port is above {_HIGHEST_PORT}"
    if not url.host.startswith("[") and (fault := unusable_host(url.hostname)):
        return fault
    labels = [] if url.host.startswith("[") else url.hostname.split(".")
    if any(len(label) > _LONGEST_LABEL for label in labels):
        return f"a part of its host is longer than {_LONGEST_LABEL} characters"
    if not all(map(_is_ascii_or_name, labels)):
        return "a part of its host starts with xn-- and is not an international name"
    return ""


def _is_ascii_or_name(label: str) -> bool:
    """Whether a label that starts with ``xn--`` stands for letters beyond ASCII (RFC 5890, section 2.3.2.1)."""
    if not label.lower().startswith("xn--"):
        return True
    try:
        return not label[4:].encode("ascii").decode("punycode").isascii()
    except UnicodeError:
        return False


def _found(text: str, url: GoUrl, *, browser: bool) -> bool:
    """Whether a host is read: by the browser, and for the stack's own requests as the same address."""
    seen = as_browser(text)
    if seen is None or browser or not _is_address(seen.host):
        return seen is not None
    return _is_address(url.hostname) or not url.hostname.isascii()


def _is_address(host: str) -> bool:
    return ":" in host or re.fullmatch(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}", host, re.ASCII) is not None


def _gap(variable: str) -> str:  # noqa: ARG001  # the shape of a `Lookup`
    return GAP
