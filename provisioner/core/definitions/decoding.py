"""What cozy-stack's decoder makes of a document: the fields as its account type holds them, or an error.

The decoder is Go's ``encoding/json`` with the struct ``AccountType`` (``model/account/type.go``). Keys match without
regard to case, a later key replaces an earlier one, ``null`` leaves text and booleans as they are, and one value of a
wrong JSON type makes the whole document undecodable. CouchDB keeps one of two equal keys, the last.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.definitions.account_type import Document, field_of
from provisioner.core.secret import Json, Secret

_TEXTS = (
    "slug",
    "grant_mode",
    "client_id",
    "client_secret",
    "auth_endpoint",
    "token_endpoint",
    "token_mode",
    "redirect_uri",
    "reconnect_endpoint",
    "manage_endpoint",
)
_BOOLEANS = ("skip_redirect_uri_on_authorize", "skip_state_on_token")
_ANY = ("secret", "fcm_credentials")

_TYPES = {**dict.fromkeys(_TEXTS, "string"), **dict.fromkeys(_BOOLEANS, "bool"), "extras": "map[string]string"}
_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}

MAX_EXACT = 2**53
"""The largest integer up to which Go's ``float64``, and every reader like it, keeps each one exactly."""


@dataclass(frozen=True, slots=True)
class WrongType:
    """A value that the stack cannot decode: the field, the key as it is written, and the JSON types in Go's words.

    `part`: it is a value within the field.
    """

    name: str
    key: str
    found: str
    wanted: str
    part: bool = False

    @property
    def error(self) -> str:
        """What Go says of it."""
        return f"json: cannot unmarshal {self.found} into Go struct field AccountType.{self.name} of type {self.wanted}"


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A document that the stack cannot use: each login, refresh and look-up that meets it fails."""

    faults: tuple[WrongType, ...]

    @property
    def error(self) -> str:
        """What the stack answers."""
        return self.faults[0].error


@dataclass(frozen=True, slots=True)
class Decoded:
    """The fields that the stack reads from a document, by their own names; those that stay empty are left out.

    `renamed`: the keys of the document that the stack takes for a field although they are written otherwise, each
    with the name of that field. `ignored`: the keys that it does not know.
    """

    document: Document
    renamed: Mapping[str, str]
    ignored: tuple[str, ...]

    def text(self, name: str) -> str:
        """A field of text; empty if the document does not give it."""
        value = self.document.get(name, "")
        value = value.reveal() if isinstance(value, Secret) else value
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        """A field that is true or false."""
        return self.document.get(name) is True

    @property
    def extras(self) -> Mapping[str, str] | None:
        """The extra parameters, or none if the document gives no mapping."""
        value = self.document.get("extras")
        return {name: str(text) for name, text in value.items()} if isinstance(value, dict) else None


Decoding: TypeAlias = Decoded | Undecodable


def decode(document: Mapping[str, Json | Secret]) -> Decoding:
    """Decode a document as it is in the database, with or without the keys of CouchDB (``_id``, ``_rev``)."""
    fields: dict[str, Json] = {}
    renamed: dict[str, str] = {}
    ignored: list[str] = []
    faults: list[WrongType] = []
    for key, concealed in document.items():
        name = field_of(key)
        if name is None:
            ignored += () if key.startswith("_") else (key,)
            continue
        value = concealed.reveal() if isinstance(concealed, Secret) else concealed
        if name != key:
            renamed[key] = name
        wrong = list(_wrong(name, key, value))
        faults += wrong
        if not wrong:
            fields[name] = _set(name, fields.get(name), value)
    if faults:
        return Undecodable(tuple(faults))
    return Decoded(_document(fields), renamed, tuple(ignored))


def decode_text(text: str) -> Decoding:
    """Decode the JSON text of a document, as CouchDB keeps it. Raises `ValueError` if it is not a JSON object."""
    document = json.loads(text, object_pairs_hook=_last_of_equal_keys)
    if isinstance(document, dict):
        return decode(document)
    raise ValueError("a document is a JSON object")


def _wrong(name: str, key: str, value: Json) -> Iterator[WrongType]:
    wanted = _TYPES.get(name)
    if name == "extras" and isinstance(value, dict):
        for each in value.values():
            if not isinstance(each, str | None):
                yield WrongType(name, key, _KINDS[type(each)], "string", part=True)
    elif name == "secret":
        for number in numbers_in(value):
            if _is_too_large(number):
                yield WrongType(name, key, f"number {number}", "float64", part=True)
    elif wanted is not None and value is not None and not _fits(name, value):
        yield WrongType(name, key, _KINDS[type(value)], wanted)


def _fits(name: str, value: Json) -> bool:
    return isinstance(value, bool if name in _BOOLEANS else dict if name == "extras" else str)


def _set(name: str, before: Json, value: Json) -> Json:
    """What a field holds once a value is decoded into it."""
    match name:
        case "secret":
            return _as_floats(value)
        case "fcm_credentials":
            return value
        case "extras" if isinstance(value, dict):
            kept = before if isinstance(before, dict) else {}
            return {**kept, **{key: each or "" for key, each in value.items()}}
        case "extras":
            return None
        case _:
            return before if value is None else value


def _document(fields: Mapping[str, Json]) -> Document:
    concealed = {"client_secret", *_ANY}
    held = {name: fields[name] for name in fields if fields[name] not in (None, "", False) or name in _ANY}
    return {name: Secret(value) if name in concealed else value for name, value in held.items()}


_WORDS = {"bool": "true or false", "array": "a list", "object": "a mapping", "string": "text"}
_WANTED = {"string": "text", "bool": "true or false", "map[string]string": "a mapping of text to text"}


def wrong_type(fault: WrongType) -> str:
    """What is wrong with a value, in words."""
    key = fault.name if fault.key == fault.name else f"{spelled(fault.key)} (which it takes for {fault.name})"
    if fault.name == "secret":
        return f"{key} holds a number that is too large"
    if fault.part:
        return f"{key} holds {_WORDS.get(fault.found, 'a number')}, and its values must be text"
    return f"{key} is {_WORDS.get(fault.found, 'a number')}, and must be {_WANTED[fault.wanted]}"


def spelled(key: str) -> str:
    """A key with what only looks like an ASCII letter escaped: U+212A looks like K."""
    return ascii(key)[1:-1]


def numbers_in(value: Json) -> Iterator[int | float]:
    """The numbers in a JSON value, however deep."""
    stack = [value]
    while stack:
        match stack.pop():
            case bool() | str() | None:
                pass
            case list() as items:
                stack += reversed(items)
            case dict() as members:
                stack += reversed(members.values())
            case number:
                yield number


def _as_floats(value: Json) -> Json:
    """A JSON value as Go keeps it: with numbers of 64 bits."""
    match value:
        case bool() | str() | float() | None:
            return value
        case list():
            return [_as_floats(item) for item in value]
        case dict():
            return {key: _as_floats(item) for key, item in value.items()}
        case _:
            return value if abs(value) <= MAX_EXACT else float(value)


def _is_too_large(number: float) -> bool:
    try:
        return math.isinf(float(number))
    except OverflowError:
        return True


def _last_of_equal_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        found.pop(key, None)
        found[key] = value
    return found
