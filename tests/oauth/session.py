"""A run of ``provision token`` that waits for somebody to sign in."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from tests.program import Done, Program


@dataclass
class Waiting:
    """The address to sign in at, which the run has printed, and the run."""

    url: str
    said: list[str]
    program: Program

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))

    @property
    def redirect_uri(self) -> str:
        return self.query["redirect_uri"]

    def ended(self, text: str = "") -> Done:
        """What the run came to; `text` is given to it first."""
        self.program.give(text)
        done = self.program.ended()
        return Done(done.code, done.out, "".join(self.said) + done.err)


@contextmanager
def waiting(*arguments: object) -> Iterator[Waiting]:
    """Starts ``provision token`` without a browser, up to where it waits."""
    with Program("token", *arguments, "--no-browser") as program:
        said: list[str] = []
        while not (said and said[-1].startswith(("http://", "https://"))):
            said.append(program.err.next())
        yield Waiting(said[-1].strip(), said, program)


def expire() -> None:
    """Make the kept tokens those of yesterday."""
    for path in Path.home().rglob("tokens/*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "expires_at": "2026-01-01T00:00:00+00:00"}))
