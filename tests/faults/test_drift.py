"""A look, and a run that follows, in trouble at each request: each thing that others did is told, and nothing else."""

import itertools
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, write
from tests.faults import some
from tests.faults.proxy import Fault, Proxy, Trouble
from tests.faults.test_kills import KILL, Kill, killed
from tests.faults.test_matrix import TROUBLES, at_request
from tests.live.following import following
from tests.live_server import Live
from tests.program import Done

IDS = ("edited", "deleted", "replaced", "same")
HAPPENED = {("edited", "edited"), ("deleted", "deleted"), ("replaced", "replaced"), ("new", "new")}
REQUESTS = 6
"""The requests of a follower that are disturbed: two looks, and the wait for a change."""
FOLLOWED = 2
"""The requests of a follower after its first look in which it is killed: where the changes are, and the wait."""


@pytest.fixture
def place(folder: Path, live: Live, run: Run) -> list[str]:
    """Account types that were applied and looked at, and of which others changed some."""
    for id in IDS:
        write(folder / f"account_types/{id}.yaml", f"grant_mode: secret\nslug: {id}\nsecret: s3cr3t\n")
    options = ["--database", live.database, "--owner", "team"]
    assert run("apply", "--yes", "--couch", live.url, *options).code == 0
    assert run("drift", "--state", folder / "first.json", "--couch", live.url, *options).code == 0
    live.put("edited", {**live.get("edited"), "slug": "other"})
    live.delete("deleted")
    live.put("replaced", {"grant_mode": "token"})
    live.put("new", {"grant_mode": "token"})
    return options


def look(place: list[str], url: str, *more: object) -> list[str]:
    return ["drift", "--state", "state.json", "--format", "json", "--couch", url, *place, *map(str, more)]


def told(done: Done) -> set[tuple[str, str]]:
    """What a look printed of account types."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.out.splitlines() if line.endswith("}")]
    return {(row["id"], row["event"]) for row in rows if row["id"] is not None}


def wrong(first: Done, second: Done, third: Done, happened: set[tuple[str, str]], *, is_killed: bool) -> Iterator[str]:
    """What is wrong after a disturbed look and two without trouble."""
    if told(first) - happened or told(second) - happened:
        yield f"told what did not happen: {first} {second}"
    if told(first) | told(second) != happened:
        yield f"not told: {happened - told(first) - told(second)}"
    if told(third) or third.code != 0:
        yield f"told again: {third}"
    if first.code == 0 and told(first) < HAPPENED and not is_killed:
        yield f"exit code 0, and told {told(first)}"
    if not is_killed and (first.code not in (0, 1) or "Traceback" in first.err or "s3cr3t" in first.out + first.err):
        yield f"said {first}"


@dataclass(frozen=True)
class Edited:
    """Somebody changes another document before a request is dealt with."""

    number: int
    live: Live

    def __call__(self, request: int, dealt: bool) -> None:
        if (request, dealt) == (self.number, False):
            self.live.put("same", {**self.live.get("same"), "slug": "other"})


@pytest.mark.parametrize("means", ["faults", "kills", "kills of one that follows", "edits"])
def test_a_look_in_trouble_at_each_request(
    folder: Path, live: Live, proxy: Proxy, run: Run, place: list[str], means: str
) -> None:
    proxy.expect(None)
    (folder / "state.json").write_text((folder / "first.json").read_text())
    assert told(run(*look(place, proxy.url))) == HAPPENED
    requests = len(proxy.asked) + (FOLLOWED if "follows" in means else 0)
    found = []
    for each in disturbances(means, requests, live):
        (folder / "state.json").write_text((folder / "first.json").read_text())
        proxy.expect(each if isinstance(each, Trouble) else None)
        happened = HAPPENED
        if isinstance(each, Kill):
            follow = ["--follow", "--interval", "2"] if "follows" in means else []
            first = killed(look(place, proxy.url, *follow), folder, proxy, each)
        elif isinstance(each, Edited):
            proxy.observe, happened = each, HAPPENED | {("same", "edited")}
            first = run(*look(place, proxy.url))
            proxy.observe = None
        else:
            slow = each.fault in (Fault.HANG, Fault.DRIP) or each.onwards
            first = run(*look(place, proxy.url, "--timeout", 1 if slow else 30))
        proxy.expect(None)
        second, third = run(*look(place, live.url)), run(*look(place, live.url))
        found += [f"{each}: {what}" for what in wrong(first, second, third, happened, is_killed=isinstance(each, Kill))]
        if isinstance(each, Edited):
            live.put("same", {**live.get("same"), "slug": "same"})
    assert not found, "\n".join(found)


def disturbances(means: str, requests: int, live: Live) -> list[Trouble] | list[Kill] | list[Edited]:
    numbers = range(1, requests + 1)
    if means == "faults":
        faults = [at_request(each, number) for each in TROUBLES for number in numbers]
        return some(faults, faults[5 :: len(faults) // 3])
    if means == "edits":
        return [Edited(number, live) for number in numbers]
    kinds = itertools.product((KILL, signal.SIGTERM), numbers, (False, True))
    kills = [Kill(*kind) for kind in kinds]
    return some(kills, kills[5 :: len(kills) // 2])


def test_one_that_follows_survives_trouble_at_each_request(
    folder: Path, live: Live, proxy: Proxy, place: list[str]
) -> None:
    every = [at_request(each, number) for number in range(1, REQUESTS + 1) for each in TROUBLES if not each.onwards]
    for number, trouble in enumerate(some(every, every[7::400])):
        proxy.expect(trouble)
        options = ["--couch", proxy.url, "--interval", "2", "--timeout", "1", *place]
        with following(folder, *options) as follower:
            waiting = {*HAPPENED}
            while waiting:
                event = follower.event()
                waiting.discard((event["id"], event["event"]))
            live.put("edited", {**live.get("edited"), "slug": f"other-{number}"})
            follower.until("edited", "edited")
            assert follower.stop().code in (0, 143)
        proxy.expect(None)
