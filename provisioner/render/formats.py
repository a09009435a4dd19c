"""The formats in which a result is printed, and the JSON of each: ``{"version": 1, …, "errors": […]}``."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import to_builtins

from provisioner.core.errors import InvalidCatalogue, InvalidFile, ProvisionError
from provisioner.core.secret import Json, Secret
from provisioner.render.layout import Paint

VERSION = 1
"""The version of the form; it grows when a key changes its meaning or goes away."""

PROBLEM = ("path", "line", "column", "severity", "rule", "message")
"""The keys of a problem."""

T = TypeVar("T")


class Formats(Generic[T]):
    """The formats of one command's results, each with what renders it; its names are those of ``--format``."""

    def __init__(
        self,
        text: Callable[[T, Paint], str],
        json: Callable[[T], Mapping[str, object]],
        **others: Callable[[T], str],
    ) -> None:
        self.text = text
        self.json = json
        self.others = others

    def __iter__(self) -> Iterator[str]:
        return iter(("text", "json", *self.others))

    def render(self, format: str, result: T, paint: Paint) -> str:
        """A result in one of the formats."""
        if format == "json":
            return as_json(self.json(result))
        return self.text(result, paint) if format == "text" else self.others[format](result)


def as_json(content: Mapping[str, object], errors: Sequence[ProvisionError] = ()) -> str:
    """The content of a command's result, with the errors that stopped the run."""
    whole = {"version": VERSION, **content, "errors": [error_values(error) for error in errors]}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def row(result: object, *keys: str) -> dict[str, Json]:
    """Some attributes of a result by their names; ``result=verdict`` gives one another key. An empty text is null."""
    pairs = (key.partition("=")[::2] for key in keys)
    values = ((key, getattr(result, attribute or key)) for key, attribute in pairs)
    return {key: None if value == "" else to_builtins(value, enc_hook=_without_secret) for key, value in values}


def _without_secret(value: object) -> Json:
    if isinstance(value, Secret):
        return {"secret": True}
    raise TypeError(type(value).__name__)


def error_values(error: ProvisionError) -> dict[str, Json]:
    """An error as JSON: ``what``, ``next``, and the ``problems`` in files."""
    if isinstance(error, InvalidCatalogue):
        problems = error.validation.problems
    else:
        problems = error.problems if isinstance(error, InvalidFile) else ()
    return {**row(error, "what", "next"), "problems": [row(each, *PROBLEM) for each in problems]}
