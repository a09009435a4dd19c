"""The URLs of a definition, in which variables may have no value: as the stack reads them, and as a browser does."""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NamedTuple

from provisioner.core.definitions.domains import host_advice, unusable_host
from provisioner.core.definitions.go_url import GoUrl, UrlError, parse
from provisioner.core.definitions.variables import Expansion
from provisioner.core.http import PORTS

MAX_NAME = 253
"""Octets of a name without its last dot (RFC 1035, section 2.3.4)."""

MAX_LABEL = 63
"""Octets of a part of a name."""

_LABEL = rf"[A-Za-z0-9_](?:[A-Za-z0-9_-]{{0,{MAX_LABEL - 2}}}[A-Za-z0-9_])?"
_ADDRESS = r"(?a)(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}"
_ZONE = r"%[^]]*"


GAP = "\x9f"
"""Stands in a URL for a variable without a value: no host, path or query has this character (APC, a control character).

It is below U+0100, because a set of characters with a higher one takes `re` four times as long to compile.
"""

_VARIABLE = re.compile(r"\$\{\w+\}")
_PLAIN = re.compile(
    rf"(https?)://(?!https?(?:[:/?]|$))((?:(?!xn--)[a-z0-9{GAP}](?:[a-z0-9{GAP}-]{{0,61}}[a-z0-9{GAP}])?\.)*"
    rf"[a-z{GAP}][a-z0-9{GAP}]{{0,62}})(?::([1-9]\d{{0,3}}|{GAP}))?"
    rf"((?:/(?:[\w~!$&'()*+,;=:@{GAP}-][\w.~!$&'()*+,;=:@{GAP}-]*)?)*)(?:\?([\w.~!$&'()*+,;=:@/?{GAP}-]*))?",
    re.ASCII,
)
"""What Go and a browser read alike, without a look at either: most URLs."""

_START = re.compile(r"https?://", re.IGNORECASE)
_USER_GAP = rf"//[^/?#]*{GAP}[^/?#]*@"
_PORT_GAP = rf":[\d{GAP}]+(?=[/?#]|$)"
_CONTROL = r"[\x00-\x1f\x7f]"
_NOT_IN_HOST_HEADER = r"[\"<>\\^`{|}]"
_HAS_ZONE = r"\A\w+://\[[0-9A-Fa-f:]+%25"  # of an IPv6 address: no browser goes there, and the stack does
_EMPTY_PORT = r"(?i)https?://[^/?#]*:(?=[/?#]|$)"
_NO_HOST = r"(?i)https?://(?=[/\\?#]|$)"
_HIGHEST_PORT = 65_535
_NO_BROWSER = "no browser can read its host or port"


class Url(NamedTuple):
    """A URL without its escapes undone. The host is in lower case and without the brackets of an IPv6 address."""

    scheme: str
    user_info: str
    host: str
    port: int
    path: str
    query: str
    fragment: str

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def site(self) -> str:
        """Scheme, host, and the port if it is not the usual one."""
        return self.origin.removesuffix(f":{PORTS[self.scheme]}")

    @property
    def authority(self) -> str:
        """The host, and the port if it is not the usual one."""
        return self.site.partition("://")[2]


@lru_cache(100)
def _plain(text: str) -> Url | None:
    """The parts of a plain URL, which is asked for again and again by what checks it."""
    match = _PLAIN.fullmatch(text)
    if match is None or match.end(2) - match.start(2) > MAX_NAME:
        return None
    scheme, host, port, path, query = match.groups("")
    return Url(scheme, "", host, int(port) if port.isdigit() else PORTS[scheme], path, query, "")


def read_url(text: str) -> Url | None:
    """The parts of an ``http`` or ``https`` URL as they are written, or ``None`` if it is not one.

    The host is the one that a browser goes to, if it goes to any: without soft hyphens, an address in its usual form.
    """
    if plain := _plain(text):
        return plain
    seen = None if GAP in text else as_browser(text)
    try:
        url = parse(_with_port(re.sub(_USER_GAP, lambda match: match[0].replace(GAP, "a"), text)))
    except UrlError:
        return seen
    if url.scheme not in PORTS or not url.hostname:
        return seen
    user, host = ":".join(filter(None, url.user or ())), seen.host if seen else url.hostname.lower()
    return Url(url.scheme, user, host, _port(url), url.path, url.raw_query, url.fragment)


def as_browser(text: str) -> Url | None:
    """The parts of a URL as a browser reads them (WHATWG URL), or nothing if it refuses the URL or goes nowhere."""
    if plain := _plain(text):
        return plain._replace(path=plain.path or "/")
    if (url := _parsed(text)) is None:
        return None
    scheme, host = url.protocol[:-1], url.hostname.strip("[]")
    if scheme not in PORTS or not all(map(_is_international, host.split("."))):
        return None
    user, port = ":".join(filter(None, (url.username, url.password))), int(url.port or PORTS[scheme])
    return Url(scheme, user, host, port, url.pathname, url.search[1:], url.hash[1:])


def origin_of(text: str) -> str:
    """Scheme, host and port of a URL, in lower case; empty if a browser does not read it."""
    seen = as_browser(text)
    return seen.origin if seen else ""


def host_of(text: str) -> str:
    """The host of a URL, in lower case, without its port; empty if a browser does not read it."""
    seen = as_browser(text)
    return seen.host if seen else ""


def _is_international(label: str) -> bool:
    """Whether a label that starts with ``xn--`` stands for letters that a browser would write so."""
    if not label.startswith("xn--"):
        return True
    try:
        plain = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return False
    return not plain.isascii() and mapped_name(plain) == label


def _port(url: GoUrl) -> int:
    return PORTS[url.scheme] if url.port is None else url.port


def linked(page: str, reference: str) -> str | None:
    """Where a browser goes from a page by a reference; ``None`` if it goes nowhere."""
    url = _parsed(reference.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), page)
    return str(url.href) if url and url.protocol[:-1] in PORTS else None


def _parsed(text: str, base: str | None = None) -> Any:
    """What the URL standard of WHATWG makes of a text; none if it refuses it."""
    from ada_url import URL  # a binary library, and most definitions have plain URLs only

    try:
        return URL(text, base=base)
    except ValueError:
        return None


def stack_fault(text: str, *, browser: bool) -> str:
    """Why the stack cannot use a URL, or the browser that it sends there (`browser`); empty if both can.

    Source: Go's ``net/url`` and ``net/http`` (``no Host in request URL``), RFC 1035 (section 2.3.4, labels), and the
    URL standard of WHATWG for what follows a ``Location``.
    """
    if _plain(text):
        return ""
    if re.search(_CONTROL, text):
        return "it has a control character"
    if text.endswith(" "):
        return "it ends with a space, which the stack sends as %20"
    text = without_gaps(text)
    try:
        url = parse(text)
    except UrlError as error:
        return f"the stack cannot read it: {error.reason}"
    if "\\" in text.partition("?")[0].partition("#")[0]:
        return "its path has a backslash: the stack sends %5C, where a browser would go to /"
    if url.scheme not in PORTS:
        return "it starts with neither http:// nor https://"
    if not url.hostname:
        return "it has no host"
    if fault := _unreachable(url.hostname, _port(url)):
        return fault
    seen = as_browser(text)
    if browser:
        return "" if seen else _NO_BROWSER
    if seen and is_address(seen.host) and url.hostname.isascii() and not is_address(url.hostname):
        return f"only a browser reads its host as the address {seen.host}"
    if not dialled(url.hostname):
        return "the stack looks up no such host"
    return "its query has a space, which the stack sends as it is: write %20" if " " in url.raw_query else ""


def browser_fault(text: str) -> str:
    """Why a browser cannot come back through a URL, or the stack refuses it then; empty if both work."""
    if _plain(text):
        return ""
    if re.search(_CONTROL, text):
        return "it has a control character"
    if re.match(_NO_HOST, text):
        return "it has no host, and browsers use the next part as one"
    url = as_browser(without_gaps(text))
    if url is None:
        return _NO_BROWSER
    if bad := re.search(_NOT_IN_HOST_HEADER, url.host):
        return f"its host has {bad[0]}, and the stack refuses a request with such a host"
    return _unreachable(url.host, url.port)


def place_fault(text: str) -> str:
    """Why no server can be at the host of a URL by the rules, although the stack would ask for it; empty if one can.

    A certificate holds a host with an underscore through a wildcard alone, which stands for the first of three parts
    (Baseline Requirements of the CA/Browser Forum, 7.1.4.2.1).
    """
    if _plain(text):
        return ""
    url = as_browser(without_gaps(text))
    if url is None:
        return "" if re.search(_HAS_ZONE, text) else _NO_BROWSER
    if re.match(_EMPTY_PORT, text):
        return "a colon follows its host, and no port"
    first, *others = url.host.removesuffix(".").split(".")
    if url.scheme == "http" or GAP in text or not ("_" in "".join(others) or ("_" in first and len(others) < 2)):
        return ""
    return f"no certificate can have the host {url.host}: it has an underscore"


def domain_advice(text: str) -> str:
    """What to write instead of a text that is meant as the domain of instances; empty if a browser can go below it."""
    if advice := host_advice(text):
        return advice
    fault = browser_fault(url := f"https://oauthcallback.{text}/") or place_fault(url)
    return f"write a domain such as mycozy.cloud: {fault}" if fault else ""


def mapped_host(text: str) -> tuple[str, str] | None:
    """The host that the stack connects to and the different one that it names there, for a host that IDNA maps."""
    if text.isascii():
        return None
    try:
        url = parse(without_gaps(text))
        sent, found = header_host(url), dialled(url.hostname)
    except (UrlError, UnicodeError):
        return None
    sent = sent if url.port is None else sent.rpartition(":")[0]
    return None if url.hostname.isascii() or found in (None, sent) else (str(found), sent)


def _unreachable(host: str, port: int) -> str:
    """Why nothing can be at a host and port; empty if something can."""
    if not 0 < port <= _HIGHEST_PORT:
        return f"its port is {port}" if port == 0 else f"its port is above {_HIGHEST_PORT}"
    if ":" in host:
        return ""
    if host in PORTS:
        return f"its scheme is written twice: its host is {host}"
    if fault := unusable_host(host):
        return fault
    if any(len(label) > MAX_LABEL for label in host.split(".")):
        return f"a part of its host is longer than {MAX_LABEL} characters"
    return f"its host is longer than {MAX_NAME} characters" if len(host.removesuffix(".")) > MAX_NAME else ""


def without_gaps(text: str) -> str:
    """A URL with something that may stand there in place of each `GAP`."""
    return _with_port(text).replace(GAP, "a")


def _with_port(text: str) -> str:
    return re.sub(_PORT_GAP, lambda match: match[0].replace(GAP, "1"), text) if GAP in text else text


def is_stated(text: str) -> bool:
    """Whether a text is meant as a URL; anything else is left to the schema of the files."""
    return _START.match(text) is not None and text == text.strip()


def with_gaps(text: str) -> str:
    """A text that could not be expanded, with a `GAP` for each of its variables; empty where it is malformed."""
    text = _VARIABLE.sub(GAP, text)
    if "$" not in text:
        return text
    expansion = Expansion(lambda _: GAP)
    value = expansion.value(text)
    return "" if expansion.gaps else str(value)


def header_host(url: GoUrl) -> str:
    """The host and port of a URL as a request names them: each label encoded by itself. Raises `UnicodeError`."""
    host = re.sub(_ZONE, "", url.host) if url.host.startswith("[") else url.host
    host = host.removesuffix(":")
    if host.isascii():
        return host
    name, colon, port = host.partition(":")
    labels = [each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in name.split(".")]
    return ".".join(labels) + colon + port


def dialled(name: str) -> str | None:
    """The name or address that a request goes to; none for a host that nobody is asked for."""
    if is_address(name):
        return name
    mapped = name if name.isascii() else mapped_name(name)
    if mapped is None or (not name.isascii() and not all(map(_is_mapped_label, mapped.split(".")))):
        return None
    parts = mapped.removesuffix(".").split(".")
    is_name = (
        len(".".join(parts)) <= MAX_NAME
        and not "".join(parts).isdigit()
        and all(re.fullmatch(_LABEL, part) for part in parts)
    )
    return mapped if is_address(mapped) or is_name else None


def mapped_name(name: str) -> str | None:
    """A name as browsers map it to DNS (UTS 46); none if they refuse it."""
    url = _parsed(f"http://{name}/")
    return (str(url.hostname) or None) if url else None


def is_address(host: str) -> bool:
    """Whether a host is an IP address, without brackets and as it is usually written; IPv6 may have a zone."""
    if ":" not in host:
        return re.fullmatch(_ADDRESS, host) is not None
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


def _is_mapped_label(label: str) -> bool:
    """Whether a label that was mapped has no hyphen where only other codings have them, and no underscore."""
    plain = label[4:].encode().decode("punycode") if label.startswith("xn--") else label
    return "_" not in plain and not plain.startswith("-") and not plain.endswith("-") and plain[2:4] != "--"
