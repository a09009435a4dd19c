"""Secrets: values that can be compared and sent, and never shown."""

import math
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class Secret:
    """A JSON value whose text never appears in ``repr``, ``str`` or a format string.

    Only the adapter that sends the value calls `reveal`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Json) -> None:
        self._value = value

    def reveal(self) -> Json:
        """The value itself, to be sent and never printed."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and same_json(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a JSON value may be a list or a mapping

    def __repr__(self) -> str:
        return "(secret)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)


def is_finite(number: float) -> bool:
    """Whether JSON readers know a number: it is finite, and as near as they can tell one of 64 bits with a fraction."""
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are equal for a JSON reader: ``1`` is ``1.0`` but never ``true``."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other
