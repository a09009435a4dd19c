"""Plans the way back from a run: each field that still is what the run wrote gets its value from before."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import Document, same_value
from provisioner.core.plan.backup import NO_DIGEST, Backup, BackupEntry
from provisioner.core.plan.changes import Action, Change, change_live, create, field_changes, ordered
from provisioner.core.plan.ownership import Ownership, Signature, UnknownForm, write_of
from provisioner.core.plan.planning import owner_of, to_write
from provisioner.core.plan.store import Live, Tombstone, Write
from provisioner.core.text import listed

_PAIR = frozenset({"client_id", "client_secret"})
"""They belong together: neither goes back without the other."""


class FormerState(Struct, frozen=True):
    """The `DesiredState` of an undo: what was there before a `run`.

    `begun`: the undo that began to take it back and did not finish. `signature` signs tombstones, and names the writes.
    """

    run: Backup
    begun: Backup | None = None
    signature: Signature | None = None

    def changes(
        self, documents: Mapping[str, Live], tombstones: Mapping[str, Tombstone]
    ) -> Iterator[tuple[Change | None, str]]:
        """How each account type of the run is taken back, with a note; without a change it is left."""
        for id in sorted(self.run.entries):
            live, gone = documents.get(id), tombstones.get(id)
            there = write_of(live.ownership) if live else gone.write if gone else None
            if self.begun is not None and self.begun.wrote(id, there):
                continue
            unknown = _left(id, "someone else may have written it")
            change, note = self._change(id, live, gone) if self.run.wrote(id, there) else unknown
            yield change, "; ".join(filter(None, [note, _losing(self.run.entries[id], live)]))

    def again(self, tried: Change, live: Live | None) -> Change | str:
        """A change anew, after somebody else wrote meanwhile; or why there can be none.

        A write of the undo that did not finish may arrive as late as that.
        """
        begun = self.begun.entries.get(tried.id) if self.begun else None
        if live is not None and begun is not None and begun.left(write_of(live.ownership)):
            return change_live(Action.UNCHANGED, live, live.document)
        change, note = self._change(tried.id, live, None)
        return change or note

    def write(self, change: Change) -> Write:
        """The write that makes a change: the key ``provision`` goes back with the fields."""
        if change.action is Action.REMOVE:
            return to_write(change, self.signature)
        key = _key(change, self.run.entries[change.id])
        if key and self.signature:
            key = replace(key, write=self.signature.random())
        return Write(change.id, change.rev, change.after, key)

    def _change(self, id: str, live: Live | None, gone: Tombstone | None) -> tuple[Change | None, str]:
        entry = self.run.entries[id]
        if entry.write.document is None:
            ours = gone is None or gone.rev in (entry.rev, entry.write.rev) or entry.left(gone.write)
            return _recreated(entry, live, ours=ours)
        if live is None:
            return _left(id, "someone deleted it since")
        if isinstance(live.ownership, UnknownForm):
            return _left(id, "this version cannot read its owner")
        if owner_of(live) not in ("", self.run.run.owner) and not entry.left(write_of(live.ownership)):
            return _left(id, f"it belongs to the owner {owner_of(live)}")
        return _restored(entry, live) if entry.before else _removed(entry, live)


def _key(change: Change, entry: BackupEntry) -> Ownership | None:
    """The key ``provision`` that goes with a change: the one from before, or that of a later apply.

    What goes back has its digest from before, and what stays that of the live key. One that the backup may not hold
    is worked out anew.
    """
    own = change.live.ownership if change.live else None
    before = entry.before.ownership if entry.before else None
    base = before if change.live is None or entry.left(write_of(own)) else own
    if not isinstance(base, Ownership):
        return None
    old, there = (each if isinstance(each, Ownership) else replace(base, fields={}, since={}) for each in (before, own))
    back = {each.name for each in change.fields}
    lost = _stays(entry, change.live)
    stays = {name for name in there.fields if name not in back and (base is own or name in old.fields or name in lost)}
    fields = {name: old.fields[name] for name in old.fields if name in back or base is old}
    fields |= {name: there.fields[name] for name in stays}
    for name in [name for name, digest in fields.items() if digest == NO_DIGEST]:
        fields[name] = base.digest(change.id, name, change.after.get(name))
    since = {name: (there if name in stays else old).since.get(name) for name in fields}
    return replace(base, fields=fields, since={name: at for name, at in since.items() if at})


def _recreated(entry: BackupEntry, live: Live | None, *, ours: bool) -> tuple[Change | None, str]:
    """A document that was deleted comes back; CouchDB lost its attachments."""
    id, fields = entry.write.id, entry.old
    if live is not None or not ours:
        return _left(id, "someone created it again since" if live else "someone created and deleted it since")
    lost = _stays(entry, None)
    fields = {name: value for name, value in fields.items() if name not in lost}
    if lost and not fields:
        return _left(id, next(iter(lost.values())))
    if entry.kind.undecodable(fields):
        return _left(id, "the stack cannot decode the previous document")
    return replace(create(id, fields), kind=entry.kind), _note(id, lost, "is missing")


def _removed(entry: BackupEntry, live: Live) -> tuple[Change | None, str]:
    """A document that was created goes away, if it is still what was created."""
    if live.conflicts:
        return _left(live.id, "it has conflicting revisions, which would be lost")
    own = live.ownership
    unread = {
        name
        for name in entry.left_out
        if isinstance(own, Ownership)
        and entry.left(write_of(own))
        and own.wrote(live.id, name, live.document.get(name))
    }
    changed = [each.name for each in field_changes(entry.new, live.document) if each.name not in unread]
    if _replaced(entry, live):
        return _left(live.id, "someone replaced it since")
    if known := [name for name in changed if name not in entry.left_out]:
        return _left(live.id, f"{listed(known)} changed since it was created")
    if changed:
        return _left(
            live.id, f"the backup was made without recipients, and cannot tell if {listed(changed)} changed since"
        )
    return change_live(Action.REMOVE, live, {}), ""


def _restored(entry: BackupEntry, live: Live) -> tuple[Change | None, str]:
    """The fields that were changed get their values from before; those that somebody changed since stay."""
    back, theirs = _split(entry, live)
    if back and _replaced(entry, live):
        return _left(live.id, "someone replaced it since")
    lost = _stays(entry, live)
    back -= lost.keys()
    fields = {name: value for name, value in live.document.items() if name not in back}
    fields |= {name: value for name, value in entry.old.items() if name in back}
    if live.kind.undecodable(fields) and not live.kind.undecodable(live.document):
        return _left(live.id, "the stack cannot decode the previous document")
    before = entry.before.ownership if entry.before else None
    key_goes_back = entry.left(write_of(live.ownership)) and before != entry.write.ownership
    action = Action.CHANGE if back or key_goes_back else Action.UNCHANGED
    change = replace(change_live(action, live, fields), released=ordered(theirs))
    return change, _note(live.id, lost, "is kept")


def _replaced(entry: BackupEntry, live: Live) -> bool:
    """Whether somebody wrote the whole document since: the key of our write is not in it, whatever its fields are."""
    return entry.write.ownership is not None and live.ownership is None


def _losing(entry: BackupEntry, live: Live | None) -> str:
    """What is said of losing revisions that were there before the run, and that no undo brings back."""
    there = {live.rev, *(each.rev for each in live.conflicts)} if live else set()
    gone = [rev for rev in entry.losing if rev not in there]
    return f"{entry.write.id}: what lost a conflict stays removed, and is in the backup: {listed(gone)}" if gone else ""


def _split(entry: BackupEntry, live: Live) -> tuple[set[str], set[str]]:
    """The fields that the run changed: those that still are what it wrote, and those that others changed since."""
    changed = {each.name for each in field_changes(entry.old, entry.new)}
    there = {name for name in changed if not _same(name, live.document, entry.old)}
    ours = {name for name in there if _same(name, live.document, entry.new)}
    return ours, there - ours


def _stays(entry: BackupEntry, live: Live | None) -> dict[str, str]:
    """The fields whose values from before are not written, each with the reason."""
    ours, theirs = _split(entry, live) if live else ({*entry.old}, set())
    stays = {
        name: f"it was {why} before" for name, why in entry.kind.unusable_fields(entry.old).items() if name in ours
    }
    stays |= dict.fromkeys(entry.left_out, "the backup was made without recipients, and has no secrets")
    if live and _PAIR & (stays.keys() | theirs):
        stays |= dict.fromkeys(ours & _PAIR - stays.keys(), "the other one of client_id and client_secret stays")
    return stays


def _same(name: str, one: Document, other: Document) -> bool:
    return same_value(name, one.get(name), other.get(name))


def _left(id: str, why: str) -> tuple[None, str]:
    return None, f"{id} is skipped: {why}"


def _note(id: str, lost: Mapping[str, str], state: str) -> str:
    """Which fields are not brought back, and why; nothing if all are."""
    reasons = {why: ordered(name for name in lost if lost[name] == why) for why in lost.values()}
    return "; ".join(f"{id}: {listed(names)} {state}: {why}" for why, names in reasons.items())
