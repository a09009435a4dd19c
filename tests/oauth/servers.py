"""Real OAuth servers from npm, on free ports of this machine."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
