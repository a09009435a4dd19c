"""Colours for a terminal, or none."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias


class Colour(StrEnum):
    """The colours of our output, as ANSI codes."""

    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    DIM = "2"
    BOLD = "1"


Paint: TypeAlias = Callable[[Colour, str], str]


def plain(colour: Colour, text: str) -> str:  # noqa: ARG001  # the shape of a `Paint`
    """The text as it is."""
    return text


def ansi(colour: Colour, text: str) -> str:
    """The text in a colour, by the escape codes of ECMA-48."""
    return f"\x1b[{colour}m{text}\x1b[0m"
