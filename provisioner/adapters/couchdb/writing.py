"""Writes documents: few by one ``PUT`` each, many by ``_bulk_docs``, and gives the result of each."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple, TypeAlias
from urllib.parse import quote

from provisioner.adapters.couchdb.connection import CONNECTIONS, CouchAnswer, encoded
from provisioner.core.errors import StoreError
from provisioner.core.plan.ownership import KEY, ownership_json
from provisioner.core.plan.store import Conflict, NotAccepted, Unanswered, Write, WriteResult, Written
from provisioner.core.rules.ids import why_no_id
from provisioner.core.secret import Json, Secret

MAX_SINGLE_WRITES = 32
"""More writes than these go through ``_bulk_docs``, which is many times faster."""

WRITES_A_BATCH = 500
BYTES_A_BATCH = 4_000_000

_TOO_LARGE = (400, 413)
"""Answers to a batch that one of its documents, or its size, may be the cause of."""

_REFUSED = ("forbidden", "unauthorized", "bad_request", "doc_validation", "document_too_large")
"""Errors of a document in a batch that is not written."""

_Item: TypeAlias = tuple[Write, bytes]
"""A write of a batch, and its body as it is sent."""


class Writer(NamedTuple):
    """Writes to one database, until the run is `stopped`; `ask` sends a request to a place in it."""

    ask: Callable[[str, str, object], CouchAnswer]
    stopped: Callable[[], bool]

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        """One result a write, in the order in which they are known. Raises nothing but interruptions.

        Nothing is written under an id that no document can have, such as ``_security``.
        """
        refused = {write.id: why for write in writes if (why := why_no_id(write.id))}
        yield from (NotAccepted(id, f"no document can have this id: {why}") for id, why in refused.items())
        writes = [write for write in writes if write.id not in refused]
        if len(writes) > MAX_SINGLE_WRITES:
            for batch in _batches([(write, encoded({"_id": write.id, **_body(write)})) for write in writes]):
                yield from self._put_batch(batch)
        elif writes:
            with ThreadPoolExecutor(max_workers=min(CONNECTIONS, len(writes))) as pool:
                waiting = [pool.submit(self._put, write) for write in writes]
                yield from (done.result() for done in as_completed(waiting))

    def _put(self, write: Write) -> WriteResult:
        answer = self._answer([write], "PUT", quote(write.id, safe=""), _body(write))
        return put_result(write.id, answer) if isinstance(answer, CouchAnswer) else answer[0]

    def _put_batch(self, batch: Sequence[_Item]) -> Iterator[WriteResult]:
        """Write a batch; one that fails as a whole is split until the culprit is alone."""
        writes = [write for write, _ in batch]
        content = b'{"docs": [' + b", ".join(body for _, body in batch) + b"]}"
        answer = self._answer(writes, "POST", "_bulk_docs", content)
        if not isinstance(answer, CouchAnswer):
            yield from answer
        elif answer.status not in _TOO_LARGE:
            yield from batch_results([write.id for write in writes], answer)
        elif len(writes) == 1:
            yield self._put(writes[0])
        else:
            middle = len(batch) // 2
            yield from self._put_batch(batch[:middle])
            yield from self._put_batch(batch[middle:])

    def _answer(self, writes: Sequence[Write], method: str, path: str, body: object) -> CouchAnswer | list[WriteResult]:
        """The answer to some writes, or their results if there is none: some errors come before anything is sent."""
        if self.stopped():
            return [NotAccepted(write.id, "not written: the run was interrupted") for write in writes]
        try:
            return self.ask(method, path, body)
        except StoreError as error:
            kind = Unanswered if error.lost else NotAccepted
            return [kind(write.id, str(error)) for write in writes]


def put_result(id: str, answer: CouchAnswer) -> WriteResult:
    """What the answer to a single write says."""
    match answer.status, answer.body:
        case 409, _:
            return Conflict(id, answer.lost)
        case ((200 | 201 | 202), {"rev": str(rev)}):
            return Written(id, rev, quorum=answer.status != 202)
        case ((200 | 201 | 202), _):
            return Unanswered(id, "the answer has no revision")
        case status, dict() if 400 <= status < 500 and not answer.lost:
            return NotAccepted(id, f"the server refuses it ({status}){answer.reason}")
        case _:
            return Unanswered(id, f"the server answers {answer.status}{answer.reason}")


def batch_results(ids: Sequence[str], answer: CouchAnswer) -> Iterator[WriteResult]:
    """What the answer to a ``_bulk_docs`` says of each document."""
    if answer.status not in (200, 201, 202) or not isinstance(answer.body, list):
        yield from (Unanswered(id, f"the server answers {answer.status}{answer.reason}") for id in ids)
        return
    rows = {row["id"]: row for row in answer.body if isinstance(row, dict) and isinstance(row.get("id"), str)}
    accepted = any(row.get("accepted") for row in rows.values())  # else 202 is about each of them
    for id in ids:
        row = rows.get(id, {})
        rev, error = row.get("rev"), row.get("error")
        if error is True:  # pouchdb-server has the word elsewhere
            error = row.get("name")
        if isinstance(rev, str) and not error:
            yield Written(id, rev, quorum=answer.status != 202 or (accepted and not row.get("accepted")))
        elif error is None:
            yield Unanswered(id, "the answer of the server does not mention it")
        elif error == "conflict":
            yield Conflict(id, answer.lost)
        else:
            said = answer.mask.clean(f"{error}: {row.get('reason', row.get('message', ''))}")
            yield NotAccepted(id, said) if error in _REFUSED else Unanswered(id, said)


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Items in batches that are bounded by their number and their bytes."""
    start = size = 0
    for position, (_, body) in enumerate(items):
        if position > start and (position - start == WRITES_A_BATCH or size + len(body) > BYTES_A_BATCH):
            yield items[start:position]
            start, size = position, 0
        size += len(body)
    yield items[start:]


def _body(write: Write) -> dict[str, Json | Secret]:
    """What is sent; the connection reveals the secrets in it."""
    fields: dict[str, Json | Secret] = {"_deleted": True} if write.document is None else {**write.document}
    if write.ownership is not None:
        fields[KEY] = ownership_json(write.ownership)
    return fields if write.rev is None else {"_rev": write.rev, **fields}
