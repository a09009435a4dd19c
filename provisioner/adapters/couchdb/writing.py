"""Writes documents: few by one ``PUT`` each, many by ``_bulk_docs``, and gives the result of each."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeAlias
from urllib.parse import quote

from provisioner.adapters.couchdb.answers import batch_results, put_result
from provisioner.adapters.couchdb.connection import CONNECTIONS, Connection, CouchAnswer
from provisioner.core.errors import StoreError
from provisioner.core.plan.ownership import KEY, ownership_json
from provisioner.core.plan.store import NotAccepted, Unanswered, Write, WriteResult
from provisioner.core.rules.ids import why_no_id
from provisioner.core.secret import Json, Secret

MAX_SINGLE_WRITES = 32
"""More writes than these go through ``_bulk_docs``, which is many times faster."""

WRITES_A_BATCH = 500
BYTES_A_BATCH = 4_000_000

_TOO_LARGE = (400, 413)
"""Answers to a batch that one of its documents, or its size, may be the cause of."""

_INTERRUPTED = "not written: the run was interrupted"

Send = Callable[[str, str, object], CouchAnswer]
"""Sends a request; raises the errors that are the same for every request."""

Body: TypeAlias = dict[str, Json | Secret]

_Item: TypeAlias = tuple[Write, Body]
"""A write of a batch, and its body as it is sent."""


class Writer:
    """Writes to one database."""

    def __init__(self, connection: Connection, send: Send, path: str) -> None:
        self._connection = connection
        self._send = send
        self._path = path

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        """One result a write, in the order in which they are known. Raises nothing but interruptions.

        Nothing is written under an id that no document can have, such as ``_security``.
        """
        refused = {write.id: why for write in writes if (why := why_no_id(write.id))}
        yield from (NotAccepted(id, f"no document can have this id: {why}") for id, why in refused.items())
        writes = [write for write in writes if write.id not in refused]
        if len(writes) <= MAX_SINGLE_WRITES:
            yield from self._put_all(writes)
            return
        for batch in _batches([(write, {"_id": write.id, **_body(write)}) for write in writes]):
            yield from self._put_batch(batch)

    def _put_all(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        if not writes:
            return
        with ThreadPoolExecutor(max_workers=min(CONNECTIONS, len(writes))) as pool:
            waiting = [pool.submit(self._put, write) for write in writes]
            yield from (done.result() for done in as_completed(waiting))

    def _put(self, write: Write) -> WriteResult:
        if self._connection.stopped:
            return NotAccepted(write.id, _INTERRUPTED)
        try:
            return put_result(write.id, self._send("PUT", f"{self._path}/{quote(write.id, safe='')}", _body(write)))
        except StoreError as error:
            return _without_answer(write.id, error)

    def _put_batch(self, batch: Sequence[_Item]) -> Iterator[WriteResult]:
        """Write a batch; one that fails as a whole is split until the culprit is alone."""
        writes = [write for write, _ in batch]
        if self._connection.stopped:
            yield from (NotAccepted(write.id, _INTERRUPTED) for write in writes)
            return
        try:
            answer = self._send("POST", f"{self._path}/_bulk_docs", {"docs": [body for _, body in batch]})
        except StoreError as error:
            yield from (_without_answer(write.id, error) for write in writes)
            return
        if answer.status not in _TOO_LARGE:
            yield from batch_results([write.id for write in writes], answer)
        elif len(writes) == 1:
            yield from self._put_all(writes)
        else:
            middle = len(batch) // 2
            yield from self._put_batch(batch[:middle])
            yield from self._put_batch(batch[middle:])


def _without_answer(id: str, error: StoreError) -> WriteResult:
    """What an error means for a write: some errors come before anything is sent."""
    return Unanswered(id, str(error)) if error.lost else NotAccepted(id, str(error))


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Items in batches that are bounded by their number and their bytes."""
    start = size = 0
    for position, (_, body) in enumerate(items):
        length = len(json.dumps(body, default=Secret.reveal))
        if position > start and (position - start == WRITES_A_BATCH or size + length > BYTES_A_BATCH):
            yield items[start:position]
            start, size = position, 0
        size += length
    if start < len(items):
        yield items[start:]


def _body(write: Write) -> Body:
    """What is sent; the connection reveals the secrets in it."""
    fields: Body = {"_deleted": True} if write.document is None else {**write.document}
    if write.ownership is not None:
        fields = {**fields, KEY: ownership_json(write.ownership)}
    return fields if write.rev is None else {"_rev": write.rev, **fields}
