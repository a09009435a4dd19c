"""Makes plans: compares definitions with live documents."""

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, SECRET_FIELDS, Document, field_of
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.changes import (
    Change,
    Create,
    Notes,
    Plan,
    Remove,
    TakeOver,
    Takes,
    Unchanged,
    Update,
    Writing,
    field_changes,
    ordered,
    takes_all,
)
from provisioner.core.plan.ownership import Ownership, Signature, UnknownForm
from provisioner.core.plan.store import Live, Snapshot, Write
from provisioner.core.text import listed

MOST_REMOVES = 2
"""A prune may always delete this many documents."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose plan it is, and what it looks at.

    `owner`: without one nothing is ever removed. `whole`: the definitions are all that the owner has within what
    the target `takes`, so that a live document of the owner that none of them defines is to be removed.
    `keep_rotated`: a credential that someone else changed since our last apply stays, if our source did not change.
    """

    owner: str | None = None
    whole: bool = False
    takes: Takes = takes_all
    keep_rotated: bool = False


def make_plan(definitions: Iterable[Definition], snapshot: Snapshot, scope: Scope) -> Plan:
    """The plan that brings the live documents of a snapshot to what the definitions say."""
    wanted = {definition.id: definition for definition in definitions}
    documents = snapshot.documents
    changes: list[Change] = [
        plan_change(each, documents.get(each.id), scope.owner, keep_rotated=scope.keep_rotated)
        for each in wanted.values()
    ]
    ours = [
        live for live in documents.values() if scope.owner and owner_of(live) == scope.owner and scope.takes(live.id)
    ]
    unmanaged: list[str] = []
    if scope.whole:
        changes += [_removal(live) for live in ours if live.id not in wanted]
        free = (id for id, live in documents.items() if live.ownership is None and id not in wanted)
        unmanaged = sorted(filter(scope.takes, free))
    owners = {id: owner_of(documents[id]) for id in sorted(wanted) if id in documents}
    return Plan(
        changes=tuple(sorted(changes, key=lambda change: change.id)),
        ready=snapshot.ready,
        owned=len(ours),
        foreign=tuple((id, owner) for id, owner in owners.items() if owner not in ("", scope.owner)),
        unknown_form=tuple(sorted(id for id, live in documents.items() if isinstance(live.ownership, UnknownForm))),
        unmanaged=tuple(unmanaged),
    )


def plan_change(
    definition: Definition, live: Live | None, owner: str | None = None, *, keep_rotated: bool = False
) -> Create | Update | TakeOver | Unchanged:
    """The change that one account type needs.

    A live field that the definition does not mention is kept, unless its owner set it and nobody changed it since, or
    it is one of the definition's fields in another spelling (``CLIENT_ID``), which the stack might read instead.
    Credentials are always kept: they come from several places, and one that is out of reach must not remove them.
    """
    wanted = definition.document
    owned = ordered(wanted.keys()) if owner else ()
    if live is None:
        return Create(definition.id, wanted, owned)
    before = live.ownership if owner and isinstance(live.ownership, Ownership) else None
    edited = before.edited(live.id, live.document) if before else frozenset()
    held = _rotated(before, live, wanted, edited) if before and before.owner == owner and keep_rotated else frozenset()
    wanted = {name: value for name, value in wanted.items() if name not in held}
    dropped = before.fields.keys() - wanted.keys() - edited - held if before else set()
    credentials = dropped & set(CREDENTIAL_FIELDS)
    misspelled = {name for name in live.document if name not in wanted and field_of(name) in wanted}
    gone = (dropped - credentials) | misspelled
    after = {name: value for name, value in live.document.items() if name not in gone} | dict(wanted)
    kept = live.document.keys() - wanted.keys() - gone - held
    former = owner_of(live)
    notes = Notes(
        kept=ordered(kept),
        released=ordered(kept & edited),
        edited=ordered(edited),
        held=ordered(held),
        taken_from=None if owner is None or former == owner else former,
    )
    owned = ordered({*wanted, *credentials, *held}) if owner else ()
    if field_changes(live.document, after):
        return Update(live, notes, after, owned)
    if owner and not _signed(before, owner, owned, edited - held):
        return TakeOver(live, notes, owned)
    return Unchanged(live, notes)


def _rotated(before: Ownership, live: Live, wanted: Document, edited: frozenset[str]) -> frozenset[str]:
    """The credentials that someone else changed while our source still has what we wrote last.

    A client_id goes with its client_secret.
    """
    stale = {
        name
        for name in edited & set(CREDENTIAL_FIELDS) & wanted.keys() & live.document.keys()
        if before.wrote(live.id, name, wanted[name])
    }
    return frozenset(stale) if stale & SECRET_FIELDS else frozenset()


def _signed(before: Ownership | None, owner: str, owned: Iterable[str], edited: Iterable[str]) -> bool:
    """Whether the live key says already what it should."""
    return before is not None and before.owner == owner and before.fields.keys() == {*owned} and not edited


def owner_of(live: Live) -> str:
    """The owner of a live document; an empty text if it has none."""
    return live.ownership.owner if isinstance(live.ownership, Ownership) else ""


def _removal(live: Live) -> Remove:
    assert isinstance(live.ownership, Ownership)
    edited = live.ownership.edited(live.id, live.document)
    others = live.document.keys() - live.ownership.fields.keys()
    obstacles = []
    if edited:
        obstacles.append(f"someone else changed {listed(ordered(edited))}")
    if others:
        obstacles.append(f"it also holds {listed(ordered(others))}, which this owner did not set")
    if live.conflicts:
        obstacles.append("it has conflicting revisions")
    return Remove(live, Notes(edited=ordered(edited)), tuple(obstacles))


def prune_refusal(plan: Plan) -> str | None:
    """Why a prune would remove too much at once, if it would: more than two, and more than half of what is ours."""
    removes = len(plan.removes)
    if removes <= MOST_REMOVES or removes * 2 <= plan.owned:
        return None
    return f"prune would delete {removes} of the {plan.owned} account types that this owner has here"


def to_write(change: Writing, signature: Signature | None) -> Write:
    """The write that makes a change; without an owner nothing is signed.

    A deletion is signed too: its tombstone says that the owner made it, and not someone else.
    """
    if isinstance(change, Remove):
        signed = signature.sign(change.id, {}, (), (), None) if signature else None
        return Write(change.id, change.rev, None, signed, leaves=tuple(losing.rev for losing in change.conflicts))
    if signature is None:
        return Write(change.id, change.rev, change.after)
    live = None if isinstance(change, Create) else change.live.ownership
    before = live if isinstance(live, Ownership) else None
    changed = [field.name for field in change.fields]
    held = () if isinstance(change, Create) else change.notes.held
    signed = signature.sign(change.id, change.after, change.owned, changed, before, held)
    return Write(change.id, change.rev, change.after, signed)
