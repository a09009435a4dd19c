"""A `Store` in memory, as honest as a real one: revisions, conflicts, deleted documents."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec.structs import replace

from provisioner.core.definitions.account_type import Document
from provisioner.core.plan.ownership import Ownership, Owning
from provisioner.core.plan.store import (
    Conflict,
    Live,
    Losing,
    NotAccepted,
    Security,
    Snapshot,
    Tombstone,
    Write,
    WriteResult,
    Written,
)
from provisioner.core.rules.ids import why_no_id

ADMINS_ONLY = Security(public=False)


class MemoryStore:
    def __init__(self) -> None:
        self._revisions = 0
        self.created = False
        self.documents: dict[str, Live] = {}
        self.design = False
        self.access = ADMINS_ONLY
        self.stopped = False
        self.gone: dict[str, Tombstone] = {}

    def survey(self, ids: Sequence[str] | None) -> Snapshot:
        snapshot = self.read_all() if ids is None else self.read(ids)
        return replace(snapshot, security=self.access if self.created else None)

    def read(self, ids: Sequence[str]) -> Snapshot:
        if not self.created:
            return Snapshot(ready=False, missing="the database in memory")
        return Snapshot({id: self.documents[id] for id in ids if id in self.documents}, ready=self._ready)

    def read_all(self) -> Snapshot:
        return Snapshot(dict(self.documents), ready=self._ready) if self.created else self.read([])

    @property
    def _ready(self) -> bool:
        return bool(self.documents or self.design)

    def deleted(self, ids: Sequence[str]) -> Mapping[str, Tombstone]:
        return {id: self.gone[id] for id in ids if id not in self.documents and id in self.gone}

    def half_deleted(self, ids: Sequence[str], owner: str) -> Collection[str]:
        return {id for id in ids if id in self.documents and id in self.gone and self.gone[id].is_signed_by(owner)}

    def databases(self) -> Sequence[str]:
        return ["memory"] if self.created else []

    def prepare(self) -> bool:
        missing, self.created, self.design = not self.created, True, True
        return missing

    def close_to_others(self) -> None:
        self.access = ADMINS_ONLY

    def stop(self, grace: float) -> None:
        self.stopped = True

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        for write in writes:
            yield NotAccepted(write.id, "stopped") if self.stopped else self._write(write)

    def _write(self, write: Write) -> WriteResult:
        live = self.documents.get(write.id)
        if live and write.document is None and write.rev in {losing.rev for losing in live.conflicts}:
            self._lose(live, {write.rev or ""})
            return Written(write.id, self._revision(write.rev))
        if why := why_no_id(write.id):
            return NotAccepted(write.id, why)
        if (live.rev if live else None) != write.rev:
            return Conflict(write.id)
        rev = self._revision(write.rev)
        if write.document is not None:
            if live is None:
                self.gone.pop(write.id, None)
            self.documents[write.id] = Live(
                write.id, rev, dict(write.document), write.ownership, live.conflicts if live else ()
            )
        elif live:
            self.gone[write.id] = _tombstone(write.ownership, live, rev)
            self._die(self.documents[write.id])
        return Written(write.id, rev)

    def remove(self, id: str) -> None:
        """Delete a document, if it is there, as somebody else would."""
        if (live := self.documents.pop(id, None)) is not None:
            self.gone[id] = _tombstone(None, live, self._revision(live.rev))

    def _lose(self, live: Live, revs: set[str]) -> None:
        rest = tuple(losing for losing in live.conflicts if losing.rev not in revs)
        self.documents[live.id] = Live(live.id, live.rev, live.document, live.ownership, rest)

    def _die(self, live: Live) -> None:
        """Delete the winning revision: a losing one comes to life."""
        del self.documents[live.id]
        if live.conflicts:
            first, *rest = live.conflicts
            self.documents[live.id] = Live(live.id, first.rev, first.document, None, tuple(rest))

    def put(self, id: str, document: Document, ownership: Owning = None, losing: Sequence[Document] = ()) -> str:
        """Write a document as somebody else would: without the key that says whose it is."""
        self.created = True
        live = self.documents.get(id)
        rev = self._revision(live.rev if live else None)
        if live is None:
            self.gone.pop(id, None)
        self.documents[id] = Live(id, rev, document, ownership, self.losing(losing))
        return rev

    def losing(self, documents: Sequence[Document]) -> tuple[Losing, ...]:
        """Revisions that lost a conflict."""
        return tuple(Losing(self._revision(None), each) for each in documents)

    def lose_winner(self, id: str) -> None:
        """Delete the winning revision, as somebody else would: a losing one comes to life."""
        if id in self.documents:
            self._die(self.documents[id])

    def branch(self, id: str, document: Document) -> None:
        """Add a revision that loses to the live one, as a replication would."""
        live = self.documents[id]
        self.documents[id] = Live(
            id, live.rev, live.document, live.ownership, (*live.conflicts, *self.losing([document]))
        )

    def compact(self) -> None:
        """Forget what tombstones stand for."""
        self.gone = {id: replace(each, before=None) for id, each in self.gone.items()}

    def _revision(self, before: str | None) -> str:
        """Another one each time, and the same ones in each run of a test."""
        self._revisions += 1
        generation = int(before.partition("-")[0]) + 1 if before else 1
        return f"{generation}-{hashlib.md5(str(self._revisions).encode()).hexdigest()}"  # as CouchDB


def _tombstone(signed: Ownership | None, live: Live, rev: str) -> Tombstone:
    if signed is not None:
        return Tombstone(frozenset([signed.owner]), None, rev, signed.write)
    return Tombstone(frozenset([None]), live.ownership if isinstance(live.ownership, Ownership) else None, rev)
