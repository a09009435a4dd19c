"""Lines of text for people, in which text from outside cannot act as an escape code or a command."""

import re
from collections.abc import Iterable

from provisioner.core.text import printable
from provisioner.render.paint import Colour

_OURS = re.compile("(" + "|".join(rf"\x1b\[{code}m" for code in ("0", *Colour)) + ")")
"""The escape codes of our own colours."""


def safe(line: str) -> str:
    """A line with all unprintable characters escaped, except the codes of our colours."""
    if line.isprintable():
        return line
    return "".join(part if _OURS.fullmatch(part) else printable(part) for part in _OURS.split(line))


def lines(texts: Iterable[str]) -> str:
    """Texts as lines, in which a line break, an escape code or a workflow command from outside has no effect."""
    return "\n".join(re.sub(r"^(\s*)::", r"\1\\u003a:", safe(text)) for text in texts)
