"""A `Store` in memory, as honest as a real one: revisions, conflicts, deleted documents."""

import uuid
from collections.abc import Iterator, Sequence

from provisioner.core.definitions.account_type import Document
from provisioner.core.errors import NotFound
from provisioner.core.plan.store import Conflict, Live, Local, Snapshot, Write, WriteResult, Written


class MemoryStore:
    def __init__(self) -> None:
        self.created = False
        self.documents: dict[str, Live] = {}
        self.locals: dict[str, Local] = {}
        self.design = False

    def read(self, ids: Sequence[str]) -> Snapshot:
        found = {id: self.documents[id] for id in ids if id in self.documents}
        return Snapshot(found, ready=self.created and bool(self.documents or self.design))

    def read_all(self) -> Snapshot:
        if not self.created:
            raise NotFound("no database")
        return Snapshot(dict(self.documents), ready=bool(self.documents or self.design))

    def read_local(self, name: str) -> Local | None:
        return self.locals.get(name)

    def write_local(self, local: Local) -> None:
        self.locals[local.name] = Local(local.name, self._revision(local.rev), dict(local.body))

    def prepare(self) -> None:
        self.created = self.design = True

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        for write in writes:
            yield self._write(write)

    def _write(self, write: Write) -> WriteResult:
        live = self.documents.get(write.id)
        if (live.rev if live else None) != write.rev:
            return Conflict(write.id)
        rev = self._revision(write.rev)
        if write.document is None:
            del self.documents[write.id]
        else:
            self.documents[write.id] = Live(write.id, rev, dict(write.document))
        return Written(write.id, rev)

    def put(self, id: str, document: Document) -> str:
        """Write a document as somebody else would."""
        self.created = True
        live = self.documents.get(id)
        rev = self._revision(live.rev if live else None)
        self.documents[id] = Live(id, rev, document)
        return rev

    @staticmethod
    def _revision(before: str | None) -> str:
        generation = int(before.partition("-")[0]) + 1 if before else 1
        return f"{generation}-{uuid.uuid4().hex}"
