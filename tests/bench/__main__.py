"""Times the commands that people wait for, beside other tools: ``python -m tests.bench [SIZE…]``.

With ``FULL=1`` also 100,000 account types. The server is ``COUCHDB_URL``, or one in memory. What is printed is the
median of several runs, with the ratio to ours and the peak memory; ``bench.json`` has all of it. Before that stand the
ratios that have goals; a run of all sizes keeps them in docs/performance.md. Nothing is asserted.
"""

import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench import goals, tools
from tests.bench.tools import Scene, ToolFailed, timed
from tests.couchdb.server import running

SCHEMA = Path(__file__).parents[2] / "schemas/account_type.schema.json"
SIZES = (20, 100, 1_000, 10_000)
LIMITS = {"couchdb-push": 20, "curl": 100, "couchdb-bootstrap": 1_000, "check-jsonschema": 1_000, "yamllint": 1_000}
"""Larger catalogues are not given to a tool."""

APPLIERS = ("provision", "couchdb-bootstrap", "couchdb-push", "curl", "bare program")
DIFFERS = ("provision", "bare program")
VALIDATORS = ("provision", "yamllint", "check-jsonschema")

Row = dict[str, object]


def main() -> None:
    """Run all cases, print the table, write bench.json."""
    output = Path.cwd() / "bench.json"
    sizes = [int(each) for each in sys.argv[1:]] or [*SIZES, *([100_000] if os.environ.get("FULL") else [])]
    rows: list[Row] = []
    with server() as url:
        print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {tools.shown(url)}")
        found = goals.measure(url, sizes)
        if not sys.argv[1:]:
            goals.keep(url, found)
        for size in sizes:
            rows += of_size(url, size)
    output.write_text(json.dumps({"machine": platform.platform(), "rows": rows}, indent=2) + "\n")


@contextmanager
def server() -> Iterator[str]:
    if given := os.environ.get("COUCHDB_URL"):
        yield given.rstrip("/")
        return
    with running() as url:
        yield url


def of_size(url: str, size: int) -> Iterator[Row]:
    """All cases at one size."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for tool in (each for each in APPLIERS if size <= LIMITS.get(each, size)):
            scene = Scene(Path(folder), url, f"bench-{uuid.uuid4().hex[:8]}", size)
            scene.write()
            times = 1 if size > 1_000 or tool == "couchdb-push" else 3 if size > 100 else 7
            command = tools.apply(tool, scene)
            yield from tell("first", scene, tool, command, times, partial(tools.delete, scene))
            yield from tell("unchanged", scene, tool, command, times)
            yield from tell("one changed", scene, tool, command, times, Alternating(scene, only=0))
            yield from tell("all changed", scene, tool, command, times, Alternating(scene))
            if tool in DIFFERS:
                yield from tell("diff", scene, tool, tools.diff(tool, scene), times)
            tools.delete(scene)
        for tool in (each for each in VALIDATORS if size <= LIMITS.get(each, size)):
            yield from tell("validate", scene, tool, tools.validate(tool, SCHEMA), 1 if size > 1_000 else 3)
    os.chdir("/")


@dataclass
class Alternating:
    """Writes a catalogue, or one file of it, with another value than before."""

    scene: Scene
    only: int | None = None
    written: int = 0

    def __call__(self) -> None:
        """Write it."""
        self.written += 1
        self.scene.write(("basic", "form")[self.written % 2 - 1], only=self.only)


def tell(
    case: str, scene: Scene, tool: str, command: list[str], times: int, prepare: Callable[[], object] = lambda: None
) -> Iterator[Row]:
    """Run a case several times, print its line, and give it. A case in which another tool fails has no line."""
    seconds, peaks = [], []
    for _ in range(times + (times > 1)):  # the first of several warms up
        prepare()
        try:
            run = timed(command)
        except ToolFailed as error:
            if tool == "provision":
                raise
            print(f"{case:12} {scene.size:7,} {tool:18} failed: {str(error)[-200:]!r}", flush=True)
            return
        seconds.append(run.seconds)
        peaks.append(run.peak)
    median = statistics.median(seconds[times > 1 :])
    print(f"{case:12} {scene.size:7,} {tool:18} {median:9.3f} s {max(peaks):6.0f} MB", flush=True)
    yield {
        "case": case,
        "size": scene.size,
        "tool": tool,
        "seconds": round(median, 4),
        "peak_mb": round(max(peaks), 1),
    }


if __name__ == "__main__":
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    main()
