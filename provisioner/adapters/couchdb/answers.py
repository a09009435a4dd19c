"""What CouchDB answers, read strictly: an answer of another shape is an error, never an empty result."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import quote

from provisioner.adapters.couchdb.connection import CouchAnswer, unreadable
from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.kinds import Kind
from provisioner.core.errors import TooLarge
from provisioner.core.masking import Mask
from provisioner.core.plan.ownership import KEY, Ownership, read_ownership
from provisioner.core.plan.store import Live, Losing
from provisioner.core.secret import secrets_in
from provisioner.core.text import is_whole

KEYS_A_READ = 1000
ROWS_A_PAGE = 5000
FEWEST_ROWS = 2
"""A page begins with the last document of the page before, because that one may be deleted meanwhile."""

MAX_BYTES = 512 * 1024 * 1024
"""Of all pages: a catalogue of 100,000 account types has some 100 MB."""

T = TypeVar("T")
A = TypeVar("A")


def says_missing(answer: CouchAnswer) -> bool:
    """Whether a 404 is CouchDB's own, and not that of something in front of it."""
    return isinstance(answer.body, dict) and answer.body.get("error") in ("not_found", True)  # pouchdb-server: True


def read_rows(url: str, body: Any, keys: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The documents in an answer of ``_all_docs``, design documents left out.

    `keys` are those that were asked for: each must be answered. Raises `StoreError`.
    """
    found = []
    for row in _rows(url, body, keys):
        document, value = row.get("doc"), row.get("value")
        if isinstance(document, dict):
            id, losing = document.get("_id"), document.get("_conflicts", [])
            if id != row.get("id") or not isinstance(losing, list) or not _are_names(id, document.get("_rev"), *losing):
                raise unreadable(url)
            if not document["_id"].startswith("_design/"):
                found.append(document)
        elif keys is None or not (
            row.get("error") == "not_found" or (isinstance(value, dict) and value.get("deleted") is True)
        ):
            raise unreadable(url)
    return found


def _rows(url: str, body: Any, keys: Sequence[str] | None) -> list[dict[str, Any]]:
    match body:
        case {"rows": list(rows)} if all(isinstance(row, dict) for row in rows):
            if keys is None or [row.get("key") for row in rows] == [*keys]:
                return rows
    raise unreadable(url)


def _are_names(*values: object) -> bool:
    """Whether values can be ids or revisions, which are put into URLs."""
    return all(isinstance(value, str) and is_whole(value) for value in values)


def read_tombstones(url: str, body: Any, keys: Sequence[str]) -> list[tuple[str, str]]:
    """The ids and revisions of deleted documents in an answer of ``_all_docs`` to some keys. Raises `StoreError`."""
    values = ((row["key"], row.get("value")) for row in _rows(url, body, keys))
    return [(id, str(value.get("rev"))) for id, value in values if isinstance(value, dict) and value.get("deleted")]


def read_leaves(url: str, body: Any) -> dict[str, list[str]]:
    """The revisions of each document that no other one follows, in an answer of ``_changes``. Raises `StoreError`."""
    found: dict[str, list[str]] = {}
    for row in _results(url, body):
        match row:
            case {"id": str(id), "changes": list(changes)}:
                found[id] = [each["rev"] for each in changes if isinstance(each, dict) and _are_names(each.get("rev"))]
    return found


def read_revisions(url: str, body: Any) -> dict[str, list[dict[str, Any]]]:
    """The revisions in an answer of ``_bulk_get``, by id; those that are not there have none. Raises `StoreError`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for result in _results(url, body):
        match result:
            case {"id": str(id), "docs": list(rows)} if all(isinstance(row, dict) for row in rows):
                found.setdefault(id, []).extend(row["ok"] for row in rows if isinstance(row.get("ok"), dict))
            case _:
                raise unreadable(url)
    return found


def _results(url: str, body: Any) -> list[Any]:
    match body:
        case {"results": list(results)}:
            return results
    raise unreadable(url)


def signer_of(tombstone: dict[str, Any]) -> str | None:
    """The owner who signed a deletion: the key is all that the tombstone holds, and names no field any more."""
    own = read_ownership(tombstone[KEY]) if KEY in tombstone else None
    bare = all(name == KEY or name.startswith("_") for name in tombstone)
    return own.owner if bare and isinstance(own, Ownership) and not own.fields else None


def former_revision(body: Any) -> str | None:
    """The revision before the one in an answer with ``revs=true``; nothing if the answer names none."""
    match body:
        case {"_revisions": {"start": int(start), "ids": [_, str(former), *_]}}:
            return f"{start - 1}-{former}"
    return None


def live_of(document: dict[str, Any], losing: Sequence[dict[str, Any]], known: Mask, kind: Kind) -> Live:
    """A document as it was read, with the revisions that lost a conflict. The run knows its secrets from here on."""

    def fields(revision: dict[str, Any]) -> Document:
        found = kind.conceal(
            {name: value for name, value in revision.items() if name not in ("_id", "_rev", "_conflicts", KEY)}
        )
        for secret in secrets_in({**found}):
            known.add(secret, whole=not kind.states_fields)
        return found

    own = read_ownership(document[KEY]) if KEY in document else None
    conflicts = tuple(Losing(str(each["_rev"]), fields(each)) for each in losing)
    return Live(document["_id"], document["_rev"], fields(document), own, conflicts, kind)


def in_parts(items: Sequence[T], ask: Callable[[Sequence[T]], A]) -> Iterator[tuple[Sequence[T], A]]:
    """The answers to some items at a time, each with its items: to fewer if an answer is too large.

    `ask` raises `StoreError`, and so does this if the answer to a single item is too large.
    """
    waiting = [items[start : start + KEYS_A_READ] for start in range(0, len(items), KEYS_A_READ)]
    while waiting:
        part = waiting.pop(0)
        try:
            yield part, ask(part)
        except TooLarge:
            if len(part) == 1:
                raise
            middle = len(part) // 2
            waiting[:0] = [part[:middle], part[middle:]]


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
    match answer.body:
        case {"rows": [*found, {"id": str(last)}]} if len(found) + 1 == rows:
            return last
    return ""
