"""What one owner put into the database, so that it can be taken away again and outside changes be seen.

The record of an owner is the local document ``provision.<owner>``; the local document ``provision`` names the owners::

    {"version": 1, "key": hex, "account_types": {id: {"rev": str, "fields": {name: digest}}}}
    {"version": 1, "owners": [str, ...]}

It holds no value: a digest is an HMAC-SHA256 (RFC 2104) of a field's name and value under the record's own random key.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.core.definitions.account_type import Document
from provisioner.core.plan.store import Local
from provisioner.core.secret import Json, Secret

INDEX = "provision"
VERSION = 1
OWNER = re.compile(r"[a-z0-9][a-z0-9_-]*")
DEFAULT_OWNER = "default"

_KEY = re.compile(r"([0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class Owned:
    """What we wrote of one account type: its revision after the write, and a digest per field that we set."""

    rev: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """Everything one owner owns; `rev` is the revision of the local document, none where there is none yet."""

    owner: str
    key: str
    account_types: Mapping[str, Owned] = field(default_factory=dict)
    rev: str | None = None

    def owned(self, rev: str, document: Document) -> Owned:
        """What we own of an account type whose definition was written as a document."""
        return Owned(rev, {name: self.digest(name, document[name]) for name in sorted(document)})

    def digest(self, name: str, value: Json | Secret) -> str:
        """The keyed digest of one field."""
        plain = value.reveal() if isinstance(value, Secret) else value
        message = json.dumps([name, _canonical(plain)], sort_keys=True).encode()
        return hmac.new(bytes.fromhex(self.key), message, hashlib.sha256).hexdigest()

    def moved(self, id: str, rev: str, document: Document) -> tuple[str, ...] | None:
        """Our fields that somebody else changed since our last apply; ``None`` where the revision is still ours."""
        owned = self.account_types.get(id)
        if owned is None or owned.rev == rev:
            return None
        return tuple(name for name, digest in owned.fields.items() if self.digest(name, document.get(name)) != digest)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Our record, those of the other owners, and whether the index, of a revision, lists us."""

    own: Record
    others: tuple[Record, ...] = ()
    index_rev: str | None = None
    listed: bool = False

    @property
    def foreign(self) -> Mapping[str, str]:
        """The owner of each id that somebody else owns."""
        return {id: record.owner for record in self.others for id in record.account_types}

    @property
    def owners(self) -> list[str]:
        """The names of all owners, ours among them."""
        return sorted({self.own.owner, *(record.owner for record in self.others)})


def record_of(owner: str, local: Local | None, new_key: str) -> Record:
    """The record in a local document. A missing or unreadable one is an empty record: nothing is owned."""
    body = local.body if local else {}
    key, rows = body.get("key"), body.get("account_types")
    rev = local.rev if local else None
    if (
        body.get("version") != VERSION
        or not isinstance(key, str)
        or not _KEY.fullmatch(key)
        or not isinstance(rows, dict)
    ):
        return Record(owner, new_key, rev=rev)
    owned = {id: _owned(row) for id, row in rows.items()}
    return Record(owner, key, {id: row for id, row in owned.items() if row}, rev)


def _owned(row: Json) -> Owned | None:
    if not isinstance(row, dict) or not isinstance(row.get("fields"), dict):
        return None
    fields = row["fields"]
    assert isinstance(fields, dict)
    return Owned(str(row.get("rev")), {name: str(digest) for name, digest in fields.items()})


def local_of(record: Record) -> Local:
    """The local document that holds a record."""
    rows: dict[str, Json] = {
        id: {"rev": owned.rev, "fields": dict(owned.fields)} for id, owned in sorted(record.account_types.items())
    }
    body: dict[str, Json] = {"version": VERSION, "key": record.key, "account_types": rows}
    return Local(local_name(record.owner), record.rev, body)


def local_name(owner: str) -> str:
    """The name of an owner's local document."""
    return f"{INDEX}.{owner}"


def owners_of(index: Local | None) -> list[str]:
    """The owners that the index names."""
    names = index.body.get("owners") if index else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _canonical(value: Json) -> Json:
    """A value in which ``1.0`` is ``1``, as some servers give it back."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return value
