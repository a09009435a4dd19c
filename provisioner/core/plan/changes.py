"""A plan: what applying a catalogue would do to the live documents, as a value.

::

    Change = Create | Update | TakeOver | Unchanged | Remove
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from provisioner.core.definitions.account_type import FIELDS, Document, lacking, same_value
from provisioner.core.plan.store import Live, Losing
from provisioner.core.secret import Json, Secret
from provisioner.core.text import listed


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that gets another value; ``None`` stands for no field."""

    name: str
    old: Json | Secret
    new: Json | Secret


@dataclass(frozen=True, slots=True)
class Notes:
    """What a reader of a plan should know of a live document.

    `kept`: live fields that the definition does not mention and that stay. `released`: those of them that we had set
    and somebody else changed since, so that they are theirs now. `edited`: our fields that somebody else changed since
    our last apply. `held`: credentials among these that stay, because our source still has the value of our last apply:
    someone rotated them. `taken_from`: whose the document was if it becomes ours (an empty text: it had no owner), else
    ``None``.
    """

    kept: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    taken_from: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """A new document; `owned` are the fields that become ours."""

    id: str
    after: Document
    owned: tuple[str, ...] = ()
    rev: None = None
    notes: Notes = field(default_factory=Notes)
    conflicts: tuple[Losing, ...] = ()

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that change, each with its old and new value."""
        return field_changes({}, self.after)


@dataclass(frozen=True, slots=True)
class _OfLive:
    live: Live
    notes: Notes

    @property
    def id(self) -> str:
        return self.live.id

    @property
    def rev(self) -> str:
        return self.live.rev

    @property
    def before(self) -> Document:
        return self.live.document

    @property
    def conflicts(self) -> tuple[Losing, ...]:
        return self.live.conflicts


@dataclass(frozen=True, slots=True)
class Update(_OfLive):
    """New values in place of those of the live document; `owned` are the fields that are ours afterwards."""

    after: Document
    owned: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that change, each with its old and new value."""
        return field_changes(self.before, self.after)


@dataclass(frozen=True, slots=True)
class TakeOver(_OfLive):
    """A document that has the right values already: only the key that makes it ours is written."""

    owned: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()

    @property
    def after(self) -> Document:
        """The document as it is to be."""
        return self.before


@dataclass(frozen=True, slots=True)
class Unchanged(_OfLive):
    """The live document is as defined; nothing is written."""

    fields: tuple[FieldChange, ...] = ()

    @property
    def after(self) -> Document:
        """The document as it is to be."""
        return self.before


@dataclass(frozen=True, slots=True)
class Remove(_OfLive):
    """A document of ours whose definition is gone. Only a prune deletes it.

    `obstacles` say why a prune leaves it all the same: what others put into it would be lost.
    """

    obstacles: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()


Change: TypeAlias = Create | Update | TakeOver | Unchanged | Remove
Writing: TypeAlias = Create | Update | TakeOver | Remove


def action(change: Change) -> str:
    """The word for a change: ``create``, ``change``, ``take over``, ``unchanged`` or ``remove``."""
    match change:
        case Create():
            return "create"
        case Update():
            return "change"
        case TakeOver():
            return "take over"
        case Unchanged():
            return "unchanged"
        case Remove():
            return "remove"
        case _:
            assert_never(change)


@dataclass(frozen=True, slots=True)
class Plan:
    """One change an account type, sorted by id.

    `ready`: the database is there and need not be prepared. `owned`: how many live account types are ours.
    `foreign`: the ids of the catalogue that another owner owns, with its name. `unknown_form`: the ids whose owner
    this version cannot read. `skipped`: new account types that were left out because they lack credentials.
    `unmanaged`: live account types that have no owner and no definition, if the whole catalogue was planned.
    `deleted`: account types to create that someone else deleted, with the time of our last write. `renamed`: account
    types to create, with the id that each had before. `only_copies`: account types to remove, with the secret fields
    that no credential source has.
    """

    changes: tuple[Change, ...]
    ready: bool = True
    owned: int = 0
    foreign: tuple[tuple[str, str], ...] = ()
    unknown_form: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()
    deleted: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    only_copies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def writes(self) -> tuple[Create | Update | TakeOver, ...]:
        """The changes that write a document."""
        return tuple(change for change in self.changes if isinstance(change, Create | Update | TakeOver))

    @property
    def removes(self) -> tuple[Remove, ...]:
        """The changes that delete a document."""
        return tuple(change for change in self.changes if isinstance(change, Remove))

    @property
    def differs(self) -> bool:
        """Whether applying would write something; a prune is not part of applying."""
        return bool(self.writes)

    def number(self, *kinds: type[Change]) -> int:
        """How many changes are of some kinds."""
        return sum(isinstance(change, kinds) for change in self.changes)

    @property
    def incomplete(self) -> Mapping[str, tuple[str, ...]]:
        """The new account types that cannot work yet, with the credentials that they lack."""
        created = (change for change in self.changes if isinstance(change, Create))
        missing = {change.id: lacking(change.after) for change in created}
        return {id: names for id, names in missing.items() if names}

    @property
    def powerless(self) -> tuple[str, ...]:
        """The live account types that the plan keeps or changes, and that cannot work afterwards: credentials lack."""
        kept = (change for change in self.changes if isinstance(change, Update | Unchanged))
        return tuple(change.id for change in kept if lacking(change.after))

    def without(self, ids: Iterable[str]) -> "Plan":
        """The same plan with some new account types left out."""
        left_out = frozenset(ids)
        changes = tuple(change for change in self.changes if change.id not in left_out)
        return replace(self, changes=changes, skipped=tuple(sorted(left_out)))


Takes: TypeAlias = Callable[[str], bool]
"""Whether an id belongs to a target."""


def takes_all(_: str) -> bool:
    """Whether an id belongs to a target that takes every one: it does."""
    return True


def field_changes(before: Document, after: Document) -> tuple[FieldChange, ...]:
    """The fields that differ, in the usual order."""
    names = before.keys() | after.keys()
    different = [name for name in names if not same_value(name, before.get(name), after.get(name))]
    return tuple(FieldChange(name, before.get(name), after.get(name)) for name in ordered(different))


def losing_text(losing: Losing, document: Document) -> str:
    """Which revision lost a conflict, and in which fields it differs from the live document."""
    names = listed(change.name for change in field_changes(losing.document, document))
    return f"revision {losing.rev} differs in {names or 'nothing'}"


_POSITION: Mapping[str, int] = {name: position for position, name in enumerate(FIELDS)}


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Names of fields in the order in which we show and write them."""
    return tuple(sorted(names, key=lambda name: (_POSITION.get(name, len(FIELDS)), name)))
