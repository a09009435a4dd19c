"""A CouchDB whose every answer a test decides: requests are recorded as they came over the wire."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.couchdb.connection import Connection

DATABASE = "secrets%2Fio-cozy-account_types"
Handler = Callable[["Asked"], Response | None]


@dataclass(frozen=True)
class Asked:
    """One request: its path and query raw, its headers, its JSON."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: socket.socket

    def hang_up(self) -> Response:
        """Close the connection before any answer goes out."""
        self.connection.shutdown(socket.SHUT_RDWR)
        return Response()


@dataclass
class Couch:
    """Keeps documents as CouchDB does; `before` may answer a request itself."""

    documents: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    before: Handler = lambda asked: None
    security: dict[str, Any] = field(default_factory=lambda: {"members": {"roles": ["_admin"]}})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def writes(self) -> list[Asked]:
        """The requests that wrote documents."""
        return [asked for asked in self.asked if asked.method == "PUT" or "_bulk_docs" in asked.path]

    def put(self, id: str, **fields: Any) -> None:
        """Write a document by hand."""
        assert self.documents is not None
        generation = int(self.documents.get(id, {"_rev": "0-"})["_rev"].split("-")[0])
        self.documents[id] = {"_id": id, "_rev": f"{generation + 1}-x", **fields}

    def handle(self, request: Request) -> Response:
        raw = request.environ["RAW_URI"]
        body = json.loads(request.data) if request.data else None
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, raw, headers, body, request.environ["werkzeug.socket"])
        self.asked.append(asked)
        return self.before(asked) or self.answer(asked)

    def answer(self, asked: Asked) -> Response:
        if asked.path == "/":
            return answer(200, {"couchdb": "Welcome", "version": "3.5.0"})
        if asked.path == "/_all_dbs":
            return answer(200, [] if self.documents is None else [unquote(DATABASE)])
        with self.lock:
            return self._answer(asked)

    def _answer(self, asked: Asked) -> Response:
        parts = asked.path.partition("?")[0].strip("/").split("/")
        if parts == [DATABASE] and asked.method == "PUT":
            if self.documents is not None:
                return answer(412, {"error": "file_exists"})
            self.documents, self.security = {}, {}
            return answer(201, {"ok": True})
        if self.documents is None:
            return answer(404, {"error": "not_found", "reason": "Database does not exist."})
        if parts == [DATABASE]:
            return answer(200, {"db_name": "secrets/io-cozy-account_types"})
        match parts[1]:
            case "_all_docs":
                keys = asked.body["keys"] if asked.body else self._page(asked.path)
                return answer(200, {"total_rows": len(self.documents) + 1, "rows": list(self._rows(keys))})
            case "_security":
                self.security = asked.body if asked.method == "PUT" else self.security
                return answer(200, self.security)
            case "_index":
                return answer(200, {"ok": True} if asked.method != "GET" else {})
            case "_bulk_docs":
                return answer(201, [self._write(doc["_id"], doc) for doc in asked.body["docs"]])
            case "_changes":
                return answer(200, {"results": []})
            case id:
                return self._document(unquote(id), asked)

    def _page(self, path: str) -> list[str]:
        assert self.documents is not None
        query = parse_qs(urlsplit(path).query)
        start, limit = json.loads(query.get("startkey", ['""'])[0]), int(query.get("limit", ["1000000"])[0])
        return sorted(id for id in self.documents if id >= start)[:limit]

    def _rows(self, keys: list[str]) -> Iterator[dict[str, Any]]:
        assert self.documents is not None
        for key in keys:
            doc = self.documents.get(key)
            yield {"id": key, "key": key, "doc": doc} if doc else {"key": key, "error": "not_found"}

    def _document(self, id: str, asked: Asked) -> Response:
        if asked.method == "GET":
            found = (self.documents or {}).get(id)
            return answer(200, found) if found else answer(404, {"error": "not_found", "reason": "missing"})
        row = self._write(id, asked.body)
        return answer(409 if "error" in row else 201, row)

    def _write(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self.documents is not None
        there = self.documents.get(id, {}).get("_rev")
        if there != body.get("_rev"):
            return {"id": id, "error": "conflict", "reason": "Document update conflict."}
        if body.get("_deleted"):
            return {"ok": True, "id": id, "rev": f"{self.documents.pop(id)['_rev']}-deleted"}
        self.put(id, **{name: value for name, value in body.items() if name not in ("_id", "_rev")})
        return {"ok": True, "id": id, "rev": self.documents[id]["_rev"]}


@contextmanager
def connected(url: str, timeout: float = 60, *options: Any, **more: Any) -> Iterator[Connection]:
    """A connection to a server, which is closed in the end."""
    with closing(Connection(read_address(url, {}), timeout, *options, **more)) as connection:
        yield connection


def answer(status: int, body: object, **headers: str) -> Response:
    return Response(json.dumps(body), status, {name.replace("_", "-"): value for name, value in headers.items()})


def serve(httpserver: HTTPServer) -> Couch:
    """A couch behind a server, in place of what it served before."""
    couch = Couch()
    httpserver.clear()
    httpserver.expect_request(re.compile(".*")).respond_with_handler(couch.handle)
    return couch
