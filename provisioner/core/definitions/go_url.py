"""URLs as Go reads and writes them, byte for byte: cozy-stack reads each endpoint so.

Source: Go's ``net/url`` (``Parse``, ``URL.String``, ``URL.RequestURI``, ``ParseQuery``, ``Values.Encode``; 1.26).
Texts hold bytes that are not UTF-8 as surrogates (``surrogateescape``), so that none is lost.
"""

import re
from collections.abc import Iterable
from operator import itemgetter
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlencode

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.text import printable

_PATH = "$&+,/:;=@"
_USER = "$&+,;="
_HOST = "!$&'()*+,;=:[]<>\""
_FRAGMENT = "$&+,/:;=?@!()*"
_AS_WRITTEN = re.compile(r"[A-Za-z0-9_.~!$&'()*+,;=:@\[\]%/-]*")
"""What stands in a path as it is written; a fragment may also have a ``?``."""

_BAD_ESCAPE = r"(?s)%(?![0-9A-Fa-f]{2}).{0,2}"
_HOST_FAULT = r"(%(?!25)[0-7][0-9A-Fa-f])|([\0-\x7f])(?<![A-Za-z0-9_.~!$&'()*+,;=:\[\]<>\"%-])"
"""In a host: an escape of ASCII, or a character that none has."""

_SCHEME = r"(?s)([A-Za-z][A-Za-z0-9+.-]*):(.*)"
_USER_INFO = r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*"
_PORT = r"(:[0-9]*)?"
_HALF = r"[\ud800-\udc7f\udd00-\udfff]"
_NAMED = {7: r"\a", 8: r"\b", 12: r"\f", 10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v", 34: r"\"", 92: r"\\"}


class UrlError(ValueError):
    """A text that Go does not read as a URL; as text, it is Go's error, and `reason` is the part that may be shown."""

    def __init__(self, error: str, reason: str = "") -> None:
        super().__init__(error)
        self.reason = (reason or error).removeprefix("net/url: ")


def quoted(text: str) -> str:
    """A text in quotes, as Go's ``%q`` shows it."""

    def shown(char: str) -> str:
        code = ord(char)
        if code in _NAMED or char.isprintable():
            return _NAMED.get(code, char)
        if code < 0x80 or 0xDC80 <= code <= 0xDCFF:
            return f"\\x{code & 0xFF:02x}"
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    return f'"{"".join(map(shown, text))}"'


def raw_bytes(text: str) -> bytes:
    """The bytes of a text; half a character that stands for no byte is U+FFFD, as Go has it."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return re.sub(_HALF, "\ufffd", text).encode("utf-8", "surrogateescape")


def unescaped(part: str) -> str:
    """A text without its escapes; a bad one stays."""
    if part.isascii() and "%" not in part:
        return part
    return unquote_to_bytes(raw_bytes(part)).decode("utf-8", "surrogateescape")


def escape_path(path: str) -> str:
    """A path as Go writes it into a URL."""
    return quote_from_bytes(raw_bytes(path), _PATH)


class GoUrl(Struct, frozen=True):
    """The parts of a URL. `user`: name and password, unescaped; the password is ``None`` if there is no ``:``.

    `host` holds the port, unescaped; `path` and `fragment` are as they are written into a URL.
    """

    scheme: str = ""
    opaque: str = ""
    user: tuple[str, str | None] | None = None
    host: str = ""
    path: str = ""
    raw_query: str = ""
    fragment: str = ""
    force_query: bool = False
    omit_host: bool = False

    def text(self) -> str:
        """The URL as Go writes it."""
        start = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            start += self.opaque
        else:
            start += self._authority()
            if self.host and self.path and not self.path.startswith("/"):
                start += "/"
            if not start and ":" in self.path.partition("/")[0]:
                start = "./"
            start += self.path
        return start + self._query() + (f"#{self.fragment}" if self.fragment else "")

    def request_uri(self) -> str:
        """What stands between the method and the version in a request."""
        target = self.opaque or self.path or "/"
        if self.opaque.startswith("//"):
            target = f"{self.scheme}:{self.opaque}"
        return target + self._query()

    @property
    def origin(self) -> str:
        """Scheme, host and port, in lower case."""
        return f"{self.scheme}://{self.host.lower()}"

    @property
    def place(self) -> str:
        """What may be shown of it: no user, no password, no query."""
        return printable(f"{self.scheme}://{self.host}{self.path}")

    @property
    def hostname(self) -> str:
        """The host without its port and the brackets of an IPv6 address."""
        host = self.host
        if host.startswith("["):
            return host[1:].partition("]")[0]
        return host.rpartition(":")[0] if ":" in host else host

    @property
    def port(self) -> int | None:
        """The port, if one is written; a number of any size."""
        _, colon, port = self.host.rpartition("]")[2].rpartition(":")
        return int(port) if colon and port else None

    def _authority(self) -> str:
        if not (self.scheme or self.host or self.user) or (self.omit_host and not self.host and self.user is None):
            return ""
        user = ""
        if self.user is not None:
            name, password = (None if part is None else quote_from_bytes(raw_bytes(part), _USER) for part in self.user)
            user = f"{name}@" if password is None else f"{name}:{password}@"
        start = "//" if self.host or self.path or self.user is not None else ""
        return start + user + quote_from_bytes(raw_bytes(self.host), _HOST)

    def _query(self) -> str:
        return f"?{self.raw_query}" if self.force_query or self.raw_query else ""


def parse(text: str) -> GoUrl:
    """Read a URL. Raises `UrlError`."""
    start, _, fragment = text.partition("#")
    read = start
    try:
        url, read = _parse(start), text
        return replace(url, fragment=_as_go_writes(fragment, _FRAGMENT))
    except UrlError as error:
        raise UrlError(f"parse {quoted(read)}: {error}", error.reason) from None


def _parse(text: str) -> GoUrl:
    if any(char < " " or char == "\x7f" for char in text):
        raise UrlError("net/url: invalid control character in URL")
    if text.startswith(":"):
        raise UrlError("missing protocol scheme")
    match = re.fullmatch(_SCHEME, text)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", text)
    force_query = rest.endswith("?") and rest.count("?") == 1
    rest, _, raw_query = rest.partition("?")
    url = GoUrl(scheme, raw_query=raw_query, force_query=force_query)
    if not rest.startswith("/"):
        if scheme:
            return replace(url, opaque=rest)
        if ":" in rest.partition("/")[0]:
            raise UrlError("first path segment in URL cannot contain colon")
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, rest = rest[2:].partition("/")
        info, at, host = authority.rpartition("@")
        host = _read_host(host)
        if not re.fullmatch(_USER_INFO, info):
            raise UrlError("net/url: invalid userinfo")
        name, colon, password = info.partition(":")
        user = (_unescape(name), _unescape(password) if colon else None) if at else None
        return replace(url, user=user, host=host, path=_as_go_writes(slash + rest, _PATH))
    return replace(url, omit_host=bool(scheme), path=_as_go_writes(rest, _PATH))


def _read_host(host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise UrlError("invalid IP-literal")
    if bracket == 0 and "]" not in host:
        raise UrlError("missing ']' in host")
    colon = host.rfind(":")
    port = host.rpartition("]")[2] if bracket == 0 else host[colon:] if colon >= 0 else ""
    if not re.fullmatch(_PORT, port):
        raise UrlError(f"invalid port {quoted(port)} after host", "its port is not a number")  # it may be a password
    fault, escape = re.search(_HOST_FAULT, host), re.search(_BAD_ESCAPE, host)
    if escape and not (fault and fault.start() < escape.start()):
        raise _bad_escape(escape[0])
    if fault:
        bad = f"URL escape {quoted(fault[1])}" if fault[1] else f"character {quoted(fault[2])} in host name"
        raise UrlError(f"invalid {bad}")
    return unescaped(host)


def _bad_escape(text: str) -> UrlError:
    """A ``%`` that two hexadecimal digits do not follow; of the three bytes there, each is shown."""
    raw = raw_bytes(text)[:3]
    return UrlError(f"invalid URL escape {quoted(raw.decode('utf-8', 'surrogateescape'))}")


def _unescape(part: str) -> str:
    if bad := re.search(_BAD_ESCAPE, part):
        raise _bad_escape(bad[0])
    return unescaped(part)


def _as_go_writes(part: str, safe: str) -> str:
    """A path or fragment: as it is written where that is valid, else escaped anew."""
    plain = _unescape(part)
    valid = _AS_WRITTEN.fullmatch(part.replace("?", "") if "?" in safe else part)
    return part if valid else quote_from_bytes(raw_bytes(plain), safe)


def resolve(base: GoUrl, reference: str) -> GoUrl:
    """Where a ``Location`` leads from a URL (RFC 3986, section 5.2, as ``URL.Parse`` does it). Raises `UrlError`."""
    url = parse(reference)
    if url.scheme:
        return url if url.opaque or not (url.host or url.user) else replace(url, path=_without_dots(url.path))
    if url.host or url.user is not None:
        return replace(url, scheme=base.scheme, path=_without_dots(url.path))
    target = replace(base, raw_query=url.raw_query, force_query=url.force_query, fragment=url.fragment, opaque="")
    if not url.path:
        kept = (url.force_query, url.raw_query) != (False, "")
        target = replace(target, path=_without_dots(base.path))
        return target if kept else replace(target, raw_query=base.raw_query, fragment=url.fragment or base.fragment)
    folder = "" if url.path.startswith("/") else base.path.rpartition("/")[0] + "/"
    return replace(target, path=_without_dots(folder + url.path))


def _without_dots(path: str) -> str:
    """A path without ``.`` and ``..`` as Go leaves them out, near to RFC 3986, section 5.2.4."""
    parts: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            parts = [] if len(parts) == 2 and not parts[0] else parts[:-1]
        elif segment != ".":
            parts.append(segment)
    if path.endswith(("/.", "/..")):
        parts.append("")
    return "/" + "/".join(parts).removeprefix("/") if path else ""


def read_query(raw: str) -> list[tuple[str, str]]:
    """The pairs of a query; those with a ``;`` or a bad escape are left out, as Go leaves them out."""
    pairs = (pair.replace("+", " ") for pair in raw.split("&") if pair and not _is_dropped(pair))
    return [(unescaped(name), unescaped(value)) for name, _, value in (pair.partition("=") for pair in pairs)]


def dropped_pairs(raw: str) -> list[str]:
    """The pairs of a query that Go leaves out."""
    return [*filter(_is_dropped, dict.fromkeys(raw.split("&")))]


def _is_dropped(pair: str) -> bool:
    return ";" in pair or re.search(_BAD_ESCAPE, pair) is not None


def write_query(pairs: Iterable[tuple[str, str]]) -> str:
    """A query or form, sorted by name; the values of one name keep their order."""
    raw = ((raw_bytes(name), raw_bytes(value)) for name, value in pairs)
    return urlencode(sorted(raw, key=itemgetter(0)))
