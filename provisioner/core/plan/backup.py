"""The backup of a run: a journal of what the run was about to change, and of what it wrote.

A file holds one JSON object a line (``schemas/backup.schema.json``) and only grows, so that a run that is killed at any
moment leaves what it knew by then::

    {"version": 2, "command": "apply", "undoes": null, "place": "URL database", "at": …, "owner": …, "source": …,
     "kind": "account_type"}
    {"id": "google", "rev": "1-…", "before": document, "after": document, "left_out": [field], "losing": {…}}
    {"written": "google", "rev": "2-…"}
    {"complete": true}

The first line describes the run. A line with ``before`` is kept ahead of the write, one with ``written`` afterwards,
and ``complete`` when nothing is left to do. A document has its fields and the key ``provision``, and neither ``_id``
nor ``_rev``; ``null`` stands for none, and a deletion has ``_deleted``. With recipients, ``sealed`` is an encrypted
line.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from provisioner.core.definitions.account_type import (
    Document,
    is_credential,
    reveal,
    same_value,
    secret_fields,
)
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, kind_named
from provisioner.core.plan.ownership import (
    KEY,
    Ownership,
    Owning,
    UnknownForm,
    ownership_json,
    read_ownership,
    write_of,
)
from provisioner.core.plan.store import Live, Losing, Write
from provisioner.core.rules.ids import why_no_id
from provisioner.core.secret import Json

VERSION = 2

NO_DIGEST = "0"
"""In place of the digest of a credential, where a backup may not hold any."""

Row: TypeAlias = Mapping[str, Any]
"""A line as JSON."""

COMPLETE: Row = {"complete": True}


class RunCommand(StrEnum):
    """What changed the documents."""

    APPLY = "apply"
    UNDO = "undo"


class Run(Struct, frozen=True):
    """A run that keeps a backup. `place`, `owner` and `source` are as in `Signature` and `Place`.

    `undoes`: the file of the run that it takes back. `kind`: the name of the kind of its documents. `run`:
    what it has in common with the backups of other kinds of documents that the same run wrote.
    """

    command: RunCommand
    place: str
    at: str
    owner: str | None
    source: str | None = None
    undoes: str | None = None
    kind: str = ACCOUNT_TYPE.name
    run: str | None = None

    def row(self) -> Row:
        """The first line of the file."""
        return {"version": VERSION, **asdict(self)}


class BackupEntry(Struct, frozen=True):
    """A write, and the document `before` it; ``None``: there was none.

    `left_out`: the secret fields that were to change and whose values are not kept. `names`: of all writes that a run
    may have made of the document. `written`: one of these is recorded, with the revision `rev` that it made.
    """

    before: Live | None
    write: Write
    left_out: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    written: bool = False
    rev: str | None = None
    kind: Kind = ACCOUNT_TYPE

    @property
    def old(self) -> Document:
        """The fields before the write, without those of CouchDB."""
        return _own_fields(self.before.document if self.before else None)

    @property
    def new(self) -> Document:
        """The fields after the write."""
        return _own_fields(self.write.document)

    @property
    def losing(self) -> list[str]:
        """The revisions that had lost a conflict before the write."""
        return [each.rev for each in self.before.conflicts] if self.before else []

    def left(self, write: str | None) -> bool:
        """Whether the name of a write in a live document, or in its tombstone, is that of a write of the run."""
        return write is not None and write in {*self.names, write_of(self.write.ownership)}

    def row(self) -> Row:
        """The line that keeps it, with the values of its secrets."""
        before, write = self.before, self.write
        return {
            "id": write.id,
            "rev": write.rev,
            "before": before and _content(before.document, before.ownership),
            "after": _content(write.document, write.ownership),
            "left_out": [*self.left_out],
            "losing": {each.rev: reveal(each.document) for each in before.conflicts} if before else {},
        }

    def without_secrets(self) -> "BackupEntry":
        """The same without any value that is not known to be public, and without the digests of credentials."""
        before, write = self.before, self.write
        old, new = before.document if before else {}, write.document or {}
        secret = secret_fields(old) | secret_fields(new)
        public = {*old, *new} - secret
        if before:
            losing = tuple(
                Losing(each.rev, _without(each.document, secret_fields(each.document))) for each in before.conflicts
            )
            own = before.ownership if isinstance(before.ownership, Ownership) else None
            before = replace(before, document=_without(old, secret), ownership=_public(own, public), conflicts=losing)
        document = None if write.document is None else _without(new, secret)
        write = replace(write, document=document, ownership=_public(write.ownership, public))
        changed = (name for name in secret if not same_value(name, old.get(name), new.get(name)))
        return BackupEntry(before, write, tuple(sorted(changed)))


class Backup(Struct, frozen=True):
    """What a run was about to change, by id, and what is known to be written of it."""

    run: Run
    entries: Mapping[str, BackupEntry] = {}
    complete: bool = False

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Backup":
        """The backup that the lines of a file make; each fits the schema, and `why_no_row` finds nothing."""
        run = Run(**{name: value for name, value in rows[0].items() if name != "version"})
        entries: dict[str, BackupEntry] = {}
        for row in rows[1:]:
            known = entries.get(row.get("id", row.get("written", "")))
            if "before" in row:
                entries[row["id"]] = _entry(row, known, kind_named(run.kind))
            elif known and row["rev"] not in known.losing:
                entries[row["written"]] = replace(known, written=True, rev=row["rev"])
        return cls(replace(run, command=RunCommand(run.command)), entries, rows[-1] == COMPLETE)

    @property
    def written(self) -> list[str]:
        """The documents of which a write is recorded."""
        return [id for id, entry in self.entries.items() if entry.written]

    @property
    def figures(self) -> Mapping[str, int]:
        """How many documents are recorded as created, changed and removed."""
        done = [self.entries[id] for id in self.written]
        words = [
            "created" if not each.before else "removed" if each.write.document is None else "changed" for each in done
        ]
        return {word: words.count(word) for word in ("created", "changed", "removed")}

    def wrote(self, id: str, write: str | None) -> bool:
        """Whether a write of a document is recorded, or left what is there."""
        return id in self.entries and (self.entries[id].written or self.entries[id].left(write))


def confirmation(id: str, rev: str | None) -> Row:
    """The line that says that a write is in the database."""
    return {"written": id, "rev": rev}


def why_no_row(row: Row, *, first: bool) -> str:
    """Why a line cannot be at its place in a backup, whether it fits the schema or not; empty if it can."""
    if first != ("version" in row):
        return "this is not a backup" if first else "a second run begins here"
    if row.get("version", VERSION) != VERSION:
        return "this is a backup of another version of provision"
    for document in (row.get("before"), row.get("after")):
        if isinstance(document, dict) and KEY in document and read_ownership(document[KEY]) == UnknownForm():
            return f"the key {KEY} has a form that this version does not support"
    names = (row.get("id"), row.get("written"))
    return next((f"{name}: {why}" for name in names if isinstance(name, str) and (why := why_no_id(name))), "")


def _entry(row: Row, known: BackupEntry | None, kind: Kind) -> BackupEntry:
    """The entry of a line. If a document is written again, what was there before our first write counts.

    That holds only if our first write got there.
    """
    id, rev, before, after = row["id"], row["rev"], row["before"], row["after"]
    conflicts = tuple(Losing(rev, kind.conceal(document)) for rev, document in row["losing"].items())
    live = None if before is None else Live(id, rev or "", *_read(before, kind), conflicts, kind)
    document, own = _read(after, kind)
    write = Write(id, rev, None if "_deleted" in after else document, own)
    names = frozenset(filter(None, [write_of(own)]))
    if known is None:
        return BackupEntry(live, write, tuple(row["left_out"]), names, kind=kind)
    names |= known.names
    if known.written or (live and known.left(write_of(live.ownership))):
        left_out = tuple(sorted({*known.left_out, *row["left_out"]}))
        return replace(known, write=write, left_out=left_out, names=names)
    return BackupEntry(live, write, tuple(row["left_out"]), names, kind=kind)


def _read(content: Mapping[str, Json], kind: Kind) -> tuple[Document, Ownership | None]:
    own = read_ownership(content[KEY]) if KEY in content else None
    fields = {name: value for name, value in content.items() if name != KEY}
    return kind.conceal(fields), own if isinstance(own, Ownership) else None


def _content(document: Document | None, ownership: Owning) -> dict[str, Json]:
    key: dict[str, Json] = {KEY: ownership_json(ownership)} if isinstance(ownership, Ownership) else {}
    return {**({"_deleted": True} if document is None else reveal(document)), **key}


def _own_fields(document: Document | None) -> Document:
    return {name: value for name, value in (document or {}).items() if not name.startswith("_")}


def _without(document: Document, names: Collection[str]) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def _public(own: Ownership | None, public: Collection[str]) -> Ownership | None:
    """The key without digests of other fields than those that are known to be public."""
    if own is None:
        return None
    hidden = {name for name in own.fields if name not in public or is_credential(name, None)}
    return replace(own, fields={**own.fields, **dict.fromkeys(hidden, NO_DIGEST)})
