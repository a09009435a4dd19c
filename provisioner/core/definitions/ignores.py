"""Comments that silence a rule: ``# provision: ignore[rule-id, …]``, and after it a reason."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provisioner.core.definitions.node import Mark

MARK = "provision:"
"""Stands in every text that has such a comment."""

_COMMENT = re.compile(r"(?:^|(?<=\s))#+\s*provision:\s*ignore\b(?:\s*\[([^\]]*)\])?")
_LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: where it stands, the rules that it names, whether it is for the whole file, and its reason."""

    mark: Mark
    rules: tuple[str, ...]
    whole: bool
    reason: str = ""


def ignores_in(text: str, scalars: Collection[tuple[Mark, Mark]], first_key: Mark) -> tuple[Ignore, ...]:
    """The comments of a YAML text; `scalars` says where its values begin and end: a ``#`` in them is none."""
    return tuple(_ignores(text, scalars, first_key))


def _ignores(text: str, scalars: Collection[tuple[Mark, Mark]], first_key: Mark) -> Iterator[Ignore]:
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        for match in _COMMENT.finditer(line) if MARK in line else ():
            mark = Mark(number, match.start() + 1)
            if not any(start <= mark < end for start, end in scalars):
                names = (name.strip() for name in (match[1] or "").split(","))
                yield Ignore(
                    mark, tuple(filter(None, names)), mark < first_key, line[match.end() :].partition(" #")[0].strip()
                )
