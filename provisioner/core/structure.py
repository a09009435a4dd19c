"""Dataclasses as JSON, and read from it again: the form of a file or of a key is what their fields declare."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

T = TypeVar("T")

UNSAVED = {"unsaved": True}
"""The metadata of a field that is no part of the form: it has its default when it is read."""


def as_row(value: object) -> dict[str, Any]:
    """A dataclass as a JSON object, with a key a field."""
    return {name: _plain(getattr(value, name)) for name in _form(type(value))}


def of_row(kind: type[T], row: object) -> T:
    """The dataclass in a JSON object. Raises `ValueError` where keys or types are others than it declares."""
    form = _form(kind)
    if not isinstance(row, Mapping) or row.keys() != form.keys():
        raise ValueError(kind.__name__)
    return kind(**{name: _read(hint, row[name]) for name, hint in form.items()})


def _form(kind: type[Any]) -> dict[str, Any]:
    """The types of the fields, by their names."""
    return {each.name: each.type for each in fields(kind) if "unsaved" not in each.metadata}


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case tuple():
            return [*map(_plain, value)]
        case _:
            return as_row(value) if is_dataclass(value) else value


def _read(hint: Any, value: Any) -> Any:
    kind, inner = get_origin(hint), get_args(hint)
    if NoneType in inner:
        return None if value is None else _read(inner[0], value)
    if kind is tuple and isinstance(value, list):
        return tuple(_read(inner[0], each) for each in value)
    if kind is Mapping and isinstance(value, dict):
        return {key: _read(inner[1], each) for key, each in value.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return of_row(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if type(value) is hint:
        return value
    raise ValueError(hint)
