"""The tools that are compared, and how each does a case."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

HERE = Path(__file__).parent
VENV = HERE / ".venv/bin"
"""Only what a user installs: packages of the tests slow down the imports of ours."""

PROVISION = str(VENV / "provision")
BIN = HERE / "node_modules/.bin"
DEFINITION = """\
grant_mode: token
client_id: client-{number}
slug: provider{number}
auth_endpoint: https://provider{number}.example/authorize
token_mode: {mode}
extras:
  access_type: offline
  prompt: consent
"""


@dataclass(frozen=True)
class Scene:
    """A catalogue of `size` definitions as YAML files, as JSON files, and the database that it goes to."""

    folder: Path
    server: str
    database: str
    size: int

    @property
    def url(self) -> str:
        """The URL of the database."""
        return f"{self.server}/{self.database}"

    def write(self, mode: str = "form", only: int | None = None) -> None:
        """Write the catalogue, or one file of it, with a value of token_mode."""
        yaml, documents = self.folder / "account_types", self.folder / "couch" / self.database
        for each in (yaml, documents):
            each.mkdir(parents=True, exist_ok=True)
        for number in range(self.size) if only is None else (only,):
            name = f"provider{number}"
            (yaml / f"{name}.yaml").write_text(DEFINITION.format(number=number, mode=mode))
            (documents / f"{name}.json").write_text(json.dumps(document(number, mode)))


def document(number: int, mode: str) -> dict[str, object]:
    """The document that a definition gives."""
    return {
        "grant_mode": "token",
        "client_id": f"client-{number}",
        "slug": f"provider{number}",
        "auth_endpoint": f"https://provider{number}.example/authorize",
        "token_mode": mode,
        "extras": {"access_type": "offline", "prompt": "consent"},
    }


class ToolFailed(Exception):
    """A command ended with an error; the message has what it said."""


@dataclass(frozen=True)
class Run:
    """What a command took: seconds by the clock and of the processors, and MB at the peak of its largest process."""

    seconds: float
    cpu: float
    peak: float


def timed(command: list[str]) -> Run:
    """What a command takes. Raises `ToolFailed`."""
    if sys.platform == "win32":
        raise NotImplementedError
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - started
    if status:
        raise ToolFailed(f"{' '.join(command)}: {said.decode()}")
    return Run(taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def apply(tool: str, scene: Scene) -> list[str]:
    """The command with which a tool applies a catalogue."""
    match tool:
        case "provision":
            place = ["--couch", scene.server, "--database", scene.database]
            return [PROVISION, "apply", "--quiet", "--timeout", "3600", "--allow", "public", *place]
        case "couchdb-bootstrap":
            return [str(BIN / "couchdb-bootstrap"), scene.server, "couch"]
        case "couchdb-push":
            return ["bash", "-c", f'for f in couch/*/*.json; do {BIN}/couchdb-push {scene.url} "$f"; done']
        case "curl":
            return ["bash", str(HERE / "put.sh"), scene.url, f"couch/{scene.database}"]
        case "bare program":
            return [str(VENV / "python"), str(HERE / "bare.py"), "account_types", scene.url, "write"]
        case _:
            raise ValueError(tool)


def diff(tool: str, scene: Scene) -> list[str]:
    """The command with which a tool compares, and writes nothing."""
    if tool == "provision":
        return [
            PROVISION,
            "diff",
            "--quiet",
            "--timeout",
            "3600",
            "--couch",
            scene.server,
            "--database",
            scene.database,
        ]
    return [str(VENV / "python"), str(HERE / "bare.py"), "account_types", scene.url]


def validate(tool: str, schema: Path) -> list[str]:
    """The command with which a tool checks files."""
    match tool:
        case "provision":
            return [PROVISION, "validate"]
        case "yamllint":
            return [str(VENV / "yamllint"), "-d", "{extends: relaxed}", "account_types"]
        case "check-jsonschema":
            names = "find account_types -name '*.yaml' -print0"
            program = Path(sys.executable).with_name("check-jsonschema")
            return ["bash", "-c", f"{names} | xargs -0 {program} --schemafile {schema}"]
        case _:
            raise ValueError(tool)


def delete(scene: Scene) -> None:
    """Delete the database."""
    subprocess.run(["curl", "-s", "-X", "DELETE", "-o", os.devnull, scene.url], check=True)


def shown(server: str) -> str:
    """The server without its user and password."""
    parts = urlsplit(server)
    return f"{parts.scheme}://{quote(parts.hostname or '')}:{parts.port}"
