"""Each request of each kind of run meets each fault: nothing of others is lost, and nothing false is said."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.faults import some
from tests.faults.proxy import Fault, Proxy, Trouble
from tests.faults.scene import (
    KINDS,
    OWNER,
    SECRET,
    Documents,
    Kind,
    Scene,
    false_outcomes,
    fresh,
    number_of_requests,
    outcomes,
    state_of,
)
from tests.live_server import Live
from tests.program import Done

SIZES = (5, 60)
GROUPS = [(kind, size) for size in SIZES for kind in KINDS]

_MAY_HAVE_ACTED = (
    Fault.RESET,
    Fault.NOT_FOUND_PAGE,
    Fault.SERVER_ERROR,
    Fault.BUSY,
    Fault.GATEWAY_TIMEOUT,
    Fault.REDIRECT,
    Fault.EMPTY,
    Fault.OBJECT,
    Fault.ARRAY,
    Fault.GARBAGE,
)
"""Faults that leave open whether the server acted."""

MARGIN = 60
"""Seconds that a run may take beside its time limit, on a busy machine; `LONGEST_HANG` is longer than both."""

_SLOW = (Fault.HANG, Fault.DRIP)
TROUBLES = (
    *(Trouble(fault) for fault in Fault),
    *(Trouble(fault, acts=True) for fault in (*_MAY_HAVE_ACTED, Fault.HANG)),
    *(Trouble(fault, onwards=True) for fault in (Fault.RESET, Fault.BUSY, Fault.FORBIDDEN, Fault.GARBAGE)),
    *(Trouble(fault, acts=True, onwards=True) for fault in (Fault.RESET, Fault.SERVER_ERROR, Fault.EMPTY)),
)


_AT_ONCE = [trouble for trouble in TROUBLES if trouble.fault not in _SLOW and not trouble.onwards]
_OUTCOME = re.compile(r"^((created|changed|adopted|removed|skipped|failed|unknown) +([^\s:]+).*)$", re.MULTILINE)


def sample(group: int, requests: int) -> list[Trouble]:
    """A few cells of a group; all groups together meet each trouble, most of them at the requests that write."""
    chosen = TROUBLES[group :: len(GROUPS)]
    numbers = [max(1, requests - position) for position in range(len(chosen))]
    return [at_request(trouble, number) for trouble, number in zip(chosen, numbers, strict=True)]


def at_request(trouble: Trouble, number: int) -> Trouble:
    return Trouble(trouble.fault, trouble.acts, trouble.onwards, number)


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: the trouble that it meets, and whether it prints text."""

    trouble: Trouble
    text: bool = False

    def __str__(self) -> str:
        return f"{self.trouble}{', as text' if self.text else ''}"

    @property
    def slow(self) -> bool:
        return self.trouble.fault in _SLOW or self.trouble.onwards

    @property
    def format(self) -> str:
        return "text" if self.text else "json"


@pytest.mark.parametrize(("kind", "size"), GROUPS, ids=[f"{kind.name}-{size}" for kind, size in GROUPS])
def test_nothing_is_lost_and_nothing_false_is_said(
    folder: Path, live: Live, proxy: Proxy, run: Run, kind: Kind, size: int
) -> None:
    scene, group = Scene(kind, size, folder, run), GROUPS.index((kind, size))
    left = scene.rehearse(live)
    requests = number_of_requests(scene, live, left, proxy)
    every = [Cell(at_request(trouble, number)) for number in range(1, requests + 1) for trouble in TROUBLES]
    texts = [
        Cell(at_request(each, number), text=True)
        for each in _AT_ONCE
        for number in range(max(1, requests - 2), requests + 1)
    ]
    few = [*map(Cell, sample(group, requests)), *texts[group :: 3 * len(GROUPS)]]
    found, converging = [], set[str]()
    for cell in some([*every, *texts], few):
        database = fresh(live)
        try:
            found += [f"{cell}: {what}" for what in violations(scene, database, left, proxy, cell, converging)]
        finally:
            database.http.delete(database.path)
    assert not found, "\n".join(found)


def violations(
    scene: Scene, live: Live, left: Documents, proxy: Proxy, cell: Cell, converging: set[str]
) -> Iterator[str]:
    """What is wrong with a run, and after it. `converging` are the states from which the next runs were seen."""
    before = scene.prepare(live, left)
    arguments = scene.arguments(live, proxy.url)
    proxy.expect(cell.trouble)
    limit = 1 if cell.slow else 30
    began = time.monotonic()
    done = scene.run(*arguments, "--format", cell.format, "--timeout", limit)
    took = time.monotonic() - began
    proxy.expect(None)
    after = live.documents()
    yield from [*scene.lost(before, after), *unclean(done, text=cell.text)]
    if took > limit + MARGIN:
        yield f"--timeout {limit} ended after {took:.1f} s"
    rows = outcomes_in_text(done, after) if cell.text else outcomes(done)
    yield from false_outcomes(scene, before, after, rows)
    if len({row["id"] for row in rows}) < len(rows):
        yield f"two outcomes of one account type: {rows}"
    bad = [row for row in rows if row["outcome"] in ("failed", "unknown")]
    if done.code == 0 and (bad or not scene.is_wanted(after)):
        yield "exit code 0, and not everything is as wanted"
    if done.code != 0 and not bad and "error" not in done.err:
        yield f"exit code {done.code} without a reason"
    if not cell.slow:
        yield from (f"unknown, though it could be read back: {row}" for row in bad if row["outcome"] == "unknown")
    if (state := state_of(after)) not in converging:
        wrong = not_converging(scene, live, after)
        yield from wrong
        converging |= set() if wrong else {state}


def outcomes_in_text(done: Done, after: Documents) -> list[Mapping[str, Any]]:
    """The outcomes of a run that printed text, which does not show revisions."""
    return [
        {"id": id, "outcome": outcome, "reason": line, "rev": after.get(id, {}).get("_rev")}
        for line, outcome, id in _OUTCOME.findall(done.out)
    ]


def unclean(done: Done, *, text: bool = False) -> list[str]:
    """What is wrong with the output of a run."""
    found = []
    if "Traceback" in done.err or done.code not in (0, 1):
        found.append(f"exit code {done.code}: {done.err}")
    if SECRET in done.out + done.err:
        found.append("a secret is shown")
    try:
        json.loads("{}" if text else done.out or "{}")
    except ValueError:
        found.append(f"broken JSON: {done.out!r}")
    return found


def not_converging(scene: Scene, live: Live, before: Documents) -> list[str]:
    """What is wrong after a run without trouble, after a second one, and after a definition was removed."""
    found = []
    plain = scene.apply_arguments(live, live.url)
    if scene.run(*plain).code != 0 or not scene.is_wanted(live.documents()):
        found.append("a run without trouble does not lead to what is wanted")
    found += [f"then {what}" for what in scene.lost(before, live.documents())]
    writes = live.revisions()
    if scene.run(*plain).code != 0 or live.revisions() != writes:
        found.append("the run after it writes something")
    there = live.documents()
    (scene.folder / f"account_types/{scene.ids[1]}.yaml").unlink()
    prune = ("--prune", "--owner", OWNER)
    if scene.apply(live, live.url, *prune).code != 0 or there.keys() - live.ids != {scene.ids[1]}:
        found.append(f"removing {scene.ids[1]} removes {sorted(there.keys() - live.ids)}")
    return found
