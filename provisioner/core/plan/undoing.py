"""Plans the way back of a backup: each field gets the value from before, unless somebody changed it since."""

from collections.abc import Iterator
from dataclasses import replace

from provisioner.core.definitions.account_type import Document, same_value
from provisioner.core.plan.backup import Backup, Entry, State
from provisioner.core.plan.changes import Action, Change, Plan, change_live, create, field_changes, ordered
from provisioner.core.plan.ownership import Ownership, Signature, UnknownForm
from provisioner.core.plan.planning import owner_of, to_write
from provisioner.core.plan.store import Live, Snapshot, Write
from provisioner.core.text import listed


def way_back(backup: Backup, snapshot: Snapshot) -> tuple[Plan, tuple[str, ...]]:
    """The plan that takes back what a backup was made before, and what of it cannot be taken back."""
    changes: list[Change] = []
    warnings: list[str] = []
    for id, entry in sorted(backup.entries.items()):
        live = snapshot.documents.get(id)
        change = change_back(id, entry, live, backup.owner)
        if isinstance(change, str):
            warnings.append(f"{id} stays as it is: {change}")
        elif change is not None:
            changes.append(change)
            warnings += _lost(id, entry, change)
    return Plan(tuple(changes), ready=snapshot.ready), tuple(warnings)


def change_back(id: str, entry: Entry, live: Live | None, owner: str | None) -> Change | str | None:
    """The change that takes back a write, or why there can be none; ``None`` if nothing is left to take back."""
    if live is not None and isinstance(live.ownership, UnknownForm):
        return "this version cannot read its owner"
    if live is not None and owner_of(live) not in ("", owner) and not _is_after(entry, live):
        return f"it belongs to the owner {owner_of(live)} now"
    if entry.before is None:
        return None if live is None else _uncreated(entry, live)
    if entry.after is None:
        return _undeleted(id, entry.before, live)
    return "someone deleted it since" if live is None else _restored(entry, entry.before, entry.after, live)


def write_back(change: Change, entry: Entry, signature: Signature | None) -> Write:
    """The write that makes a change of a way back: the key ``provision`` goes back with the fields.

    If a later apply signed the document, or a secret does not go back, the key is signed anew: it tells of more than
    goes back.
    """
    before = entry.before.ownership if entry.before else None
    if change.action is Action.REMOVE:
        return to_write(change, signature)
    if change.action is Action.CREATE:
        return Write(change.id, None, change.after, _without_lost(change, entry, before, signature))
    assert change.live is not None
    own = change.live.ownership
    if _is_after(entry, change.live) and not entry.left_out:
        return Write(change.id, change.rev, change.after, before)
    if signature is None or not isinstance(own, Ownership):
        return Write(change.id, change.rev, change.after, None)
    changed = [field.name for field in change.fields]
    held = own.edited(change.id, change.live.document) - {*changed}
    owned = {name for name in own.fields if name in change.after or name in held}
    owned |= {name for name in changed if before and name in before.fields and name in change.after}
    return Write(
        change.id, change.rev, change.after, signature.sign(change.id, change.after, owned, changed, own, held)
    )


def _without_lost(
    change: Change, entry: Entry, before: Ownership | None, signature: Signature | None
) -> Ownership | None:
    """The key of a document that comes back: the one from before, unless secrets of it are lost."""
    if before is None or not entry.left_out or signature is None:
        return before
    owned = [name for name in before.fields if name in change.after]
    return signature.sign(change.id, change.after, owned, (), before)


def _uncreated(entry: Entry, live: Live) -> Change | str:
    """A document that was created goes away, if it is still what was created."""
    created = entry.after.document if entry.after else {}
    own = entry.after.ownership if entry.after else None
    unread = {name for name in entry.left_out if own and own.wrote(live.id, name, live.document.get(name))}
    changed = [each.name for each in field_changes(created, live.document) if each.name not in unread]
    return f"{listed(changed)} changed since it was created" if changed else change_live(Action.REMOVE, live, {})


def _undeleted(id: str, before: State, live: Live | None) -> Change | str:
    """A document that was deleted comes back; CouchDB lost its attachments."""
    fields = {name: value for name, value in before.document.items() if not name.startswith("_")}
    if live is None:
        return create(id, fields)
    return "someone created it again since" if field_changes(fields, live.document) else _stays(live)


def _restored(entry: Entry, before: State, after: State, live: Live) -> Change:
    """The fields that were changed get their values from before; those that somebody changed since stay."""
    changed = {each.name for each in field_changes(before.document, after.document)} - {*entry.left_out}
    back = {name for name in changed if _same(name, live.document, after.document)}
    fields = {name: value for name, value in live.document.items() if name not in back}
    fields |= {name: value for name, value in before.document.items() if name in back}
    kept = {name for name in changed - back if not _same(name, live.document, before.document)}
    key_changes = _is_after(entry, live) and before.ownership != after.ownership
    action = Action.CHANGE if key_changes or field_changes(live.document, fields) else Action.UNCHANGED
    return replace(change_live(action, live, fields), released=ordered(kept))


def _stays(live: Live) -> Change:
    return change_live(Action.UNCHANGED, live, live.document)


def _same(name: str, one: Document, other: Document) -> bool:
    return same_value(name, one.get(name), other.get(name))


def _is_after(entry: Entry, live: Live) -> bool:
    """Whether the key of a live document is the one that the write left there."""
    return live.ownership == (entry.after.ownership if entry.after else None)


def _lost(id: str, entry: Entry, change: Change) -> Iterator[str]:
    """The secrets that a backup without secrets cannot bring back."""
    if entry.left_out and change.action is not Action.REMOVE:
        state = "is missing" if change.action is Action.CREATE else "stays as it is"
        yield f"{id}: {listed(entry.left_out)} {state}: the backup was made without recipients, and has no secrets"
