"""Checks a file against its JSON schema and says in plain words what is wrong with it.

Its values are to be stored as they are written; what the schema says of a place decides. A free value is any text or
any JSON, such as a credential: what others would read differently is a fault there, and so is a number that would
change. A closed place takes a boolean, a number or one of some words: the schema refuses everything else, and `closed`
says what to write.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, EXPIRY, NOTE_PREFIX, field_of
from provisioner.core.definitions.content import MAX_SAFE, Content, Misread, Misreading, Path, at, keys_of, walk
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.outside_json import MAX_EXACT
from provisioner.core.secret import Json, is_secret_key
from provisioner.core.text import did_you_mean, listed, shown, unseen, unseen_name

if TYPE_CHECKING:  # jsonschema takes 60 ms to import
    from jsonschema.protocols import Validator


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


AMBIGUOUS = "ambiguous-value"
UNSEEN = "unseen-character"

_LONGEST = 40
"""The longest value that is repeated in a message."""

_CLOSED = frozenset({"boolean", "number", "integer", "object", "array"})
_CHOICE = frozenset({"enum", "anyOf", "const", "format"})
"""What a schema says where not every value of its type is possible."""

_MAY_CHANGE = "CouchDB or the stack would change this number"


def schema_check(schema: Mapping[str, Any]) -> Check:
    """A check of files by a schema, to be made once and used for many.

    Code that is generated from the schema finds in 13 µs that a file is valid; jsonschema finds what is wrong with
    another one.
    """
    fits = cache(lambda: test_of(schema))

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


def test_of(schema: Mapping[str, Any]) -> Callable[[Json], bool]:
    """Tells quickly whether values fit a schema, which may not hold `const`: details would take twice as long."""
    import fastjsonschema  # 16 ms, and only where something is checked

    check = fastjsonschema.compile(dict(schema), use_default=False, use_formats=False, detailed_exceptions=False)

    def fits(content: Json) -> bool:
        try:
            check(content)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return fits


def _faults(error: Any, content: Content) -> Iterator[Problem]:
    """What an error of jsonschema says in plain words; what holds a variable without a value is not judged."""
    path, given, wanted = tuple(error.absolute_path), error.instance, error.validator_value
    if path in content.gaps:
        return
    place, name, field = content.place(path), ".".join(map(str, path)), str(path[0]) if path else ""
    match error.validator:
        case "additionalProperties":
            known = error.schema["properties"]
            for key in (key for key in given if key not in known and not key.startswith(NOTE_PREFIX)):
                mark, message = content.place((*path, key)).key, f"unknown key {key}{_advice(key, known)}"
                yield Problem(mark, message, "unknown-key", field=field or key)
            return
        case "required":
            yield from _missing_keys([key for key in wanted if key not in given], given, content, path)
            return
        case "dependencies":
            missing = ((key, other) for key in wanted if key in given for other in wanted[key] if other not in given)
            message, rule = f"{name}: {'; '.join(f'{key} needs {other}' for key, other in missing)}", "missing-key"
        case "anyOf" if not path:
            message, rule = (
                "grant_mode is missing (only a document with fcm_credentials does without one)",
                "missing-key",
            )
        case "type":
            if place.otherwise and place.otherwise.kind is Misread.NO_NUMBER:
                return  # the reader of the file reported it
            rule = "extras-not-strings" if path[:1] == ("extras",) and len(path) > 1 else "wrong-type"
            message = f"{name} {_wrong_type(error, place.otherwise)}"
        case _:
            message, rule = f"{name} {_wrong_value(error)}", "wrong-value"
    yield Problem(place.mark, message, rule, field=field)


def _advice(key: str, known: Collection[str]) -> str:
    """What to do with an unknown key."""
    if key in _OF_COUCHDB:
        return ": it belongs to CouchDB, and apply uses the live one: remove it"
    if key == EXPIRY:
        return ": put it into a credential source, next to client_secret"
    if (meant := field_of(key)) in known:
        return f": did you mean {meant}?"
    return did_you_mean(key, known) or f" (a note for people starts with {NOTE_PREFIX})"


def _missing_keys(missing: Sequence[str], given: Mapping[str, Json], content: Content, path: Path) -> Iterator[Problem]:
    """The keys that a mapping needs, and those that the grant mode of a definition needs."""
    if "grant_mode" not in given:
        mark, name, field = content.place(path).mark, ".".join(map(str, path)), str(path[0]) if path else ""
        yield from (Problem(mark, f"{name or 'the file'} needs {key}", "missing-key", field=field) for key in missing)
        return
    mode, mark = given["grant_mode"], content.place((*path, "grant_mode")).mark
    value = "" if isinstance(mode, dict | list) else mode
    for key in missing:
        rule = "bi-endpoints" if str(value).startswith("bi_") and key != "slug" else "missing-key"
        yield Problem(mark, f"grant_mode {value} needs {key}", rule, field="grant_mode")


def _wrong_type(error: Any, otherwise: Misreading | None) -> str:
    kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    wanted = str(kinds[0]) if len(kinds) == 1 else ""
    values = error.schema.get("enum")
    kind = " or ".join(_KINDS[each] for each in kinds) if values is None else f"one of {listed(values)}"
    if advice := closed(wanted, otherwise):
        return f"must be {kind}: {advice}"
    match error.instance:
        case None:
            return "has no value: set one, or remove the key"
        case bool() | int() | float() as value if wanted == "string" and values is None:
            found = "a boolean" if isinstance(value, bool) else "a number"
            return f"must be a string, and this is {found}: quote it"
        case str() if wanted in ("boolean", "number"):
            return f"must be {kind}, without quotes"
        case str() as text if wanted == "object" and (space := _SPACE_AFTER_COLON.search(text)):
            named = unseen_name(space[1])
            return f"must be {kind}" + (f": {named} follows the colon, and YAML wants a space" if named else "")
        case _:
            return f"must be {kind}"


def _wrong_value(error: Any) -> str:
    wanted, given = error.validator_value, error.instance
    match error.validator:
        case "uniqueItems":
            twice = next(each for place, each in enumerate(given) if each in given[:place])
            return f"lists {twice if isinstance(twice, str) else 'a value'} twice"
        case "anyOf" | "enum":
            values = wanted if error.validator == "enum" else wanted[0]["enum"]
            if near := did_you_mean(str(given), values):
                return f"cannot be {shown(str(given))}{near}"
            return f"must be one of {listed(value for value in values if value != _REFUSED)}"
        case "oneOf":
            return f"must be exactly one of {listed(choice['required'][0] for choice in wanted)}"
        case "pattern":
            return str(error.schema["patternErrorMessage"])
        case "exclusiveMinimum":
            return f"must be more than {wanted}"
        case _:
            return "must not be empty"


class _Slot(NamedTuple):
    """What a schema says of a value: the names that lead to it, the part for it, and whether any name is possible."""

    names: tuple[str, ...]
    schema: Mapping[str, Any]
    open: bool = False

    @property
    def secret(self) -> bool:
        """Whether what stands there may be a secret."""
        return any(map(is_secret_key, self.names))

    @property
    def is_credential(self) -> bool:
        """Whether a credential stands there, or a variable that may become one."""
        return self.names[-1:] != () and (self.names[-1] in CREDENTIAL_FIELDS or "vars" in self.names[-2:-1])

    @property
    def name(self) -> str:
        """The names, as they may be shown."""
        return _shown(self.names)

    @property
    def types(self) -> frozenset[str]:
        """The types that the schema takes there; none: any."""
        given = self.schema.get("type", ())
        return frozenset([given] if isinstance(given, str) else given)


def _slot(path: Path, schema: Mapping[str, Any]) -> _Slot | None:
    """What a schema says of the value at a path; nothing for a note."""
    slot = _Slot((), schema)
    for step in path:
        if isinstance(step, int):
            slot = slot._replace(schema=_resolved(slot.schema.get("items"), schema))
            continue
        known = slot.schema.get("properties", {})
        if not slot.names and step.startswith(NOTE_PREFIX) and step not in known:
            return None
        part = known[step] if step in known else slot.schema.get("additionalProperties")
        slot = _Slot((*slot.names, step), _resolved(part, schema), step not in known)
    return slot


def _resolved(schema: object, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a schema, also where it stands elsewhere in it (``#/definitions/…``)."""
    if not isinstance(schema, Mapping):
        return {}
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = root["definitions"][name] if name else schema
    return found


def _shown(names: Sequence[str]) -> str:
    """Some names, up to the one that sounds secret: a name within a secret may be a part of it."""
    last = next((place for place, name in enumerate(names) if is_secret_key(name)), len(names))
    return ".".join(names[: last + 1])


def changed_values(content: Content, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """What stands in a file and would be another value to somebody else, or once it is stored; notes are left out."""
    for path in content.odd:
        slot, place, value = _slot(path, schema), content.place(path), at(content.values, path)
        if slot is None:
            continue
        if place.otherwise and place.otherwise.kind is not Misread.NO_NUMBER and _CHOICE.isdisjoint(slot.schema):
            for message, rule in _misread(value, place.otherwise, slot):
                yield Problem(place.mark, message, rule)
        if isinstance(value, str) and (slot.secret or slot.is_credential):
            name = slot.name or "this"
            if place.commented:
                message = f"{name} ends where its comment begins: put it in quotes"
                yield Problem(place.mark, message, "commented-credential", Severity.WARNING)
            if place.folded:
                message = f"{name} is on several lines, which YAML joins with spaces: write it on one line"
                yield Problem(place.mark, message, "folded-credential", Severity.WARNING)


def closed(wanted: str, otherwise: Misreading | None) -> str:
    """What to write in a closed place instead of a word or number that YAML reads as its type; empty if nothing."""
    if otherwise is None or not otherwise.value:
        return ""
    fits = (wanted == "boolean" and otherwise.kind is Misread.BOOLEAN) or (
        wanted in ("number", "integer") and otherwise.kind is Misread.NUMBER
    )
    return f"write {otherwise.value}" if fits else ""


def _misread(value: Json, otherwise: Misreading, slot: _Slot) -> Iterator[tuple[str, str]]:
    """What is wrong with a value that others read as something else, with its rule; nothing if the schema refuses it.

    A day is text to the stack, and nobody's number.
    """
    types, name = slot.types, slot.name
    if types & _CLOSED or (types and not isinstance(value, str)):
        return
    if otherwise.kind is Misread.DATE and types and not (slot.open or slot.is_credential or slot.secret):
        return
    if value is None:
        yield f"{name} has no value: write null, or text in quotes", AMBIGUOUS
    elif isinstance(value, str):
        becomes = otherwise.vaguely if slot.secret else otherwise.exactly
        shown = "this" if slot.secret or len(value) > _LONGEST else value
        yield f"{name}: YAML can read {shown} as {becomes}: quote it", AMBIGUOUS
    elif isinstance(value, int | float) and abs(value) <= MAX_SAFE:
        becomes = "" if slot.secret or not otherwise.value else f": it becomes {otherwise.value}"
        yield f"{name}: {_MAY_CHANGE}{becomes}; quote it, or write it as it is kept", AMBIGUOUS
    else:
        loses_digits = isinstance(value, int) and abs(value) > MAX_EXACT
        if not loses_digits or slot.names[0] != "secret":  # core/rules reports the secret of a definition
            rule = "number-loses-digits" if loses_digits and "secret" in slot.names else AMBIGUOUS
            yield f"{name}: {_MAY_CHANGE}, which is not below 2^53: quote it", rule


def unseen_characters(content: Content) -> Iterator[Problem]:
    """The keys and values of a file that hold a character which nobody sees; without those of notes."""
    for path, value in walk(content.values):
        names = keys_of(path)
        if names and names[0].startswith(NOTE_PREFIX):
            continue
        if isinstance(value, str) and (found := unseen(value)):
            yield content.problem(path, f"{_shown(names)} has {found[1]} at character {found[0]}", UNSEEN)
        if path and isinstance(path[-1], str) and (found := unseen(path[-1])):
            above = names[:-1]
            key = f"a key in {_shown(above)}" if any(map(is_secret_key, above)) else f"the key {path[-1]}"
            yield content.problem(path, f"{key} has {found[1]} at character {found[0]}", UNSEEN, key=True)
