"""What a shell offers: through the protocol that the completion scripts speak, and in bash itself."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import program
from tests.conftest import write


@pytest.fixture
def repository(folder: Path) -> Path:
    for id in ("google", "github", "spotify"):
        write(folder / f"account_types/{id}.yaml", f"grant_mode: secret\nslug: {id}\n")
    write(folder / "provision.yaml", "targets: {staging: {couch: 'http://a'}, production: {couch: 'http://b'}}\n")
    return folder


def offered(folder: Path, line: str) -> list[str]:
    words = line.split(" ")
    environment = {**os.environ, "_PROVISION_COMPLETE": "complete_bash", "COMP_WORDS": line}
    environment["COMP_CWORD"] = str(len(words) - 1)
    done = subprocess.run([program.command()], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("provision di", ["diff"]),
        ("provision diff --ta", ["--target"]),
        ("provision diff --target ", ["production", "staging"]),
        ("provision apply --target sta", ["staging"]),
        ("provision diff g", ["github", "google"]),
        ("provision list spo", ["spotify"]),
        ("provision check g", ["github", "google"]),
        ("provision explain redirect-p", ["redirect-path"]),
        ("provision new dropb", ["dropbox"]),
        ("provision new x --from dropb", ["dropbox"]),
        ("provision catalogue dropb", ["dropbox"]),
    ],
)
def test_it_knows_commands_options_targets_ids_and_rules(repository: Path, line: str, words: list[str]) -> None:
    assert offered(repository, line) == words


def test_a_configuration_that_cannot_be_read_offers_nothing(repository: Path) -> None:
    write(repository / "provision.yaml", "targets: [\n")
    assert offered(repository, "provision diff --target ") == []


def test_bash_completes_with_the_script_that_the_program_prints(repository: Path) -> None:
    ask = """
source <(_PROVISION_COMPLETE=source_bash provision)
COMP_WORDS=(provision diff --target prod) COMP_CWORD=3
_provision_completion provision
echo "${COMPREPLY[@]}"
"""
    environment = {**os.environ, "PATH": program.path()}
    done = subprocess.run(
        ["bash", "-c", ask], cwd=repository, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "production\n"
