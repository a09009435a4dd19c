"""A rename, a prune and a resolution of conflicts, and a proven rotation, in trouble: no secret is lost."""

import itertools
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import Run, write
from tests.faults import some
from tests.faults.proxy import Proxy
from tests.faults.scene import SECRET, fresh, put_back, saved
from tests.faults.test_kills import KILL, Kill, killed
from tests.faults.test_matrix import TROUBLES, at_request, unclean
from tests.live_server import Live
from tests.outputs import only
from tests.program import Done

OLD_SECRET, NEW_SECRET = f"{SECRET}-old", f"{SECRET}-new"
PRUNE = ("--prune", "--allow", "changed")
PLANNED = 2
"""The requests before a plan is made."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What becomes of the account type `id`, with which arguments, and what shall be live in the end.

    `outcomes`: what is said of a run without trouble. `conflict`: it has a losing revision with an old secret, and nobody's key. `secret`: what its definition states.
    """

    name: str
    id: str
    conflict: bool
    defined: str
    arguments: tuple[str, ...]
    wanted: frozenset[str]
    outcomes: frozenset[str]
    secret: str = ""


KINDS = (
    Kind("rename", "old", False, "new", PRUNE, frozenset({"new", "stays"}), frozenset({"created", "removed"})),
    Kind("prune in conflict", "old", True, "", PRUNE, frozenset({"stays"}), frozenset({"removed"})),
    Kind(
        "resolve",
        "old",
        True,
        "old",
        ("--resolve-conflicts", "--allow", "changed"),
        frozenset({"old", "stays"}),
        frozenset({"resolved", "changed"}),
    ),
    Kind("prove", "old", False, "old", ("--prove",), frozenset({"old", "stays"}), frozenset({"changed"}), NEW_SECRET),
)


@dataclass
class Scene:
    """A kind of run in a folder, on a live server behind a proxy, and a provider that takes the old and the new secret."""

    kind: Kind
    folder: Path
    live: Live
    proxy: Proxy
    run: Run
    provider: str
    documents: Sequence[dict[str, Any]] = ()

    def arguments(self, url: str = "") -> list[str]:
        place = ["--couch", url or self.proxy.url, "--database", self.live.database]
        return ["apply", "--yes", "--format", "json", "--owner", "team", *place, *self.kind.arguments]

    def rehearse(self) -> int:
        """Make what was there before, our document and what lost to it; how many requests a run then makes."""
        self.live = fresh(self.live)
        kind, before = self.kind, {**self.fields, "client_id": "1", "client_secret": SECRET}
        self.define({kind.id: before, "stays": {**before, "auth_endpoint": "https://b.example/authorize"}})
        assert self.run(*[each for each in self.arguments(self.live.url) if each not in kind.arguments]).code == 0
        if kind.conflict:
            losing = {name: each for name, each in self.live.get(kind.id).items() if name != "provision"}
            losing |= {"client_secret": OLD_SECRET, "_rev": f"1-{1:032x}"}
            body = {"docs": [losing], "new_edits": False}
            self.live.http.post(f"{self.live.path}/_bulk_docs", json=body).raise_for_status()
            self.live.revisions()  # on a cluster, until its nodes agree
        (self.folder / f"account_types/{kind.id}.yaml").unlink()
        if kind.defined:
            self.define({kind.defined: {**self.fields, **({"client_secret": kind.secret} if kind.secret else {})}})
        self.documents = saved(self.live)
        self.proxy.expect(None)
        done = self.act()
        said = {row["outcome"] for row in only(done.out)["outcomes"]}
        assert said & kind.outcomes, done
        assert said <= kind.outcomes | {"unchanged"}
        number = len(self.proxy.asked)
        assert (done.code, self.end(done)) == (0, []), done
        return number

    def begin(self) -> None:
        """Another database with what was there before."""
        self.proxy.expect(None)
        self.live = fresh(self.live)
        put_back(self.live, self.documents)

    @property
    def fields(self) -> dict[str, str]:
        token = f"{self.provider}/token"
        endpoints = {"auth_endpoint": "https://a.example/authorize", "token_endpoint": token}
        return {"grant_mode": "authorization_code", **endpoints}

    def define(self, documents: dict[str, dict[str, str]]) -> None:
        for id, fields in documents.items():
            text = "".join(f'{name}: "{value}"\n' for name, value in fields.items())
            write(self.folder / f"account_types/{id}.yaml", text)

    def act(self, *more: object) -> Done:
        return self.run(*self.arguments(), *more)

    @property
    def is_wanted(self) -> bool:
        there = self.live.documents()
        proven = not self.kind.secret or there[self.kind.id]["client_secret"] == self.kind.secret
        return there.keys() == self.kind.wanted and proven and not self.leaves(self.kind.id)[1:]

    def leaves(self, id: str) -> list[dict[str, Any]]:
        """The live revisions of a document, the winner first."""
        answer = self.live.http.get(f"{self.live.path}/{id}", params={"conflicts": "true"})
        if answer.status_code != 200:
            return []
        found = [answer.json()]
        losing = found[0].get("_conflicts", ())
        return found + [self.live.http.get(f"{self.live.path}/{id}", params={"rev": rev}).json() for rev in losing]

    @property
    def secrets(self) -> set[str]:
        return {leaf["client_secret"] for id in ("old", "new") for leaf in self.leaves(id) if "client_secret" in leaf}

    def violations(self, done: Done) -> list[str]:
        """What was lost, and what was said that is not so."""
        found = []
        if self.kind.name != "prune in conflict" and not self.secrets & {SECRET, NEW_SECRET}:
            found.append("the secret is lost")
        there = self.live.documents()
        for row in only(done.out).get("outcomes", []) if done.out else []:
            if row["outcome"] in ("created", "changed", "skipped") and row["id"] not in there:
                found.append(f"{row['id']} is said to be {row['outcome']}, and is gone")
            if row["outcome"] == "removed" and row["id"] in there:
                found.append(f"{row['id']} is said to be removed, and is there")
            if row["outcome"] == "resolved" and self.leaves(row["id"])[1:]:
                found.append(f"{row['id']} is said to be resolved, and is not")
        if done.code == 0 and not self.is_wanted:
            found.append("exit code 0, and not everything is as wanted")
        return found

    def end(self, done: Done) -> list[str]:
        """What is wrong after a run with trouble, and after one without."""
        self.proxy.expect(None)
        found = self.violations(done) + (["a traceback"] if "Traceback" in done.err else [])
        for _ in range(3 if "COUCHDB_URL" in os.environ else 1):  # a node of a cluster may be late
            if self.run(*self.arguments(self.live.url)).code == 0 and self.is_wanted:
                break
        if not self.is_wanted:
            found.append(f"the next run leaves {self.live.documents()}")
        self.live.http.delete(self.live.path)
        return found


def answer(request: Request) -> Response:
    """What a provider says to a dummy code."""
    known = request.form.get("client_secret") in (SECRET, NEW_SECRET)
    return Response(json.dumps({"error": "invalid_grant" if known else "invalid_client"}), 400 if known else 401)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_trouble_at_each_request(
    folder: Path, live: Live, proxy: Proxy, run: Run, httpserver: HTTPServer, kind: Kind
) -> None:
    """A fault, a signal, or an edit by others."""
    httpserver.expect_request("/token").respond_with_handler(answer)
    scene = Scene(kind, folder, live, proxy, run, httpserver.url_for("").rstrip("/"))
    requests, number = scene.rehearse(), KINDS.index(kind)
    found = []
    every = [at_request(each, number) for number in range(1, requests + 1) for each in TROUBLES]
    for trouble in some(every, every[number::71]):
        scene.begin()
        proxy.expect(trouble)
        done = scene.act("--timeout", 1)
        found += [f"{trouble}: {what}" for what in [*unclean(done), *scene.end(done)]]
    kinds = itertools.product(range(requests, 0, -1), (KILL, signal.SIGTERM), (False, True))
    kills = [Kill(sent, number, answered) for number, sent, answered in kinds]
    for kill in some(kills, kills[1 + number : 16 : 9]):
        scene.begin()
        done = killed(scene.arguments(), folder, proxy, kill)
        found += [f"{kill}: {what}" for what in scene.end(done)]
    edits = [*itertools.product((note, another_client, delete), range(1, requests + 1), ("old", "new"))]
    for hand, at, id in some(edits, edits[number::7]):
        scene.begin()
        proxy.observe = meddler = Meddler(scene.live, at, id, hand)
        done = scene.act()
        proxy.observe = None
        what = f"{hand.__name__} of {id} at {at}"
        found += [f"{what}: {each}: {done}" for each in [*unclean(done), *meddler.wrong(scene, done)]]
        scene.live.http.delete(scene.live.path)
    assert not found, "\n".join(found)


def note(there: dict[str, Any]) -> dict[str, Any]:
    return {**there, "note": "by hand"}


def another_client(there: dict[str, Any]) -> dict[str, Any]:
    return {**there, "client_id": "2"}


def delete(there: dict[str, Any]) -> None:
    """Nothing is left."""


@dataclass
class Meddler:
    """Somebody who changes a document at one request; `before` is what they found."""

    live: Live
    number: int
    id: str
    hand: Callable[[dict[str, Any]], dict[str, Any] | None]
    before: dict[str, Any] | None = None

    def __call__(self, request: int, dealt: bool) -> None:
        if (request, dealt) != (self.number, False):
            return
        while self.before is None and (there := self.live.documents().get(self.id)):
            fields = {"_deleted": True} if (hand := self.hand(there)) is None else hand
            document = {**fields, "_rev": there["_rev"]}
            if self.live.http.put(f"{self.live.path}/{self.id}", json=document).status_code in (200, 201):
                self.before = there  # else somebody was faster, and they look again

    def wrong(self, scene: Scene, done: Done) -> Iterator[str]:
        """What of theirs is lost, or was mixed with ours; and what of ours, if they deleted nothing."""
        there = scene.live.documents().get(self.id)
        if self.before is None:
            return
        secret = self.before.get("client_secret")
        fields = self.hand(self.before) or {}
        if self.hand is delete:
            if there and scene.kind.name != "resolve" and there["client_secret"] == secret and not scene.kind.conflict:
                yield "what they deleted is back"
            return
        if "the only copy of client_secret, which is deleted with it" in done.err:
            return  # their edit came before the plan, and --yes agrees
        if not scene.secrets & {SECRET, NEW_SECRET} and self.number < len(scene.proxy.asked):
            yield "the secret is lost"
        if there and "note" in fields and "note" not in there:
            yield "what they wrote is lost"
        if self.number <= PLANNED:
            return  # the plan shows it, and the provider proves the pair
        if there and fields.get("client_id") == there.get("client_id") == "2" and there["client_secret"] != secret:
            yield "their client_id has our secret"
