"""A rename, a prune of a document in conflict and a resolved conflict, with trouble at each request: no secret is lost."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, write
from tests.faults import some
from tests.faults.proxy import Proxy, in_front_of
from tests.faults.scene import SECRET, fresh
from tests.faults.test_matrix import TROUBLES, at_request, unclean
from tests.live_server import Live
from tests.outputs import only

OLD_SECRET = f"{SECRET}-old"
ENDPOINTS = {
    "grant_mode": "authorization_code",
    "auth_endpoint": "https://a.example/authorize",
    "token_endpoint": "https://a.example/token",
}
FIELDS = {**ENDPOINTS, "client_id": "1", "client_secret": SECRET}
PRUNE = ("--prune", "--allow", "changed")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is live before a run, what the run is given, and what shall be live in the end, with its secrets."""

    name: str
    id: str
    conflict: bool
    defined: str
    arguments: tuple[str, ...]
    wanted: frozenset[str]

    def prepare(self, live: Live, folder: Path, run: Run) -> None:
        """Write what was there before, with our key, and what lost to it."""
        catalogue = folder / "account_types"
        for path in catalogue.glob("*"):
            path.unlink()
        write(catalogue / f"{self.id}.yaml", yaml_of(FIELDS))
        write(catalogue / "stays.yaml", yaml_of({**FIELDS, "auth_endpoint": "https://b.example/authorize"}))
        assert run(*arguments(live, live.url)).code == 0
        if self.conflict:
            document = {**live.get(self.id), "client_secret": OLD_SECRET, "_rev": f"1-{1:032x}"}
            body = {"docs": [document], "new_edits": False}
            live.http.post(f"{live.path}/_bulk_docs", json=body).raise_for_status()
        (catalogue / f"{self.id}.yaml").unlink()
        if self.defined:
            write(catalogue / f"{self.defined}.yaml", yaml_of(ENDPOINTS))

    def is_wanted(self, live: Live) -> bool:
        return live.documents().keys() == self.wanted and not leaves(live, self.id)[1:]


SCENES = (
    Scene("rename", "old", False, "new", PRUNE, frozenset({"new", "stays"})),
    Scene("prune in conflict", "old", True, "", PRUNE, frozenset({"stays"})),
    Scene("resolve", "old", True, "old", ("--resolve-conflicts",), frozenset({"old", "stays"})),
)


def yaml_of(fields: dict[str, str]) -> str:
    return "".join(f'{name}: "{value}"\n' for name, value in fields.items())


def arguments(live: Live, url: str, *more: str) -> list[str]:
    return ["apply", "--yes", "--format", "json", "--owner", "team", "--couch", url, "--database", live.database, *more]


def leaves(live: Live, id: str) -> list[dict[str, Any]]:
    """The live revisions of a document, the winner first."""
    answer = live.http.get(f"{live.path}/{id}", params={"conflicts": "true"})
    if answer.status_code != 200:
        return []
    found = [answer.json()]
    losing = found[0].get("_conflicts", ())
    return found + [live.http.get(f"{live.path}/{id}", params={"rev": rev}).json() for rev in losing]


def secrets(live: Live) -> set[str]:
    return {leaf["client_secret"] for id in ("old", "new") for leaf in leaves(live, id) if "client_secret" in leaf}


def violations(scene: Scene, live: Live, out: str) -> list[str]:
    """What was lost, and what was said that is not so."""
    found = []
    if scene.name != "prune in conflict" and SECRET not in secrets(live):
        found.append("the secret is lost")
    rows = only(out).get("outcomes", []) if out else []
    for row in rows:
        there = row["id"] in live.documents()
        if row["outcome"] in ("created", "changed", "left") and not there:
            found.append(f"{row['id']} is said to be {row['outcome']}, and is gone")
        if row["outcome"] == "removed" and there:
            found.append(f"{row['id']} is said to be removed, and is there")
        if row["outcome"] == "resolved" and leaves(live, row["id"])[1:]:
            found.append(f"{row['id']} is said to be resolved, and is not")
    return found


@pytest.fixture(scope="module")
def proxy(live_url: str) -> Iterator[Proxy]:
    with in_front_of(live_url) as proxy:
        yield proxy


def tried(
    scene: Scene, live: Live, folder: Path, run: Run, begin: Callable[[Live], tuple[int, str, list[str]]]
) -> list[str]:
    """What is wrong after a run with trouble, and after one without."""
    database = fresh(live)
    try:
        scene.prepare(database, folder, run)
        code, out, found = begin(database)
        found += violations(scene, database, out)
        if code == 0 and not scene.is_wanted(database):
            found.append("exit code 0, and not everything is as wanted")
        run(*arguments(database, database.url, *scene.arguments))
        if not scene.is_wanted(database):
            found.append(f"the next run leaves {sorted(database.documents())}")
        return found
    finally:
        database.http.delete(database.path)


def number_of_requests(scene: Scene, live: Live, folder: Path, run: Run, proxy: Proxy) -> int:
    def undisturbed(database: Live) -> tuple[int, str, list[str]]:
        proxy.expect(None)
        done = run(*arguments(database, proxy.url, *scene.arguments))
        return done.code, done.out, [] if scene.is_wanted(database) else [f"not as wanted: {done}"]

    assert not tried(scene, live, folder, run, undisturbed)
    return len(proxy.asked)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_trouble_at_each_request(folder: Path, live: Live, proxy: Proxy, run: Run, scene: Scene) -> None:
    requests = number_of_requests(scene, live, folder, run, proxy)
    every = [at_request(trouble, number) for number in range(1, requests + 1) for trouble in TROUBLES]
    found = []
    for trouble in some(every, every[SCENES.index(scene) :: 71]):

        def disturbed(database: Live, trouble: Any = trouble) -> tuple[int, str, list[str]]:
            proxy.expect(trouble)
            done = run(*arguments(database, proxy.url, *scene.arguments), "--timeout", 1)
            proxy.expect(None)
            return done.code, done.out, unclean(done)

        found += [f"{trouble}: {what}" for what in tried(scene, live, folder, run, disturbed)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_signal_at_each_request(folder: Path, live: Live, proxy: Proxy, run: Run, scene: Scene) -> None:
    requests = number_of_requests(scene, live, folder, run, proxy)
    kinds = [(sent, answered) for sent in (signal.SIGKILL, signal.SIGTERM) for answered in (False, True)]
    every = [(number, *kind) for number in range(requests, 0, -1) for kind in kinds]
    found = []
    for number, sent, answered in some(every, every[1 + SCENES.index(scene) : 16 : 7]):

        def killed(
            database: Live, number: int = number, sent: signal.Signals = sent, answered: bool = answered
        ) -> tuple[int, str, list[str]]:
            def observe(request: int, dealt: bool) -> None:
                if (request, dealt) == (number, answered):
                    process.send_signal(sent)

            proxy.expect(None)
            program = [sys.executable, "-m", "provisioner", *arguments(database, proxy.url, *scene.arguments)]
            process = subprocess.Popen(program, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            proxy.observe = observe
            out, err = process.communicate(timeout=60)
            proxy.observe = None
            return process.returncode, out, [err] if "Traceback" in err else []

        found += [f"{sent} at {number}: {what}" for what in tried(scene, live, folder, run, killed)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("id", ["old", "new"])
@pytest.mark.parametrize("kind", ["edit", "delete"])
def test_an_edit_by_others_at_each_request_of_a_rename(
    folder: Path, live: Live, proxy: Proxy, run: Run, id: str, kind: str
) -> None:
    scene = SCENES[0]
    requests = number_of_requests(scene, live, folder, run, proxy)
    found = []
    for number in range(1, requests + 1):
        database = fresh(live)
        scene.prepare(database, folder, run)
        done_by_others: list[str] = []

        def observe(
            request: int, dealt: bool, number: int = number, database: Live = database, done: list[str] = done_by_others
        ) -> None:
            if (request, dealt) == (number, False) and (kind == "edit" or id in database.documents()):
                if kind == "delete":
                    database.delete(id)
                else:
                    there = database.documents().get(id, {})
                    own = {name: value for name, value in there.items() if not name.startswith("_")}
                    database.put(id, {**own, "note": "by hand"})
                done.append(kind)

        proxy.expect(None)
        proxy.observe = observe
        done = run(*arguments(database, proxy.url, *scene.arguments))
        proxy.observe = None
        if "old holds the only copy of client_secret, which is deleted with it" in done.err:
            database.http.delete(database.path)
            continue  # what others put in its place was there before the plan, and --yes agrees
        last = number == requests  # nothing can see what comes between its being read back and the removal
        if SECRET not in secrets(database) and not (kind == "delete" and done_by_others and (id == "old" or last)):
            found.append(f"at {number}: the secret is lost: {done}")
        found += [f"at {number}: {what}" for what in unclean(done)]
        database.http.delete(database.path)
    assert not found, "\n".join(found)


def test_the_scenes_say_what_they_did(folder: Path, live: Live, run: Run) -> None:
    for scene, words in zip(SCENES, ({"created", "removed"}, {"removed"}, {"resolved", "changed"}), strict=True):
        database = fresh(live)
        scene.prepare(database, folder, run)
        done = run(*arguments(database, database.url, *scene.arguments))
        said = {row["outcome"] for row in json.loads(done.out)["targets"][0]["outcomes"]}
        assert said <= words | {"unchanged"}, done
        assert said & words
        database.http.delete(database.path)
