"""Several runs at once, of one owner and of several, beside edits by hand: nothing is lost, nothing false is said."""

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, write
from tests.faults import FULL
from tests.faults.scene import NEW
from tests.live_server import Live
from tests.outputs import only
from tests.program import Program

IDS = [f"t{number:02}" for number in range(40 if FULL else 6)]
CASES = [(2, 1), (2, 2), (8, 1), (8, 3)] if FULL else [(2, 1), (3, 2)]


def start(live: Live, folder: Path, owner: str) -> Program:
    reached = ["--couch", live.url, "--database", live.database, "--owner", owner]
    return Program("apply", "--yes", "--format", "json", *reached, folder=folder)


def define(folder: Path, auth_endpoint: str) -> Path:
    fields = {**NEW, "auth_endpoint": auth_endpoint}
    for id in IDS:
        write(folder / f"account_types/{id}.yaml", "".join(f'{name}: "{value}"\n' for name, value in fields.items()))
    return folder


class Hand(threading.Thread):
    """Writes a note into one document after the other, as somebody does with a form: read, change, write."""

    def __init__(self, live: Live) -> None:
        super().__init__()
        self.live = live
        self.over = threading.Event()
        self.noted: dict[str, int] = {}

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            id = IDS[number % len(IDS)]
            answer = self.live.http.get(f"{self.live.path}/{id}")
            if answer.status_code == 200:
                document = {**answer.json(), "note": number}
                if self.live.http.put(f"{self.live.path}/{id}", json=document).status_code == 201:
                    self.noted[id] = number


@pytest.mark.parametrize(("runs", "owners"), CASES)
@pytest.mark.parametrize("first", [True, False], ids=["a new database", "a change"])
def test_they_agree(folder: Path, live: Live, run: Run, runs: int, owners: int, first: bool) -> None:
    names = [f"owner{number % owners}" for number in range(runs)]
    if not first:
        define(folder / names[0], "https://a.example/old")
        with start(live, folder / names[0], names[0]) as earlier:
            assert earlier.ended().code == 0
    folders = [define(folder / name, f"https://a.example/{name}") for name in names]
    hand = Hand(live)
    hand.start()
    try:
        with ExitStack() as programs:
            started = [programs.enter_context(start(live, *each)) for each in zip(folders, names, strict=True)]
            ended = [program.ended() for program in started]
    finally:
        hand.over.set()
        hand.join()
    documents = live.documents()
    for done, name in zip(ended, names, strict=True):
        assert "Traceback" not in done.err
        rows = only(done.out).get("outcomes", []) if done.out else []
        assert done.code in (0, 1)
        assert rows or done.code == 0 or "error" in done.err
        assert not [row for row in rows if row["outcome"] == "unknown"]
        for row in rows:
            if row["outcome"] in ("created", "changed", "adopted"):
                assert was_written(live, row, name), f"{name}: {row}"
    assert {id: documents[id].get("note") for id in hand.noted} == hand.noted
    for id, document in documents.items():
        owner = document["provision"]["owner"]
        assert document["auth_endpoint"] == f"https://a.example/{owner}", f"{id} is a mixture"
    if owners == 1:
        assert documents.keys() == {*IDS}
    converges(live, folder / names[0], names[0], run)


def was_written(live: Live, row: dict[str, Any], owner: str) -> bool:
    """Whether the revision that a run says it wrote is in the history of the document, and its own."""
    answer = live.http.get(f"{live.path}/{row['id']}", params={"rev": row["rev"]})
    document = answer.json()
    return answer.status_code == 200 and document["provision"]["owner"] == owner


def converges(live: Live, folder: Path, owner: str, run: Run) -> None:
    """One owner takes everything, and then there is nothing to write."""
    place = ["--couch", live.url, "--database", live.database, "--owner", owner, folder / "account_types"]
    before = live.documents()
    assert run("apply", "--yes", "--allow", "adopt", *place).code == 0
    after = live.documents()
    assert {id: each.get("note") for id, each in after.items() if id in before} == {
        id: each.get("note") for id, each in before.items()
    }
    assert all(after[id]["provision"]["owner"] == owner for id in IDS)
    writes = live.revisions()
    assert run("apply", "--yes", *place).code == 0
    assert live.revisions() == writes
