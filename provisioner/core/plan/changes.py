"""A plan: what applying a catalogue would do to the live documents, as a value.

::

    Change = Create | Update | Unchanged | Remove
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from provisioner.core.definitions.account_type import (
    CREDENTIAL_FIELDS,
    FIELDS,
    Document,
    missing_credentials,
    same_value,
)
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.ownership import Ownership, Record
from provisioner.core.plan.store import Live, Snapshot, Write
from provisioner.core.secret import Json, Secret

MOST_REMOVES = 2
"""So many documents a prune may always delete."""

NO_RECORD = Record("", "00")
"""The record of an owner that owns nothing."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that gets another value; ``None`` stands for no field."""

    name: str
    old: Json | Secret
    new: Json | Secret


@dataclass(frozen=True, slots=True)
class Create:
    id: str
    after: Document
    rev: None = None
    kept: tuple[str, ...] = ()
    outside: None = None

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        return _field_changes({}, self.after)


@dataclass(frozen=True, slots=True)
class Update:
    """A new document in place of the revision `rev`.

    `kept` are live fields that the definition does not mention. `outside` are our fields that somebody else changed
    since our last apply, ``None`` where nobody touched the document.
    """

    id: str
    rev: str
    before: Document
    after: Document
    kept: tuple[str, ...]
    outside: tuple[str, ...] | None = None

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        return _field_changes(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Unchanged:
    id: str
    rev: str
    document: Document
    kept: tuple[str, ...]
    outside: tuple[str, ...] | None = None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Remove:
    """A document that we own and whose definition is gone. Only a prune deletes it."""

    id: str
    rev: str
    before: Document
    outside: tuple[str, ...] | None = None
    fields: tuple[FieldChange, ...] = ()
    kept: tuple[str, ...] = ()


Change: TypeAlias = Create | Update | Unchanged | Remove
Writing: TypeAlias = Create | Update | Remove


def action(change: Change) -> str:
    """The word for a change: ``create``, ``change``, ``unchanged`` or ``remove``."""
    match change:
        case Create():
            return "create"
        case Update():
            return "change"
        case Unchanged():
            return "unchanged"
        case Remove():
            return "remove"
        case _:
            assert_never(change)


@dataclass(frozen=True, slots=True)
class Plan:
    """One change an account type, sorted by id.

    `ready`: the database is there and need not be prepared. `foreign`: the ids that another owner owns, with its name.
    `skipped`: new account types that were left out because they lack credentials.
    """

    changes: tuple[Change, ...]
    ready: bool = True
    foreign: tuple[tuple[str, str], ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def writes(self) -> tuple[Create | Update, ...]:
        return tuple(change for change in self.changes if isinstance(change, Create | Update))

    @property
    def removes(self) -> tuple[Remove, ...]:
        return tuple(change for change in self.changes if isinstance(change, Remove))

    @property
    def differs(self) -> bool:
        """Whether the live documents are not what the definitions say."""
        return bool(self.writes or self.removes)

    @property
    def created(self) -> int:
        return sum(isinstance(change, Create) for change in self.changes)

    @property
    def changed(self) -> int:
        return sum(isinstance(change, Update) for change in self.changes)

    @property
    def unchanged(self) -> int:
        return sum(isinstance(change, Unchanged) for change in self.changes)

    @property
    def incomplete(self) -> Mapping[str, tuple[str, ...]]:
        """The new account types that cannot work yet, with the credentials that they lack."""
        created = (change for change in self.changes if isinstance(change, Create))
        lacking = {change.id: missing_credentials(change.after) for change in created}
        return {id: names for id, names in lacking.items() if names}

    def without(self, ids: Iterable[str]) -> "Plan":
        """The same plan with some new account types left out."""
        left_out = frozenset(ids)
        changes = tuple(change for change in self.changes if change.id not in left_out)
        return replace(self, changes=changes, skipped=tuple(sorted(left_out)))


def make_plan(
    definitions: Iterable[Definition], snapshot: Snapshot, ownership: Ownership | None = None, *, whole: bool = False
) -> Plan:
    """The plan that brings the live documents of a snapshot to what the definitions say.

    `whole`: the definitions are the whole catalogue, so that a document that we own and that none of them defines is
    to be removed.
    """
    record = ownership.own if ownership else NO_RECORD
    wanted = {definition.id: definition for definition in definitions}
    changes: list[Change] = [plan_change(each, snapshot.documents.get(each.id), record) for each in wanted.values()]
    if whole:
        gone = (snapshot.documents.get(id) for id in record.account_types.keys() - wanted.keys())
        changes += (Remove(live.id, live.rev, live.document, _outside(live, record)) for live in gone if live)
    foreign = ownership.foreign if ownership else {}
    return Plan(
        tuple(sorted(changes, key=lambda change: change.id)),
        snapshot.ready,
        tuple((id, foreign[id]) for id in sorted(wanted) if id in foreign),
    )


def plan_change(definition: Definition, live: Live | None, record: Record = NO_RECORD) -> Create | Update | Unchanged:
    """The change that one account type needs.

    A live field that the definition does not mention is kept, unless our record says that we set it. Credentials are
    always kept: they come from several places, and one that is out of reach must not take them away.
    """
    wanted = definition.document
    if live is None:
        return Create(definition.id, wanted)
    owned = record.account_types.get(definition.id)
    ours = (owned.fields.keys() if owned else set()) - wanted.keys() - set(CREDENTIAL_FIELDS)
    kept = tuple(_ordered(live.document.keys() - wanted.keys() - ours))
    after = {name: value for name, value in live.document.items() if name not in ours} | dict(wanted)
    outside = _outside(live, record)
    if _field_changes(live.document, after):
        return Update(live.id, live.rev, live.document, after, kept, outside)
    return Unchanged(live.id, live.rev, live.document, kept, outside)


def prune_refusal(plan: Plan, record: Record) -> str | None:
    """Why a prune would take away too much at once, if it would: more than two, and more than half of what we own."""
    removes, owned = len(plan.removes), len(record.account_types)
    if removes <= MOST_REMOVES or removes * 2 <= owned:
        return None
    return f"prune would delete {removes} of the {owned} account types that we own"


def to_write(change: Writing) -> Write:
    """The write that makes a change."""
    return Write(change.id, change.rev, None if isinstance(change, Remove) else change.after)


def _outside(live: Live, record: Record) -> tuple[str, ...] | None:
    moved = record.moved(live.id, live.rev, live.document)
    return None if moved is None else tuple(_ordered(moved))


def _field_changes(before: Document, after: Document) -> tuple[FieldChange, ...]:
    changes = (FieldChange(name, before.get(name), after.get(name)) for name in _ordered(before.keys() | after.keys()))
    return tuple(change for change in changes if not same_value(change.name, change.old, change.new))


_POSITION: Mapping[str, int] = {name: position for position, name in enumerate(FIELDS)}


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (_POSITION.get(name, len(FIELDS)), name))
