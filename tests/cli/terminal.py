"""Runs the program where somebody sits at a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def on_a_terminal(
    arguments: list[str], folder: Path, typed: str = "", env: Mapping[str, str] | None = None, question: str = ""
) -> tuple[str, int]:
    """What a command prints on all its streams, and its exit code. It is typed at once, or after a question."""
    if sys.platform == "win32":
        raise NotImplementedError
    main, other = pty.openpty()
    program = [sys.executable, "-m", "provisioner", *arguments]
    environment = {**os.environ, "TERM": "xterm", **(env or {})}
    with subprocess.Popen(program, cwd=folder, stdin=other, stdout=other, stderr=other, env=environment) as process:
        os.close(other)
        chunks: list[bytes] = []
        try:
            while question and question.encode() not in b"".join(chunks):
                chunks.append(os.read(main, 4096))
            os.write(main, typed.encode())
            while chunk := os.read(main, 4096):
                chunks.append(chunk)
        except OSError:  # the other end is closed
            pass
        code = process.wait()
    os.close(main)
    return b"".join(chunks).decode(), code
