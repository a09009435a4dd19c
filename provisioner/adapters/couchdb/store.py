"""A database of one kind of document in a CouchDB, over HTTP.

Sources: the stack's ``pkg/couchdb`` for the database's name on the wire and its index; CouchDB's documentation of
``_all_docs``, ``_bulk_docs`` and ``_security`` for the rest.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec.structs import replace

from provisioner.adapters.couchdb.answers import (
    former_revision,
    in_parts,
    live_of,
    pages,
    read_leaves,
    read_revisions,
    read_rows,
    read_tombstones,
    says_missing,
    signer_of,
)
from provisioner.adapters.couchdb.connection import CONNECTIONS, Connection, CouchAnswer, unreadable
from provisioner.adapters.couchdb.writing import Writer
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.errors import AccessRefused, SignInRefused, StoreError
from provisioner.core.plan.ownership import KEY, Ownership, read_ownership, write_of
from provisioner.core.plan.store import (
    ADMIN_ROLE,
    Live,
    Security,
    Snapshot,
    Tombstone,
    Write,
    WriteResult,
    read_security,
)
from provisioner.core.secret import Json, secrets_in
from provisioner.core.targets.target import similar_databases

if TYPE_CHECKING:
    from provisioner.core.plan.health import Inspection

INDEX_TRIES = 3
"""Two definitions of the same index at once can fail with 500: "conflict while saving the design document"."""

ADMINS_ONLY: Json = {
    "admins": {"names": [], "roles": [ADMIN_ROLE]},
    "members": {"names": [], "roles": [ADMIN_ROLE]},
}

_SLASH_ADVICE = (
    "let the proxy pass %2F on: in nginx, proxy_pass without a path (proxy_pass http://localhost:5984;); "
    "in Apache, AllowEncodedSlashes NoDecode, and nocanon in ProxyPass"
)

_ALL = "_all_docs?include_docs=true&conflicts=true"


class CouchStore:
    """A `Store` over one connection."""

    def __init__(self, connection: Connection, database: str, kind: Kind = ACCOUNT_TYPE) -> None:
        self._connection = connection
        self._url = connection.url
        self._kind = kind
        self._database = database
        self._path = quote(database, safe="")
        self._listing: CouchAnswer | None = None

    def survey(self, ids: Sequence[str] | None) -> Snapshot:
        """Read documents and ``_security`` side by side."""
        with ThreadPoolExecutor(1) as pool:
            security = pool.submit(self.security)
            return replace(self._read(ids), security=security.result())

    def security(self) -> Security | None:
        """Who can read the database; ``None`` if it does not exist."""
        answer = self._ask("GET", "_security")
        if answer.status == 404:
            return None
        body = self._success(answer)
        if not isinstance(body, dict):
            raise unreadable(self._url)
        return read_security(body)

    def read(self, ids: Sequence[str]) -> Snapshot:
        """Read documents as they are after the last write, one request each: ``_all_docs`` asks one node alone."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            rows = [row for found in pool.map(self._newest, ids) for row in found]
        return Snapshot(self._lives(rows))

    def _newest(self, id: str) -> list[dict[str, Any]]:
        """One document as most nodes of a cluster have it, if it is there."""
        answer = self._ask("GET", f"{quote(id, safe='')}?conflicts=true")
        if answer.status == 404:
            return []
        return read_rows(self._url, {"rows": [{"id": id, "key": id, "doc": self._success(answer)}]}, [id])

    def read_all(self) -> Snapshot:
        """Read every document, in one request if they are not very many."""
        return self._read(None)

    def _read(self, ids: Sequence[str] | None) -> Snapshot:
        """Read documents by id, a thousand a request, or all of them."""
        documents: dict[str, Live] = {}
        ready = ids is not None and not ids
        every = ((None, page) for page in pages(lambda more: self._ask("GET", f"{_ALL}{more}")))
        some = in_parts(ids or (), lambda keys: self._ask("POST", _ALL, {"keys": [*keys]}))
        for keys, answer in every if ids is None else some:
            if answer.status == 404:
                self._check_way()
                return Snapshot(ready=False, missing=f"the database {self._database} at {self._url}")
            body = self._success(answer)
            documents |= self._lives(read_rows(self._url, body, keys))
            ready = ready or (bool(body["rows"]) if keys is None else body.get("total_rows") != 0)
        return Snapshot(documents, ready=ready)

    def _lives(self, documents: Sequence[dict[str, Any]]) -> dict[str, Live]:
        return {
            document["_id"]: live_of(document, self._losing(document), self._connection.secrets, self._kind)
            for document in documents
        }

    def _losing(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The revisions of a document that lost a conflict; one request each, for they are rare."""
        found = []
        for rev in document.get("_conflicts", ()):
            body = self._success(self._ask("GET", f"{quote(document['_id'], safe='')}?rev={quote(rev, safe='')}"))
            if not isinstance(body, dict) or body.get("_rev") != rev:
                raise unreadable(self._url)
            found.append(body)
        return found

    def deleted(self, ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Look for deleted documents by id, a thousand a request, then at what their tombstones hold."""
        found: dict[str, Tombstone] = {}
        for keys, answer in in_parts(ids, lambda keys: self._ask("POST", "_all_docs", {"keys": [*keys]})):
            if answer.status == 404:
                break
            if gone := read_tombstones(self._url, self._success(answer), keys):
                found |= self._tombstones(gone)
        return found

    def _tombstones(self, gone: Sequence[tuple[str, str]]) -> dict[str, Tombstone]:
        """Tombstones by id and winning revision.

        They keep their body when CouchDB compacts; the revisions before them, which say whose the documents were, do
        not last. A document may have been deleted in several branches: asked for an id alone, CouchDB gives them all.
        """
        leaves = self._revisions([{"id": id} for id, _ in gone])
        silent: list[Json] = [{"id": id, "rev": rev} for id, rev in gone if not leaves.get(id)]
        leaves |= self._revisions(silent)  # not every server answers to an id alone
        dead = {id: [each for each in leaves.get(id, ()) if each.get("_deleted")] for id, _ in gone}
        unsigned = [(id, each) for id, found in dead.items() for each in found if signer_of(each) is None]
        known = self._revisions([{"id": id, "rev": rev} for id, each in unsigned if (rev := former_revision(each))])
        before = {
            id: own
            for id, found in (*known.items(), *((id, [each]) for id, each in unsigned))
            for each in found
            if KEY in each and isinstance(own := read_ownership(each[KEY]), Ownership)
        }
        return {
            id: Tombstone(
                frozenset(map(signer_of, dead[id])) or frozenset([None]),
                before.get(id),
                rev,
                next((write_of(read_ownership(each.get(KEY))) for each in dead[id] if each.get("_rev") == rev), None),
            )
            for id, rev in gone
        }

    def half_deleted(self, ids: Sequence[str], owner: str) -> Collection[str]:
        """Look for documents with several branches, and in a second request for deletions at the end of these."""
        answer = self._ask("POST", "_changes?style=all_docs&filter=_doc_ids", {"doc_ids": [*ids]})
        leaves = read_leaves(self._url, self._success(answer))
        several: list[Json] = [{"id": id, "rev": rev} for id, revs in leaves.items() if len(revs) > 1 for rev in revs]
        return {
            id
            for id, found in self._revisions(several).items()
            if any(each.get("_deleted") and signer_of(each) == owner for each in found)
        }

    def _revisions(self, docs: Sequence[Json]) -> dict[str, list[dict[str, Any]]]:
        """Revisions by the id of their documents; no request for none."""
        found: dict[str, list[dict[str, Any]]] = {}
        for _, answer in in_parts(docs, lambda part: self._ask("POST", "_bulk_get?revs=true", {"docs": [*part]})):
            for id, revisions in read_revisions(self._url, self._success(answer)).items():
                found.setdefault(id, []).extend(revisions)
        return found

    def _check_way(self) -> None:
        """Raise `StoreError` if the database only seems to be missing.

        ``_session%2F`` is no database; where a proxy decodes the slash, it is CouchDB's own ``_session``. Only a server
        has ``_all_dbs``: below the path of a database, CouchDB looks for a document of this name.
        """
        session = self._connection.send("GET", "_session%2F")
        if session.status == 200 and isinstance(session.body, dict) and "userCtx" in session.body:
            raise self._decoded()
        self._listing = self._connection.send("GET", "_all_dbs")
        if self._listing.status == 404 and says_missing(self._listing):
            what = f"{self._url} is not a CouchDB, but a path on one"
            raise StoreError(what, "remove the path from --couch, or pass the one that leads to CouchDB")

    def _decoded(self) -> StoreError:
        what = f"a proxy in front of {self._url} decodes %2F in paths, so CouchDB looks for another database"
        return StoreError(what, _SLASH_ADVICE)

    def databases(self) -> Sequence[str]:
        """All databases of the server; none if this user may not list them, or nobody answers."""
        try:
            listing = self._listing or self._connection.send("GET", "_all_dbs")
        except StoreError:
            return ()
        names = listing.body if listing.status == 200 and isinstance(listing.body, list) else ()
        return [name for name in names if isinstance(name, str)]

    def prepare(self) -> bool:
        """Create the database if it is missing; close it if the server left it open; define the index."""
        created = self._connection.send("PUT", self._path)
        if created.status == 404:
            raise self._decoded()
        refused = created.status in (401, 403) and "server admin" in created.reason
        if created.status not in (201, 412) and not refused:  # 412: another process created it first
            self._checked(created, "PUT", self._path)
            if created.status != 202 and created.status < 500:
                self._success(created)
            if self._ask("GET").status != 200:  # below its quorum a cluster answers so, and may have created it
                what = f"{self._url} answers {created.status} to the creation of {self._database}{created.reason}"
                raise StoreError(what, "see CouchDB's log, then try again")
        security = self.security()
        if security is None and refused:
            address = self._connection.address
            user, password = address.variables
            what = f"{self._url} has no database {self._database}, and"
            if address.user is None:
                what = f"{what} only an admin may create it: {user} is missing"
                raise SignInRefused(what, f"set {user} and {password} to those of a server admin, and apply again")
            next_step = "let a server admin create it, and apply again"
            raise AccessRefused(f"{what} this user may not create it{created.reason}", next_step)
        if security is None:
            raise unreadable(self._url)
        if security.public:
            self.close_to_others()
        for attempt in range(INDEX_TRIES if self._kind.index is not None else 0):
            index = self._ask("POST", "_index", self._kind.index)
            if index.status < 500 or attempt == INDEX_TRIES - 1:
                self._success(index)
                break
        return created.status != 412 and not refused

    def close_to_others(self) -> None:
        """Close the database to everyone but admins."""
        self._success(self._ask("PUT", "_security", ADMINS_ONLY))

    def inspect(self, anybody: Connection) -> "Inspection":
        """What can be seen of the server and of the database; also by `anybody`, a connection without credentials."""
        from provisioner.core.plan.health import Inspection  # only for a check

        security = self.security()
        if security is None:
            self._check_way()
        welcome = self._success(self._checked(self._connection.send("GET", ""), "GET", ""))
        known = isinstance(welcome, dict) and welcome.get("couchdb") == "Welcome"
        program = f"CouchDB {welcome.get('version', '')}" if known else "a server that is compatible with CouchDB"
        indexes = self._ask("GET", "_index").body
        return Inspection(
            server=f"{program} at {self._url}",
            anonymous=anybody.send("GET", f"{self._path}/_all_docs?limit=1").status,
            security=security,
            similar=similar_databases(self._database, self.databases()),
            indexes=indexes.get("indexes") if isinstance(indexes, dict) else None,
            kind=self._kind,
        )

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        """Write few documents by one ``PUT`` each, eight at a time; many by ``_bulk_docs``."""
        for secret in (each for write in writes for each in secrets_in({**(write.document or {})})):
            self._connection.secrets.add(secret, whole=not self._kind.states_fields)
        return Writer(self._ask, lambda: self._connection.stopped).write(writes)

    def stop(self, grace: float) -> None:
        """End the run: what is under way has some seconds left, and nothing new is written."""
        self._connection.stop(grace)

    def _ask(self, method: str, place: str = "", body: object = None) -> CouchAnswer:
        """One request to a place in the database; raises as `_checked`."""
        path = f"{self._path}/{place}" if place else self._path
        return self._checked(self._connection.send(method, path, body), method, path)

    def _checked(self, answer: CouchAnswer, method: str, path: str) -> CouchAnswer:
        """The same answer. Raises `StoreError` for one that means the same whatever was asked."""
        if 300 <= answer.status < 400:
            what = f"{self._url} redirects to another address ({answer.status})"
            raise StoreError(what, "pass that address with --couch", lost=True)
        if answer.status == 401:
            user, password = self._connection.address.variables
            missing = "" if self._connection.address.user else f": {user} is missing"
            what = f"{self._url} refuses the user or password (401){missing}"
            raise SignInRefused(what, f"set {user} and {password}, or put them into the URL or netrc", lost=answer.lost)
        if answer.status == 403 and method != "PUT":
            raise self._access_refused(answer)
        if answer.status in (404, 405) and not says_missing(answer):
            what = f"{self._url} is not a CouchDB: it answers {answer.status} to {method} /{path}"
            advice = f"check host, port and path of --couch; if a proxy is in front of CouchDB, {_SLASH_ADVICE}"
            raise StoreError(what, advice, lost=True)
        return answer

    def _access_refused(self, answer: CouchAnswer) -> StoreError:
        if "temporarily locked" in answer.reason:
            what = f"{self._url} has locked this account after several failed sign-ins (403)"
            return SignInRefused(what, "wait five minutes, then sign in with the right password", lost=answer.lost)
        what = f"{self._url} denied this user access to the database {self._database} (403){answer.reason}"
        return AccessRefused(what, "sign in as an admin of this CouchDB", lost=answer.lost)

    def _success(self, answer: CouchAnswer) -> Any:
        """The body of a request that succeeded."""
        if answer.status == 403:
            raise self._access_refused(answer)
        if answer.status == 404:
            what = f"{self._url} has no database {self._database} (404)"
            raise StoreError(what, "run provision apply to create it, or pass another --database")
        if answer.status >= 400:
            raise StoreError(f"{self._url} answers {answer.status}{answer.reason}", "see CouchDB's log, then try again")
        if answer.body is None:
            raise unreadable(self._url)
        return answer.body
