"""Which fields of a live document an owner set: the key ``provision`` of the document itself.

The key travels with the fields, in the same write, so that it cannot be lost apart from them::

    {"owner": str, "salt": 16 hex digits, "write": 16 hex digits, "fields": {name: digest},
     "at": "2026-11-24T17:00:00Z", "since": {credential: date}, "source": commit of the catalogue}

It holds no value. A digest is the start of a SHA-256 over the canonical JSON of id, name and value: 16 hex digits, and
for a credential, salted, only 4: enough to notice a change (one in 65,536 is missed), too short to find a secret by.
The salt stays as long as the document: a second digest of a value would reveal more of it. ``write`` is random, and new
in each write: if the answer to a write is lost, it shows whether a document is what we wrote. ``since`` has the date on
which the owner last changed each credential. ``source`` is missing outside git. The stack ignores keys that it does not
know.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct, ValidationError, convert
from msgspec.structs import asdict

from provisioner.core.definitions.account_type import Document, is_credential
from provisioner.core.secret import Json, Secret, revealed

KEY = "provision"
"""The key of a live document that says who owns it."""

DIGITS = 16
CREDENTIAL_DIGITS = 4

_HEX = re.compile(r"[0-9a-f]+")
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Ownership(Struct, frozen=True, forbid_unknown_fields=True):
    """Who owns a document, which fields with which digests, since when, and from which commit of the catalogue.

    `write` is the name of the write that left it.
    """

    owner: str
    salt: str
    fields: Mapping[str, str]
    at: str
    since: Mapping[str, str] = {}
    source: str | None = None
    write: str | None = None

    def wrote(self, id: str, name: str, value: Json | Secret) -> bool:
        """Whether a value is the one that the owner wrote last into one of its fields."""
        return self.fields.get(name) == digest(self.salt, id, name, value)

    def edited(self, id: str, document: Document) -> frozenset[str]:
        """Our fields whose live value is no longer the one that we wrote; a missing field counts."""
        return frozenset(name for name in self.fields if not self.wrote(id, name, document.get(name)))


class UnknownForm(Struct, frozen=True):
    """A key ``provision`` in a form that this version does not support. Whoever wrote it may own the document."""


Owning: TypeAlias = Ownership | UnknownForm | None
"""What a live document says of its owner; ``None``: it has no owner."""


class Signature(Struct, frozen=True):
    """What a run signs its writes with: the owner, the time (ISO 8601, UTC), the commit, and 16 random hex digits."""

    owner: str
    at: str
    source: str | None
    random: Callable[[], str]

    def sign(
        self,
        id: str,
        document: Document,
        owned: Iterable[str],
        changed: Iterable[str],
        before: Ownership | None,
        held: Iterable[str] = (),
    ) -> Ownership:
        """The ownership of a document whose fields `owned` we own and whose fields `changed` get a new value.

        `held` are credentials that someone else changed and that stay: what is known of them is still our old value.
        """
        salt = before.salt if before and before.salt else self.random()
        fields = {name: digest(salt, id, name, document.get(name)) for name in sorted(owned)}
        since = dict.fromkeys(changed, self.at)
        if before:
            fields |= {name: before.fields[name] for name in held}
            since = {**before.since, **since}
        kept = {name: since[name] for name in fields if name in since and is_credential(name, document.get(name))}
        return Ownership(self.owner, salt, fields, self.at, kept, self.source, self.random())


def write_of(ownership: Owning) -> str | None:
    """The name of the write that left a key, if it has one."""
    return ownership.write if isinstance(ownership, Ownership) else None


def read_ownership(value: Json) -> Ownership | UnknownForm:
    """What the key of a live document says."""
    try:
        own = convert(value, Ownership)
    except ValidationError:
        return UnknownForm()
    known = isinstance(value, dict) and "since" in value and all(map(_HEX.fullmatch, own.fields.values()))
    return own if known else UnknownForm()


def ownership_json(ownership: Ownership) -> dict[str, Json]:
    """The key as it is in a document."""
    return {name: value for name, value in asdict(ownership).items() if value is not None}


def digest(salt: str, id: str, name: str, value: Json | Secret) -> str:
    """The digest of a field's value; only that of a credential is salted, and short."""
    credential, plain = is_credential(name, value), revealed(value)
    plain = plain if isinstance(plain, str) else _as_integers(plain)
    text = ",".join(map(_canonical, (salt, id, name, plain) if credential else (id, name, plain)))
    return hashlib.sha256(f"[{text}]".encode()).hexdigest()[: CREDENTIAL_DIGITS if credential else DIGITS]


def _as_integers(value: Json) -> Json:
    """A value in which ``1.0`` is ``1``, as some servers give it back."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [*map(_as_integers, value)]
        case dict():
            return {key: _as_integers(item) for key, item in value.items()}
        case _:
            return value
