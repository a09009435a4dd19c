"""Text from outside in Markdown."""

import re

from provisioner.core.text import printable


def code(text: str) -> str:
    """A text as a code span for a table cell, in which links, images and tags have no effect (GitHub's Markdown)."""
    text = re.sub(r"(\\*)\|", lambda match: f"{match[1] * 2}\\|", printable(text))
    if not text.strip(" "):
        return f"`{text}`" if text else ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{padding}{text}{padding}{fence}"
