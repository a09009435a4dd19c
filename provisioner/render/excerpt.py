"""A line of a definition under its problem, with a caret, as compilers show it; no value that may be secret."""

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from provisioner.core.definitions.account_type import PUBLIC_FIELDS
from provisioner.core.definitions.problem import Problem
from provisioner.render.paint import Colour, Paint

LineOf: TypeAlias = Callable[[str, int], str | None]
"""The text of a line of a file, by path and number; ``None`` if there is none."""

_PAIR = re.compile(r"""(\s*(["']?)([\w.-]+)\2\s*:)(?:\s+([^\s{}\[\]#][^{}\[\]]*?))?,?\s*""")
_COMMENT = re.compile(r"(?<!\s)\s+#.*")
_USER = re.compile(r"://[^/@\s]*@")
_LONGEST = 500
"""The longest line that is shown: a longer one helps nobody, and costs more than its length."""

_NESTED = frozenset({"extras"})


def excerpt(problem: Problem, line_of: LineOf, paint: Paint) -> Iterator[str]:
    """The line of a problem and a caret below its column; nothing for a line that is not a key with a short value."""
    text = _without_secrets(line_of(problem.path, problem.line) or "")
    if text and problem.column <= len(text):
        number = str(problem.line)
        margin = " " * len(number)
        yield paint(Colour.DIM, f"  {number} | ") + text
        yield paint(Colour.DIM, f"  {margin} | ") + " " * (problem.column - 1) + paint(Colour.RED, "^")


def _without_secrets(line: str) -> str:
    """A line with its value only if that is known to be public; empty if the line is anything but one pair."""
    if len(line) > _LONGEST or "\t" in line:
        return ""
    pair = _PAIR.fullmatch(_COMMENT.sub("", line))
    if pair is None:
        return ""
    key, name, value = pair[1], pair[3], pair[4]
    if value is None:
        return key
    return f"{key} {_USER.sub('://…@', value)}" if name in PUBLIC_FIELDS - _NESTED else f"{key} …"
