"""Keeps the secrets of a run out of what a server says: an error may repeat what was sent, in any encoding.

The text is decoded, and not the secrets encoded: a server escapes as it likes, and mixes what it likes.
"""

import re
import threading
from base64 import b64decode, b64encode
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from posixpath import commonprefix
from urllib.parse import quote, unquote_to_bytes

from provisioner.core.secret import Json, Secret, revealed

MAX_SHOWN = 300
"""Characters of a server's words that are shown."""

SHORT = 6
"""Secrets with fewer characters are masked as whole words only."""

_MASK = "(secret)"
_LONG = 12
"""A text that shares so many first characters with a secret is masked as far as it shares them: it may be cut."""

_WINDOW = 2048
_ROUNDS = 3
_BASIC = r"(?i)\bbasic(?:\s|%20|\+)+([A-Za-z0-9+/_=-]{4,}|[A-Za-z0-9%]{4,})"
_BEARER = r"(?i)\bbearer(?:\s|%20|\+)+([A-Za-z0-9._~+/-]{20,}=*)"
_BASE64 = r"[A-Za-z0-9+/_-]{8,}(?:[ \t\r]*\n[ \t\r\n]*[A-Za-z0-9+/_-]{2,})*={0,2}"
_HEX = r"(?:[0-9A-Fa-f]{2}[:\s]{0,3}){6,}"
_SPACE = r"[\s+\u00ad\u200b-\u200d\u2060\ufeff]"
_ESCAPES = (
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)|(?P<bytes>(?:\\x[0-9A-Fa-f]{2})+)|(?P<octal>(?:\\[0-3][0-7]{2})+)"
    r"|(?P<json>(?:[\\%]u[0-9A-Fa-f]{4})+|\\[\"\\/bfnrt])|(?P<point>\\u\{[0-9A-Fa-f]{1,6}\}|\\U[0-9A-Fa-f]{8})"
    r"|(?P<html>&#?\w{1,31};)"
)
_OF_URLS = str.maketrans("-_", "+/")
_JSON_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Mask:
    """The secrets that a run knows. What a server says is shown only after it went through `clean`.

    Spaces, line breaks and ``+``, which is a space in a form, are passed over, so that a secret is found however it is
    split over lines. `_texts` are secrets as they were added, of which so many are `_learned`: that takes time, and few
    runs need it. `_known` are those without spaces by their first characters, `_words` those so short that they count
    only as whole words.
    """

    def __init__(self, secrets: Iterable[Json | Secret] = ()) -> None:
        self._texts: dict[str, None] = {}
        self._learned = 0
        self._lock = threading.Lock()
        self._words: set[str] = set()
        self._known: defaultdict[str, set[str]] = defaultdict(set)
        self._sorted: dict[str, list[str]] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Json | Secret, *, whole: bool = False) -> None:
        """Know one more: each text and each number in a JSON value; `whole`: also its keys, and what is true or not."""
        waiting = [revealed(secret)]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting += (*value.values(), *(value if whole else ()))
            elif isinstance(value, list):
                waiting += value
            elif isinstance(value, bool):
                self._texts |= {str(value).lower(): None} if whole else {}
            elif value is not None:
                self._texts[str(value)] = None

    def _learn(self, secret: str) -> None:
        lines = [line for line in secret.splitlines() if not line.startswith("-----")]  # each is one of a key's
        for part in {_squeezed(each)[0] for each in (secret, *(lines if len(lines) > 1 else ()))}:
            if len(part) >= SHORT:
                self._known[part[:_LONG]].add(part)
        if secret.strip() and len(_squeezed(secret)[0]) < SHORT:
            encoded = b64encode(secret.encode("utf-8", "surrogatepass")).decode().rstrip("=")
            self._words |= {secret, encoded, quote(secret, safe="", errors="replace"), secret.replace(" ", "+")}

    def clean(self, text: str, most: int = MAX_SHOWN) -> str:
        """A text without secrets: raw, percent-encoded, escaped as in JSON or HTML, in Base64; and not too long.

        The pair of HTTP Basic and a bearer token are masked even if they are not ours.
        """
        window = text[: max(_WINDOW, most)]
        with self._lock:
            if self._learned < len(self._texts):
                new = [*self._texts][self._learned :]
                self._learned += len(new)
                for secret in new:
                    self._learn(secret)
            spans = self._spans(window, cut=len(window) < len(text))
        masked = re.sub(_BASIC, _pair, _without(window, spans))
        masked = re.sub(_BEARER, lambda match: match[0].replace(match[1], _MASK), masked)
        return masked if len(masked) <= most and len(window) == len(text) else f"{masked[:most]}…"

    def _spans(self, text: str, *, cut: bool) -> list[tuple[int, int]]:
        """Where secrets stand, as the text is and in what each round of decoding makes of it."""
        found: list[tuple[int, int]] = []
        decoded, places = text, [(place, place + 1) for place in range(len(text))]
        for _ in range(_ROUNDS + 1):
            for start, end in (*self._found(decoded, cut=cut), *self._packed(decoded)):
                found.append((places[start][0], places[end - 1][1]))
            following, origins = _unescaped(decoded)
            if following == decoded:
                break
            places = [(places[start][0], places[end - 1][1]) for start, end in origins]
            decoded = following
        return found

    def _found(self, text: str, *, cut: bool = False) -> Iterator[tuple[int, int]]:
        """Where secrets stand in a text; if it is `cut`, its last characters may be the beginning of one."""
        plain, places = _squeezed(text) if self._known else ("", range(0))
        for place in range(len(plain) - SHORT + 1):
            if length := self._length(plain, place):
                yield places[place], places[place + length - 1] + 1
        ends = (plain[-length:] for length in range(_LONG - 1, SHORT - 1, -1)) if cut else ()
        if rest := next((end for end in ends if any(start.startswith(end) for start in self._known)), ""):
            yield places[len(plain) - len(rest)], len(text)
        for word in (each for each in self._words if each in text):
            for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text):
                yield match.span()

    def _length(self, text: str, place: int) -> int:
        """How many characters at a place are a secret, or enough of the first ones of a long one; else 0."""
        longest = min(_LONG, len(text) - place)
        start = next(
            (part for n in range(longest, SHORT - 1, -1) if (part := text[place : place + n]) in self._known), ""
        )
        if len(start) < _LONG:
            return len(start)
        known = self._sorted.get(start, [])
        if len(known) != len(self._known[start]):
            known = self._sorted[start] = sorted(self._known[start])
        rest = text[place : place + _WINDOW]
        near = bisect(known, rest)  # of sorted texts, the nearest have the most in common
        return max(len(commonprefix([rest, each])) for each in known[max(0, near - 1) : near + 1])

    def _packed(self, text: str) -> Iterator[tuple[int, int]]:
        """Base64 in which a secret stands, wherever it begins, and hexadecimal digits."""
        for match in re.finditer(_BASE64, text):
            run = "".join(match[0].split()).rstrip("=").translate(_OF_URLS)
            if any(self._holds(run[shift:]) for shift in range(min(4, len(run) - 4))):
                yield match.span()
        for match in re.finditer(_HEX, text):
            content = bytes.fromhex(re.sub(r"[:\s]", "", match[0])).decode("utf-8", "replace")
            if any(True for _ in self._found(content)):
                yield match.span()

    def _holds(self, run: str) -> bool:
        """Whether a secret stands in what some Base64 contains, itself escaped or in Base64 or not."""
        content = _unpacked(run[: len(run) - (len(run) % 4 == 1)])
        shortest = 0 if content.isprintable() else SHORT  # a short word is certain in a text alone
        once = _unescaped(content)[0]
        packed = _unpacked(content.translate(_OF_URLS)) if shortest == 0 and re.fullmatch(_BASE64, content) else ""
        texts = (content, once, _unescaped(once)[0], packed)
        return any(end - start >= shortest for text in texts for start, end in self._found(text))


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """A text in which a mask stands for some of its parts, which may overlap."""
    parts, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            parts += [text[done:start], _MASK]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def _unescaped(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text without one layer of escapes, and where each of its characters comes from."""
    chars: list[str] = []
    origins: list[tuple[int, int]] = []
    done = 0
    for match in re.finditer(_ESCAPES, text):
        plain = range(done, match.start())
        chars += text[done : match.start()]
        origins += [(place, place + 1) for place in plain]
        decoded = _DECODERS[match.lastgroup or ""](match[0])
        chars += decoded
        origins += [match.span()] * len(decoded)
        done = match.end()
    chars += text[done:]
    origins += [(place, place + 1) for place in range(done, len(text))]
    return "".join(chars), origins


def _squeezed(text: str) -> tuple[str, Sequence[int]]:
    """A text without spaces, line breaks and ``+``, and where each of its characters stands."""
    spaces = {match.start() for match in re.finditer(_SPACE, text)}
    if not spaces:
        return text, range(len(text))
    places = [place for place in range(len(text)) if place not in spaces]
    return "".join(text[place] for place in places), places


def _unpacked(run: str) -> str:
    """The text in Base64; empty if it is not Base64."""
    try:
        return b64decode(run + "=" * (-len(run) % 4)).decode("utf-8", "replace")
    except ValueError:
        return ""


def _of_json(escapes: str) -> str:
    if escapes[1] != "u":
        return _JSON_ESCAPES.get(escapes[1], escapes[1])
    units = b"".join(int(each, 16).to_bytes(2, "big") for each in re.split(r"[\\%]u", escapes)[1:])
    return units.decode("utf-16-be", "replace")


def _of_html(entity: str) -> str:
    from html import unescape  # its table of names takes a millisecond, and few servers answer in HTML

    return unescape(entity)


def _of_point(escape: str) -> str:
    number = int(escape[2:].strip("{}"), 16)
    return chr(number) if number < 0x110000 else escape


_DECODERS: dict[str, Callable[[str], str]] = {
    "percent": lambda escapes: unquote_to_bytes(escapes).decode("utf-8", "replace"),
    "bytes": lambda escapes: bytes.fromhex(escapes.replace("\\x", "")).decode("utf-8", "replace"),
    "octal": lambda escapes: bytes(int(each, 8) for each in escapes.split("\\")[1:]).decode("utf-8", "replace"),
    "json": _of_json,
    "point": _of_point,
    "html": _of_html,
}


def _pair(match: re.Match[str]) -> str:
    """A Basic pair that is not ours, such as one with a scrambled secret, is masked if it decodes to a pair."""
    try:
        decoded = b64decode(match[1] + "=" * (-len(match[1]) % 4), altchars=b"-_" if "-" in match[1] else None)
    except ValueError:
        return match[0]
    return match[0].replace(match[1], _MASK) if b":" in decoded else match[0]
