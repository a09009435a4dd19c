"""Custom rules: what a team demands of its definitions beyond what the stack needs, as parts of a JSON schema.

They refer to nothing outside themselves, and cost linear time: their patterns are RE2's.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

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


def with_custom_rules(check: Check, fragments: Sequence[Mapping[str, Any]]) -> Check:
    """A check that also holds definitions against the fragments; ``description`` of one says what it demands.

    No message holds a value of a definition. What holds a variable without a value is not judged.
    """
    if not fragments:
        return check
    from jsonschema import Draft7Validator
    from jsonschema.validators import extend
    from referencing import Registry

    left = 0

    def reference(*given: Any) -> Iterator["ValidationError"]:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooMany
        yield from Draft7Validator.VALIDATORS["$ref"](*given)

    linear: Any = extend(Draft7Validator, {**_linear_keywords(), "$ref": reference})  # type: ignore[no-untyped-call]
    validators = [linear(fragment, registry=Registry()) for fragment in fragments]

    def both(content: Content) -> list[Problem]:
        nonlocal left
        faults = check(content)
        for validator in validators:
            left = _MAX_REFERENCES
            try:
                errors: list[ValidationError] = list(validator.iter_errors(content.values))
            except (_TooMany, RecursionError):
                what = "a custom rule refers to its own parts too many times"
                faults.append(content.problem((), what, "custom-rule"))
                continue
            for error in errors:
                if (path := tuple(error.absolute_path)) not in content.gaps:
                    demand = validator.schema.get("description")
                    demand = demand or f"{error.validator} of the custom rule is not met"
                    where, field = (f"{listed(map(str, path))}: ", str(path[0])) if path else ("", "")
                    mark = content.place(path).mark
                    faults.append(Problem(mark, f"{where}{demand}", "custom-rule", field=field))
        return list(dict.fromkeys(faults))

    return both


def _linear_keywords() -> Mapping[str, Any]:
    """Keywords that jsonschema itself judges with backtracking, or by comparing each item with each other one."""
    from jsonschema.exceptions import ValidationError

    def pattern(_: Any, wanted: str, instance: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not _matches(wanted, instance):
            yield ValidationError("")

    def pattern_properties(
        validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any
    ) -> Iterator[ValidationError]:
        for wanted, schema in patterns.items() if isinstance(instance, dict) else ():
            for key in (key for key in instance if _matches(wanted, key)):
                yield from validator.descend(instance[key], schema, path=key)

    def additional_properties(
        validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", ())
        for key in instance if isinstance(instance, dict) else ():
            if key not in known and not any(_matches(pattern, key) for pattern in patterns):
                found = [ValidationError("")] if wanted is False else validator.descend(instance[key], wanted, path=key)
                yield from found

    def unique_items(_: Any, wanted: bool, instance: Any, __: Any) -> Iterator[ValidationError]:
        items = instance if wanted and isinstance(instance, list) else []
        if len({json.dumps(each, sort_keys=True) for each in items}) < len(items):
            yield ValidationError("")

    return {
        "pattern": pattern,
        "patternProperties": pattern_properties,
        "additionalProperties": additional_properties,
        "uniqueItems": unique_items,
    }


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text.encode(errors="replace")) is not None


@cache
def _compiled(pattern: str) -> Any:
    """A pattern without backtracking. Raises `re2.error` for one that RE2 does not know."""
    import re2  # a binary library, for patterns alone

    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern.encode(errors="replace"), options)


def faults_of_fragment(content: Content, place: Path) -> Iterator[Problem]:
    """What is wrong with a custom rule: a part of a JSON schema (draft-07) that refers to nothing outside."""
    fragment = at(content.values, place)
    errors = sorted(_meta_validator().iter_errors(fragment), key=lambda error: error.json_path)
    for error in errors:
        while error.context:  # where one of several schemas would do, that of the one which came furthest
            error = max(error.context, key=lambda each: len(each.absolute_path))  # noqa: PLW2901  # the cause of it
        path, schema, instance = (*place, *error.absolute_path), cast("Any", error.schema), cast("Any", error.instance)
        if error.validator == "additionalProperties":
            known = schema["properties"]
            for key in instance:
                if key not in known and not key.startswith(NOTE_PREFIX):
                    message = f"unknown keyword {key} in a custom rule{did_you_mean(key, known)}"
                    yield content.problem((*path, key), message, "unknown-key", key=True)
        else:
            usual = f"this custom rule is not a JSON schema (draft-07): {error.message}"
            yield content.problem(path, _WRONG.get(str(error.validator), usual), "wrong-value")
    if not errors and isinstance(fragment, dict):
        for step, reference in _references(fragment, deep=True):
            if why := _fault_of_reference(fragment, reference):
                yield content.problem((*place, *step), why, "wrong-value")


_WRONG = {
    "format": "RE2 does not support this pattern: instead of a look-around, put not, allOf or anyOf around patterns",
    "const": "a custom rule is of draft-07: remove $schema, or write http://json-schema.org/draft-07/schema#",
    "pattern": "a custom rule can only refer to a part of itself (#/definitions/…): nothing is fetched",
}


def _meta_validator() -> "Validator":
    """A validator of custom rules: the schema of draft-07 itself, without unknown keywords and references outside."""
    from jsonschema import Draft7Validator, FormatChecker
    from referencing import Registry

    checker = FormatChecker(formats=["regex"])
    checker.checks("regex")(_is_pattern)
    of_draft_7: dict[str, Any] = dict(Draft7Validator.META_SCHEMA)
    keywords = {name: schema for name, schema in of_draft_7["properties"].items() if name != "$id"}
    keywords |= {"$schema": {"const": of_draft_7["$id"]}, "$ref": {"type": "string", "pattern": "^#"}}
    notes = {f"^{NOTE_PREFIX}": True}
    own = {"$id": "custom-rule", "properties": keywords, "patternProperties": notes, "additionalProperties": False}
    return Draft7Validator({**of_draft_7, **own}, registry=Registry(), format_checker=checker)


def _is_pattern(value: object) -> bool:
    import re2

    try:
        return not isinstance(value, str) or _compiled(value) is not None
    except re2.error:
        return False


def _references(schema: Any, path: Path = (), *, deep: bool) -> Iterator[tuple[Path, str]]:
    """Each ``$ref`` in a schema, with its path; not `deep`: those that it follows for the value itself."""
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield (*path, "$ref"), reference
            if not deep:
                return  # the keywords beside it do not count
        for key, value in schema.items() if deep else ((key, schema[key]) for key in _IN_PLACE if key in schema):
            if key in _NAMED and isinstance(value, dict):
                for name, each in value.items():
                    yield from _references(each, (*path, key, name), deep=deep)
            elif key not in _DATA:
                yield from _references(value, (*path, key), deep=deep)
    elif isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _references(item, (*path, index), deep=deep)


def _fault_of_reference(fragment: Mapping[str, Any], reference: str) -> str:
    """Why a reference leads nowhere, or to itself; empty if neither."""
    seen, waiting = {reference}, [reference]
    for current in waiting:
        found = _at(fragment, current)
        if not isinstance(found, dict | bool):
            return f"nothing in this custom rule is at {current}"
        for _, each in _references(found, deep=False):
            if each == reference:
                return f"{reference} leads back to itself without end"
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return ""


def _at(fragment: Mapping[str, Any], reference: str) -> Any:
    """What a reference leads to; nothing if that is not there."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT7

    try:
        return Registry().resolver_with_root(DRAFT7.create_resource(fragment)).lookup(reference).contents
    except (Unresolvable, ValueError):  # ValueError: a name where a list has numbers
        return None
