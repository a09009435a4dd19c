"""Escapes in URLs as Go writes and reads them, and its quotes.

Source: Go's ``net/url`` (``shouldEscape``, ``unescape``) and ``strconv.Quote``; 1.26. Texts hold bytes that are not
UTF-8 as surrogates (``surrogateescape``), so that none is lost.
"""

import re
from string import ascii_letters, digits
from urllib.parse import unquote_to_bytes

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
