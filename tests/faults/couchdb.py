"""A database on the live server that others write to as well."""

import time
from collections.abc import Mapping
from urllib.parse import quote

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.couchdb.connection import Connection
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.core.definitions.account_type import Document, reveal
from provisioner.core.plan.ownership import KEY, Ownership, Owning, ownership_json
from provisioner.core.plan.store import Live
from tests.live_server import Live as Server


class CouchDatabase(CouchStore):
    """The store of the program, with the hands of somebody else beside it. The database goes with `close`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._own_connection = Connection(read_address(server.url, {}), 3600)
        self._branches = 0
        super().__init__(self._own_connection, server.database)

    @property
    def documents(self) -> Mapping[str, Live]:
        return self.read_all().documents

    def put(self, id: str, document: Document, ownership: Owning = None) -> str:
        key = {KEY: ownership_json(ownership)} if isinstance(ownership, Ownership) else {}
        return self._server.put(id, {**reveal(document), **key})

    def remove(self, id: str) -> None:
        if self._server.http.head(f"{self._server.path}/{quote(id, safe='')}").status_code == 200:
            self._server.delete(id)

    def branch(self, id: str, document: Document) -> None:
        self._branches += 1
        rows = [{"_id": id, "_rev": f"1-{self._branches:032x}", **reveal(document)}]  # the least of all digests loses
        body = {"docs": rows, "new_edits": False}
        self._server.http.post(f"{self._server.path}/_bulk_docs", json=body).raise_for_status()

    def compact(self) -> None:
        self._server.http.post(f"{self._server.path}/_compact", json={}).raise_for_status()
        while self._server.http.get(self._server.path).json().get("compact_running"):
            time.sleep(0.01)

    def close(self) -> None:
        self._own_connection.close()
        self._server.http.delete(self._server.path)
