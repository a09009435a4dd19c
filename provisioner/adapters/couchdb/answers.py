"""What CouchDB answers, read strictly: an answer of another shape is an error, never an empty result."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from provisioner.adapters.couchdb.connection import CouchAnswer, unreadable
from provisioner.core.definitions.kind import Kind
from provisioner.core.errors import TooLarge
from provisioner.core.masking import Mask
from provisioner.core.plan.ownership import KEY, Ownership, read_ownership
from provisioner.core.plan.store import Conflict, Live, Losing, NotAccepted, Unanswered, WriteResult, Written
from provisioner.core.secret import Json, secrets_in
from provisioner.core.text import is_whole


def says_missing(answer: CouchAnswer) -> bool:
    """Whether a 404 is CouchDB's own, and not that of something in front of it."""
    return isinstance(answer.body, dict) and answer.body.get("error") in ("not_found", True)


def program(welcome: Any) -> str:
    """The program that answers, with its version, by its welcome."""
    if isinstance(welcome, dict) and welcome.get("couchdb") == "Welcome":
        return f"CouchDB {welcome.get('version', '')}"
    return "a server that is compatible with CouchDB"


def read_rows(url: str, body: Any, keys: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The documents in an answer of ``_all_docs``, design documents left out.

    `keys` are those that were asked for: each must be answered. Raises `StoreError`.
    """
    rows = _rows(url, body, keys)
    return [row["doc"] for row in rows if not _is_gone(url, row, keyed=keys is not None)]


def _rows(url: str, body: Any, keys: Sequence[str] | None) -> list[dict[str, Any]]:
    rows = body.get("rows") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise unreadable(url)
    if keys is not None and [row.get("key") for row in rows] != [*keys]:
        raise unreadable(url)
    return rows


def _is_gone(url: str, row: dict[str, Any], *, keyed: bool) -> bool:
    """Whether a row stands for no document: missing, deleted, or of a design. Raises `StoreError` for other shapes."""
    document, value = row.get("doc"), row.get("value")
    if isinstance(document, dict):
        if document.get("_id") != row.get("id") or not all(_is_name(document.get(k)) for k in ("_id", "_rev")):
            raise unreadable(url)
        losing = document.get("_conflicts", [])
        if not isinstance(losing, list) or not all(map(_is_name, losing)):
            raise unreadable(url)
        return str(document["_id"]).startswith("_design/")
    deleted = isinstance(value, dict) and value.get("deleted") is True
    if keyed and (row.get("error") == "not_found" or deleted):
        return True
    raise unreadable(url)


def _is_name(value: Any) -> bool:
    """Whether a value can be an id or a revision, which are put into URLs."""
    return isinstance(value, str) and is_whole(value)


def read_tombstones(url: str, body: Any, keys: Sequence[str]) -> list[tuple[str, str]]:
    """The ids and revisions of deleted documents in an answer of ``_all_docs`` to some keys. Raises `StoreError`."""
    values = ((row["key"], row.get("value")) for row in _rows(url, body, keys))
    return [(id, str(value.get("rev"))) for id, value in values if isinstance(value, dict) and value.get("deleted")]


def read_leaves(url: str, body: Any) -> dict[str, list[str]]:
    """The revisions of each document that no other one follows, in an answer of ``_changes``. Raises `StoreError`."""
    match body:
        case {"results": list(rows)}:
            return {str(row["id"]): [str(each["rev"]) for each in row["changes"]] for row in rows if _is_change(row)}
        case _:
            raise unreadable(url)


def _is_change(row: Any) -> bool:
    match row:
        case {"id": str(), "changes": list(changes)}:
            return all(isinstance(each, dict) and _is_name(each.get("rev")) for each in changes)
        case _:
            return False


def read_revisions(url: str, body: Any) -> dict[str, list[dict[str, Any]]]:
    """The revisions in an answer of ``_bulk_get``, by id; those that are not there have none. Raises `StoreError`."""
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        raise unreadable(url)
    found: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        match result:
            case {"id": str(id), "docs": list(rows)} if all(isinstance(row, dict) for row in rows):
                found.setdefault(id, []).extend(row["ok"] for row in rows if isinstance(row.get("ok"), dict))
            case _:
                raise unreadable(url)
    return found


def signer_of(tombstone: dict[str, Any]) -> str | None:
    """The owner who signed a deletion: the key is all that the tombstone holds, and names no field any more."""
    own = read_ownership(tombstone[KEY]) if KEY in tombstone else None
    bare = all(name == KEY or name.startswith("_") for name in tombstone)
    return own.owner if bare and isinstance(own, Ownership) and not own.fields else None


def former_revision(body: Any) -> str | None:
    """The revision before the one in an answer with ``revs=true``; nothing if the answer names none."""
    revisions = body.get("_revisions") if isinstance(body, dict) else None
    match revisions:
        case {"start": int(start), "ids": [_, str(former), *_]}:
            return f"{start - 1}-{former}"
        case _:
            return None


def live_of(document: dict[str, Any], losing: Sequence[dict[str, Any]], known: Mask, kind: Kind) -> Live:
    """A document as it was read, with the revisions that lost a conflict. The run knows its secrets from here on."""
    own = read_ownership(document[KEY]) if KEY in document else None
    conflicts = tuple(Losing(str(each["_rev"]), kind.conceal(_fields(each))) for each in losing)
    fields = kind.conceal(_fields(document))
    for values in (fields, *(each.document for each in conflicts)):
        for secret in secrets_in({**values}):
            known.add(secret, whole=not kind.states_fields)
    return Live(document["_id"], document["_rev"], fields, own, conflicts, kind)


def _fields(document: dict[str, Any]) -> dict[str, Json]:
    return {name: value for name, value in document.items() if name not in ("_id", "_rev", "_conflicts", KEY)}


def put_result(id: str, answer: CouchAnswer) -> WriteResult:
    """What the answer to a single write says."""
    if answer.status == 409:
        return Conflict(id, answer.lost)
    if answer.status in (200, 201, 202):
        rev = answer.body.get("rev") if isinstance(answer.body, dict) else None
        if isinstance(rev, str):
            return Written(id, rev, quorum=answer.status != 202)
        return Unanswered(id, "the answer has no revision")
    if 400 <= answer.status < 500 and not answer.lost and isinstance(answer.body, dict):
        return NotAccepted(id, f"the server refuses it ({answer.status}){answer.reason}")
    return Unanswered(id, f"the server answers {answer.status}{answer.reason}")


def batch_results(ids: Sequence[str], answer: CouchAnswer) -> Iterator[WriteResult]:
    """What the answer to a ``_bulk_docs`` says of each document."""
    if answer.status not in (200, 201, 202) or not isinstance(answer.body, list):
        yield from (Unanswered(id, f"the server answers {answer.status}{answer.reason}") for id in ids)
        return
    rows = {row["id"]: row for row in answer.body if isinstance(row, dict) and isinstance(row.get("id"), str)}
    accepted = any(row.get("accepted") for row in rows.values())
    for id in ids:
        result = _batch_result(id, rows.get(id, {}), answer)
        if isinstance(result, Written) and answer.status == 202 and (not accepted or rows[id].get("accepted")):
            result = Written(id, result.rev, quorum=False)
        yield result


def _batch_result(id: str, row: dict[str, Any], answer: CouchAnswer) -> WriteResult:
    error = row.get("name") if row.get("error") is True else row.get("error")  # pouchdb-server says true
    if isinstance(row.get("rev"), str) and not error:
        return Written(id, row["rev"])
    said = answer.mask.clean(f"{error}: {row.get('reason', row.get('message', ''))}")
    match error:
        case None:
            return Unanswered(id, "the answer of the server does not mention it")
        case "conflict":
            return Conflict(id, answer.lost)
        case "forbidden" | "unauthorized" | "bad_request" | "doc_validation" | "document_too_large":
            return NotAccepted(id, said)
        case _:
            return Unanswered(id, said)


ROWS_A_PAGE = 5000
FEWEST_ROWS = 2
"""A page begins with the last document of the page before, because that one may be deleted meanwhile."""

MAX_BYTES = 512 * 1024 * 1024
"""Of all pages: a catalogue of 100,000 account types has some 100 MB."""


def pages(ask: Callable[[str], CouchAnswer]) -> Iterator[CouchAnswer]:
    """All pages; the next one is under way while a page is looked at.

    `ask` sends the request with more parameters, and raises `StoreError`. A page that is too large is asked for with
    fewer rows.
    """
    with ThreadPoolExecutor(1) as pool:
        (answer, rows), start, size = _page(ask, "", ROWS_A_PAGE), "", 0
        while (last := _last_id(answer, rows)) and last != start:
            following, start = pool.submit(_page, ask, last, min(ROWS_A_PAGE, 2 * rows)), last
            yield answer
            size += answer.size
            answer, rows = following.result()
            if size > MAX_BYTES:
                raise TooLarge(f"the database sends more than {MAX_BYTES // 2**20} MiB", "check what answers there")
        yield answer


def _page(ask: Callable[[str], CouchAnswer], start: str, rows: int) -> tuple[CouchAnswer, int]:
    """A page, and how many rows were asked for."""
    where = f"&startkey={quote(json.dumps(start))}" if start else ""
    while True:
        try:
            return ask(f"&limit={rows}{where}"), rows
        except TooLarge:
            if rows == FEWEST_ROWS:
                raise
            rows = max(FEWEST_ROWS, rows // 8)


def _last_id(answer: CouchAnswer, rows: int) -> str:
    """The id in the last row of a full page; empty if the page is not full, or not of this form."""
    found = answer.body.get("rows") if isinstance(answer.body, dict) else None
    last = found[-1] if isinstance(found, list) and len(found) == rows else None
    return str(last.get("id", "")) if isinstance(last, dict) else ""
