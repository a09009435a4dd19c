"""Runs the program where somebody sits at a terminal."""

import os
import pty
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.program import start


def on_a_terminal(
    arguments: list[str], folder: Path, typed: str = "", env: Mapping[str, str] | None = None, question: str = ""
) -> tuple[str, int]:
    """What a command prints on all its streams, and its exit code. It is typed at once, or after a question."""
    if sys.platform == "win32":
        raise NotImplementedError
    main, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **(env or {})}
    process = start(arguments, (other, other, other), folder, environment)
    chunks: list[bytes] = []
    with suppress(OSError):  # the other end is closed
        while question and question.encode() not in b"".join(chunks):
            chunks.append(os.read(main, 4096))
        os.write(main, typed.encode())
        while chunk := os.read(main, 4096):
            chunks.append(chunk)
    code = process.wait()
    os.close(main)
    return b"".join(chunks).decode(), code
