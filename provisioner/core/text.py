"""Words for people: lists, counts and characters that are safe on a terminal."""

import json
import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from provisioner.core.secret import Json, Secret, redacted, without_sign_in

_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_BLANK = (
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164"
    r"\ufe00-\ufe0f\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
"""The characters beside the categories control, format and separator that are as wide as nothing, or blank."""


def is_whole(text: str) -> bool:
    """Whether a text is made of whole characters: no lone surrogate, which no UTF-8 can hold."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def printable(text: str) -> str:
    """A text on one line, with control and other unprintable characters escaped, and without passwords in URLs."""
    text = without_sign_in(text)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def one_line(text: str) -> str:
    """A printable text that GitHub does not read as a workflow command, wherever a line of a log starts with it."""
    text = printable(text)
    return text.replace("::", r"\u003a:", 1) if text.lstrip().startswith("::") else text


def is_blank(text: str) -> bool:
    """Whether a text has nothing that anybody sees."""
    return all(char.isspace() or unseen_name(char) for char in text)


def unseen_name(char: str) -> str:
    """The name of a character that nobody sees or that looks like a space (``a no-break space (U+00A0)``), else ``""``.

    A space, a tab and a line break are seen by where they stand.
    """
    if char in " \t\n\r" or "!" <= char <= "~":
        return ""
    if unicodedata.category(char) not in _UNSEEN and not re.match(_BLANK, char):
        return ""
    name = unicodedata.name(char, "control character").lower()
    return f"{'an' if name[0] in 'aeio' else 'a'} {name} (U+{ord(char):04X})"


def unseen(text: str) -> tuple[int, str] | None:
    """The first such character in a text: its place, from 1, and its name."""
    if text.isascii() and text.isprintable():
        return None
    return next(((place, name) for place, char in enumerate(text, start=1) if (name := unseen_name(char))), None)


def shown(value: Json | Secret) -> str:
    """A value as one line of JSON; a secret as ``(secret)``."""
    return str(value) if isinstance(value, Secret) else printable(json.dumps(redacted(value), ensure_ascii=False))


def listed(words: Iterable[str]) -> str:
    """Words separated by commas."""
    return ", ".join(words)


def counted(number: int, word: str) -> str:
    """A number and its word: ``1 file``, ``2 files``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``: did you mean …?`` with the known word that is nearest, or nothing."""
    matches = get_close_matches(word.lower(), known, n=1)
    return f": did you mean {matches[0]}?" if matches else ""
