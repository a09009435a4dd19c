"""Sees what changes in a database of account types, as it happens."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from provisioner.commands.drift import of_all, of_some
from provisioner.core.plan.drift import Drift, Expected
from provisioner.core.plan.event import APPLIED, FOREIGN, REMOVED, Event
from provisioner.core.plan.ownership import Ownership
from provisioner.core.plan.store import Live, Snapshot, Store


@dataclass
class Watch:
    """One database under watch. `drift` is what others changed, by id.

    `last_apply`: when the owner wrote last, in seconds since 1970; 0 if that is not known.
    """

    target: str | None
    expected: Expected
    drift: dict[str, Drift] = field(default_factory=dict)
    last_apply: float = 0.0

    def refresh(self, store: Store, snapshot: Snapshot) -> None:
        """Take in all documents, which were read. Raises `StoreError`."""
        self.drift = {each.id: each for each in of_all(self.expected, store, snapshot)}
        self._note_applies(snapshot.documents.values())

    def changed(self, store: Store, ids: Sequence[str], at: str) -> list[Event]:
        """The events of some documents that changed; those that may change, and those of a design, have none.

        Raises `StoreError`.
        """
        ids = [id for id in dict.fromkeys(ids) if not id.startswith("_design/")]
        if not ids:
            return []
        documents = store.read(ids).documents
        found = {each.id: each for each in of_some(self.expected, store, documents, ids)}
        self.drift = {id: each for id, each in self.drift.items() if id not in ids} | found
        self._note_applies(documents.values())
        told = (self._event(id, documents.get(id), found.get(id), at) for id in ids if self.expected.tells(id))
        return [event for event in told if event]

    def _event(self, id: str, live: Live | None, drift: Drift | None, at: str) -> Event | None:
        if live is None:
            return Event(self.target, id, drift.kind if drift else REMOVED, at, drift=drift)
        if drift is not None:
            return Event(self.target, id, drift.kind, at, live.rev, drift)
        own = live.ownership
        if not isinstance(own, Ownership) or own.owner != self.expected.owner:
            return Event(self.target, id, FOREIGN, at, live.rev)
        if own.edited(id, live.document):  # only where others may
            return None
        return Event(self.target, id, APPLIED, at, live.rev)

    def _note_applies(self, documents: Collection[Live]) -> None:
        owner = self.expected.owner
        owns = (live.ownership for live in documents)
        times = (_seconds(own.at) for own in owns if isinstance(own, Ownership) and own.owner == owner)
        self.last_apply = max([self.last_apply, *times])


def _seconds(at: str) -> float:
    """A time in seconds since 1970; 0 for a text that is none, since anybody can write one into a document."""
    try:
        return datetime.fromisoformat(at).timestamp()
    except (ValueError, OverflowError):
        return 0.0
