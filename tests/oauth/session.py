"""A run of ``provision token`` that waits for somebody to sign in."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from tests.conftest import Done


@dataclass
class Waiting:
    """The address to sign in at, which the run has printed, and the run."""

    url: str
    said: list[str]
    process: "subprocess.Popen[str]"

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))

    @property
    def redirect_uri(self) -> str:
        return self.query["redirect_uri"]

    def ended(self, text: str | None = None) -> Done:
        """What the run came to; `text` is given to it first."""
        out, err = self.process.communicate(text, timeout=60)
        return Done(self.process.returncode, out, "".join(self.said) + err)


@contextmanager
def waiting(*arguments: object) -> Iterator[Waiting]:
    """Starts ``provision token`` without a browser, up to where it waits."""
    command = [sys.executable, "-m", "provisioner", "token", *map(str, arguments), "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield _read(process)
        finally:
            process.kill()


def expire() -> None:
    """Make the kept tokens those of yesterday."""
    for path in Path.home().rglob("tokens/*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "expires_at": "2026-01-01T00:00:00+00:00"}))


def _read(process: "subprocess.Popen[str]") -> Waiting:
    said: list[str] = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if line.startswith(("http://", "https://")):
            return Waiting(line.strip(), said, process)
    raise AssertionError("it did not wait:\n" + "".join(said))
