"""Each request of each kind of run meets each fault: nothing of others is lost, and nothing false is said."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.conftest import Done, Run
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
)
from tests.live_server import Live

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

MARGIN = 20
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


@pytest.mark.parametrize(("kind", "size"), GROUPS, ids=[f"{kind.name}-{size}" for kind, size in GROUPS])
def test_nothing_is_lost_and_nothing_false_is_said(
    folder: Path, live: Live, proxy: Proxy, run: Run, kind: Kind, size: int
) -> None:
    scene = Scene(kind, size, folder, run)
    left = scene.rehearse(live)
    requests = number_of_requests(scene, live, left, proxy)
    every = [at_request(trouble, number) for number in range(1, requests + 1) for trouble in TROUBLES]
    found = []
    for trouble in some(every, sample(GROUPS.index((kind, size)), requests)):
        database = fresh(live)
        try:
            found += [f"{trouble}: {what}" for what in violations(scene, database, left, proxy, trouble)]
        finally:
            database.http.delete(database.path)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("kind", "size"), GROUPS, ids=[f"{kind.name}-{size}" for kind, size in GROUPS])
def test_the_text_is_as_true_as_the_json(
    folder: Path, live: Live, proxy: Proxy, run: Run, kind: Kind, size: int
) -> None:
    scene = Scene(kind, size, folder, run)
    left = scene.rehearse(live)
    requests = number_of_requests(scene, live, left, proxy)
    every = [at_request(each, number) for each in _AT_ONCE for number in range(max(1, requests - 2), requests + 1)]
    found = []
    for trouble in some(every, every[GROUPS.index((kind, size)) :: 3 * len(GROUPS)]):
        database = fresh(live)
        before = scene.prepare(database, left)
        arguments = scene.arguments(database, proxy.url)
        proxy.expect(trouble)
        done = scene.run(*arguments, "--format", "text", "--timeout", "30")
        proxy.expect(None)
        after = database.documents()
        rows = [
            {"id": id, "outcome": outcome, "reason": line, "rev": after.get(id, {}).get("_rev")}
            for line, outcome, id in _OUTCOME.findall(done.out)
        ]
        found += [f"{trouble}: {what}" for what in false_outcomes(scene, before, after, rows)]
        if SECRET in done.out + done.err or "Traceback" in done.err or len({row["id"] for row in rows}) < len(rows):
            found.append(f"{trouble}: {done}")
        database.http.delete(database.path)
    assert not found, "\n".join(found)


def violations(scene: Scene, live: Live, left: Documents, proxy: Proxy, trouble: Trouble) -> list[str]:
    before = scene.prepare(live, left)
    arguments = scene.arguments(live, proxy.url)
    proxy.expect(trouble)
    slow = trouble.fault in _SLOW or trouble.onwards
    limit = 1 if slow else 30
    began = time.monotonic()
    done = scene.run(*arguments, "--timeout", limit)
    took = time.monotonic() - began
    proxy.expect(None)
    after = live.documents()
    found = [*scene.lost(before, after), *unclean(done)]
    if took > limit + MARGIN:
        found.append(f"--timeout {limit} ended after {took:.1f} s")
    rows = outcomes(done)
    found += false_outcomes(scene, before, after, rows)
    bad = [row for row in rows if row["outcome"] in ("failed", "unknown")]
    if done.code == 0 and (bad or not scene.is_wanted(after)):
        found.append("exit code 0, and not everything is as wanted")
    if done.code != 0 and not bad and "error" not in done.err:
        found.append(f"exit code {done.code} without a reason")
    if not slow:
        found += [f"unknown, though it could be read back: {row}" for row in bad if row["outcome"] == "unknown"]
    return found + not_converging(scene, live, after)


def unclean(done: Done) -> list[str]:
    """What is wrong with the output of a run."""
    found = []
    if "Traceback" in done.err or done.code not in (0, 1):
        found.append(f"exit code {done.code}: {done.err}")
    if SECRET in done.out + done.err:
        found.append("a secret is shown")
    try:
        json.loads(done.out or "{}")
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
    if scene.apply(live, live.url, *prune).code != 0 or there.keys() - live.documents().keys() != {scene.ids[1]}:
        found.append(f"removing {scene.ids[1]} removes {sorted(there.keys() - live.documents().keys())}")
    return found
