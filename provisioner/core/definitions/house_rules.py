"""House rules: what a team demands of its definitions beyond what the stack needs, as parts of a JSON schema."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from provisioner.core.definitions.account_type import NOTE_PREFIX
from provisioner.core.definitions.node import MappingNode, Node, Scalar, at, to_json
from provisioner.core.definitions.problem import Fault
from provisioner.core.definitions.schema_check import Check
from provisioner.core.text import listed, nearest

if TYPE_CHECKING:  # jsonschema takes 60 ms to import, and only where there are house rules
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_DATA = frozenset({"const", "enum", "default", "examples"})
"""Keywords whose values are no schemas."""


def faults_of_fragment(node: Node) -> Iterator[Fault]:
    """What is wrong with a house rule: it must be a part of a JSON schema (draft-07) that refers to nothing outside."""
    fragment = to_json(node)
    errors = sorted(_meta_validator().iter_errors(fragment), key=lambda error: error.json_path)
    for error in map(_deepest, errors):
        yield from _what_is_wrong(error, at(node, list(error.absolute_path)))
    if not errors and isinstance(fragment, dict):
        for path, reference in _references(fragment):
            if not _leads_somewhere(fragment, reference):
                message = f"nothing in this house rule is at {reference}"
                yield Fault(at(node, path).mark, message, "wrong-value")


def with_house_rules(check: Check, fragments: Sequence[Mapping[str, Any]]) -> Check:
    """A check that also holds definitions against the fragments; ``description`` of one says what it demands.

    No message holds a value of a definition. What holds a variable without a value is not judged.
    """
    if not fragments:
        return check
    validators = [(fragment, _validator(fragment)) for fragment in fragments]

    def both(node: MappingNode) -> list[Fault]:
        content, faults = to_json(node), check(node)
        for fragment, validator in validators:
            try:
                errors = list(validator.iter_errors(content))
            except RecursionError:
                faults.append(Fault(node.mark, "a house rule refers to itself without end", "house-rule"))
                continue
            faults += (fault for error in errors for fault in _broken(error, fragment, node))
        return list(dict.fromkeys(faults))

    return both


def _broken(error: "ValidationError", fragment: Mapping[str, Any], node: MappingNode) -> Iterator[Fault]:
    path = list(error.absolute_path)
    place = at(node, path)
    if isinstance(place, Scalar) and place.placeholder:
        return
    demand = fragment.get("description") or f"{error.validator} of the house rule is not met"
    where = f"{listed(str(step) for step in path)}: " if path else ""
    yield Fault(place.mark, f"{where}{demand}", "house-rule")


def _validator(schema: Mapping[str, Any], **options: Any) -> "Validator":
    """A validator that fetches nothing: the registry of what it may refer to is empty."""
    from jsonschema import Draft7Validator
    from referencing import Registry

    return Draft7Validator(schema, registry=Registry(), **options)


def _meta_validator() -> "Validator":
    """A validator of house rules: the schema of draft-07 itself, without unknown keywords and references outside."""
    from jsonschema import Draft7Validator

    of_draft_7: dict[str, Any] = dict(Draft7Validator.META_SCHEMA)
    keywords = {name: schema for name, schema in of_draft_7["properties"].items() if name != "$id"}
    keywords["$ref"] = {"type": "string", "pattern": "^#"}
    strict = {**of_draft_7, "$id": "house-rule", "properties": keywords, "patternProperties": {f"^{NOTE_PREFIX}": True}}
    return _validator({**strict, "additionalProperties": False}, format_checker=Draft7Validator.FORMAT_CHECKER)


def _deepest(error: "ValidationError") -> "ValidationError":
    """The error that matters most: where one of several schemas would do, that of the one which came furthest."""
    while error.context:
        error = max(error.context, key=lambda each: len(each.absolute_path))
    return error


def _what_is_wrong(error: "ValidationError", place: Node) -> Iterator[Fault]:
    schema: Any = error.schema
    if error.validator == "additionalProperties" and isinstance(place, MappingNode):
        known = schema["properties"]
        for entry in place.entries:
            if entry.key not in known and not entry.key.startswith(NOTE_PREFIX):
                message = f"unknown keyword {entry.key} in a house rule{nearest(entry.key, known)}"
                yield Fault(entry.mark, message, "unknown-key")
    elif error.validator == "pattern":
        message = "a house rule can only refer to a part of itself (#/definitions/…): nothing is fetched"
        yield Fault(place.mark, message, "wrong-value")
    else:
        message = f"this house rule is not a JSON schema (draft-07): {error.message}"
        yield Fault(place.mark, message, "wrong-value")


def _references(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[list[str | int], str]]:
    """Each ``$ref`` in a schema, with its path."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield [*path, "$ref"], reference
        for key, item in value.items():
            if key not in _DATA:
                yield from _references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index))


def _leads_somewhere(fragment: Mapping[str, Any], reference: str) -> bool:
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT7

    try:
        found = Registry().resolver_with_root(DRAFT7.create_resource(fragment)).lookup(reference).contents
    except Unresolvable:
        return False
    return isinstance(found, dict | bool)
