"""An apply, its undo and the undo of that, each in trouble at each request: nothing is lost, and the next one gets there."""

import itertools
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from tests.conftest import Run, write
from tests.faults import some
from tests.faults.proxy import Fault, Proxy, Trouble
from tests.faults.scene import put_back, saved
from tests.faults.test_kills import KILL, Kill, killed
from tests.faults.test_matrix import TROUBLES, at_request, unclean
from tests.live_server import Live
from tests.outputs import only
from tests.program import Done

TARGET = ("--target", "one")
SECRET = "s3cr3t-marker"
STRANGER = {"grant_mode": "token", "note": "written by hand"}
OLD = {"auth_endpoint": "https://a.example/old", "client_id": "1", "client_secret": f"{SECRET}-old"}
NEW = {"auth_endpoint": "https://a.example/new", "client_id": "2", "client_secret": f"{SECRET}-new"}
BEFORE = {"changed": OLD, "other": OLD, "removed": {**OLD, "auth_endpoint": "https://b.example/"}}
AFTER = {"changed": NEW, "other": NEW, "created": {**NEW, "auth_endpoint": "https://c.example/"}}
QUICK = [each for each in TROUBLES if each.fault not in (Fault.HANG, Fault.DRIP) and not each.onwards]

Contents = Mapping[str, Any]


@dataclass
class Scene:
    """A target with encrypted backups behind a proxy, before an apply, and the two states that it leads from and to."""

    folder: Path
    live: Live
    proxy: Proxy
    run: Run
    documents: Sequence[dict[str, Any]] = ()
    backups: Mapping[str, bytes] = field(default_factory=dict)

    def come_to(self, stage: int) -> tuple[int, list[Contents]]:
        """Keep what is there before a stage; how many requests that makes, and the states before and after each."""
        self.proxy.expect(None)
        self.begin()
        number, states = 0, [self.contents()]
        for position in range(stage + 1):
            self.documents = saved(self.live)
            self.backups = {path.name: path.read_bytes() for path in (self.folder / "backups").iterdir()}
            number = self.requests("apply" if position == 0 else "undo")
            states.append(self.contents())
        return number, states

    def put_back(self) -> None:
        """Bring back what was kept."""
        self.proxy.expect(None)
        put_back(self.live, self.documents)
        for path in (self.folder / "backups").iterdir():
            path.unlink()
        for name, content in self.backups.items():
            write(self.folder / "backups" / name, content.decode()).chmod(0o600)

    def begin(self) -> None:
        key = pyrage.x25519.Identity.generate()
        write(self.folder / "key.txt", str(key))
        backup = {"folder": "backups", "recipients": [str(key.to_public())], "identity": "key.txt"}
        target = {"couch": self.proxy.url, "database": self.live.database, "backup": backup}
        config = {"owner": "team", "targets": {"one": target}}
        write(self.folder / "provision.yaml", yaml.safe_dump(config)).chmod(0o600)
        self.define(BEFORE)
        assert self.act("apply").code == 0
        self.live.put("stranger", STRANGER)
        for path in (self.folder / "backups").iterdir():
            path.unlink()
        self.define(AFTER)

    def define(self, documents: Mapping[str, Mapping[str, str]]) -> None:
        for path in (self.folder / "account_types").glob("*"):
            path.unlink()
        for id, fields in documents.items():
            document = {"grant_mode": "authorization_code", **fields}
            write(self.folder / f"account_types/{id}.yaml", yaml.safe_dump(document))

    def arguments(self, action: str) -> list[str]:
        prune = ["--prune", "--allow", "mass-delete"] if action == "apply" else []
        return [action, *TARGET, "--yes", "--format", "json", *prune]

    def act(self, action: str, *more: str) -> Done:
        return self.run(*self.arguments(action), *more)

    def contents(self) -> Contents:
        """The documents with their keys, without what each write has of its own."""
        return {id: _content(document) for id, document in self.live.documents().items()}

    def latest(self) -> Mapping[str, Any]:
        """The latest run that has a backup."""
        runs = only(self.run("undo", "--list", "--format", "json", *TARGET).out)["backups"]
        return runs[0] if runs else {"command": None, "complete": True, "documents": []}

    def requests(self, action: str) -> int:
        """How many requests an action makes that nothing disturbs."""
        self.proxy.expect(None)
        assert self.act(action).code == 0
        return len(self.proxy.asked)


def _content(document: Mapping[str, Any]) -> Mapping[str, Any]:
    key = {name: value for name, value in document.get("provision", {}).items() if name not in ("write", "at", "salt")}
    names = {"fields": sorted(key.pop("fields", ())), "since": sorted(key.pop("since", ()))}  # digests are salted
    return {**{name: value for name, value in document.items() if name != "_rev"}, "provision": {**key, **names}}


@pytest.mark.parametrize("stage", range(3), ids=["apply", "undo", "undo of undo"])
def test_trouble_at_each_request(folder: Path, live: Live, proxy: Proxy, run: Run, stage: int) -> None:
    scene = Scene(folder, live, proxy, run)
    number, states = scene.come_to(stage)
    assert all(state == states[position % 2] for position, state in enumerate(states))
    found: list[str] = []
    disturbances: list[InTrouble | IsKilled] = [*faults(stage, number), *kills(stage, number)]
    for disturb in disturbances:
        scene.put_back()
        before, known = scene.contents(), scene.latest()
        said = disturb(scene)
        proxy.expect(None)
        begun = scene.latest() != known
        found += [
            f"{disturb}: {what}"
            for what in judged(scene, said, before, states[stage + 1], begun=begun, is_undo=stage > 0)
        ]
    assert not found, "\n".join(found)


HANDS = ("note", "delete", "anew")
"""What others do to a document: add a note, delete it, or write another one."""


def by_hand(live: Live, id: str, hand: str) -> bool:
    """Do it as somebody would who reads first; whether nobody was faster."""
    there = live.documents().get(id, {})
    if hand == "delete" and not there:
        return False
    fields = {"grant_mode": "token", "note": "by hand"} if hand == "anew" else {"note": "by hand"}
    document = {**there, **fields} if hand == "note" else {**fields, "_deleted": hand == "delete"}
    answer = live.http.put(f"{live.path}/{id}", json={**document, "_rev": there.get("_rev")} if there else document)
    return answer.status_code == 201


@pytest.mark.parametrize("hand", HANDS)
def test_others_at_each_request_of_an_undo(folder: Path, live: Live, proxy: Proxy, run: Run, hand: str) -> None:
    """What they wrote stays, what they deleted stays deleted, and everything else is taken back."""
    scene = Scene(folder, live, proxy, run)
    requests, (_, _, goal) = scene.come_to(1)
    ids = ("changed", "created", "removed")
    every = [(number, id) for number in range(1, requests + 1) for id in ids]
    found = []
    for number, id in some(every, every[HANDS.index(hand) :: 16]):
        scene.put_back()
        began = scene.contents()
        made: list[bool] = []

        def observe(asked: int, answered: bool, number: int = number, id: str = id, made: list[bool] = made) -> None:
            if (asked, answered) == (number, False):
                made.append(by_hand(live, id, hand))

        proxy.expect(None)
        proxy.observe = observe
        done = scene.act("undo")
        proxy.observe = None
        there = scene.contents()
        if hand != "delete" and any(made) and there.get(id, {}).get("note") != "by hand":
            found.append(f"{id} at {number}: what others wrote is lost: {done.err} {there.get(id)}")
        if hand == "delete" and any(made) and id in began and id in there:
            found.append(f"{id} at {number}: what others deleted is back: {done.err}")
        if {each: there.get(each) for each in goal if each != id} != {each: goal[each] for each in goal if each != id}:
            found.append(f"{id} at {number}: another one is not taken back: {done.err}")
        found += [f"{id} at {number}: {what}" for what in unclean(done)]
    assert not found, "\n".join(found)


@dataclass(frozen=True)
class InTrouble:
    stage: int
    trouble: Trouble

    def __call__(self, scene: Scene) -> Done:
        slow = self.trouble.fault in (Fault.HANG, Fault.DRIP) or self.trouble.onwards
        scene.proxy.expect(self.trouble)
        return scene.act("undo" if self.stage else "apply", "--timeout", "1" if slow else "30")


@dataclass(frozen=True)
class IsKilled:
    stage: int
    kill: Kill

    def __call__(self, scene: Scene) -> Done:
        return killed(scene.arguments("undo" if self.stage else "apply"), scene.folder, scene.proxy, self.kill)


def faults(stage: int, requests: int) -> list[InTrouble]:
    every = [InTrouble(stage, at_request(each, number)) for number in range(1, requests + 1) for each in TROUBLES]
    few = zip(range(1 + stage, requests + 1, 4), QUICK[stage::3], strict=False)
    return some(every, [InTrouble(stage, at_request(each, number)) for number, each in few])


def kills(stage: int, requests: int) -> list[IsKilled]:
    moments = itertools.product(range(1, requests + 1), (False, True), (KILL, signal.SIGTERM))
    every = [IsKilled(stage, Kill(sent, number, answered)) for number, answered, sent in moments]
    return some(every, [each for each in every[stage::17] if each.kill.request > 2])


def judged(scene: Scene, said: Done, before: Contents, goal: Contents, *, begun: bool, is_undo: bool) -> list[str]:
    """What is wrong after a disturbed action, after the next undo, and after the one that takes that back."""
    found = [] if said.code < 0 else [each for each in unclean(said) if "exit code" not in each]
    there, latest = scene.contents(), scene.latest()
    if "Traceback" in said.err or SECRET in said.out + said.err:
        found.append(f"said {said.err}")
    if there.get("stranger") != before.get("stranger"):
        found.append("the stranger changed")
    if said.code == 0 and there != goal:
        found.append("exit code 0, and the state is another one")
    if there != before and not begun:
        found.append("documents changed, and there is no backup")
    if begun and latest["complete"] and there != goal:
        found.append(f"the run is said to be complete: {latest}")
    if is_undo and not (begun and latest["complete"]):
        found += undone(scene, goal)
    return found + ([f"then {each}" for each in undone(scene, before)] if is_undo or begun else [])


def undone(scene: Scene, goal: Contents) -> list[str]:
    done = scene.act("undo")
    there = scene.contents()
    if done.code != 0 or there != goal:
        wrong = [id for id in {*there, *goal} if there.get(id) != goal.get(id)]
        return [f"an undo does not lead there: {done} {wrong} {[(there.get(id), goal.get(id)) for id in wrong]}"]
    return []
