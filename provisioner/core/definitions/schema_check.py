"""Checks a file against its JSON schema and says in plain words what is wrong with it."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from provisioner.core.definitions.account_type import EXPIRY, NOTE_PREFIX, field_of
from provisioner.core.definitions.as_written import changed_values, closed
from provisioner.core.definitions.content import Content
from provisioner.core.definitions.plain_scalar import Misread, Misreading
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.quick_schema import quick
from provisioner.core.text import did_you_mean, listed, nameless, shown

if TYPE_CHECKING:  # jsonschema takes 60 ms to import
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from provisioner.core.secret import Json


Check = Callable[[Content], list[Problem]]

_OF_COUCHDB = frozenset({"_rev", "_revisions", "_conflicts", "_attachments", "_deleted"})
"""Keys that CouchDB adds to a document."""

_REFUSED = "refresh_token"
"""A grant mode that the stack refuses: a rule says so, and no list offers it."""

_SPACE_AFTER_COLON = re.compile(r":([^\x00-\x7f])")

_KINDS = {
    "string": "a string",
    "boolean": "true or false",
    "number": "a number",
    "object": "a mapping of keys to values",
    "array": "a list",
}


def schema_check(schema: Mapping[str, Any]) -> Check:
    """A check of files by a schema, to be made once and used for many.

    `quick` finds in 15 µs that a file is valid; jsonschema finds what is wrong with another one.
    """
    fits = cache(lambda: quick(schema))

    @cache
    def validator() -> "Validator":
        from jsonschema import Draft7Validator  # 60 ms, and only for what is not valid

        return Draft7Validator(schema)

    def check(content: Content) -> list[Problem]:
        changed = list(changed_values(content, schema))
        if fits()(content.values):
            return changed
        errors = list(validator().iter_errors(content.values))
        mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
        faults = (
            fault
            for error in errors
            if error.validator == "type" or tuple(error.absolute_path) not in mistyped
            for fault in _faults(error, content)
        )
        return list(dict.fromkeys([*changed, *faults]))

    return check


def _faults(error: "ValidationError", content: Content) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    if path in content.gaps:
        return
    mark, field = content.place(path).mark, str(path[0]) if path else ""
    name = ".".join(str(step) for step in path)
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(error, content, _part(error.schema, "properties"))
        case "required":
            yield from _missing_keys(error, content, name)
        case "dependencies":
            yield Problem(mark, f"{name}: {_dependency(error)}", "missing-key", field=field)
        case "anyOf" if not path:
            message = "grant_mode is missing (only a document with fcm_credentials does without one)"
            yield Problem(mark, message, "missing-key")
        case "type":
            rule = "extras-not-strings" if path[:1] == ("extras",) and len(path) > 1 else "wrong-type"
            otherwise = content.place(path).otherwise
            if otherwise and otherwise.kind is Misread.NO_NUMBER:
                return  # whoever read the file tells of it
            yield Problem(mark, f"{name} {_wrong_type(error, otherwise)}", rule, field=field)
        case "uniqueItems":
            yield Problem(mark, f"{name} lists {_listed_twice(error)} twice", "wrong-value", field=field)
        case _:
            yield Problem(mark, f"{name} {_wrong_value(error)}", "wrong-value", field=field)


def _part(of: Any, name: str) -> Any:
    """A part of an error or of a schema, whose shape our own schemas decide."""
    return of[name] if isinstance(of, dict) else getattr(of, name)


def _listed_twice(error: "ValidationError") -> str:
    values: list[Json] = _part(error, "instance")
    twice = next(each for place, each in enumerate(values) if each in values[:place])
    return twice if isinstance(twice, str) else "a value"


def _unknown_keys(error: "ValidationError", content: Content, known: Mapping[str, object]) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    for key in _part(error, "instance"):
        if key not in known and not key.startswith(NOTE_PREFIX):
            meant = field_of(key)
            hint = f": did you mean {meant}?" if meant in known else did_you_mean(key, known)
            if key in _OF_COUCHDB:
                hint = ": it belongs to CouchDB, and apply uses the live one: remove it"
            if key == EXPIRY:
                hint = ": put it into a credential source, next to client_secret"
            hint = hint or f" (a note for people starts with {NOTE_PREFIX})"
            mark = content.place((*path, key)).key
            yield Problem(mark, f"unknown key {key}{hint}", "unknown-key", field=str(path[0]) if path else key)


def _missing_keys(error: "ValidationError", content: Content, name: str) -> Iterator[Problem]:
    """The keys that a mapping needs, and those that the grant mode of a definition needs."""
    path, given = tuple(error.absolute_path), _part(error, "instance")
    mode = given.get("grant_mode")
    for key in (key for key in _part(error, "validator_value") if key not in given):
        if "grant_mode" not in given:
            mark, field = content.place(path).mark, name.partition(".")[0]
            yield Problem(mark, f"{name or 'the file'} needs {key}", "missing-key", field=field)
        else:
            value = "" if isinstance(mode, dict | list) else mode
            rule = "bi-endpoints" if str(value).startswith("bi_") and key != "slug" else "missing-key"
            mark = content.place((*path, "grant_mode")).mark
            yield Problem(mark, f"grant_mode {value} needs {key}", rule, field="grant_mode")


def _dependency(error: "ValidationError") -> str:
    needs: Mapping[str, list[str]] = _part(error, "validator_value")
    given: Mapping[str, object] = _part(error, "instance")
    missing = ((key, other) for key in needs if key in given for other in needs[key] if other not in given)
    return "; ".join(f"{key} needs {other}" for key, other in missing)


def _wrong_type(error: "ValidationError", otherwise: Misreading | None) -> str:
    kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    wanted = str(kinds[0]) if len(kinds) == 1 else ""
    values = _part(error, "schema").get("enum")
    kind = " or ".join(_KINDS[str(each)] for each in kinds) if values is None else f"one of {listed(values)}"
    if advice := closed(wanted, otherwise):
        return f"must be {kind}: {advice}"
    match error.instance:
        case None:
            return "has no value: set one, or remove the key"
        case bool() | int() | float() as value if wanted == "string" and values is None:
            found = "a boolean" if isinstance(value, bool) else "a number"
            return f"must be a string, and this is {found}: quote it"
        case str() as text:
            return f"must be {kind}{_hint(text, wanted)}"
        case _:
            return f"must be {kind}"


def _hint(text: str, wanted: str) -> str:
    """What is odd about a text where something else is wanted."""
    if wanted in ("boolean", "number"):
        return ", without quotes"
    space = _SPACE_AFTER_COLON.search(text) if wanted == "object" else None
    named = nameless(space[1]) if space else ""
    return f": {named} follows the colon, and YAML wants a space" if named else ""


def _wrong_value(error: "ValidationError") -> str:
    wanted = _part(error, "validator_value")
    match error.validator:
        case "anyOf" | "enum":
            values = wanted if error.validator == "enum" else wanted[0]["enum"]
            if near := did_you_mean(str(error.instance), values):
                return f"cannot be {shown(str(error.instance))}{near}"
            return f"must be one of {listed(value for value in values if value != _REFUSED)}"
        case "oneOf":
            return f"must be exactly one of {listed(choice['required'][0] for choice in wanted)}"
        case "pattern":
            return str(_part(error.schema, "patternErrorMessage"))
        case "exclusiveMinimum":
            return f"must be more than {wanted}"
        case _:
            return "must not be empty"
