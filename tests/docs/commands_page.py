"""The page with the help of each command: ``python -m tests.docs.commands_page > docs/commands.md``."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from provisioner.cli.app import GROUPS

HEAD = """\
# Commands

<!-- Generated: python -m tests.docs.commands_page > docs/commands.md -->

The help of each command, as it prints it.
"""


def page() -> str:
    """The whole page."""
    commands = [name for names in GROUPS.values() for name in names]
    with ThreadPoolExecutor(2) as pool:
        helps = dict(zip(["", *commands], pool.map(_help, ["", *commands]), strict=True))
    return "\n".join([HEAD, helps[""], *_sections(helps)])


def _sections(helps: dict[str, str]) -> Iterator[str]:
    for names in GROUPS.values():
        for name in names:
            yield f"## {name}\n\n{helps[name]}"


def _help(command: str) -> str:
    arguments = [*command.split(), "--help"]
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb"}
    program = [sys.executable, "-m", "provisioner", *arguments]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    return f"```console\n$ provision {' '.join(arguments)}\n{done.stdout}```\n"


if __name__ == "__main__":
    print(page(), end="")
