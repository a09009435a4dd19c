"""Custom rules: what a team demands of its definitions beyond what the stack needs, as parts of a JSON schema.

They refer to nothing outside themselves, and cost linear time: their patterns are RE2's.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

from provisioner.core.definitions.account_type import NOTE_PREFIX
from provisioner.core.definitions.content import Content, Path, at
from provisioner.core.definitions.problem import Problem
from provisioner.core.definitions.schema_check import Check
from provisioner.core.text import did_you_mean, listed

if TYPE_CHECKING:  # jsonschema takes 60 ms to import, and only where there are custom rules
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_DATA = frozenset({"const", "enum", "default", "examples"})
"""Keywords whose values are no schemas."""

_NAMED = frozenset({"properties", "patternProperties", "definitions", "dependencies"})
"""Keywords whose values have names, each of a schema."""

_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies")
"""Keywords whose schemas are for the same value."""

_MAX_REFERENCES = 10_000
"""Times that references are followed for one definition."""


class _TooMany(Exception):
    """A custom rule follows more references than we do."""


def faults_of_fragment(content: Content, place: Path) -> Iterator[Problem]:
    """What is wrong with a custom rule: a part of a JSON schema (draft-07) that refers to nothing outside."""
    fragment = at(content.values, place)
    errors = sorted(_meta_validator().iter_errors(fragment), key=lambda error: error.json_path)
    for error in map(_deepest, errors):
        yield from _what_is_wrong(error, content, (*place, *error.absolute_path))
    if not errors and isinstance(fragment, dict):
        for path, reference in _references(fragment):
            if why := _fault_of_reference(fragment, reference):
                yield content.problem((*place, *path), why, "wrong-value")


def with_custom_rules(check: Check, fragments: Sequence[Mapping[str, Any]]) -> Check:
    """A check that also holds definitions against the fragments; ``description`` of one says what it demands.

    No message holds a value of a definition. What holds a variable without a value is not judged.
    """
    if not fragments:
        return check
    validators = [(fragment, _validators(fragment)) for fragment in fragments]

    def both(content: Content) -> list[Problem]:
        faults = check(content)
        for fragment, validator in validators:
            try:
                errors = list(validator().iter_errors(content.values))
            except (_TooMany, RecursionError):
                what = "a custom rule refers to its own parts too many times"
                faults.append(content.problem((), what, "custom-rule"))
                continue
            faults += (fault for error in errors for fault in _broken(error, fragment, content))
        return list(dict.fromkeys(faults))

    return both


def _broken(error: "ValidationError", fragment: Mapping[str, Any], content: Content) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    if path in content.gaps:
        return
    demand = fragment.get("description") or f"{error.validator} of the custom rule is not met"
    where = f"{listed(str(step) for step in path)}: " if path else ""
    mark = content.place(path).mark
    yield Problem(mark, f"{where}{demand}", "custom-rule", field=str(path[0]) if path else "")


def _validator(schema: Mapping[str, Any], **options: Any) -> "Validator":
    """A validator that fetches nothing: the registry of what it may refer to is empty."""
    from jsonschema import Draft7Validator
    from referencing import Registry

    return Draft7Validator(schema, registry=Registry(), **options)


def _validators(fragment: Mapping[str, Any]) -> Callable[[], "Validator"]:
    """What gives the validator of a custom rule, ready for another definition; it costs linear time."""
    from jsonschema import Draft7Validator
    from jsonschema.validators import extend
    from referencing import Registry

    followed = count(1)

    def reference(validator: Any, value: str, instance: Any, schema: Any) -> Iterator["ValidationError"]:
        if next(followed) > _MAX_REFERENCES:
            raise _TooMany
        yield from Draft7Validator.VALIDATORS["$ref"](validator, value, instance, schema)

    kind: Any = extend(Draft7Validator, {**_LINEAR, "$ref": reference})  # type: ignore[no-untyped-call]
    validator: Validator = kind(fragment, registry=Registry())

    def new() -> "Validator":
        nonlocal followed
        followed = count(1)
        return validator

    return new


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator["ValidationError"]:
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError("")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any
) -> Iterator["ValidationError"]:
    for pattern, schema in patterns.items() if isinstance(instance, dict) else ():
        for key in (key for key in instance if _matches(pattern, key)):
            yield from validator.descend(instance[key], schema, path=key)


def _additional_properties(
    validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator["ValidationError"]:
    from jsonschema.exceptions import ValidationError

    known, patterns = schema.get("properties", {}), schema.get("patternProperties", ())
    for key in instance if isinstance(instance, dict) else ():
        if key not in known and not any(_matches(pattern, key) for pattern in patterns):
            found = [ValidationError("")] if wanted is False else validator.descend(instance[key], wanted, path=key)
            yield from found


def _unique_items(_: Any, wanted: bool, instance: Any, __: Any) -> Iterator["ValidationError"]:
    from jsonschema.exceptions import ValidationError

    items = instance if wanted and isinstance(instance, list) else []
    if len({json.dumps(each, sort_keys=True) for each in items}) < len(items):
        yield ValidationError("")


_LINEAR = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
"""Keywords that jsonschema itself judges with backtracking, or by comparing each item with each other one."""


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text.encode(errors="replace")) is not None


@cache
def _compiled(pattern: str) -> Any:
    """A pattern without backtracking. Raises `re2.error` for one that RE2 does not know."""
    import re2  # a binary library, for patterns alone

    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern.encode(errors="replace"), options)


def _meta_validator() -> "Validator":
    """A validator of custom rules: the schema of draft-07 itself, without unknown keywords and references outside."""
    from jsonschema import Draft7Validator, FormatChecker

    checker = FormatChecker(formats=["regex"])
    checker.checks("regex")(_is_pattern)

    of_draft_7: dict[str, Any] = dict(Draft7Validator.META_SCHEMA)
    keywords = {name: schema for name, schema in of_draft_7["properties"].items() if name != "$id"}
    keywords["$schema"] = {"const": of_draft_7["$id"]}
    keywords["$ref"] = {"type": "string", "pattern": "^#"}
    strict = {
        **of_draft_7,
        "$id": "custom-rule",
        "properties": keywords,
        "patternProperties": {f"^{NOTE_PREFIX}": True},
    }
    return _validator({**strict, "additionalProperties": False}, format_checker=checker)


def _is_pattern(value: object) -> bool:
    if not isinstance(value, str):
        return True
    import re2

    try:
        return _compiled(value) is not None
    except re2.error:
        return False


def _deepest(error: "ValidationError") -> "ValidationError":
    """The error that matters most: where one of several schemas would do, that of the one which came furthest."""
    while error.context:
        error = max(error.context, key=lambda each: len(each.absolute_path))
    return error


def _what_is_wrong(error: "ValidationError", content: Content, path: Path) -> Iterator[Problem]:
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = schema["properties"]
        for key in instance:
            if key not in known and not key.startswith(NOTE_PREFIX):
                message = f"unknown keyword {key} in a custom rule{did_you_mean(key, known)}"
                yield content.problem((*path, key), message, "unknown-key", key=True)
    elif error.validator == "format":
        message = "RE2 does not support this pattern: instead of a look-around, put not, allOf or anyOf around patterns"
        yield content.problem(path, message, "wrong-value")
    elif error.validator == "const":
        message = "a custom rule is of draft-07: remove $schema, or write http://json-schema.org/draft-07/schema#"
        yield content.problem(path, message, "wrong-value")
    elif error.validator == "pattern":
        message = "a custom rule can only refer to a part of itself (#/definitions/…): nothing is fetched"
        yield content.problem(path, message, "wrong-value")
    else:
        message = f"this custom rule is not a JSON schema (draft-07): {error.message}"
        yield content.problem(path, message, "wrong-value")


def _references(schema: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[list[str | int], str]]:
    """Each ``$ref`` in a schema, with its path."""
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield [*path, "$ref"], reference
        for key, value in schema.items():
            if key in _NAMED and isinstance(value, dict):
                for name, each in value.items():
                    yield from _references(each, (*path, key, name))
            elif key not in _DATA:
                yield from _references(value, (*path, key))
    elif isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _references(item, (*path, index))


def _fault_of_reference(fragment: Mapping[str, Any], reference: str) -> str:
    """Why a reference leads nowhere, or to itself; empty if neither."""
    seen, waiting = {reference}, [reference]
    while waiting:
        found = _at(fragment, current := waiting.pop())
        if not isinstance(found, dict | bool):
            return f"nothing in this custom rule is at {current}"
        for each in _followed(found):
            if each == reference:
                return f"{reference} leads back to itself without end"
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return ""


def _followed(schema: Any) -> Iterator[str]:
    """The references that a schema follows for the value that it is asked about, and for none in it."""
    if not isinstance(schema, dict):
        return
    if isinstance(reference := schema.get("$ref"), str):  # the keywords beside it do not count
        yield reference
        return
    for key in _IN_PLACE:
        value = schema.get(key)
        for each in (
            value if isinstance(value, list) else value.values() if key == "dependencies" and value else [value]
        ):
            yield from _followed(each)


def _at(fragment: Mapping[str, Any], reference: str) -> Any:
    """What a reference leads to; nothing if that is not there."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT7

    try:
        return Registry().resolver_with_root(DRAFT7.create_resource(fragment)).lookup(reference).contents
    except (Unresolvable, ValueError):  # ValueError: a name where a list has numbers
        return None
