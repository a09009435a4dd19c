"""What reading the text of one file gives: its nodes, and the faults on the way."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.core import outside_json
from provisioner.core.definitions.ignores import Ignore
from provisioner.core.definitions.node import Entry, MappingNode, Mark, Node
from provisioner.core.definitions.problem import Fault

MAX_BYTES = 1024 * 1024
"""The largest file that is read."""

HALF_CHARACTER = "half a character (a lone surrogate) cannot be stored: write the whole character"

MAX_VALUES = 10_000
"""The most values a file may have once its aliases are written out."""

_MAX_DEPTH = outside_json.MAX_DEPTH // 2
MAX_DEPTH = _MAX_DEPTH + 1
"""Levels of a file, with its own mapping: what is written can be read back, with the rows of an answer around it."""

TOO_DEEP = f"nested more than {_MAX_DEPTH} levels deep"

NO_NUMBER = "JSON has no such number: quote it"


@dataclass(frozen=True, slots=True)
class Reading:
    """The mapping that a file holds (none where it could not be read) and what is wrong with its text.

    `spans`: the first and the last line of each value that goes over several.
    """

    node: MappingNode | None
    faults: tuple[Fault, ...]
    ignores: tuple[Ignore, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def failed(cls, mark: Mark, message: str, rule: str, before: Sequence[Fault] = ()) -> "Reading":
        """A text that gives no mapping."""
        return cls(None, (*before, Fault(mark, message, rule)))

    @classmethod
    def of(cls, node: Node | None, faults: Sequence[Fault]) -> "Reading":
        """The reading of a whole text, whose root must be a mapping."""
        if isinstance(node, MappingNode):
            return cls(node, tuple(faults))
        message = "expected a mapping of keys to values"
        return cls(None, (*faults, Fault(node.mark, message, "not-a-mapping") if node else _EMPTY))


_EMPTY = Fault(Mark(1, 1), "the file is empty", "empty-file")


def distinct(entries: Sequence[Entry], depth: int, faults: list[Fault]) -> tuple[Entry, ...]:
    """The entries without those whose key came before; each of these becomes a fault.

    Only a key of the root is named: deeper ones may lie within a secret.
    """
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.key in first:
            name = f" {entry.key}" if depth == 1 else ""
            message = f"duplicate key{name}, first on line {first[entry.key].mark.line}"
            faults.append(Fault(entry.mark, message, "duplicate-key"))
        else:
            first[entry.key] = entry
    return tuple(first.values())
