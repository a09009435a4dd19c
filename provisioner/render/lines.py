"""Lines of text for people, in which text from outside cannot act as an escape code or a command."""

import re
from collections.abc import Iterable

from provisioner.core.text import printable
from provisioner.render.paint import OURS, Colour

_OURS = re.compile(rf"(\x1b\[(?:{'|'.join(Colour)})m{OURS}|{OURS}\x1b\[0m)")
"""The escape codes of our own colours, as `Paint` writes them."""

_COMMAND = re.compile(r"##(?=(?:vso)?\[)", re.IGNORECASE)
"""What starts a command for the runners of GitHub and Azure, wherever it stands in a line."""


def safe(line: str) -> str:
    """A line without commands for a runner, and with all unprintable characters escaped but those of our colours."""
    line = _COMMAND.sub(r"#\\u0023", line)
    if line.isprintable():
        return line
    return "".join(part if _OURS.fullmatch(part) else printable(part) for part in _OURS.split(line))


def printed(line: str) -> str:
    """A line as it goes to a terminal: safe, and with our colours."""
    return safe(line).replace(OURS, "")


def lines(texts: Iterable[str]) -> str:
    """Texts as lines, in which a line break, an escape code or a workflow command from outside has no effect."""
    return "\n".join(re.sub(r"^(\s*)::", r"\1\\u003a:", safe(text)) for text in texts)
