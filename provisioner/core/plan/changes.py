"""A plan: what applying a catalogue would do to the live documents, as a value; and what became of each change."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Struct
from msgspec.structs import force_setattr

from provisioner.core.definitions.account_type import FIELDS, Document, same_value
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.plan.store import Live, Losing
from provisioner.core.secret import Json, Secret, redacted
from provisioner.core.structure import UNSAVED
from provisioner.core.text import listed, printable


class Action(StrEnum):
    """What a change does to a document."""

    CREATE = "create"
    CHANGE = "change"
    ADOPT = "adopt"
    UNCHANGED = "unchanged"
    REMOVE = "remove"


class FieldChange(Struct, frozen=True):
    """One field that gets another value; ``None`` stands for no field."""

    name: str
    old: Json | Secret
    new: Json | Secret

    @property
    def action(self) -> str:
        """What happens to the field: ``add``, ``change`` or ``remove``."""
        return "add" if self.old is None else "remove" if self.new is None else "change"

    @property
    def secret(self) -> bool:
        """Whether no value of it may be shown."""
        return isinstance(self.old, Secret) or isinstance(self.new, Secret)

    @property
    def public(self) -> tuple[Json, Json]:
        """The old and the new value as they may be shown: secrets that lie in them are marked."""
        old, new = (None if isinstance(value, Secret) else value for value in (self.old, self.new))
        return redacted(old), redacted(new, old)


class LosingRevision(Struct, frozen=True):
    """A losing revision of a document, and the fields in which it differs from the live one."""

    rev: str
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"revision {self.rev} differs in {listed(self.fields) or 'nothing'}"


class Change(Struct, frozen=True):
    """What happens to one account type, and what a reader should know of it.

    `action`: one that adopts writes only the key that makes the document ours; one that removes is made only by a
    prune. `live` is the document as it was read, `after` as it is to be; a change from a saved plan has neither, and
    hides its secrets. `owned`: the fields that are ours afterwards. `asked`: the credentials that its definition asks
    for.

    `kept`: live fields that the definition does not mention and that stay. `released`: those of them that we had set
    and somebody else changed since, so that they are theirs. `edited`: our fields that somebody else changed since our
    last apply. `held`: credentials among these that stay, because our source still has the value of our last apply:
    someone rotated them. `adopted_from`: whose the document was if it becomes ours (empty: it had no owner), else
    ``None``. `obstacles`: why even a prune leaves the document: what others put into it would be lost.
    `deleted_since`: the account type is to be created because someone else deleted it, with the time of our last write.
    `renamed_from` and `renamed_to`: the other half of a rename. `only_copy`: the secret fields that only a document to
    remove has. `meaning`: what the change means for connected accounts.
    """

    id: str
    action: Action
    rev: str | None = None
    fields: Annotated[tuple[FieldChange, ...], UNSAVED] = ()
    live: Annotated[Live | None, UNSAVED] = None
    after: Annotated[Document, UNSAVED] = {}
    owned: Annotated[tuple[str, ...], UNSAVED] = ()
    kind: Annotated[Kind, UNSAVED] = ACCOUNT_TYPE
    asked: Annotated[tuple[str, ...], UNSAVED] = ()
    kept: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    adopted_from: str | None = None
    obstacles: tuple[str, ...] = ()
    conflicts: tuple[LosingRevision, ...] = ()
    deleted_since: str | None = None
    renamed_from: str | None = None
    renamed_to: str | None = None
    only_copy: tuple[str, ...] = ()
    meaning: tuple[str, ...] = ()

    @property
    def before(self) -> Document:
        """The document as it was read; no fields if there is none."""
        return self.live.document if self.live else {}

    @property
    def credentials(self) -> list[str]:
        """The credentials that the live document has."""
        return self.kind.credentials(self.before)

    @property
    def identity(self) -> tuple[str, ...]:
        """What stays of the document if it gets another id; empty if nothing tells."""
        return self.kind.identity(self.before if self.action is Action.REMOVE else self.after)

    @property
    def missing(self) -> tuple[str, ...]:
        """The credentials that the document lacks afterwards."""
        return self.kind.missing(self.after, self.asked)


def create(id: str, after: Document, **known: Any) -> Change:
    """A new document; `known`: the other attributes of the change."""
    return Change(id, Action.CREATE, fields=field_changes({}, after), after=after, **known)


def change_live(action: Action, live: Live, after: Document, **known: Any) -> Change:
    """A change of a live document; `known`: the other attributes of the change."""
    fields = field_changes(live.document, after) if action is Action.CHANGE else ()
    return Change(
        live.id,
        action,
        live.rev,
        fields,
        live,
        after,
        conflicts=tuple(losing_revision(losing, live.document) for losing in live.conflicts),
        meaning=tuple(live.kind.meaning(live.document, ((each.name, each.old, each.new) for each in fields))),
        kind=live.kind,
        **known,
    )


class Plan(Struct, frozen=True):
    """One change an account type, sorted by id.

    `ready`: the database is there and need not be prepared. `owned`: how many live account types are ours.
    `foreign`: the ids of the catalogue that another owner owns, with its name. `unreadable_owner`: the ids whose owner
    this version cannot read. `skipped`: new account types that were left out because they lack credentials, each with
    what to do about it.
    `unmanaged`: live account types that have no owner and no definition, if the whole catalogue was planned.
    `refused`: the account types of which nothing is written, each with the reason; they are not among the changes.
    """

    changes: tuple[Change, ...] = ()
    ready: bool = True
    owned: int = 0
    foreign: Mapping[str, str] = {}
    unreadable_owner: tuple[str, ...] = ()
    skipped: Mapping[str, str] = {}
    unmanaged: tuple[str, ...] = ()
    refused: Mapping[str, str] = {}
    kind: Kind = ACCOUNT_TYPE

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that write a document."""
        return self.of(Action.CREATE, Action.CHANGE, Action.ADOPT)

    @property
    def removes(self) -> tuple[Change, ...]:
        """The changes that delete a document."""
        return self.of(Action.REMOVE)

    def of(self, *actions: Action) -> tuple[Change, ...]:
        """The changes with some actions."""
        return tuple(change for change in self.changes if change.action in actions)

    @property
    def incomplete(self) -> dict[str, tuple[str, ...]]:
        """The new account types that cannot work yet, with the credentials that they lack."""
        return {change.id: names for change in self.of(Action.CREATE) if (names := change.missing)}


def field_changes(before: Document, after: Document) -> tuple[FieldChange, ...]:
    """The fields that differ, in the usual order."""
    names = before.keys() | after.keys()
    different = [name for name in names if not same_value(name, before.get(name), after.get(name))]
    return tuple(FieldChange(name, before.get(name), after.get(name)) for name in ordered(different))


def losing_revision(losing: Losing, document: Document) -> LosingRevision:
    """A losing revision beside the live document."""
    return LosingRevision(losing.rev, tuple(change.name for change in field_changes(losing.document, document)))


_POSITION: Mapping[str, int] = {name: position for position, name in enumerate(FIELDS)}


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Names of fields in the order in which we show and write them."""
    return tuple(sorted(names, key=lambda name: (_POSITION.get(name, len(FIELDS)), name)))


class OutcomeKind(StrEnum):
    """What became of a change, or of the database."""

    PREPARED = "database created"
    """The database did not exist, and was created. It is about no account type: its `id` is empty."""
    WRITTEN = "written"
    """The change is in the database; `rev` is the revision that it made."""
    SETTLED = "unchanged"
    """Somebody else made the same change meanwhile; we wrote nothing."""
    SKIPPED = "skipped"
    """A document whose definition is gone, and that was not to be deleted; `reason` says why."""
    RESOLVED = "resolved"
    """The losing revisions of a conflict were removed."""
    FAILED = "failed"
    """The change is not in the database."""
    UNKNOWN = "unknown"
    """No answer tells whether the change was written, and reading the document again did not tell either."""


_PAST = {
    Action.CREATE: "created",
    Action.CHANGE: "changed",
    Action.ADOPT: "adopted",
    Action.REMOVE: "removed",
    Action.UNCHANGED: "unchanged",
}


class Outcome(Struct, frozen=True):
    """What became of one change.

    `reason` says more in words. `change` is the one that was written; without `quorum`, to fewer nodes than the cluster
    wants.
    """

    kind: OutcomeKind
    id: str = ""
    rev: str | None = None
    reason: str = ""
    change: Change | None = None
    quorum: bool = True

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        force_setattr(self, "reason", printable(self.reason))

    @property
    def word(self) -> str:
        """The word for it: ``created``, ``changed``, ``skipped``, ``failed`` …."""
        return _PAST[self.change.action] if self.change and self.kind is OutcomeKind.WRITTEN else self.kind.value

    def is_bad(self, *, strict: bool = False) -> bool:
        """Whether it makes the run fail; with `strict`, also a write that missed the quorum."""
        return self.kind in (OutcomeKind.FAILED, OutcomeKind.UNKNOWN) or (strict and not self.quorum)
