"""Colours and the width of a terminal, or neither."""

import secrets
from dataclasses import dataclass
from enum import StrEnum


class Colour(StrEnum):
    """The colours of our output, as ANSI codes."""

    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    DIM = "2"
    BOLD = "1"


OURS = f"\x1f{secrets.token_hex(8)}\x1f"
"""Stands beside each of our escape codes until it is printed: a code from outside cannot have it."""


@dataclass(frozen=True, slots=True)
class Paint:
    """How text is shown: in colours, by the escape codes of ECMA-48, and in how many columns (``None``: no limit)."""

    colours: bool = False
    width: int | None = None

    def __call__(self, colour: Colour, text: str) -> str:
        """The text in a colour, if there are colours."""
        return f"\x1b[{colour}m{OURS}{text}{OURS}\x1b[0m" if self.colours else text


plain = Paint()
