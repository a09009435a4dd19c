"""URLs as Go reads and writes them, byte for byte: cozy-stack reads each endpoint so.

Source: Go's ``net/url`` (``Parse``, ``URL.String``, ``URL.RequestURI``, ``ParseQuery``, ``Values.Encode``; 1.26).
Texts hold bytes that are not UTF-8 as surrogates (``surrogateescape``), so that none is lost.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from string import ascii_letters, digits
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.text import printable

UNRESERVED = frozenset((ascii_letters + digits + "-_.~").encode())
PATH = UNRESERVED | frozenset(b"$&+,/:;=@")
USER = UNRESERVED | frozenset(b"$&+,;=")
HOST = UNRESERVED | frozenset(b"!$&'()*+,;=:[]<>\"")
FRAGMENT = UNRESERVED | frozenset(b"$&+,/:;=?@!()*")
AS_WRITTEN = frozenset(b"!$&'()*+,;=:@[]%")

BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
HOST_ESCAPE = re.compile(rb"%(?!25)[0-7][0-9A-Fa-f]")
_NAMED = {7: r"\a", 8: r"\b", 12: r"\f", 10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v", 34: r"\"", 92: r"\\"}


class UrlError(ValueError):
    """A text that Go does not read as a URL; as text, it is Go's error, and `reason` is what of it may be shown."""

    def __init__(self, error: str, reason: str = "") -> None:
        super().__init__(error)
        self.reason = (reason or error).removeprefix("net/url: ")


def quoted(text: str) -> str:
    """A text in quotes, as Go's ``%q`` shows it."""
    return f'"{"".join(map(_shown, text))}"'


def check_escapes(raw: bytes) -> None:
    """Raises `UrlError` for a ``%`` that two hexadecimal digits do not follow."""
    if bad := BAD_ESCAPE.search(raw):
        raise UrlError(f"invalid URL escape {quoted(raw_text(bad[0]))}")


def component(text: str) -> str:
    """A name or a value of a query."""
    return escape(text, UNRESERVED | {0x20}).replace(" ", "+")


def escape(text: str, safe: frozenset[int]) -> str:
    """A text in which only the safe bytes stand as they are."""
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in raw_bytes(text))


def unescaped(part: str) -> str:
    """A text without its escapes; a bad one stays."""
    return raw_text(unquote_to_bytes(raw_bytes(part)))


_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def raw_bytes(text: str) -> bytes:
    """The bytes of a text; half a character that stands for no byte is U+FFFD, as Go has it."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _HALF.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def raw_text(raw: bytes) -> str:
    """The text of some bytes."""
    return raw.decode("utf-8", "surrogateescape")


def _shown(char: str) -> str:
    code = ord(char)
    if named := _NAMED.get(code):
        return named
    if char.isprintable():
        return char
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_USER_INFO = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_PORT = re.compile(r"(:[0-9]*)?")


class GoUrl(Struct, frozen=True):
    """The parts of a URL. `user`: name and password, unescaped; the password is none if there is no ``:``.

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

    def unescaped_path(self) -> str:
        """The path without its escapes."""
        return unescaped(self.path)

    def with_query(self, raw_query: str) -> "GoUrl":
        """The same with another query."""
        return replace(self, raw_query=raw_query)

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
        start = "//" if self.host or self.path or self.user is not None else ""
        if self.user is not None:
            name, password = self.user
            start += escape(name, USER) + ("" if password is None else f":{escape(password, USER)}") + "@"
        return start + escape(self.host, HOST)

    def _query(self) -> str:
        return f"?{self.raw_query}" if self.force_query or self.raw_query else ""


def parse(text: str) -> GoUrl:
    """Read a URL. Raises `UrlError`."""
    start, _, fragment = text.partition("#")
    try:
        url = _parse(start)
    except UrlError as error:
        raise UrlError(f"parse {quoted(start)}: {error}", error.reason) from None
    try:
        return replace(url, fragment=_as_go_writes(fragment, FRAGMENT))
    except UrlError as error:
        raise UrlError(f"parse {quoted(text)}: {error}", error.reason) from None


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


def read_query(raw: str) -> list[tuple[str, str]]:
    """The pairs of a query; those with a ``;`` or a bad escape are left out, as Go leaves them out."""
    found = []
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        if pair and ";" not in pair and not (BAD_ESCAPE.search(raw_bytes(name)) or BAD_ESCAPE.search(raw_bytes(value))):
            found.append((unescaped(name.replace("+", " ")), unescaped(value.replace("+", " "))))
    return found


def dropped_pairs(raw: str) -> list[str]:
    """The pairs of a query that Go leaves out."""
    return [pair for pair in dict.fromkeys(raw.split("&")) if pair and not read_query(pair)]


def write_query(pairs: Iterable[tuple[str, str]]) -> str:
    """A query or form, sorted by name; the values of one name keep their order."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return "&".join(
        f"{component(name)}={component(value)}" for name in sorted(values, key=raw_bytes) for value in values[name]
    )


def escape_path(path: str) -> str:
    """A path as Go writes it into a URL."""
    return escape(path, PATH)


def _parse(text: str) -> GoUrl:
    if any(char < " " or char == "\x7f" for char in text):
        raise UrlError("net/url: invalid control character in URL")
    if text.startswith(":"):
        raise UrlError("missing protocol scheme")
    match = _SCHEME.fullmatch(text)
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
        user, host = _read_authority(authority)
        return replace(url, user=user, host=host, path=_as_go_writes(slash + rest, PATH))
    return replace(url, omit_host=bool(scheme), path=_as_go_writes(rest, PATH))


def _read_authority(authority: str) -> tuple[tuple[str, str | None] | None, str]:
    info, at, host = authority.rpartition("@")
    host = _read_host(host)
    if not at:
        return None, host
    if not _USER_INFO.fullmatch(info):
        raise UrlError("net/url: invalid userinfo")
    name, colon, password = info.partition(":")
    return (_unescape(name), _unescape(password) if colon else None), host


def _read_host(host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise UrlError("invalid IP-literal")
    if bracket == 0 and "]" not in host:
        raise UrlError("missing ']' in host")
    colon = host.rfind(":")
    port = host.rpartition("]")[2] if bracket == 0 else host[colon:] if colon >= 0 else ""
    if not _PORT.fullmatch(port):
        raise UrlError(f"invalid port {quoted(port)} after host", "its port is not a number")  # it may be a password
    raw = raw_bytes(host)
    for place, byte in enumerate(raw):
        if byte == 0x25:
            check_escapes(raw[place : place + 3])
            if forbidden := HOST_ESCAPE.match(raw, place):
                raise UrlError(f"invalid URL escape {quoted(raw_text(forbidden[0]))}")
        elif byte < 0x80 and byte not in HOST:
            raise UrlError(f"invalid character {quoted(chr(byte))} in host name")
    return unescaped(host)


def _as_go_writes(part: str, safe: frozenset[int]) -> str:
    """A path or fragment: as it is written where that is valid, else escaped anew."""
    plain = _unescape(part)
    valid = all(byte in safe or byte in AS_WRITTEN for byte in raw_bytes(part))
    return part if valid else escape(plain, safe)


def _unescape(part: str) -> str:
    check_escapes(raw_bytes(part))
    return unescaped(part)


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
