"""What is wrong with a file, where, and the comments that ignore it."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from provisioner.core.text import printable


class Mark(NamedTuple):
    """A place in a file; both numbers start at 1."""

    line: int
    column: int


START = Mark(1, 1)

LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML 1.1 (section 5.4), and so for every `Mark`."""


def lines_of(text: str) -> list[str]:
    """The lines of a text, each with what ends it; the last one is empty if the text ends a line."""
    ends = [match.end() for match in LINE_BREAK.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def mark_at(text: str, position: int) -> Mark:
    """The place of a position in a text."""
    breaks = [match.end() for match in LINE_BREAK.finditer(text, 0, position)]
    return Mark(len(breaks) + 1, position - (breaks[-1] if breaks else 0) + 1)


class Severity(StrEnum):
    """Whether a problem stops a run."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Struct, frozen=True, eq=False):
    """A problem at its place; the rule is a kebab-case id, such as ``unknown-key``. Sorted by path, then by place.

    `path` is empty until somebody says in which file it is. `ignored`: the reason that a comment in the file gives to
    ignore it, which may be empty; ``None``: no comment does. `field`: the key of the root in which the schema finds it.
    """

    mark: Mark
    message: str
    rule: str
    severity: Severity = Severity.ERROR
    path: str = ""
    ignored: str | None = None
    field: str = ""

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        for name in ("path", "message", "ignored"):
            if text := getattr(self, name):
                force_setattr(self, name, printable(text))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self._order == other._order

    def __lt__(self, other: "Problem") -> bool:
        return self._order < other._order

    def __hash__(self) -> int:
        return hash(self._order)

    @property
    def _order(self) -> tuple[object, ...]:
        return self.path, self.mark, self.message, self.rule, self.severity

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.mark.line

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.mark.column

    def in_file(self, path: str) -> "Problem":
        """The same, in the file at a path."""
        return replace(self, path=path)


IGNORE_MARK = "provision:"
"""Every comment that ignores a problem has it, so that a text without it is not searched."""

MAX_IGNORES = 1000
"""The most comments of one file that are read."""

_COMMENT = r"(?:^|(?<=\s))#+\s*provision:\s*ignore\b(?:\s*\[([^\]]*)\])?"


class Ignore(Struct, frozen=True):
    """One comment: where it stands, the rules that it names, whether it is for the whole file, and its reason."""

    mark: Mark
    rules: tuple[str, ...]
    whole: bool
    reason: str = ""


def ignores_in(text: str, scalars: Sequence[tuple[Mark, Mark]], first_key: Mark) -> tuple[Ignore, ...]:
    """The comments of a YAML text; `scalars` says, in order, where values begin and end: a ``#`` there is text.

    Only the first `MAX_IGNORES` count: no file needs as many, and each is held against each problem.
    """
    starts = [start for start, _ in scalars]
    found: list[Ignore] = []
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        for match in re.finditer(_COMMENT, line) if IGNORE_MARK in line else ():
            mark = Mark(number, match.start() + 1)
            before = bisect_right(starts, mark)
            if before and mark < scalars[before - 1][1]:
                continue
            names = (name.strip() for name in (match[1] or "").split(","))
            end = line.find(" #", match.end())
            reason = line[match.end() : end if end >= 0 else None].strip()
            found.append(Ignore(mark, tuple(filter(None, names)), mark < first_key, reason))
            if end < 0:
                break
    return tuple(found[:MAX_IGNORES])
