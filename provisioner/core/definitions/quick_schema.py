"""Tells quickly that a value fits a JSON schema (draft-07), by the keywords that our own schemas have.

jsonschema takes 60 ms to import and twenty times as long for a value; it says what is wrong with one that does not fit.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

Fits: TypeAlias = Callable[[Any], bool]

_UNTESTED = frozenset({
    *("$id", "$schema", "title", "description", "examples", "default", "enumDescriptions", "patternErrorMessage"),
    *("definitions", "allOf", "then", "else"),
})  # fmt: skip
"""Keywords that ask for nothing, or are looked at beside others."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


class _UnsureError(Exception):
    """A schema asks for what is not known here."""


def quick(schema: Mapping[str, Any]) -> Fits:
    """Whether a value certainly fits a schema; where the answer is no, it may fit as well."""
    fits = _test(schema, schema)

    def certain(value: Any) -> bool:
        try:
            return fits(value)
        except _UnsureError:
            return False

    return certain


def _test(schema: Any, root: Mapping[str, Any]) -> Fits:
    """The test of a part of a schema, which is exact or raises `_UnsureError`."""
    if isinstance(schema, bool):
        return lambda _: schema
    if "$ref" in schema:  # the keywords beside it do not count
        return _test(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    if schema.keys() - _TESTS.keys() - _UNTESTED:
        return _unsure
    tests = [make(schema, root) for make in dict.fromkeys(make for word, make in _TESTS.items() if word in schema)]
    tests += [_test(part, root) for part in schema.get("allOf", ())]

    def fits(value: Any) -> bool:
        for test in tests:  # noqa: SIM110  # a generator takes twice as long
            if not test(value):
                return False
        return True

    return tests[0] if len(tests) == 1 else fits


def _unsure(_: Any) -> bool:
    raise _UnsureError


def _type(schema: Mapping[str, Any], _: object) -> Fits:
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = {type for name in names for type in _TYPES[name]}
    return lambda value: type(value) in types  # a boolean is an int to isinstance


def _enum(schema: Mapping[str, Any], _: object) -> Fits:
    words = schema["enum"] if "enum" in schema else [schema["const"]]
    return (lambda value: value in words) if all(isinstance(word, str) for word in words) else _unsure


def _pattern(schema: Mapping[str, Any], _: object) -> Fits:
    search = re.compile(schema["pattern"]).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _members(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Fits:
    """The test of the values of a mapping: by their keys, by patterns, and of all others."""
    named = {name: _test(part, root) for name, part in schema.get("properties", {}).items()}
    patterns = [(re.compile(word), _test(part, root)) for word, part in schema.get("patternProperties", {}).items()]
    other = _test(schema.get("additionalProperties", True), root)

    @lru_cache(maxsize=1000)
    def tests(key: str) -> list[Fits]:
        found = [named[key]] if key in named else []
        return [*found, *(test for pattern, test in patterns if pattern.search(key))] or [other]

    def fits(value: Any) -> bool:
        for key, item in value.items() if isinstance(value, dict) else ():
            for test in tests(key):
                if not test(item):
                    return False
        return True

    return fits


def _items(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Fits:
    test = _test(schema["items"], root)
    return lambda value: not isinstance(value, list) or all(map(test, value))


def _names(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Fits:
    test = _test(schema["propertyNames"], root)
    return lambda value: not isinstance(value, dict) or all(map(test, value))


def _required(schema: Mapping[str, Any], _: object) -> Fits:
    names = frozenset(schema["required"])
    return lambda value: not isinstance(value, dict) or names <= value.keys()


def _dependencies(schema: Mapping[str, Any], _: object) -> Fits:
    needs = schema["dependencies"]
    return lambda value: (
        not isinstance(value, dict) or all(value.keys() >= {*needs[key]} for key in needs if key in value)
    )


def _any(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Fits:
    tests = [_test(part, root) for part in schema["anyOf"]]
    return lambda value: any(test(value) for test in tests)


def _one(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Fits:
    tests = [_test(part, root) for part in schema["oneOf"]]
    return lambda value: sum(test(value) for test in tests) == 1


def _not(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Fits:
    test = _test(schema["not"], root)
    return lambda value: not test(value)


def _if(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Fits:
    test, then, otherwise = (_test(schema.get(word, True), root) for word in ("if", "then", "else"))
    return lambda value: then(value) if test(value) else otherwise(value)


def _least(word: str, kind: Any) -> Callable[[Mapping[str, Any], object], Fits]:
    return lambda schema, _: lambda value: not isinstance(value, kind) or len(value) >= schema[word]


def _above(schema: Mapping[str, Any], _: object) -> Fits:
    least = schema["exclusiveMinimum"]
    return lambda value: type(value) not in (int, float) or value > least


def _unique(_: object, __: object) -> Fits:
    def fits(value: Any) -> bool:
        texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        return len({*texts}) == len(texts) and (
            not isinstance(value, list) or len(texts) == len(value) or _unsure(value)
        )

    return fits


_TESTS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Fits]] = {
    "type": _type,
    "required": _required,
    "enum": _enum,
    "const": _enum,
    "pattern": _pattern,
    "minLength": _least("minLength", str),
    "minItems": _least("minItems", list),
    "exclusiveMinimum": _above,
    "uniqueItems": _unique,
    "propertyNames": _names,
    "dependencies": _dependencies,
    "properties": _members,
    "patternProperties": _members,
    "additionalProperties": _members,
    "items": _items,
    "anyOf": _any,
    "oneOf": _one,
    "not": _not,
    "if": _if,
}
"""How the test of each keyword is made, of the schema that has it and of the whole one."""
