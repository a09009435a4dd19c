"""The goals: what `provision` takes beside other programs, each pair run in turn. The last runs stand in a document."""

import json
import os
import platform
import re
import statistics
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import tools
from tests.bench.tools import Scene, timed

PAGE = Path(__file__).parents[2] / "docs/performance.md"
RUNS = Path(__file__).with_name("runs.json")
KEPT = 3
"""The runs that stay in the document."""

GOALS = {
    "an unchanged apply of 20, in bare programs": 3.0,
    "an unchanged apply of 1,000, in bare programs": 2.5,
    "an unchanged apply of 10,000, in bare programs": 2.2,
    "an unchanged apply of 20, in couchdb-bootstraps": 0.75,
    "`--version`, in seconds": 0.05,
    "`validate` of one file, in seconds": 0.10,
    "`validate` of 1,000, in yamllints": 0.3,
    "the memory of an unchanged apply of 100,000, in MB": 600.0,
}
"""The most that each is to take."""

Found = dict[str, tuple[float, float]]
"""What each takes: by the clock, and of the processors."""


def measure(url: str, sizes: Sequence[int]) -> Found:
    """Measure what the sizes allow, and print it beside its goal."""
    found: Found = {}
    for size in sorted({20, *sizes} & {20, 1_000, 10_000, 100_000}):
        with _scene(url, size) as scene:
            for name, figures in _of_size(scene):
                found[name] = figures
                print(f"{name:52} {_shown(figures):>16}   goal {GOALS[name]:g}", flush=True)
    return found


@contextmanager
def _scene(url: str, size: int) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        scene = Scene(Path(folder), url, f"bench-{uuid.uuid4().hex[:8]}", size)
        scene.write()
        timed(tools.apply("provision", scene))
        try:
            yield scene
        finally:
            tools.delete(scene)
            os.chdir(before)


def _of_size(scene: Scene) -> Iterator[tuple[str, tuple[float, float]]]:
    ours, bare = tools.apply("provision", scene), tools.apply("bare program", scene)
    if scene.size == 100_000:
        yield "the memory of an unchanged apply of 100,000, in MB", (timed(ours).peak, 0.0)
        return
    rounds = {20: 15, 1_000: 7, 10_000: 3}[scene.size]
    yield f"an unchanged apply of {scene.size:,}, in bare programs", _ratio(ours, bare, rounds)
    if scene.size == 1_000:
        yamllint = tools.validate("yamllint", Path())
        yield "`validate` of 1,000, in yamllints", _ratio(tools.validate("provision", Path()), yamllint, 5)
    if scene.size == 20:
        yield "`--version`, in seconds", _seconds([tools.PROVISION, "--version"])
        one = [*tools.validate("provision", Path()), "account_types/provider0.yaml"]
        yield "`validate` of one file, in seconds", _seconds(one)
        beside = Scene(scene.folder, scene.server, f"{scene.database}-js", scene.size)
        beside.write()
        try:
            other = tools.apply("couchdb-bootstrap", beside)
            yield "an unchanged apply of 20, in couchdb-bootstraps", _ratio(ours, other, 9)
        finally:
            tools.delete(beside)


def _ratio(ours: list[str], other: list[str], rounds: int) -> tuple[float, float]:
    """The medians of ours by theirs. They run in turn, so that whatever else the machine does concerns both."""
    timed(ours), timed(other)
    pairs = [(timed(ours), timed(other)) for _ in range(rounds)]
    return (
        statistics.median(mine.seconds / theirs.seconds for mine, theirs in pairs),
        statistics.median(mine.cpu / theirs.cpu for mine, theirs in pairs),
    )


def _seconds(command: list[str]) -> tuple[float, float]:
    runs = [timed(command) for _ in range(16)][1:]
    return statistics.median(run.seconds for run in runs), statistics.median(run.cpu for run in runs)


def _shown(figures: Sequence[float]) -> str:
    clock, cpu = figures
    return f"{clock:.2f} ({cpu:.2f})" if cpu else f"{clock:.0f}"


def keep(url: str, found: Found) -> None:
    """Keep a run beside the two before it, and write them into the document."""
    runs: list[dict[str, Any]] = json.loads(RUNS.read_text("utf-8")) if RUNS.exists() else []
    runs = [*runs, {"at": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(url), "found": found}][-KEPT:]
    RUNS.write_text(json.dumps(runs, indent=2) + "\n", "utf-8")
    page = PAGE.read_text("utf-8")
    PAGE.write_text(
        re.sub(r"(?s)(?<=<!-- goals -->\n).*?(?=<!-- end of goals -->)", lambda _: table(runs), page), "utf-8"
    )


def machine(url: str) -> str:
    """What it ran on."""
    with urllib.request.urlopen(tools.shown(url)) as answer:
        version = json.load(answer).get("version", "?")
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, "
        f"Python {platform.python_version()}, CouchDB {version}"
    )


def table(runs: Sequence[dict[str, Any]]) -> str:
    """The runs beside the goals, in Markdown."""
    head = ["", "goal", *(run["at"] for run in runs)]
    rows = [
        [name, f"{goal:g}", *(_shown(run["found"][name]) if name in run["found"] else "" for run in runs)]
        for name, goal in GOALS.items()
    ]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    machines = dict.fromkeys(f"{run['at']}: {run['machine']}" for run in runs)
    return "\n".join(["", *lines, "", *(f"- {each}" for each in machines), "", ""])
