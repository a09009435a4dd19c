"""Checks a definition against the JSON schema and says in plain words what is wrong with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from provisioner.core.account_type import FIELDS, NOTE_PREFIX
from provisioner.core.node import Mapping as MappingNode
from provisioner.core.node import Scalar, at, to_json
from provisioner.core.problem import Fault
from provisioner.core.text import listed, nearest, printable

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Check = Callable[[MappingNode], list[Fault]]

_KINDS = {"string": "a string", "boolean": "true or false", "object": "a mapping of keys to values"}


def schema_check(schema: Mapping[str, Any]) -> Check:
    """A check of definitions by a schema, to be made once and used for many."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema)

    def check(node: MappingNode) -> list[Fault]:
        errors = list(validator.iter_errors(to_json(node)))
        mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
        faults = (
            fault
            for error in errors
            if error.validator == "type" or tuple(error.absolute_path) not in mistyped
            for fault in _faults(error, node)
        )
        return list(dict.fromkeys(faults))

    return check


def _faults(error: "ValidationError", root: MappingNode) -> Iterator[Fault]:
    path = list(error.absolute_path)
    node = at(root, path)
    if isinstance(node, Scalar) and node.placeholder:
        return
    name = ".".join(printable(str(step)) for step in path)
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(root)
        case "required":
            yield from _missing_keys(error, root)
        case "type":
            yield Fault(node.mark, _wrong_type(name, error), "wrong-type")
        case "anyOf" if not path:
            message = "grant_mode is missing (only a document with fcm_credentials does without one)"
            yield Fault(node.mark, message, "missing-key")
        case _:
            yield Fault(node.mark, _wrong_value(name, error), "wrong-value")


def _unknown_keys(root: MappingNode) -> Iterator[Fault]:
    for entry in root.entries:
        if entry.key not in FIELDS and not entry.key.startswith(NOTE_PREFIX):
            hint = nearest(entry.key, FIELDS) or f" (a note for people starts with {NOTE_PREFIX})"
            yield Fault(entry.mark, f"unknown key {printable(entry.key)}{hint}", "unknown-key")


def _missing_keys(error: "ValidationError", root: MappingNode) -> Iterator[Fault]:
    mode = root.get("grant_mode")
    assert mode is not None
    for key in _value(error):
        if root.get(key) is None:
            yield Fault(mode.value.mark, f"grant_mode {_text(mode.value)} needs {key}", "missing-key")


def _value(error: "ValidationError") -> Any:
    """The part of the schema that the error is about."""
    return error.validator_value


def _text(node: object) -> str:
    return str(node.value) if isinstance(node, Scalar) else ""


def _wrong_type(name: str, error: "ValidationError") -> str:
    wanted = str(error.validator_value)
    match error.instance:
        case None:
            return f"{name} has no value: give it one, or take the key away"
        case bool() | int() | float() as value if wanted == "string":
            kind = "a boolean" if isinstance(value, bool) else "a number"
            return f"{name} must be a string, and this is {kind}: quote it"
        case str() if wanted == "boolean":
            return f"{name} must be true or false, without quotes"
        case _:
            return f"{name} must be {_KINDS[wanted]}"


def _wrong_value(name: str, error: "ValidationError") -> str:
    match error.validator:
        case "anyOf":
            values: Sequence[str] = _value(error)[0]["enum"]
            return f"{name} must be one of {listed(values)}{nearest(str(error.instance), values)}"
        case "minLength":
            return f"{name} must not be empty"
        case "pattern" if name == "_id":
            return "_id must be <id> or <context>/<id>, and neither may start with _"
        case _:
            return f"{name} must be a URL that starts with http:// or https://"
