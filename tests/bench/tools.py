"""The tools that are compared, and how each does a case."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

HERE = Path(__file__).parent
PROVISION = str(Path(sys.executable).with_name("provision"))
BIN = HERE / "node_modules/.bin"
DEFINITION = """\
grant_mode: authorization_code
client_id: client-{number}
client_secret: secret-{number}
auth_endpoint: https://provider{number}.example/authorize
token_endpoint: https://provider{number}.example/token
token_mode: {mode}
redirect_uri: https://oauthcallback.mycozy.cloud/accounts/provider{number}/redirect
extras:
  access_type: offline
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
    host = f"https://provider{number}.example"
    return {
        "grant_mode": "authorization_code",
        "client_id": f"client-{number}",
        "client_secret": f"secret-{number}",
        "auth_endpoint": f"{host}/authorize",
        "token_endpoint": f"{host}/token",
        "token_mode": mode,
        "redirect_uri": f"https://oauthcallback.mycozy.cloud/accounts/provider{number}/redirect",
        "extras": {"access_type": "offline"},
    }


def apply(tool: str, scene: Scene) -> list[str]:
    """The command with which a tool applies a catalogue."""
    match tool:
        case "provision":
            place = ["--couch", scene.server, "--database", scene.database]
            return [PROVISION, "apply", "--quiet", "--timeout", "3600", "--allow-public", *place]
        case "couchdb-bootstrap":
            return [str(BIN / "couchdb-bootstrap"), scene.server, "couch"]
        case "couchdb-push":
            return ["bash", "-c", f'for f in couch/*/*.json; do {BIN}/couchdb-push {scene.url} "$f"; done']
        case "curl":
            return ["bash", str(HERE / "put.sh"), scene.url, f"couch/{scene.database}"]
        case "bare program":
            return [sys.executable, str(HERE / "bare.py"), "account_types", scene.url, "write"]
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
    return [sys.executable, str(HERE / "bare.py"), "account_types", scene.url]


def validate(tool: str, schema: Path) -> list[str]:
    """The command with which a tool checks files."""
    match tool:
        case "provision":
            return [PROVISION, "validate"]
        case "yamllint":
            return [str(HERE / ".venv/bin/yamllint"), "-d", "{extends: relaxed}", "account_types"]
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
