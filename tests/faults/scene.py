"""What the runs under faults start from, and what they shall lead to."""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import Run, write
from tests.faults.proxy import Proxy
from tests.live_server import Live
from tests.outputs import only
from tests.program import Done

SECRET = "s3cr3t-marker"
OWNER = "team"
STRANGER = {"grant_mode": "token", "note": "written by hand"}
NOTE = "planted by hand"

Document = dict[str, Any]
Documents = Mapping[str, Document]

_FIELDS = {"grant_mode": "authorization_code", "client_id": "1", "client_secret": SECRET}
OLD = {**_FIELDS, "auth_endpoint": "https://a.example/old", "token_mode": "get"}
NEW = {**_FIELDS, "client_secret": f"{SECRET}-new", "auth_endpoint": "https://a.example/new"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of run.

    `before`: what an earlier run of the owner `former` wrote (none: there was none), of which the ids in `gone` have
    no definition any more; `arguments` are what the run itself is given. `by_hand`: some documents were written
    without a key. `saved`: the run applies a saved plan.
    """

    name: str
    before: Mapping[str, str] | None = None
    former: str = OWNER
    by_hand: bool = False
    wanted: Mapping[str, str] = field(default_factory=lambda: NEW)
    prunes: bool = False
    arguments: tuple[str, ...] = ()
    saved: bool = False

    def gone(self, size: int) -> list[str]:
        return [f"gone{number:02}" for number in range(max(2, size * 2 // 3))] if self.prunes else []


KINDS = (
    Kind("first"),
    Kind("by hand", by_hand=True),
    Kind("unchanged", before=NEW),
    Kind("changing", before=OLD),
    Kind("prune", before=OLD, prunes=True, arguments=("--prune", "--allow", "mass-delete")),
    Kind(
        "adopt",
        before=OLD,
        former="other",
        arguments=(
            "--allow",
            "adopt",
        ),
    ),
    Kind("saved plan", before=OLD, prunes=True, arguments=("--prune", "--allow", "mass-delete"), saved=True),
)


@dataclass(frozen=True)
class Scene:
    """A kind of run with a number of account types, in the current folder and on a live server."""

    kind: Kind
    size: int
    folder: Path
    run: Run

    @property
    def ids(self) -> list[str]:
        return [f"t{number:02}" for number in range(self.size)]

    @property
    def kept(self) -> list[str]:
        """Documents without a definition that a prune must leave."""
        return self.kind.gone(self.size)[-1:]

    @property
    def pruned(self) -> list[str]:
        return self.kind.gone(self.size)[:-1]

    def rehearse(self, live: Live) -> dict[str, Document]:
        """Do what came before the run, and return the documents that it left, without revisions."""
        if self.kind.before is not None:
            self.define([*self.ids, *self.kind.gone(self.size)], self.kind.before)
            assert self.apply(live, live.url, "--owner", self.kind.former).code == 0
            for id in (self.ids[0], *self.kept):
                live.put(id, {**live.get(id), "note": NOTE})
        if self.kind.by_hand:
            for id in self.ids[::2]:
                live.put(id, {**OLD, "note": NOTE})
        if self.kind.name != "first":
            live.put("stranger", STRANGER)
        return {id: _content(document) for id, document in live.documents().items()}

    def prepare(self, live: Live, documents: Documents) -> Documents:
        """Put the documents of a rehearsal into another database; the definitions are those of the run."""
        if documents:
            live.create()
            body = {"docs": [{"_id": id, **document} for id, document in documents.items()]}
            live.http.post(f"{live.path}/_bulk_docs", json=body).raise_for_status()
            index = {"ddoc": "by-slug", "index": {"fields": ["slug"]}}
            live.http.post(f"{live.path}/_index", json=index).raise_for_status()
        self.define(self.ids, self.kind.wanted)
        return live.documents() if documents else {}

    def define(self, ids: Sequence[str], fields: Mapping[str, str]) -> None:
        folder = self.folder / "account_types"
        for path in folder.glob("*"):
            if path.stem not in ids:
                path.unlink()
        for id in ids:
            write(folder / f"{id}.yaml", "".join(f'{name}: "{value}"\n' for name, value in fields.items()))

    def arguments(self, live: Live, url: str) -> list[str]:
        """What the run is started with, through `url`."""
        if self.kind.saved:
            saving = ("diff", "--out", self.folder / "plan.json", "--owner", OWNER)
            assert self.run(*saving, "--couch", url, "--database", live.database).code == 0
            return [*self.apply_arguments(live, url), "--plan", str(self.folder / "plan.json")]
        return self.apply_arguments(live, url)

    def apply_arguments(self, live: Live, url: str) -> list[str]:
        reached = ["--couch", url, "--database", live.database, "--owner", OWNER]
        return ["apply", "--yes", "--format", "json", *self.kind.arguments, *reached]

    def apply(self, live: Live, url: str, *more: str) -> Done:
        return self.run("apply", "--yes", "--format", "json", "--couch", url, "--database", live.database, *more)

    def is_wanted(self, documents: Documents) -> bool:
        """Whether everything is as the definitions say."""
        there = all(self.as_wanted(id, documents.get(id)) for id in self.ids)
        return there and not any(id in documents for id in self.pruned)

    def as_wanted(self, id: str, document: Document | None) -> bool:
        if document is None or document.get("provision", {}).get("owner") != OWNER:
            return False
        note = {"note": NOTE} if "note" in document else {}
        theirs = {"token_mode": "get"} if self.kind.by_hand and "note" in document else {}
        fields = {**self.kind.wanted, **note, **theirs}
        return _fields(document) == fields and document["provision"] == self._key(id, document["provision"])

    def _key(self, id: str, key: Document) -> Document:
        """The key of a document that is as wanted; its salt, write, times and commit are taken as they are."""
        salt, write, at = (str(key.get(name)) for name in ("salt", "write", "at"))
        assert all(re.fullmatch(r"[0-9a-f]{16}", each) for each in (salt, write))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at)
        fields = {name: digest(salt, id, name, value) for name, value in self.kind.wanted.items()}
        since = key.get("since", {})
        assert {"client_secret"} <= since.keys() <= {"client_id", "client_secret"}, "every kind of run changes a secret"
        assert all(re.fullmatch(r"\d{4}-.*Z", each) for each in since.values())
        source = {"source": key["source"]} if "source" in key else {}
        return {"owner": OWNER, "salt": salt, "write": write, "fields": fields, "at": at, "since": since, **source}

    def lost(self, before: Documents, after: Documents) -> list[str]:
        """Foreign fields and documents that are gone."""
        found = [f"{id} lost its note" for id, each in before.items() if _note(each) != _note(after.get(id, {}))]
        if "stranger" in before and _fields(after.get("stranger", {})) != STRANGER:
            found.append("the stranger changed")
        return found


def number_of_requests(scene: Scene, live: Live, left: Documents, proxy: Proxy) -> int:
    """How many requests a run makes if nothing disturbs it."""
    database = fresh(live)
    scene.prepare(database, left)
    arguments = scene.arguments(database, proxy.url)
    proxy.expect(None)
    assert scene.run(*arguments).code == 0
    assert scene.is_wanted(database.documents())
    database.http.delete(database.path)
    return len(proxy.asked)


def false_outcomes(scene: Scene, before: Documents, after: Documents, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was said and is not so, when nobody else wrote meanwhile."""
    said = {row["id"]: row for row in rows}
    found = [f"{id} was changed, and nothing was said" for id in changed(before, after) if id not in said]
    for id, row in said.items():
        now, was = after.get(id), before.get(id)
        match row["outcome"]:
            case "created" | "changed" | "adopted":
                true = scene.as_wanted(id, now) and now is not None and now["_rev"] == row["rev"] and now != was
            case "unchanged":
                true = scene.as_wanted(id, now)
            case "removed":
                true = id in scene.pruned and was is not None and now is None
            case "skipped":
                true = id in scene.kept and now == was
            case "failed":
                true = now == was
            case "unknown":
                true = True
            case _:
                true = False
        if not true:
            found.append(f"{id}: {row['outcome']} ({row['reason']}) is not so")
    return found


def changed(before: Documents, after: Documents) -> list[str]:
    """The ids of documents that are not as they were."""
    return [id for id in sorted({*before, *after}) if before.get(id) != after.get(id)]


def state_of(documents: Documents) -> str:
    """What a further run can find in documents, without what each write has of its own: the same for equal states."""
    return json.dumps({id: _without_salt(id, document) for id, document in documents.items()}, sort_keys=True)


def _without_salt(id: str, document: Document) -> Document:
    fields, key = _content(document), document.get("provision", {})
    if not key:
        return fields
    salt, digests = key["salt"], key["fields"]
    right = {name: each == digest(salt, id, name, document.get(name)) for name, each in digests.items()}
    kept = {name: each for name, each in key.items() if name not in ("salt", "write", "at")}
    return {**fields, "provision": {**kept, "fields": right, "since": sorted(key.get("since", ()))}}


def saved(live: Live) -> list[Document]:
    """Each leaf of each document of a database, with its revision; those that are deleted, too."""
    leaves = _leaves(live)
    while leaves != (leaves := _leaves(live)):
        pass  # the nodes of a cluster agree a moment after a write
    return [live.http.get(f"{live.path}/{id}", params={"rev": rev}).json() for id, rev in leaves]


def _leaves(live: Live) -> list[tuple[str, str]]:
    live.revisions()  # which leaves a cluster some time
    results = live.http.get(f"{live.path}/_changes", params={"style": "all_docs"}).json()["results"]
    return sorted((row["id"], change["rev"]) for row in results for change in row["changes"])


def put_back(live: Live, documents: Sequence[Document]) -> None:
    """Make a database that holds these leaves, and nothing else."""
    live.http.delete(live.path)
    live.create()
    body = {"docs": documents, "new_edits": False}
    live.http.post(f"{live.path}/_bulk_docs", json=body).raise_for_status()
    live.revisions()  # on a cluster, until its nodes agree


def fresh(live: Live) -> Live:
    """Another database on the same server."""
    return Live(live.url, live.http, f"test-{uuid.uuid4().hex}/io-cozy-account_types")


def outcomes(done: Done) -> list[Mapping[str, Any]]:
    """The outcomes that a run printed; none if it was stopped before it wrote."""
    return only(done.out).get("outcomes", []) if done.out else []


def _content(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "_rev" and name != "_id"}


def _fields(document: Document) -> Document:
    return {name: value for name, value in document.items() if not name.startswith("_") and name != "provision"}


def digest(salt: str, id: str, name: str, value: object) -> str:
    """The digest of a field, worked out here once more: short and salted for a credential."""
    credential = name in ("client_id", "client_secret")
    content = [salt, id, name, value] if credential else [id, name, value]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[: 4 if credential else 16]


def _note(document: Document) -> object:
    return document.get("note")
