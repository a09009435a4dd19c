"""What a file holds: plain JSON, what else a value without quotes may be read as, and where each value stands.

A plain (unquoted) scalar is stored as it is written. So only the words and numbers of JSON are more than text. YAML 1.1
(its type repository: null, bool, int, float, timestamp, merge, value) and the core schema of YAML 1.2 (section 10.3.2)
read more forms as something else: `otherwise` names it, and the place of the value decides whether it is a fault.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property, reduce
from operator import getitem
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from provisioner.core import outside_json
from provisioner.core.definitions.problem import START, Ignore, Mark, Problem, Severity
from provisioner.core.secret import Json

MAX_SAFE = 2**53 - 1
"""The largest integer that a 64-bit float, in which CouchDB and the stack keep numbers, distinguishes from the next."""

_LONGEST = 40
"""The longest number whose value is worked out to be shown: bases other than 2, 8 and 16 take quadratic time."""


class Misread(StrEnum):
    """What a plain scalar is to others."""

    NOTHING = "nothing (null)"
    BOOLEAN = "boolean"
    NUMBER = "number"
    NO_NUMBER = "number that JSON does not have"
    DATE = "date"
    DEFAULT = "default value"
    MERGE = "merge key"


class Misreading(NamedTuple):
    """How others read a plain scalar: as what, and which `value` it becomes, as text if that is known."""

    kind: Misread
    value: str = ""

    @property
    def exactly(self) -> str:
        """What it becomes: ``the number 83``."""
        return f"the {self.kind} {self.value}" if self.value else self.vaguely

    @property
    def vaguely(self) -> str:
        """What it becomes without its value, which may be a secret: ``a number``."""
        return str(self.kind) if self.kind is Misread.NOTHING else f"a {self.kind}"


class Plain(NamedTuple):
    """A plain scalar: its value, and what else it would be read as (`otherwise`), if it is not that to everybody."""

    value: str | int | float | bool | None
    otherwise: Misreading | None = None


_TRUE = ("y", "Y", "yes", "Yes", "YES", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "False", "FALSE", "off", "Off", "OFF")
_WORDS: Mapping[str, Plain] = {
    "true": Plain(True),
    "false": Plain(False),
    "null": Plain(None),
    **dict.fromkeys(("", "~", "Null", "NULL"), Plain(None, Misreading(Misread.NOTHING))),
    **{word: Plain(word, Misreading(Misread.BOOLEAN, "true")) for word in _TRUE},
    **{word: Plain(word, Misreading(Misread.BOOLEAN, "false")) for word in _FALSE},
    "=": Plain("=", Misreading(Misread.DEFAULT)),
    "<<": Plain("<<", Misreading(Misread.MERGE)),
}
_JSON_NUMBER = r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"

_FIRST = frozenset("-+.0123456789")
"""How a number starts, and a date."""

_GO_PLAIN = (1e-6, 1e21)
"""The numbers that Go writes without an exponent."""

_INTEGERS = (
    (r"([-+]?)0b([01_]+)", 2),
    (r"([-+]?)0([0-7_]+)", 8),
    (r"()0o([0-7]+)", 8),  # of YAML 1.2
    (r"([-+]?)0x([0-9a-fA-F_]+)", 16),
    (r"([-+]?)([0-9][0-9_]*)", 10),
)
_SIXTIES = r"([-+]?)([1-9][0-9_]*(?::[0-5]?[0-9])+)()"
_SIXTIES_WITH_FRACTION = r"([-+]?)([0-9][0-9_]*(?::[0-5]?[0-9])+)(\.[0-9_]*)"
_FLOAT = r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
_NOT_FINITE = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?"
)
"""Compiled only where a text starts as a number: most files have none."""


def plain(text: str) -> Plain:
    """What a plain scalar is."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return Plain(text)
    return number(text) if re.fullmatch(_JSON_NUMBER, text) else Plain(text, _misread(text))


def is_key(key: str, otherwise: Misreading | None) -> bool:
    """Whether a plain text can be a key: a date can, and ``y`` and ``n``, which no parser in use reads as a boolean."""
    return otherwise is None or otherwise.kind is Misread.DATE or key in ("y", "Y", "n", "N")


def number(text: str) -> Plain:
    """A number of JSON; text if no 64-bit float holds it. `otherwise` is what CouchDB or the stack makes of it."""
    value = float(text)
    if not math.isfinite(value):
        return Plain(text, Misreading(Misread.NO_NUMBER))
    kept = _kept(value)
    if abs(value) > MAX_SAFE:
        whole = len(text) <= _LONGEST and text.lstrip("-").isdecimal()
        return Plain(int(text) if whole else value, Misreading(Misread.NUMBER, kept))
    if text.lstrip("-").isdecimal() and text != "-0":
        return Plain(int(text))
    return Plain(value) if kept == text else Plain(value, Misreading(Misread.NUMBER, kept))


def _kept(value: float) -> str:
    """A number as it is written once CouchDB has stored it and the stack, a program in Go, has handed it on."""
    if value == 0:
        return "0"
    text = repr(value)
    if "e" not in text:
        return text.removesuffix(".0")
    return f"{Decimal(text):f}" if _GO_PLAIN[0] <= abs(value) < _GO_PLAIN[1] else text.replace("e-0", "e-")


def _misread(text: str) -> Misreading | None:
    """What YAML 1.1 or the core schema of YAML 1.2 makes of a text that starts as a number; long ones get no value."""
    if re.fullmatch(_NOT_FINITE, text):
        return Misreading(Misread.NO_NUMBER)
    if re.fullmatch(_DATE, text) or re.fullmatch(_TIME, text):
        try:
            return Misreading(Misread.DATE, str(date.fromisoformat(text[:10])))
        except ValueError:
            return Misreading(Misread.DATE)
    short = len(text) <= _LONGEST
    for pattern, base in _INTEGERS:
        if (match := re.fullmatch(pattern, text)) and (digits := match[2].replace("_", "")):
            return Misreading(Misread.NUMBER, str(int(match[1] + digits, base)) if short else "")
    if match := re.fullmatch(_SIXTIES, text) or re.fullmatch(_SIXTIES_WITH_FRACTION, text):  # 12:30 is 750 to YAML 1.1
        parts = match[2].replace("_", "").split(":") if short else []
        whole = reduce(lambda above, part: above * 60 + int(part), parts, 0)
        value = f"{match[1].replace('+', '')}{whole}{match[3].replace('_', '').rstrip('.')}"
        return Misreading(Misread.NUMBER, value if short else "")
    if re.fullmatch(_FLOAT, text):
        number = float(text.replace("_", "")) if short else math.inf
        return Misreading(Misread.NUMBER, _kept(number) if math.isfinite(number) else "")
    return None


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
