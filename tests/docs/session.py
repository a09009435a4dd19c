"""Runs the console sessions of a document, and writes their output into it where asked.

In a block of ``console`` a line that starts with ``$`` is a command, and ``>`` continues it; other lines are its
output, where a line ``…`` stands for any lines. All sessions of a document run in one folder, against one CouchDB at
``localhost:5984``, whose admin is ``admin`` with the password ``password``, and one OAuth provider at
``localhost:8080``, each only where the document names it.

``python -m tests.docs.session FILE…`` records the output anew.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from tests import program
from tests.couchdb import server
from tests.oauth import servers

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ANYTHING = "…"
SERVER = "localhost:5984"
PROVIDER = "localhost:8080"


@dataclass(frozen=True)
class Step:
    """A command with the output that the document shows."""

    command: str
    output: tuple[str, ...]


def steps(block: str) -> list[Step]:
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], ()))
        elif line.startswith("> ") or line == ">":
            found[-1] = replace(found[-1], command=f"{found[-1].command}\n{line[2:]}")
        else:
            found[-1] = replace(found[-1], output=(*found[-1].output, line))
    return found


def fits(shown: tuple[str, ...], got: list[str]) -> bool:
    """Whether an output is as shown. Lines may change places: account types are written side by side."""
    if sorted(shown) == sorted(got):
        return True
    pattern = "".join("(?:.*\n)*?" if line == ANYTHING else f"{re.escape(line)}\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in got)) is not None


class Shell:
    """Runs the commands of one document, each in a new bash with the functions and exported variables of the last one.

    `hosts`: where the servers of the document really are.
    """

    def __init__(self, folder: Path, hosts: Mapping[str, str], **variables: str) -> None:
        self._folder = folder
        self._variables = folder.parent / f"{folder.name}.sh"
        self._variables.touch()
        self._hosts = hosts
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TERM") if name in os.environ}
        usual = {"PATH": program.path(), "HOME": str(folder), "COLUMNS": "100", "PROVISION_PORT": "0"}
        self._environment = {**kept, **usual, **variables}

    def run(self, command: str) -> list[str]:
        """The output of a command, both streams together, as if the servers stood at their usual places."""
        command = re.sub(r"read -rs (COUCHDB_PASSWORD\w*)", rf"\1={server.PASSWORD}", command)
        command = re.sub(r"read -rs (\w+)", r"\1=not-in-git", command)  # there is nobody to type it
        for usual, real in self._hosts.items():
            command = command.replace(usual, real)
        keep = f"trap '{{ export -p; declare -f; }} > {self._variables}' EXIT"
        done = subprocess.run(
            ["bash", "-c", f"{keep}\n. {self._variables}\n{command}"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said = done.stdout
        for usual, real in self._hosts.items():
            said = said.replace(real, usual)
        return said.splitlines()


def host_of(url: str) -> str:
    """The host and port of a server's URL, as the documents name them."""
    return url.rpartition("@")[2].replace("127.0.0.1", "localhost")


@contextmanager
def couchdb() -> Iterator[dict[str, str]]:
    """Where the CouchDB of a document really is, and who its admin is: a new one, or the one that ``COUCHDB_URL`` names.

    On that one, the databases of the guides must be missing, and are removed.
    """
    given = os.environ.get("COUCHDB_URL")
    if given is None:
        with server.running(digits=4) as url:
            yield {SERVER: host_of(url)}
        return
    admin, _, host = given.rstrip("/").partition("//")[2].rpartition("@")
    user, _, password = admin.partition(":")
    names = {}
    for suffix in ("", "_STAGING", "_PRODUCTION"):
        names[f"COUCHDB_USER{suffix}={server.USER}"] = f"COUCHDB_USER{suffix}={user}"
        names[f"COUCHDB_PASSWORD{suffix}={server.PASSWORD}"] = f"COUCHDB_PASSWORD{suffix}={password}"
    try:
        yield {f"{server.USER}:{server.PASSWORD}@": f"{admin}@", **names, SERVER: host}
    finally:
        for prefix in ("secrets", "staging"):
            httpx.delete(f"{given.rstrip('/')}/{prefix}%2Fio-cozy-account_types", trust_env=False)


@contextmanager
def shell(document: Path) -> Iterator[Shell]:
    """A shell in a new folder, beside the servers that the document names."""
    text = document.read_text(encoding="utf-8")
    with ExitStack() as stack:
        parent = stack.enter_context(tempfile.TemporaryDirectory())
        hosts = stack.enter_context(couchdb()) if SERVER in text else {}
        if PROVIDER in text:
            hosts[PROVIDER] = stack.enter_context(servers.running("mock.mjs")).removeprefix("http://")
        folder = Path(parent, "work")
        folder.mkdir()
        yield Shell(folder, hosts)


def record(document: Path) -> None:
    """Write what the commands of a document print into it. An output that still fits is left as it is."""
    with shell(document) as session:

        def recorded(match: re.Match[str]) -> str:
            lines = []
            for step in steps(match[1]):
                first, *more = step.command.split("\n")
                got = session.run(step.command)
                lines += [f"$ {first}", *(f"> {line}" for line in more)]
                lines += step.output if fits(step.output, got) else got
            return "```console\n" + "".join(f"{line}\n" for line in lines) + "```"

        document.write_text(BLOCK.sub(recorded, document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        record(Path(name))
