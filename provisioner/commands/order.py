"""How a plan is to be applied, and where its changes lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.backup import Entry
from provisioner.core.plan.changes import Change, Writing
from provisioner.core.plan.ownership import Signature, UnknownForm
from provisioner.core.plan.planning import owner_of, plan_change, to_write
from provisioner.core.plan.store import Live, Write


class Course(Protocol):
    """Where the changes of a plan lead: to what a catalogue says, or back to what a backup holds."""

    def write(self, change: Writing) -> Write:
        """The write that makes a change."""

    def again(self, tried: Writing, live: Live | None) -> Change | str:
        """A change anew, after somebody else wrote meanwhile; or why there can be none."""


@dataclass(frozen=True, slots=True)
class ToDefinitions:
    """The course to what definitions say (by id); `signature`: what the writes are signed with, none without an owner.

    `keep_rotated` is as in `Scope`.
    """

    definitions: Mapping[str, Definition]
    signature: Signature | None = None
    keep_rotated: bool = False

    def write(self, change: Writing) -> Write:
        """The write that makes a change, with the key of the owner."""
        return to_write(change, self.signature)

    def again(self, tried: Writing, live: Live | None) -> Change | str:
        """Plan a change anew."""
        owner = self.signature.owner if self.signature else None
        if live is not None and isinstance(live.ownership, UnknownForm):
            return "someone wrote it meanwhile with a key `provision` that this version cannot read"
        allowed = {"", owner or "", tried.notes.taken_from or ""}
        if live is not None and owner_of(live) not in allowed:
            return f"it belongs to the owner {owner_of(live)} now: nothing was overwritten"
        return plan_change(self.definitions[tried.id], live, owner, keep_rotated=self.keep_rotated)


class Journal(Protocol):
    """Keeps what is about to be changed, and then which of it was written."""

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Keep some more documents, by id, or newer states of them. Raises `ProvisionError`."""

    def confirm(self, id: str, rev: str | None) -> None:
        """Record that a write of ours is in the database.

        `rev` is the revision that the write made, or that it removed: a losing one, or all of a document with it.
        ``None``: the document is gone, and no answer named the revision of the deletion.
        """


@dataclass(frozen=True, slots=True)
class Order:
    """How a plan is to be applied.

    `prune_changed`: a prune also takes documents into which others put something. `reviewed`: a person agreed to
    exactly these changes, so that one that turns out different is not made. `refused`: changes that are not to be made,
    with the reason. `journal`: what keeps the documents before each write.
    """

    course: Course
    prune: bool = False
    prune_changed: bool = False
    resolve_conflicts: bool = False
    reviewed: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    journal: Journal | None = None
