"""Text from outside in Markdown."""

import re

from provisioner.core.text import printable

_ADDRESS = re.compile(r"\b([a-z]{2,6}:|www)(//|\.)", re.IGNORECASE)
"""What makes a link of a text without brackets (GitHub's Markdown, section 6.9)."""


def code(text: str) -> str:
    """A text as a code span for a table cell, in which links, images and tags have no effect (GitHub's Markdown)."""
    text = re.sub(r"(?<!\\)(\\*)\|", lambda match: f"{match[1] * 2}\\|", printable(text))
    if not text.strip(" "):
        return f"`{text}`" if text else ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def plain_markdown(text: str) -> str:
    """A sentence in which no link, image, tag or mention has an effect, also where it is shown as it is."""
    text = re.sub(r"[\[\]<@]", r"\\\g<0>", printable(text))
    return re.sub(
        r"(?i)(\b[a-z]{2,6}:)//|\b(www)\.", lambda match: f"{match[1]}\\//" if match[1] else f"{match[2]}\\.", text
    )
