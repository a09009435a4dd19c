"""A plan: what applying a catalogue would do to the live documents; what became of each change; and a plan as JSON.

The JSON is what is printed, and what is saved so that what was reviewed is what is written. It holds no secret, and no
digest of one: of a secret field only that it changes. The shape of the file is ``schemas/plan.schema.json``.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from provisioner.core.definitions.account_type import FIELDS, Document, same_value
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, FieldChange, Kind, kind_named
from provisioner.core.plan.store import Live, Losing
from provisioner.core.secret import Json, Secret, holds_secret
from provisioner.core.structure import UNSAVED, as_row, of_row
from provisioner.core.targets.target import Place
from provisioner.core.text import listed, printable


class Action(StrEnum):
    """What a change does to a document."""

    CREATE = "create"
    CHANGE = "change"
    ADOPT = "adopt"
    UNCHANGED = "unchanged"
    REMOVE = "remove"


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
        """What the document has under any id; empty if nothing identifies it."""
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
        meaning=tuple(live.kind.meaning(live.document, fields)),
        kind=live.kind,
        **known,
    )


class Plan(Struct, frozen=True):
    """One change for each account type, sorted by id.

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
    """No answer says whether the change was written, and the document could not be read again."""


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


VERSION = 4
"""The version of a plan in a file."""

HIDDEN = Secret(None)
"""Stands for a secret of a saved plan."""


def plan_json(plan: Plan) -> dict[str, Json]:
    """A plan: ``changes``, ``foreign`` (id → owner), ``refused`` (id → reason), and lists of ids."""
    return {
        "changes": [  # an empty action is only its place: `as_row` has it
            {"id": each.id, "action": "", "fields": [*map(_field_json, each.fields)], **as_row(each)}
            for each in plan.changes
        ],
        "foreign": dict(plan.foreign),
        "unreadable_owner": [*plan.unreadable_owner],
        "skipped": [*plan.skipped],
        "unmanaged": [*plan.unmanaged],
        "refused": dict(plan.refused),
    }


def _field_json(field: FieldChange) -> dict[str, Json]:
    """``name``, ``action``, and ``old`` and ``new``, or ``secret`` in place of both."""
    old, new = field.public
    values: dict[str, Json] = {"secret": True} if field.secret else {"old": old, "new": new}
    return {"name": field.name, "action": field.action, **values}


def _change_of(row: Mapping[str, Any]) -> Change:
    """The change in a row of `plan_json`, without secrets and documents."""
    fields = []
    for each in row["fields"]:
        old, new = each.get("old"), each.get("new")
        if each.get("secret"):
            old, new = (None if each["action"] == without else HIDDEN for without in ("add", "remove"))
        fields.append(FieldChange(each["name"], old, new))
    others = {name: value for name, value in row.items() if name != "fields"}
    return replace(of_row(Change, others), fields=tuple(fields))


class SavedPlan(NamedTuple):
    """A plan in a file: what was reviewed, for a place and an owner; `beside`: those for other kinds of documents."""

    plan: Plan
    place: Place
    owner: str | None
    beside: "tuple[SavedPlan, ...]" = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "SavedPlan":
        """The plan in the content of a file that fits its schema."""
        kind = kind_named(content.get("kind", ACCOUNT_TYPE.name))
        plan = Plan(
            changes=tuple(replace(_change_of(row), kind=kind) for row in content["changes"]),
            foreign=content["foreign"],
            unreadable_owner=tuple(content["unreadable_owner"]),
            skipped=dict.fromkeys(content["skipped"], ""),
            unmanaged=tuple(content["unmanaged"]),
            refused=content["refused"],
            kind=kind,
        )
        url, _, database = str(content["place"]).partition(" ")
        return cls(plan, Place(None, url, database), content["owner"], tuple(map(cls.of, content.get("beside", ()))))

    @property
    def content(self) -> dict[str, Any]:
        """The content of the file, with its checksum."""
        head = {"version": VERSION, "place": str(self.place), "owner": self.owner, "kind": self.plan.kind.name}
        content: dict[str, Any] = {**head, **plan_json(self.plan)}
        content |= {"beside": [each.content for each in self.beside]} if self.beside else {}
        return {**content, "checksum": checksum(content)}

    @property
    def parts(self) -> "list[SavedPlan]":
        """The plans in the file, one for each kind of document."""
        return [self, *self.beside]


def checksum(content: Mapping[str, Any]) -> str:
    """The checksum of a plan's content: a SHA-256 over all other keys."""
    others = {name: value for name, value in content.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def difference(reviewed: Change | None, change: Change) -> str:
    """How a change differs from the one that was reviewed, in words; empty if it does not.

    A removal must be of the revision that was reviewed; any other change must set the same fields from the same values
    to the same values. Of the secrets of a saved plan only their change is known.
    """
    if reviewed is None:
        return f"{change.action} was not in it"
    if reviewed.action is not change.action:
        return f"{reviewed.action} became {change.action}"
    if change.action is Action.REMOVE:
        if reviewed.rev != change.rev:
            return "the live document changed since"
        copies = [name for name in change.only_copy if name not in reviewed.only_copy]
        return f"it became the only copy of {listed(copies)}" if copies else ""
    secrets = {field.name for field in reviewed.fields if holds_secret(field.old) or holds_secret(field.new)}
    if names := secrets & ({*reviewed.edited} ^ {*change.edited}):
        return f"someone else changed {listed(ordered(names))} since"
    replaced = any(holds_secret(field.old) for field in reviewed.fields)
    signed = change.live is not None and change.live.ownership is not None
    if replaced and not signed and reviewed.rev != change.rev:  # without an owner, no digest tells
        return "the live document changed since"
    before, now = ({field.name: field for field in each.fields} for each in (reviewed, change))
    both = before.keys() & now.keys()
    return listed(ordered(before.keys() ^ now.keys() | {name for name in both if not _same(before[name], now[name])}))


def _same(reviewed: FieldChange, now: FieldChange) -> bool:
    if reviewed.action != now.action or reviewed.secret != now.secret:
        return False
    sides = zip((reviewed.old, reviewed.new), (now.old, now.new), now.public, strict=True)
    return all(same_value(now.name, one, other) or one in (HIDDEN, saved) for one, other, saved in sides)
