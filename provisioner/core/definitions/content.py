"""What a file holds: plain JSON, and where each value of it stands."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import getitem
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from provisioner.core import outside_json
from provisioner.core.definitions.plain_scalar import Misreading
from provisioner.core.definitions.problem import START, Ignore, Mark, Problem, Severity
from provisioner.core.secret import Json

Path: TypeAlias = tuple[str | int, ...]
"""The keys and indices that lead to a value."""


class ValuePlace(NamedTuple):
    """Where a value and its key begin, and how it is written.

    `end`: its last line. `otherwise`: how other readers take what is written there, if not for this value. `commented`:
    a comment follows on its line, and the value has no quotes. `folded`: a space stands for a line break in it.
    """

    mark: Mark
    key: Mark
    end: int
    otherwise: Misreading | None = None
    commented: bool = False
    folded: bool = False


Places: TypeAlias = Mapping[Path, ValuePlace]

_NOWHERE: Places = {(): ValuePlace(START, START, START.line)}


class Content(Struct, frozen=True, dict=True, eq=False):
    """A mapping of plain values, which nobody changes, and what is known of where they stand.

    `find` gives the places: a file is read three times as fast without them, and most have no problem. `odd`: the
    values that may be others than those that are meant. `gaps`: the texts that hold a variable without a value.
    """

    values: dict[str, Json]
    find: Callable[[], Places] = lambda: _NOWHERE
    odd: tuple[Path, ...] = ()
    gaps: frozenset[Path] = frozenset()

    @cached_property
    def places(self) -> Places:
        """The place of each value."""
        return self.find()

    def place(self, path: Path) -> ValuePlace:
        """The place of a value, or of the last one on the way to it that exists."""
        places = self.places
        while path not in places:
            path = path[:-1]
        return places[path]

    def problem(
        self, path: Path, message: str, rule: str, severity: Severity = Severity.ERROR, *, key: bool = False
    ) -> Problem:
        """A problem of the value at a path, or of its key."""
        place = self.place(path)
        return Problem(place.key if key else place.mark, message, rule, severity)

    def text(self, key: str) -> str:
        """The text of a key; empty if it has another value, or none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def has_gap(self, path: Path) -> bool:
        """Whether a variable without a value stands in the value at a path of keys."""
        return any(keys_of(gap)[: len(path)] == path for gap in self.gaps)


def keys_of(path: Path) -> tuple[str, ...]:
    """The keys of a path, without the indices of lists."""
    return tuple(step for step in path if isinstance(step, str))


def at(value: Any, path: Path) -> Any:
    """The value at a path that exists."""
    return reduce(getitem, path, value)


def walk(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """A value and all that lie in it, in the order of the file, each with its path."""
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))


MAX_BYTES = 1024 * 1024
"""The largest file that is read."""

HALF_CHARACTER = "half a character (a lone surrogate) cannot be stored: write the whole character"

MAX_VALUES = 10_000
"""The most values a file may have once its aliases are written out."""

MAX_DEPTH = outside_json.SERVER_DEPTH // 2 + 1
"""Levels of a file, with its own mapping: what is written can be read back, with the rows of an answer around it."""

TOO_DEEP = f"nested more than {MAX_DEPTH - 1} levels deep"

NO_NUMBER = "JSON has no such number: write another one, or text in quotes"


class Reading(Struct, frozen=True):
    """What a file holds (nothing where it could not be read), what is wrong with its text, and what it ignores."""

    content: Content | None
    faults: tuple[Problem, ...] = ()
    ignores: tuple[Ignore, ...] = ()

    @classmethod
    def failed(cls, mark: Mark, message: str, rule: str, before: Sequence[Problem] = ()) -> "Reading":
        """A text that gives no mapping."""
        return cls(None, (*before, Problem(mark, message, rule)))

    @classmethod
    def of(cls, value: Json, places: Places, faults: Sequence[Problem]) -> "Reading":
        """The reading of a whole text, whose root must be a mapping; a text without a value has no places."""
        if isinstance(value, dict):
            odd = (path for path, place in places.items() if place.otherwise or place.commented or place.folded)
            return cls(Content(value, lambda: places, tuple(odd)), tuple(faults))
        if not places:
            return cls.failed(START, "the file is empty", "empty-file", faults)
        return cls.failed(places[()].mark, "expected a mapping of keys to values", "not-a-mapping", faults)


class StoppedError(Exception):
    """A text is not read any further; `fault` says where, and why."""

    def __init__(self, mark: Mark, message: str, rule: str) -> None:
        super().__init__(message)
        self.fault = Problem(mark, message, rule)


def duplicate_key(key: str, mark: Mark, first: Mark, path: Path) -> Problem:
    """The fault of a key that came before. Only one of the root is named: deeper ones may lie within a secret."""
    name = "" if path else f" {key}"
    return Problem(mark, f"duplicate key{name}, first on line {first.line}", "duplicate-key")
