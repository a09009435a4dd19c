"""What an account type is: its keys, its grant modes, and what cozy-stack's decoder makes of it.

The facts come from cozy-stack: ``model/account/type.go`` (keys), ``web/accounts/oauth.go`` (the OAuth flow)
and ``worker/exec/konnector.go`` (the konnector's secret).

The decoder is Go's ``encoding/json`` with the struct ``AccountType``. Keys match without regard to case, a later key
replaces an earlier one, ``null`` leaves text and booleans as they are, and one value of a wrong JSON type makes the
whole document undecodable.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from provisioner.core.outside_json import MAX_EXACT, is_cut
from provisioner.core.secret import Json, Secret, holds_secret, is_secret, revealed, same_json

Document: TypeAlias = Mapping[str, Json | Secret]
"""A document's fields by name, without ``_id`` and ``_rev``; only values that are known to be public are in clear."""

FIELD_TYPES = {
    "_id": "string",
    "slug": "string",
    "grant_mode": "string",
    "client_id": "string",
    "client_secret": "string",
    "auth_endpoint": "string",
    "token_endpoint": "string",
    "token_mode": "string",
    "redirect_uri": "string",
    "extras": "map[string]string",
    "skip_redirect_uri_on_authorize": "bool",
    "skip_state_on_token": "bool",
    "reconnect_endpoint": "string",
    "manage_endpoint": "string",
    "secret": "any",
    "fcm_credentials": "any",
}
"""Every key that the stack reads, in the order in which we show and write them, with its type in Go."""

FIELDS = tuple(FIELD_TYPES)

EXPIRY = "client_secret_expires_at"
"""What is known of a client secret, and is no field of the stack: RFC 7591, section 3.2.1."""

TEXT_FIELDS = frozenset(name for name, type in FIELD_TYPES.items() if type == "string")
_ANY = frozenset(name for name, type in FIELD_TYPES.items() if type == "any")

SECRET_FIELDS = frozenset({"client_secret", "secret", "fcm_credentials"})

PUBLIC_FIELDS = frozenset(FIELDS) - SECRET_FIELDS
"""The fields that are shown. What any other field holds is unknown, so it is as secret as a credential."""

EMPTY_MEANS_ABSENT = frozenset({"redirect_uri", "token_endpoint"})
"""Fields whose empty string the stack treats as a missing key."""

NOTE_PREFIX = "x-"
"""Keys that start with it are notes for people and tools; they are never sent."""

CREDENTIAL_FIELDS = ("client_id", "client_secret", "secret", "fcm_credentials")
"""Fields whose values may come from elsewhere than the definition."""

CODE_MODES = frozenset({"authorization_code", "authorization_code+secret"})
IMPLICIT_MODES = frozenset({"token", "token_redirect_url"})
BANK_MODES = frozenset({"bi_webauth", "bi_webauth+secret", "bi_webview", "bi_webview+secret"})
FLOW_MODES = CODE_MODES | IMPLICIT_MODES | BANK_MODES
"""Grant modes that send a person to auth_endpoint; those of banks are Budget Insight's."""

SECRET_MODES = frozenset({"secret", *(mode for mode in FLOW_MODES if mode.endswith("+secret"))})
"""Grant modes that hand the secret to the konnector (``HasSecretGrant`` of the stack): no other ending does."""

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "authorization_code": ("response_type", "client_id"),
    "token": ("response_type", "client_id"),
    "token_redirect_url": ("response_type", "redirect_url"),
    "bi_webauth": ("client_id", "token"),
    "bi_webview": ("client_id", "code"),
}
"""What the stack sends to auth_endpoint beside state and redirect_uri (``MakeOauthStartURL``), by mode."""

ASKED_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "bi_webauth": ("source", "id_connector", "id_connection"),
    "bi_webview": ("connector_ids", "connector_uuids"),
}
"""What it sends, beside a scope, if its client asks for it."""

BANK_ENDPOINTS = ("reconnect_endpoint", "manage_endpoint")
BANK_PARAMETERS = ("client_id", "code", "connection_id", "redirect_uri", "state")
"""What it sends to manage and to reconnect an account (``MakeManageURL``, ``MakeReconnectURL``)."""

WITHOUT_CLIENT_ID = frozenset({"secret", "token_redirect_url"})
"""Grant modes that work without a client_id."""


def context_of(id: str) -> str | None:
    """The context that an override is for, empty for instances without one; none for a global account type."""
    context, slash, _ = id.partition("/")
    return context if slash else None


def global_id(id: str) -> str:
    """The id without its context, as ``ServiceID`` of the stack has it."""
    return id.partition("/")[2] if "/" in id else id


_FOLDED = str.maketrans({"\u017f": "s", "\u212a": "k"})
"""The two characters beyond ASCII that Go folds into ASCII letters."""


def field_of(key: str) -> str | None:
    """The field that the stack takes a key of a document for, or none."""
    found = matched(key, FIELD_TYPES)
    return found if found != "_id" else None


def matched(key: str, names: Collection[str]) -> str | None:
    """The name among some that a key stands for without regard to case, as Go's ``encoding/json`` finds it."""
    folded = key if key in names else key.translate(_FOLDED)
    folded = folded.lower() if folded.isascii() else folded
    return folded if folded in names else None


def conceal(fields: Mapping[str, Json]) -> Document:
    """The same fields, with every value wrapped in `Secret` that is not known to be public.

    Those are the values of `SECRET_FIELDS`, of fields that the stack does not know (``clientSecret``), and of public
    fields that hold something else than their type (an object as a ``slug``). In ``extras`` the values of some keys
    are secret, and the others are not: `holds_secret` tells.
    """
    return {name: value if _is_public(name, value) else Secret(value) for name, value in fields.items()}


def _is_public(name: str, value: Json) -> bool:
    if name == "extras" and isinstance(value, dict):
        return not any(isinstance(item, dict | list) for item in value.values())
    return name in PUBLIC_FIELDS and not isinstance(value, dict | list)


def secrets_of(document: Document) -> dict[tuple[str, ...], Secret]:
    """The secrets of a document, each with the keys that lead to it."""
    found: dict[tuple[str, ...], Secret] = {}
    for name, value in document.items():
        if isinstance(value, Secret):
            found[(name,)] = value
        elif isinstance(value, dict):
            found |= {(name, key): Secret(item) for key, item in value.items() if is_secret(key, item)}
        elif holds_secret(value):
            found[(name,)] = Secret(value)
    return found


def has_secrets(document: Document) -> bool:
    """Whether a document has a value that is not for everybody, and not empty."""
    return any(holds_secret(value) and not is_missing(value) for value in document.values())


def secret_fields(document: Document) -> set[str]:
    """The fields with a value that is not for everybody."""
    return {name for name, value in document.items() if holds_secret(value)}


def is_credential(name: str, value: Json | Secret) -> bool:
    """Whether a digest may reveal only little of a field's value: it is a secret, or belongs to one."""
    return name in CREDENTIAL_FIELDS or holds_secret(value)


def reveal(document: Document) -> dict[str, Json]:
    """The plain JSON of a document, to be sent and never printed."""
    return {name: revealed(value) for name, value in document.items()}


def text_of(document: Document, name: str) -> str:
    """The text of a field, secret or not; empty where it is missing or no text."""
    value = revealed(document.get(name))
    return value if isinstance(value, str) else ""


def same_value(name: str, one: Json | Secret, other: Json | Secret) -> bool:
    """Whether the stack reads two values of one field alike; ``None`` stands for a missing field."""
    if name in EMPTY_MEANS_ABSENT:
        one, other = (None if value == "" else value for value in (one, other))
    return same_json(one, other)


def cut_fields(document: Document) -> tuple[str, ...]:
    """The fields of a live document that are nested deeper than we go, so that we have not read all of them."""
    return tuple(name for name, value in document.items() if is_cut(revealed(value)))


def missing_required(document: Document) -> tuple[str, ...]:
    """The credentials that an account type lacks: client_id, and secret for the modes that hand it to the konnector."""
    mode = text_of(document, "grant_mode")
    needed = ["client_id"] if mode not in WITHOUT_CLIENT_ID and isinstance(document.get("grant_mode"), str) else []
    needed += ["secret"] if mode in SECRET_MODES else []
    return tuple(name for name in needed if is_missing(document.get(name)))


def missing_credentials(document: Document) -> tuple[str, ...]:
    """The credentials that a document lacks, also those without which it only normally fails."""
    missing = missing_required(document)
    code = text_of(document, "grant_mode").startswith("authorization_code")
    return (*missing, "client_secret") if code and is_missing(document.get("client_secret")) else missing


def is_missing(value: Json | Secret) -> bool:
    """Whether the stack reads a value as a missing one: ``None`` stands for a missing field."""
    plain = revealed(value)
    return plain is None or plain == ""


def konnector_secret(document: Document) -> Secret | None:
    """The secret that the stack hands to the konnector as ``COZY_PARAMETERS.secret``: only some grant modes do."""
    secret = document.get("secret")
    return secret if isinstance(secret, Secret) and text_of(document, "grant_mode") in SECRET_MODES else None


_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
_OF_GO = {"string": str, "bool": bool, "map[string]string": dict, "any": object}


class WrongType(Struct, frozen=True):
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
        """What Go says of it, and the stack answers for the first of them."""
        return f"json: cannot unmarshal {self.found} into Go struct field AccountType.{self.name} of type {self.wanted}"


class Undecodable(Struct, frozen=True):
    """A document that the stack cannot use: each login, refresh and look-up that meets it fails."""

    faults: tuple[WrongType, ...]


class Decoded(Struct, frozen=True):
    """The fields that the stack reads from a document, by their own names; those that stay empty are left out.

    `renamed`: the keys of the document that the stack takes for a field although they are written otherwise, each
    with the name of that field. `ignored`: the keys that it does not know.
    """

    document: Document
    renamed: Mapping[str, str]
    ignored: tuple[str, ...]

    def text(self, name: str) -> str:
        """A field of text; empty if the document does not give it."""
        return text_of(self.document, name)

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
    for key, given in document.items():
        name = field_of(key)
        if name is None:
            ignored += () if key.startswith("_") else (key,)
            continue
        value = revealed(given)
        if name != key:
            renamed[key] = name
        wrong = list(_wrong(name, key, value))
        faults += wrong
        if not wrong:
            fields[name] = _set(name, fields.get(name), value)
    if faults:
        return Undecodable(tuple(faults))
    stated = {name: value for name, value in fields.items() if name in _ANY or value not in (None, "", False)}
    concealed: Document = {name: Secret(value) if name in SECRET_FIELDS else value for name, value in stated.items()}
    return Decoded(concealed, renamed, tuple(ignored))


def _wrong(name: str, key: str, value: Json) -> Iterator[WrongType]:
    wanted = FIELD_TYPES[name]
    if name == "extras" and isinstance(value, dict):
        for each in value.values():
            if not isinstance(each, str | None):
                yield WrongType(name, key, _KINDS[type(each)], "string", part=True)
    elif name == "secret":
        for number in numbers_in(value):
            if _is_too_large(number):
                yield WrongType(name, key, f"number {number}", "float64", part=True)
    elif value is not None and not isinstance(value, _OF_GO[wanted]):
        yield WrongType(name, key, _KINDS[type(value)], wanted)


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


_WORDS = {"bool": "true or false", "array": "a list", "object": "a mapping", "string": "text"}
_WANTED = {"string": "text", "bool": "true or false", "map[string]string": "a mapping of text to text"}


def wrong_type(fault: WrongType) -> str:
    """What is wrong with a value, in words."""
    key = fault.name if fault.key == fault.name else f"{spelled(fault.key)} (which it reads as {fault.name})"
    if fault.name == "secret":
        return f"{key} contains a number that is too large"
    if fault.part:
        return f"{key} contains {_WORDS.get(fault.found, 'a number')}, and its values must be text"
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
