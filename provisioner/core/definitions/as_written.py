"""Whether the values of a file are stored as they are written: what its schema says of a place decides.

A free value is any text or any JSON, such as a credential: what others would read differently is a fault there, and so
is a number that would change. A closed place takes a boolean, a number or one of some words: the schema refuses
everything else, and `closed` says what to write.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, NOTE_PREFIX
from provisioner.core.definitions.node import MappingNode, Mark, Node, Scalar, walk
from provisioner.core.definitions.plain_scalar import MAX_EXACT, Misread, Misreading
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.secret import is_secret_key
from provisioner.core.text import unseen

RULE = "ambiguous-value"
UNSEEN = "unseen-character"

_LONGEST = 40
"""The longest value that is repeated in a message."""

_OF_RULE = 2**53
"""Above it a number in the ``secret`` of a definition is a matter of the rule number-loses-digits."""

_CLOSED = frozenset({"boolean", "number", "integer", "object", "array"})
_MAY_CHANGE = "CouchDB or the stack would change this number"


class _Place(NamedTuple):
    """A place in a file: the names that lead to it, what the schema says there, and whether any name is possible."""

    names: tuple[str, ...]
    schema: Mapping[str, Any]
    open: bool = False

    @property
    def secret(self) -> bool:
        """Whether what stands there may be a secret."""
        return any(map(is_secret_key, self.names))

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


def _shown(names: Sequence[str]) -> str:
    """Some names, up to the one that sounds secret: a name within a secret may be a part of it."""
    last = next((place for place, name in enumerate(names) if is_secret_key(name)), len(names))
    return ".".join(names[: last + 1])


def changed_values(root: MappingNode, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """What stands in a file and would be another value to somebody else, or once it is stored."""
    for scalar, place in _scalars(root, schema):
        if scalar.otherwise is not None and scalar.otherwise.kind is not Misread.NO_NUMBER and place.is_free:
            yield from _misread(scalar, scalar.otherwise, place)
        if isinstance(scalar.value, str) and (place.secret or _is_credential(place)):
            yield from _cut_or_joined(scalar, place.name or "this")


def _cut_or_joined(scalar: Scalar, name: str) -> Iterator[Problem]:
    if scalar.commented:
        message = f"{name} ends where its comment begins: put it in quotes"
        yield Problem(scalar.mark, message, "commented-credential", Severity.WARNING)
    if scalar.folded:
        message = f"{name} is on several lines, which YAML joins with spaces: write it on one line"
        yield Problem(scalar.mark, message, "folded-credential", Severity.WARNING)


def closed(wanted: str, otherwise: Misreading | None) -> str:
    """What to write in a closed place of a type, in place of a word or number that YAML reads so; else empty."""
    if otherwise is None or not otherwise.value:
        return ""
    fits = (wanted == "boolean" and otherwise.kind is Misread.BOOLEAN) or (
        wanted in ("number", "integer") and otherwise.kind is Misread.NUMBER
    )
    return f"write {otherwise.value}" if fits else ""


def _misread(scalar: Scalar, otherwise: Misreading, place: _Place) -> Iterator[Problem]:
    types = place.types
    text = scalar.value
    if types & _CLOSED or (types and not isinstance(text, str)):
        return  # the schema refuses it
    if otherwise.kind is Misread.DATE and types and not (place.open or _is_credential(place) or place.secret):
        return  # a day is text to the stack, and nobody's number
    if text is None:
        yield Problem(scalar.mark, f"{place.name} has no value: write null, or text in quotes", RULE)
    elif isinstance(text, str):
        becomes = otherwise.vaguely if place.secret else otherwise.exactly
        shown = "this" if place.secret or len(text) > _LONGEST else text
        yield Problem(scalar.mark, f"{place.name}: YAML can read {shown} as {becomes}: quote it", RULE)
    else:
        yield from _changed(scalar.mark, text, otherwise, place)


def _changed(mark: Mark, number: float, otherwise: Misreading, place: _Place) -> Iterator[Problem]:
    """A number that does not stay as it is written."""
    if abs(number) <= MAX_EXACT:
        becomes = "" if place.secret or not otherwise.value else f": it becomes {otherwise.value}"
        yield Problem(mark, f"{place.name}: {_MAY_CHANGE}{becomes}; quote it, or write it as it is kept", RULE)
    elif not (of_rule := isinstance(number, int) and abs(number) > _OF_RULE) or place.names[0] != "secret":
        rule = "number-loses-digits" if of_rule and "secret" in place.names else RULE
        yield Problem(mark, f"{place.name}: {_MAY_CHANGE}, which is not below 2^53: quote it", rule)


def _is_credential(place: _Place) -> bool:
    return bool(place.names) and (place.names[-1] in CREDENTIAL_FIELDS or "vars" in place.names[-2:-1])


def _scalars(root: MappingNode, schema: Mapping[str, Any]) -> Iterator[tuple[Scalar, _Place]]:
    """The values of a file that are to be looked at, each with its place; without those of notes."""
    work: list[tuple[Node, _Place]] = [(root, _Place((), schema))]
    while work:
        node, place = work.pop()
        if isinstance(node, Scalar):
            if _is_odd(node):
                yield node, place
        elif isinstance(node, MappingNode):
            values = [entry.value for entry in node.entries]
            if all(isinstance(each, Scalar) and not _is_odd(each) for each in values):
                continue
            work += [
                (entry.value, _inner(place, entry.key, schema))
                for entry in node.entries
                if place.names or not entry.key.startswith(NOTE_PREFIX) or entry.key in _part(place, "properties")
            ]
        else:
            items = place.schema.get("items", {})
            work += [(item, _Place(place.names, _resolved(items, schema), place.open)) for item in node.items]


def _is_odd(scalar: Scalar) -> bool:
    return scalar.otherwise is not None or scalar.commented or scalar.folded


def _inner(place: _Place, key: str, root: Mapping[str, Any]) -> _Place:
    known = _part(place, "properties")
    names = (*place.names, key)
    if key in known:
        return _Place(names, _resolved(known[key], root))
    return _Place(names, _resolved(place.schema.get("additionalProperties"), root), open=True)


def _part(place: _Place, name: str) -> Mapping[str, Any]:
    part: Mapping[str, Any] = place.schema.get(name, {})
    return part


def _resolved(schema: object, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a schema, also where it stands elsewhere in it (``#/definitions/…``)."""
    if not isinstance(schema, Mapping):
        return {}
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = root["definitions"][name] if name else schema
    return found


def unseen_characters(root: MappingNode) -> Iterator[Problem]:
    """The keys and values of a file that hold a character which nobody sees; without those of notes."""
    for names, node in walk(root):
        if names and names[0].startswith(NOTE_PREFIX):
            continue
        if isinstance(node, Scalar) and isinstance(node.value, str) and (found := unseen(node.value)):
            yield Problem(node.mark, f"{_shown(names)} has {found[1]} at character {found[0]}", UNSEEN)
        for entry in node.entries if isinstance(node, MappingNode) else ():
            if found := unseen(entry.key):
                key = f"a key in {_shown(names)}" if any(map(is_secret_key, names)) else f"the key {entry.key}"
                yield Problem(entry.mark, f"{key} has {found[1]} at character {found[0]}", UNSEEN)
