"""Tells quickly that a value fits a JSON schema (draft-07), by the keywords that our own schemas have.

jsonschema takes 60 ms to import and twenty times as long for a value; it says what is wrong with one that does not fit.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeAlias

Fits: TypeAlias = Callable[[Any], bool]

_UNTESTED = frozenset({
    *("$id", "$schema", "title", "description", "examples", "default", "enumDescriptions", "patternErrorMessage"),
    "definitions",
})  # fmt: skip
"""Keywords that ask for nothing by themselves."""

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


def _unsure(_: Any) -> bool:
    raise _UnsureError


def _test(schema: Any, root: Mapping[str, Any]) -> Fits:
    """The test of a part of a schema, which is exact or raises `_UnsureError`."""
    if isinstance(schema, bool):
        return lambda _: schema
    if "$ref" in schema:  # the keywords beside it do not count
        return _test(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    rest = {word: part for word, part in schema.items() if word not in _UNTESTED}
    tests = [*_of_one_value(rest), *_of_members(rest, root), *_of_choices(rest, root)]
    if rest:  # what none of them took
        return _unsure

    def fits(value: Any) -> bool:
        for test in tests:  # noqa: SIM110  # a generator takes twice as long
            if not test(value):
                return False
        return True

    return tests[0] if len(tests) == 1 else fits


def _of_one_value(schema: dict[str, Any]) -> list[Fits]:
    """The tests of a value by itself, for the keywords that are taken out of a schema."""
    tests: list[Fits] = []
    if wanted := schema.pop("type", None):
        types = {type for name in ([wanted] if isinstance(wanted, str) else wanted) for type in _TYPES[name]}
        tests.append(lambda value: type(value) in types)  # a boolean is an int to isinstance
    if words := [*schema.pop("enum", ()), *([schema.pop("const")] if "const" in schema else ())]:
        tests.append((lambda value: value in words) if all(isinstance(word, str) for word in words) else _unsure)
    if pattern := schema.pop("pattern", None):
        search = re.compile(pattern).search
        tests.append(lambda value: not isinstance(value, str) or search(value) is not None)
    for word, kind in (("minLength", str), ("minItems", list)):
        if least := schema.pop(word, 0):
            tests.append(partial(_has_items, kind, least))
    if (above := schema.pop("exclusiveMinimum", None)) is not None:
        tests.append(lambda value: type(value) not in (int, float) or value > above)
    if schema.pop("uniqueItems", False):
        tests.append(lambda value: not isinstance(value, list) or len(value) == len({*map(_as_text, value)}))
    return tests


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(_unsure(value))


def _has_items(kind: Any, least: int, value: Any) -> bool:
    return not isinstance(value, kind) or len(value) >= least


def _has_all(kind: Any, test: Fits, value: Any) -> bool:
    return not isinstance(value, kind) or all(map(test, value))


def _has_beside(key: str, others: frozenset[str], value: Any) -> bool:
    return not isinstance(value, dict) or key not in value or others <= value.keys()


def _of_members(schema: dict[str, Any], root: Mapping[str, Any]) -> list[Fits]:
    """The tests of the members of a mapping or a list."""
    tests: list[Fits] = []
    if names := frozenset(schema.pop("required", ())):
        tests.append(lambda value: not isinstance(value, dict) or names <= value.keys())
    for key, needed in schema.pop("dependencies", {}).items():
        tests.append(partial(_has_beside, key, frozenset(needed)))
    for word, kind in (("propertyNames", dict), ("items", list)):
        if word in schema:
            each = _test(schema.pop(word), root)
            tests.append(partial(_has_all, kind, each))
    if not {"properties", "patternProperties", "additionalProperties"}.isdisjoint(schema):
        named = {name: _test(part, root) for name, part in schema.pop("properties", {}).items()}
        patterns = [(re.compile(word), _test(part, root)) for word, part in schema.pop("patternProperties", {}).items()]
        other = _test(schema.pop("additionalProperties", True), root)

        @lru_cache(maxsize=1000)
        def of_key(key: str) -> list[Fits]:
            found = [named[key]] if key in named else []
            return [*found, *(test for pattern, test in patterns if pattern.search(key))] or [other]

        def fits(value: Any) -> bool:
            for key, item in value.items() if isinstance(value, dict) else ():
                for test in of_key(key):
                    if not test(item):
                        return False
            return True

        tests.append(fits)
    return tests


def _of_choices(schema: dict[str, Any], root: Mapping[str, Any]) -> list[Fits]:
    """The tests that put other schemas together."""
    tests = [_test(part, root) for part in schema.pop("allOf", ())]
    if some := [_test(part, root) for part in schema.pop("anyOf", ())]:
        tests.append(lambda value: any(test(value) for test in some))
    if one := [_test(part, root) for part in schema.pop("oneOf", ())]:
        tests.append(lambda value: sum(test(value) for test in one) == 1)
    if "not" in schema:
        no = _test(schema.pop("not"), root)
        tests.append(lambda value: not no(value))
    if "if" in schema:
        test, then, otherwise = (_test(schema.pop(word, True), root) for word in ("if", "then", "else"))
        tests.append(lambda value: then(value) if test(value) else otherwise(value))
    return tests
