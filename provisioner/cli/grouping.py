"""Gives Typer a command whose options are declared in groups: frozen dataclasses, each field an option."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, with each field of its dataclass parameters as an option.

    A parameter whose annotation is a dataclass is a group; each of its fields is ``Annotated`` as Typer wants it, and
    has a default. The command gets one instance a group. Options keep the order of parameters and fields.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)}

    @wraps(command)
    def call(**given: Any) -> None:
        taken = {
            name: group(**{each.name: given.pop(each.name) for each in fields(group)}) for name, group in groups.items()
        }
        command(**given, **taken)

    def parameters() -> Iterator[inspect.Parameter]:
        for parameter in inspect.signature(command).parameters.values():
            group = groups.get(parameter.name)
            if group is None:
                yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
                continue
            options = get_type_hints(group, include_extras=True)
            for each in fields(group):
                default = inspect.Parameter.empty if each.default is MISSING else each.default
                yield inspect.Parameter(
                    each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=options[each.name]
                )

    call.__signature__ = inspect.Signature([*parameters()])  # type: ignore[attr-defined]  # read by inspect.signature
    call.__annotations__ = {each.name: each.annotation for each in parameters()}
    return call
