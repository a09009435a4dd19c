"""Text from outside in Markdown."""

import re

from provisioner.core.text import printable


def code(text: str) -> str:
    """A text as a code span, in which no link, image or tag lives, fit for a cell of a table (GitHub's Markdown)."""
    text = re.sub(r"(\\*)\|", lambda match: f"{match[1] * 2}\\|", printable(text))
    if not text.strip(" "):
        return f"`{text}`" if text else ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{padding}{text}{padding}{fence}"
