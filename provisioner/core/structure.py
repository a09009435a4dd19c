"""Records as JSON, and read from it again: the form of a file or of a key is what their fields declare."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields

T = TypeVar("T", bound=Struct)

UNSAVED = "unsaved"
"""Annotates a field that is no part of the form: it has its default when it is read."""


def as_row(value: Struct) -> dict[str, Any]:
    """A record as a JSON object, with a key for each field."""
    return {name: _plain(getattr(value, name)) for name in _form(type(value))}


def of_row(kind: type[T], row: object) -> T:
    """The record in a JSON object. Raises `ValueError` where keys or types are others than it declares."""
    form = _form(kind)
    if not isinstance(row, Mapping) or row.keys() != form.keys():
        raise ValueError(kind.__name__)
    return kind(**{name: _read(hint, row[name]) for name, hint in form.items()})


@cache
def _form(kind: type[Struct]) -> dict[str, Any]:
    """The types of the fields, by their names."""
    return {each.name: each.type for each in fields(kind) if UNSAVED not in get_args(each.type)[1:]}


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case tuple():
            return [*map(_plain, value)]
        case _:
            return as_row(value) if isinstance(value, Struct) else value


def _read(hint: Any, value: Any) -> Any:
    kind, inner = get_origin(hint), get_args(hint)
    if NoneType in inner:
        return None if value is None else _read(inner[0], value)
    if kind is tuple and isinstance(value, list):
        return tuple(_read(inner[0], each) for each in value)
    if kind is Mapping and isinstance(value, dict):
        return {key: _read(inner[1], each) for key, each in value.items()}
    if isinstance(hint, type) and issubclass(hint, Struct):
        return of_row(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if type(value) is hint:
        return value
    raise ValueError(hint)
