"""A run that is killed or interrupted at any moment leaves a state from which the next one converges."""

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.faults import size
from tests.faults.proxy import Proxy
from tests.faults.scene import (
    KINDS,
    SECRET,
    Documents,
    Kind,
    Scene,
    changed,
    fresh,
    number_of_requests,
    outcomes,
)
from tests.live_server import Live
from tests.program import PATIENCE, Done, Program

KILL = signal.Signals(9)
"""SIGKILL, which has no name on Windows."""

SIGNALS = (KILL, signal.SIGTERM, signal.SIGINT)
CODES = {KILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
GROUPS = [(kind, size) for kind in KINDS if kind.name != "unchanged" for size in (5, 60)]
RUNS = size(204, len(GROUPS))
LONGEST_RUN = 0.5
"""Seconds after its first request within which a run is killed at a random time; it may have ended before."""


@dataclass(frozen=True, slots=True)
class Kill:
    """When a signal comes: at a request, before or after the server dealt with it, or some seconds after the first."""

    sent: signal.Signals
    request: int = 0
    answered: bool = False
    seconds: float = 0.0


def kills(group: int, requests: int) -> Iterator[Kill]:
    """At the requests of a run, from the last one, which writes, to the first, and at times that a seed draws."""
    drawn = random.Random(group)
    for turn, index in enumerate(range(group, RUNS, len(GROUPS))):
        sent = SIGNALS[(index + turn) % len(SIGNALS)]
        if turn % 3 < 2:
            yield Kill(sent, requests - (turn // 3 + turn % 3) % requests, answered=(group + turn) % 2 == 0)
        else:
            yield Kill(sent, seconds=drawn.uniform(0, LONGEST_RUN))


@pytest.mark.parametrize(("kind", "size"), GROUPS, ids=[f"{kind.name}-{size}" for kind, size in GROUPS])
def test_the_next_run_converges(folder: Path, live: Live, proxy: Proxy, run: Run, kind: Kind, size: int) -> None:
    scene = Scene(kind, size, folder, run)
    left = scene.rehearse(live)
    requests = number_of_requests(scene, live, left, proxy)
    found = []
    for kill in kills(GROUPS.index((kind, size)), requests):
        database = fresh(live)
        before = scene.prepare(database, left)
        done = killed(scene.arguments(database, proxy.url), folder, proxy, kill)
        after = database.documents()
        found += [f"{kill}: {what}" for what in [*scene.lost(before, after), *wrong(kill, done, before, after)]]
        plain = scene.apply_arguments(database, database.url)
        if run(*plain).code != 0 or not scene.is_wanted(database.documents()):
            found.append(f"{kill}: the next run does not lead to what is wanted")
        writes = database.revisions()
        if run(*plain).code != 0 or database.revisions() != writes:
            found.append(f"{kill}: the run after it writes something")
        database.http.delete(database.path)
    assert not found, "\n".join(found)


def killed(arguments: list[str], folder: Path, proxy: Proxy, kill: Kill) -> Done:
    """What is left of a run to which a signal was sent; its code is 0 if it ended before."""

    started, began = threading.Event(), threading.Event()

    def observe(number: int, answered: bool) -> None:
        began.set()
        if number == kill.request and answered == kill.answered:
            started.wait()
            program.process.send_signal(kill.sent)

    proxy.expect(None)
    proxy.observe = observe
    with Program(*arguments, folder=folder) as program:
        started.set()
        if not kill.request:
            assert began.wait(PATIENCE)
            with suppress(TimeoutError, subprocess.TimeoutExpired):
                program.process.wait(kill.seconds)
            program.process.send_signal(kill.sent)
        done = program.ended()
    proxy.observe = None
    proxy.settle()
    return done


def wrong(kill: Kill, done: Done, before: Documents, after: Documents) -> list[str]:
    """What a killed run said that is not so."""
    found = []
    if done.code not in (0, CODES[kill.sent], -kill.sent):  # the last: it came when the program was ending
        found.append(f"exit code {done.code}: {done.err}")
    if "Traceback" in done.err or SECRET in done.out + done.err:
        found.append(f"said {done.err}")
    if kill.sent is KILL and done.code != 0:
        return found
    try:
        json.loads(done.out or "{}")
    except ValueError:
        return [*found, f"broken JSON: {done.out!r}"]
    said = {row["id"]: row for row in outcomes(done)}
    found += [f"{id} was changed, and nothing was said" for id in changed(before, after) if id not in said]
    for id, row in said.items():
        now = after.get(id)
        written = row["outcome"] in ("created", "changed", "adopted")
        if written and (now is None or now["_rev"] != row["rev"]):
            found.append(f"{id} is said to be {row['outcome']}")
        if row["outcome"] == "removed" and now is not None:
            found.append(f"{id} is said to be removed")
        if row["outcome"] in ("failed", "skipped") and now != before.get(id):
            found.append(f"{id} is said to have {row['outcome']}: {row['reason']}")
    return found


def test_an_interruption_while_the_program_starts_is_told(folder: Path) -> None:
    begin = """
import sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from provisioner.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
