"""Real OAuth servers from npm, on free ports of this machine."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioner.core.http import Answer

FOLDER = Path(__file__).parent


class NotInstalledError(Exception):
    pass


@contextmanager
def running(script: str) -> Iterator[str]:
    """One of the servers; its issuer, as soon as it listens."""
    if not (FOLDER / "node_modules").is_dir():
        raise NotInstalledError(f"the OAuth servers are not installed: run npm ci in {FOLDER}")
    environment = {**os.environ, "NODE_NO_WARNINGS": "1"}
    command = ["node", script]
    process = subprocess.Popen(command, cwd=FOLDER, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        lines = (line.decode().strip() for line in process.stdout)
        yield next(line for line in lines if line.startswith("http://"))
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def answered(
    status: int, kind: str = "", body: bytes = b"", location: str | None = None, days_left: float | None = None
) -> Answer:
    """The answer of a provider."""
    named = {"content-type": kind or None, "location": location}
    headers = tuple((name, value) for name, value in named.items() if value is not None)
    return Answer(status, headers, body, days_left=days_left)
