"""The backup of a run: a journal of what it was about to change and of what it wrote; and the way back from it.

Each line of a file is a JSON object (``schemas/backup.schema.json``), and the file only grows: a run that is killed
leaves what it knew by then::

    {"version": 2, "command": "apply", "undoes": null, "place": "URL database", "at": …, "owner": …, "source": …,
     "kind": "account_type"}
    {"id": "google", "rev": "1-…", "before": document, "after": document, "left_out": [field], "losing": {…}}
    {"written": "google", "rev": "2-…"}
    {"complete": true}

The first line describes the run. A line with ``before`` is kept ahead of the write, one with ``written`` afterwards,
and ``complete`` when nothing is left to do. A document has its fields and the key ``provision``, and neither ``_id``
nor ``_rev``; ``null`` stands for none, and a deletion has ``_deleted``. With recipients, ``sealed`` is an encrypted
line. On the way back, each field that still is what the run wrote gets its value from before.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from provisioner.core.definitions.account_type import Document, is_credential, reveal, same_value, secret_fields
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind, kind_named
from provisioner.core.plan.changes import Action, Change, change_live, create, field_changes, ordered
from provisioner.core.plan.ownership import (
    KEY,
    Ownership,
    Owning,
    Signature,
    UnknownForm,
    digest,
    ownership_json,
    read_ownership,
    write_of,
)
from provisioner.core.plan.planning import to_write
from provisioner.core.plan.store import Live, Losing, Tombstone, Write
from provisioner.core.rules.ids import why_no_id
from provisioner.core.secret import Json
from provisioner.core.text import listed

VERSION = 2

NO_DIGEST = "0"
"""In place of the digest of a credential, where a backup may not hold any."""

Row: TypeAlias = Mapping[str, Any]
"""A line as JSON."""

COMPLETE: Row = {"complete": True}


class Run(Struct, frozen=True):
    """A run that keeps a backup: of ``apply``, or of ``undo``. `owner`, `at` and `source` are as in `Signature`.

    `undoes`: the file of the run that it takes back. `kind`: the name of the kind of its documents. `run`:
    what it has in common with the backups of other kinds of documents that the same run wrote.
    """

    command: str
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
        return _without_own(self.before.document if self.before else {})

    @property
    def new(self) -> Document:
        """The fields after the write."""
        return _without_own(self.write.document or {})

    @property
    def losing(self) -> list[str]:
        """The revisions that had lost a conflict before the write."""
        return [each.rev for each in self.before.conflicts] if self.before else []

    def made(self, name: str | None) -> bool:
        """Whether the run made the write of a name, which stands in a live document or in its tombstone."""
        return name is not None and name in {*self.names, write_of(self.write.ownership)}

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

        def key(own: Ownership | None) -> Ownership | None:
            hidden = [name for name in own.fields if name not in public or is_credential(name, None)] if own else ()
            return own and replace(own, fields={**own.fields, **dict.fromkeys(hidden, NO_DIGEST)})

        if before:
            conflicts = tuple(
                Losing(each.rev, _without(each.document, secret_fields(each.document))) for each in before.conflicts
            )
            before = replace(before, document=_without(old, secret), ownership=key(before.key), conflicts=conflicts)
        document = None if write.document is None else _without(new, secret)
        changed = sorted(name for name in secret if not same_value(name, old.get(name), new.get(name)))
        return BackupEntry(before, replace(write, document=document, ownership=key(write.ownership)), tuple(changed))


class Backup(Struct, frozen=True):
    """What a run was about to change, by id, and what is known to be written of it. `file`: the name of its file."""

    run: Run
    entries: Mapping[str, BackupEntry] = {}
    complete: bool = False
    file: str = ""

    @classmethod
    def of(cls, rows: Sequence[Row], file: str = "") -> "Backup":
        """The backup that the lines of a file make; each fits the schema, and `why_no_row` finds nothing."""
        run = Run(**_without(rows[0], ["version"]))
        entries: dict[str, BackupEntry] = {}
        for row in rows[1:]:
            known = entries.get(row.get("id", row.get("written", "")))
            if "before" in row:
                entries[row["id"]] = _entry(row, known, kind_named(run.kind))
            elif known and row["rev"] not in known.losing:
                entries[row["written"]] = replace(known, written=True, rev=row["rev"])
        return cls(run, entries, rows[-1] == COMPLETE, file)

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

    def wrote(self, id: str, name: str | None) -> bool:
        """Whether a write of a document is recorded, or what is there has the name of one."""
        return id in self.entries and (self.entries[id].written or self.entries[id].made(name))


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

    def read(content: Mapping[str, Json]) -> tuple[Document, Ownership | None]:
        own = read_ownership(content[KEY]) if KEY in content else None
        return kind.conceal(_without(content, [KEY])), own if isinstance(own, Ownership) else None

    id, rev, before, after = row["id"], row["rev"], row["before"], row["after"]
    conflicts = tuple(Losing(rev, kind.conceal(document)) for rev, document in row["losing"].items())
    live = None if before is None else Live(id, rev or "", *read(before), conflicts, kind)
    document, own = read(after)
    write = Write(id, rev, None if "_deleted" in after else document, own)
    names = frozenset(filter(None, [write_of(own)])) | (known.names if known else frozenset())
    if known and (known.written or (live and known.made(write_of(live.ownership)))):
        left_out = tuple(sorted({*known.left_out, *row["left_out"]}))
        return replace(known, write=write, left_out=left_out, names=names)
    return BackupEntry(live, write, tuple(row["left_out"]), names, kind=kind)


def _content(document: Document | None, ownership: Owning) -> dict[str, Json]:
    key: dict[str, Json] = {KEY: ownership_json(ownership)} if isinstance(ownership, Ownership) else {}
    return {**({"_deleted": True} if document is None else reveal(document)), **key}


def _without_own(document: Document) -> Document:
    return {name: value for name, value in document.items() if not name.startswith("_")}


def _without(document: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


_PAIR = frozenset({"client_id", "client_secret"})
"""They belong together: neither goes back without the other."""


class FormerState(Struct, frozen=True):
    """The `DesiredState` of an undo: what was there before the run of a `backup`.

    `begun`: the undo that began to take it back and did not finish. `signature` signs tombstones, and names the writes.
    """

    backup: Backup
    begun: Backup | None = None
    signature: Signature | None = None

    def changes(
        self, documents: Mapping[str, Live], tombstones: Mapping[str, Tombstone]
    ) -> Iterator[tuple[Change | None, str]]:
        """How each account type of the run is taken back, with a note; without a change it is left."""
        for id, entry in sorted(self.backup.entries.items()):
            live, gone = documents.get(id), tombstones.get(id)
            there = write_of(live.ownership) if live else gone.write if gone else None
            if self.begun is not None and self.begun.wrote(id, there):
                continue
            unknown = _skipped(id, "someone else may have written it")
            change, note = self._change(entry, live, gone) if self.backup.wrote(id, there) else unknown
            revs = {live.rev, *(each.rev for each in live.conflicts)} if live else set()
            lost = listed(rev for rev in entry.losing if rev not in revs)  # no undo brings them back
            losing = lost and f"{id}: what lost a conflict stays removed, and is in the backup: {lost}"
            yield change, "; ".join(filter(None, [note, losing]))

    def again(self, tried: Change, live: Live | None) -> Change | str:
        """A change anew, after somebody else wrote meanwhile; or why there can be none.

        A write of the undo that did not finish may arrive as late as that.
        """
        begun = self.begun.entries.get(tried.id) if self.begun else None
        if live is not None and begun is not None and begun.made(write_of(live.ownership)):
            return change_live(Action.UNCHANGED, live, live.document)
        change, note = self._change(self.backup.entries[tried.id], live, None)
        return change or note

    def write(self, change: Change) -> Write:
        """The write that makes a change: the key ``provision`` goes back with the fields."""
        if change.action is Action.REMOVE:
            return to_write(change, self.signature)
        key = _key(change, self.backup.entries[change.id])
        if key and self.signature:
            key = replace(key, write=self.signature.random())
        return Write(change.id, change.rev, change.after, key)

    def _change(self, entry: BackupEntry, live: Live | None, gone: Tombstone | None) -> tuple[Change | None, str]:
        id = entry.write.id
        if entry.write.document is None:
            ours = gone is None or gone.rev in (entry.rev, entry.write.rev) or entry.made(gone.write)
            if live is not None or not ours:
                return _skipped(id, f"someone created {'it again' if live else 'and deleted it'} since")
            return _recreated(entry)
        if live is None:
            return _skipped(id, "someone deleted it since")
        if isinstance(live.ownership, UnknownForm):
            return _skipped(id, "this version cannot read its owner")
        if live.owner not in ("", self.backup.run.owner) and not entry.made(write_of(live.ownership)):
            return _skipped(id, f"it belongs to the owner {live.owner}")
        return _restored(entry, live) if entry.before else _removed(entry, live)


def _key(change: Change, entry: BackupEntry) -> Ownership | None:
    """The key ``provision`` that goes with a change: the one from before, or that of a later apply.

    What goes back has its digest from before, and what stays that of the live key. One that the backup may not hold
    is worked out anew.
    """
    own = change.live.key if change.live else None
    before = entry.before.key if entry.before else None
    later = change.live is not None and not entry.made(write_of(own))
    base = own if later else before
    if base is None:
        return None
    old, there = (each or replace(base, fields={}, since={}) for each in (before, own))
    back = {each.name for each in change.fields}
    lost = _lost(entry, change.live)
    stays = {name for name in there.fields if name not in back and (later or name in old.fields or name in lost)}
    fields = {name: old.fields[name] for name in old.fields if name in back or not later}
    fields |= {name: there.fields[name] for name in stays}
    for name in [name for name, known in fields.items() if known == NO_DIGEST]:
        fields[name] = digest(base.salt, change.id, name, change.after.get(name))
    since = {name: (there if name in stays else old).since.get(name) for name in fields}
    return replace(base, fields=fields, since={name: at for name, at in since.items() if at})


def _recreated(entry: BackupEntry) -> tuple[Change | None, str]:
    """A document that was deleted comes back; CouchDB lost its attachments."""
    id, lost = entry.write.id, _lost(entry, None)
    fields = _without(entry.old, lost)
    if lost and not fields:
        return _skipped(id, next(iter(lost.values())))
    if entry.kind.undecodable(fields):
        return _skipped(id, "the stack cannot decode the previous document")
    return create(id, fields, kind=entry.kind), _note(id, lost, "is missing")


def _removed(entry: BackupEntry, live: Live) -> tuple[Change | None, str]:
    """A document that was created goes away, if it is still what was created."""
    if live.conflicts:
        return _skipped(live.id, "it has conflicting revisions, which would be lost")
    if entry.write.ownership and live.ownership is None:  # the key of our write is gone, whatever its fields are
        return _skipped(live.id, "someone replaced it since")
    key = live.key if entry.made(write_of(live.ownership)) else None
    unread = {name for name in entry.left_out if key and key.wrote(live.id, name, live.document.get(name))}
    changed = [each.name for each in field_changes(entry.new, live.document) if each.name not in unread]
    if known := [name for name in changed if name not in entry.left_out]:
        return _skipped(live.id, f"{listed(known)} changed since it was created")
    if changed:
        why = f"the backup was made without recipients, and cannot tell if {listed(changed)} changed since"
        return _skipped(live.id, why)
    return change_live(Action.REMOVE, live, {}), ""


def _restored(entry: BackupEntry, live: Live) -> tuple[Change | None, str]:
    """The fields that were changed get their values from before; those that somebody changed since stay."""
    back, theirs = _split(entry, live)
    if back and entry.write.ownership and live.ownership is None:  # as above
        return _skipped(live.id, "someone replaced it since")
    lost = _lost(entry, live)
    back -= lost.keys()
    fields = _without(live.document, back) | {name: value for name, value in entry.old.items() if name in back}
    if live.kind.undecodable(fields) and not live.kind.undecodable(live.document):
        return _skipped(live.id, "the stack cannot decode the previous document")
    before = entry.before.ownership if entry.before else None
    key_goes_back = entry.made(write_of(live.ownership)) and before != entry.write.ownership
    action = Action.CHANGE if back or key_goes_back else Action.UNCHANGED
    return change_live(action, live, fields, released=ordered(theirs)), _note(live.id, lost, "is kept")


def _split(entry: BackupEntry, live: Live) -> tuple[set[str], set[str]]:
    """The fields that the run changed: those that still are what it wrote, and those that others changed since."""

    def differs_from(other: Document) -> set[str]:
        return {name for name in changed if not same_value(name, live.document.get(name), other.get(name))}

    changed = {each.name for each in field_changes(entry.old, entry.new)}
    there, theirs = differs_from(entry.old), differs_from(entry.new)
    return there - theirs, there & theirs


def _lost(entry: BackupEntry, live: Live | None) -> dict[str, str]:
    """The fields whose values from before are not written, each with the reason."""
    ours, theirs = _split(entry, live) if live else ({*entry.old}, set())
    unusable = entry.kind.unusable_fields(entry.old)
    lost = {name: f"it was {why} before" for name, why in unusable.items() if name in ours}
    lost |= dict.fromkeys(entry.left_out, "the backup was made without recipients, and has no secrets")
    if live and _PAIR & (lost.keys() | theirs):
        lost |= dict.fromkeys(ours & _PAIR - lost.keys(), "the other one of client_id and client_secret stays")
    return lost


def _skipped(id: str, why: str) -> tuple[None, str]:
    return None, f"{id} is skipped: {why}"


def _note(id: str, lost: Mapping[str, str], state: str) -> str:
    """Which fields are not brought back, and why; nothing if all are."""
    reasons = {why: ordered(name for name in lost if lost[name] == why) for why in lost.values()}
    return "; ".join(f"{id}: {listed(names)} {state}: {why}" for why, names in reasons.items())
