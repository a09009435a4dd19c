"""The live server of the tests: pouchdb-server with an admin, or the CouchDB that ``COUCHDB_URL`` names."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml

from provisioner.adapters.couchdb.address import read_address
from tests.conftest import Run, write
from tests.couchdb import server
from tests.program import PATIENCE, Done


@dataclass
class Live:
    """A database of a test's own on the live server. It is created by whoever writes first, and removed in the end."""

    url: str
    http: httpx.Client
    database: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex}/io-cozy-account_types")

    @property
    def shown_url(self) -> str:
        """The URL as the program shows it: without user and password."""
        return str(self.http.base_url.copy_with(username=None, password=None)).rstrip("/")

    @property
    def path(self) -> str:
        return f"/{quote(self.database, safe='')}"

    def get(self, id: str) -> dict[str, Any]:
        """A document, with its ``_id`` and ``_rev``."""
        answer = self.http.get(f"{self.path}/{quote(id, safe='')}")
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def create(self) -> None:
        """Create the database, which is for admins only, if it is missing."""
        self.http.put(self.path)

    def put(self, id: str, document: dict[str, Any]) -> str:
        """Write a document by hand, over the one that is there, and return its revision."""
        self.create()
        there = self.http.get(f"{self.path}/{quote(id, safe='')}").json()
        revision = {"_rev": there["_rev"]} if "_rev" in there else {}
        answer = self.http.put(f"{self.path}/{quote(id, safe='')}", json={**document, **revision})
        answer.raise_for_status()
        rev: str = answer.json()["rev"]
        return rev

    def delete(self, id: str) -> None:
        self.http.delete(f"{self.path}/{quote(id, safe='')}", params={"rev": self.get(id)["_rev"]}).raise_for_status()

    def documents(self) -> dict[str, dict[str, Any]]:
        """All documents but those of a design, by id."""
        return {row["id"]: row["doc"] for row in self._rows() if not row["id"].startswith("_design/")}

    @property
    def ids(self) -> set[str]:
        """The ids of these documents."""
        return {*self.documents()}

    def revisions(self) -> dict[str, str]:
        """The revision of each document: it is another one after any write."""
        return {row["id"]: row["value"]["rev"] for row in self._rows()}

    def _rows(self) -> list[dict[str, Any]]:
        if "COUCHDB_URL" in os.environ:
            time.sleep(0.1)  # the nodes of a cluster agree a moment after a write
        answer = self.http.get(f"{self.path}/_all_docs", params={"include_docs": "true"})
        rows: list[dict[str, Any]] = answer.json().get("rows", [])
        return rows

    @property
    def exists(self) -> bool:
        return self.http.get(self.path).status_code == 200


@pytest.fixture(scope="session")
def live_url() -> Iterator[str]:
    """The URL of the live server, with user and password."""
    if given := os.environ.get("COUCHDB_URL"):
        yield given
        return
    try:
        with server.running() as url:
            yield url
    except server.StartError as error:
        pytest.fail(str(error))


@pytest.fixture
def live(live_url: str) -> Iterator[Live]:
    address = read_address(live_url, {})
    password = str(address.password.reveal()) if address.password else ""
    auth = (address.user, password) if address.user else None
    with httpx.Client(base_url=address.url, auth=auth, trust_env=False, timeout=PATIENCE) as http:
        database = Live(live_url, http)
        yield database
        http.delete(database.path)


@dataclass
class Team:
    """A team with a folder of definitions and a database of its own. Calling it runs a command on that database.

    `options`: how commands name the database and the owner.
    """

    folder: Path
    live: Live
    run: Run
    options: list[str]

    def __call__(self, *words: object, env: Mapping[str, str] | None = None) -> Done:
        return self.run(*words, *self.options, env=env)

    def ownerless(self, *words: object, env: Mapping[str, str] | None = None) -> Done:
        """Run a command without the owner."""
        return self.run(*words, *self.options[:4], env=env)

    def on_a_terminal(self, typed: str, *words: str) -> tuple[str, int]:
        """What a command prints where a person types, and its exit code."""
        from tests.cli.terminal import on_a_terminal  # which not all systems have

        return on_a_terminal([*words, *self.options], self.folder, typed, {"TERM": "dumb"})

    def define(self, id: str, text: str) -> Path:
        """Write the definition of an account type."""
        return write(self.folder / f"account_types/{id}.yaml", text)

    def drop(self, id: str) -> None:
        """Remove the definition of an account type."""
        (self.folder / f"account_types/{id}.yaml").unlink()

    def save(self, name: str, content: object) -> Path:
        """Write a file of YAML that only the user may read, as one with a password is."""
        path = write(self.folder / name, yaml.safe_dump(content, sort_keys=False))
        path.chmod(0o600)
        return path

    def configure(self, *, owner: str | None = "team", **target: object) -> Path:
        """Write a configuration with one target, which commands name from now on."""
        self.options = ["--target", "one"]
        row = {"couch": self.live.url, "database": self.live.database, **target}
        return self.save("provision.yaml", {**({"owner": owner} if owner else {}), "targets": {"one": row}})


@pytest.fixture
def team(folder: Path, live: Live, run: Run) -> Team:
    """The owner `team`, whose catalogue and database are empty."""
    return Team(folder, live, run, ["--couch", live.url, "--database", live.database, "--owner", "team"])
