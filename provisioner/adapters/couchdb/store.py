"""The database of account types in a CouchDB, over HTTP.

Sources: the stack's ``pkg/couchdb`` for the database's name on the wire and its index; CouchDB's documentation of
``_all_docs``, ``_bulk_docs`` and ``_security`` for the rest.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any
from urllib.parse import quote

from provisioner.adapters.couchdb.http import CONNECTIONS, Answer, Connection, unreadable
from provisioner.core.definitions.account_type import conceal, reveal
from provisioner.core.errors import AccessRefused, NotCouchDB, NotFound, SignInRefused, StoreError, Unavailable
from provisioner.core.oauth.health import Inspection, is_open
from provisioner.core.plan.store import Conflict, Live, Local, Refused, Snapshot, Write, WriteResult, Written
from provisioner.core.secret import Json
from provisioner.core.text import printable

KEYS_A_READ = 1000
MOST_SINGLE_WRITES = 32
"""More writes than these go through ``_bulk_docs``, which is many times faster."""
WRITES_A_BATCH = 500

INDEX: Json = {"ddoc": "by-slug", "index": {"fields": ["slug"]}}
"""As ``pkg/couchdb/index.go`` of the stack defines it."""

ADMINS_ONLY: Json = {
    "admins": {"names": [], "roles": ["_admin"]},
    "members": {"names": [], "roles": ["_admin"]},
}


class CouchStore:
    """A `Store` over one connection."""

    def __init__(self, connection: Connection, database: str) -> None:
        self._connection = connection
        self._database = database
        self._path = quote(database, safe="")

    def read(self, ids: Sequence[str]) -> Snapshot:
        """Read documents by id, a thousand a request."""
        documents: dict[str, Live] = {}
        ready = True
        for start in range(0, len(ids), KEYS_A_READ):
            keys: list[Json] = [*ids[start : start + KEYS_A_READ]]
            answer = self._send("POST", f"{self._path}/_all_docs?include_docs=true", {"keys": keys})
            if answer.status == 404:
                return Snapshot({}, ready=False)
            rows = _rows(self._connection.url, self._success(answer))
            ready = ready and answer.body.get("total_rows") != 0
            documents.update((live.id, live) for live in map(_live, rows) if live)
        return Snapshot(documents, ready)

    def read_all(self) -> Snapshot:
        """Read every document in one request; raises `NotFound` where the database is missing."""
        answer = self._send("GET", f"{self._path}/_all_docs?include_docs=true")
        rows = _rows(self._connection.url, self._success(answer))
        found = [live for live in map(_live, rows) if live and not live.id.startswith("_design/")]
        return Snapshot({live.id: live for live in found}, ready=bool(rows))

    def read_local(self, name: str) -> Local | None:
        """Read ``_local/<name>``."""
        answer = self._send("GET", f"{self._path}/_local/{quote(name, safe='')}")
        if answer.status == 404:
            return None
        body = self._success(answer)
        if not isinstance(body, dict):
            raise unreadable(self._connection.url)
        fields = {key: value for key, value in body.items() if key not in ("_id", "_rev")}
        return Local(name, body.get("_rev"), fields)

    def write_local(self, local: Local) -> None:
        """Write ``_local/<name>``.

        CouchDB does not notice a stale revision here and pouchdb-server does; so where an earlier try got no answer,
        a conflict is our own write.
        """
        body = {**local.body, **({"_rev": local.rev} if local.rev else {})}
        answer = self._send("PUT", f"{self._path}/_local/{quote(local.name, safe='')}", body)
        if answer.status != 409 or not answer.lost:
            self._success(answer)

    def prepare(self) -> None:
        """Create the database where it is missing; close it where the server left it open; define the index."""
        created = self._send("PUT", self._path)
        if created.status != 412:  # another process created it first
            self._success(created)
        security = self._success(self._send("GET", f"{self._path}/_security"))
        if is_open(security):
            self._success(self._send("PUT", f"{self._path}/_security", ADMINS_ONLY))
        self._success(self._send("POST", f"{self._path}/_index", INDEX))

    def inspect(self, anybody: Connection) -> Inspection:
        """What can be seen of the server and of the database; also by `anybody`, who does not sign in."""
        welcome = self._success(self._send("GET", ""))
        security = self._send("GET", f"{self._path}/_security")
        indexes = self._send("GET", f"{self._path}/_index").body
        return Inspection(
            server=f"{_program(welcome)} at {self._connection.url}",
            anonymous=anybody.send("GET", f"{self._path}/_all_docs?limit=1").status,
            security=security.body,
            indexes=indexes.get("indexes") if isinstance(indexes, dict) else None,
            exists=security.status != 404,
        )

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        """Write few documents by one ``PUT`` each, eight at a time; many by ``_bulk_docs``."""
        if len(writes) <= MOST_SINGLE_WRITES:
            yield from self._put_all(writes)
            return
        for start in range(0, len(writes), WRITES_A_BATCH):
            yield from self._put_batch(writes[start : start + WRITES_A_BATCH])

    def _put_all(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        pool = ThreadPoolExecutor(max_workers=CONNECTIONS)
        waiting = dict.fromkeys(pool.submit(self._put, write) for write in writes)
        try:
            for done in as_completed([*waiting]):
                del waiting[done]
                yield done.result()
        except KeyboardInterrupt:  # what is under way is finished, and told
            pool.shutdown(cancel_futures=True)
            yield from (future.result() for future in waiting if not future.cancelled())
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _put(self, write: Write) -> WriteResult:
        try:
            answer = self._send("PUT", f"{self._path}/{quote(write.id, safe='')}", _body(write))
            if answer.status == 409:
                return Conflict(write.id, answer.lost)
            return Written(write.id, str(self._success(answer)["rev"]))
        except StoreError as error:
            return Refused(write.id, str(error))
        except (KeyError, TypeError):
            return Refused(write.id, "the answer has no revision: run diff to see what is there")

    def _put_batch(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        bodies: list[Json] = [{"_id": write.id, **_body(write)} for write in writes]
        try:
            answer = self._send("POST", f"{self._path}/_bulk_docs", {"docs": bodies})
            body = self._success(answer)
        except StoreError as error:
            yield from (Refused(write.id, str(error)) for write in writes)
            return
        answered = body if isinstance(body, list) else []
        rows = {row["id"]: row for row in answered if isinstance(row, dict) and isinstance(row.get("id"), str)}
        yield from (_bulk_result(write.id, rows.get(write.id), lost=answer.lost) for write in writes)

    def _send(self, method: str, path: str, body: Json = None) -> Answer:
        """One request; raises the errors that are the same for every request."""
        answer = self._connection.send(method, path, body)
        if 300 <= answer.status < 400:
            raise NotCouchDB(
                f"{self._connection.url} redirects to another address ({answer.status})",
                "name the address that it redirects to with --couch",
            )
        if answer.status == 401:
            raise SignInRefused(
                f"{self._connection.url} refuses the user or password (401)",
                "give them in the URL, in COUCHDB_USER and COUCHDB_PASSWORD, or in netrc",
            )
        if answer.status == 403:
            raise AccessRefused(
                f"{self._connection.url} knows the user, but refuses access to the database {self._database} (403)",
                "sign in as an admin of this CouchDB",
            )
        if answer.status in (404, 405) and not _says_missing(answer):
            raise NotCouchDB(
                f"{self._connection.url} is not a CouchDB: it answers {answer.status} to {method} /{path}",
                "check host, port and path of --couch",
            )
        return answer

    def _success(self, answer: Answer) -> Any:
        """The body of a request that succeeded."""
        if answer.status == 404:
            raise NotFound(
                f"{self._connection.url} has no database {self._database} (404)",
                "apply creates it; or name another one with --database",
            )
        if answer.status >= 400:
            raise Unavailable(
                f"{self._connection.url} answers {answer.status}{_reason(answer)}",
                "look into the log of CouchDB, then try again",
            )
        if answer.body is None:
            raise unreadable(self._connection.url)
        return answer.body


def _says_missing(answer: Answer) -> bool:
    return isinstance(answer.body, dict) and answer.body.get("error") in ("not_found", True)


def _reason(answer: Answer) -> str:
    reason = answer.body.get("reason") if isinstance(answer.body, dict) else None
    return f": {printable(str(reason))}" if reason else ""


def _program(welcome: Any) -> str:
    """The program that answers, with its version, by its welcome."""
    if isinstance(welcome, dict) and welcome.get("couchdb") == "Welcome":
        return f"CouchDB {printable(str(welcome.get('version', '')))}"
    return "a server that speaks like CouchDB"


def _rows(url: str, body: Any) -> list[dict[str, Any]]:
    rows = body.get("rows") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise unreadable(url)
    return rows


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    document = row.get("doc")
    return document is None or (
        isinstance(document, dict) and all(isinstance(document.get(key), str) for key in ("_id", "_rev"))
    )


def _live(row: dict[str, Any]) -> Live | None:
    document = row.get("doc")
    if document is None:  # missing, or deleted
        return None
    fields = {name: value for name, value in document.items() if name not in ("_id", "_rev")}
    return Live(document["_id"], document["_rev"], conceal(fields))


def _body(write: Write) -> dict[str, Json]:
    fields: dict[str, Json] = {"_deleted": True} if write.document is None else reveal(write.document)
    return fields if write.rev is None else {"_rev": write.rev, **fields}


def _bulk_result(id: str, row: dict[str, Any] | None, *, lost: bool) -> WriteResult:
    if row is None:
        return Refused(id, "the answer does not mention it: run diff to see what is there")
    if "rev" in row and not row.get("error"):
        return Written(id, str(row["rev"]))
    error = row.get("name") if row.get("error") is True else row.get("error")  # pouchdb-server says true
    if error == "conflict":
        return Conflict(id, lost)
    return Refused(id, printable(f"{error}: {row.get('reason', row.get('message', ''))}"))
