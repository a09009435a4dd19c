"""Whether the values of a file are stored as they are written: what its schema says of a place decides.

A free value is any text or any JSON, such as a credential: what others would read differently is a fault there, and so
is a number that would change. A closed place takes a boolean, a number or one of some words: the schema refuses
everything else, and `closed` says what to write.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, NOTE_PREFIX
from provisioner.core.definitions.content import Content, Path, at, keys_of, walk
from provisioner.core.definitions.plain_scalar import MAX_EXACT, Misread, Misreading
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.secret import Json, is_secret_key
from provisioner.core.text import unseen

RULE = "ambiguous-value"
UNSEEN = "unseen-character"

_LONGEST = 40
"""The longest value that is repeated in a message."""

_OF_RULE = 2**53
"""Above it a number in the ``secret`` of a definition is a matter of the rule number-loses-digits."""

_CLOSED = frozenset({"boolean", "number", "integer", "object", "array"})
_MAY_CHANGE = "CouchDB or the stack would change this number"


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

    @property
    def is_free(self) -> bool:
        """Whether every value of its type is possible there."""
        return not any(word in self.schema for word in ("enum", "anyOf", "const", "format"))


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
        if place.otherwise and place.otherwise.kind is not Misread.NO_NUMBER and slot.is_free:
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
    """What to write in a closed place of a type, in place of a word or number that YAML reads so; else empty."""
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
        yield f"{name} has no value: write null, or text in quotes", RULE
    elif isinstance(value, str):
        becomes = otherwise.vaguely if slot.secret else otherwise.exactly
        shown = "this" if slot.secret or len(value) > _LONGEST else value
        yield f"{name}: YAML can read {shown} as {becomes}: quote it", RULE
    elif isinstance(value, int | float) and abs(value) <= MAX_EXACT:
        becomes = "" if slot.secret or not otherwise.value else f": it becomes {otherwise.value}"
        yield f"{name}: {_MAY_CHANGE}{becomes}; quote it, or write it as it is kept", RULE
    else:
        of_rule = isinstance(value, int) and abs(value) > _OF_RULE
        if not of_rule or slot.names[0] != "secret":
            rule = "number-loses-digits" if of_rule and "secret" in slot.names else RULE
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
