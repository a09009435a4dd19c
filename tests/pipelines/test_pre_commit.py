"""The hooks, run by pre-commit itself from this repository."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import write
from tests.program import Program

ROOT = Path(__file__).parents[2]
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def git(folder: Path, *arguments: str) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of what the packages hold, so that local changes are tested as well."""
    folder = tmp_path_factory.mktemp("tool")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name.startswith(("provisioner/", "schemas/", "account_types/")) or (name and "/" not in name):
            source = ROOT / name
            if source.is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(source.read_bytes())
    git(folder, "init")
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "all")
    return folder


def test_the_hooks_find_a_bad_definition_and_pass_good_ones(tool: Path, tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    write(folder / "account_types/good.yaml", "grant_mode: secret\nslug: good\n")
    git(folder, "init")
    git(folder, "add", "--all")

    def hook(id: str, *files: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "try-repo", str(tool), id, "--files", *files]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "PRE_COMMIT_HOME": str(tmp_path / "cache"),
            "PIP_RETRIES": "20",
            "PIP_NO_COMPILE": "0",  # pip reads this as --no-compile
        }
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    passed = hook("provision-validate", "account_types/good.yaml")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Passed" in passed.stdout

    write(folder / "account_types/bad.yaml", "grant_mode: secret\nslugg: bad\n")
    git(folder, "add", "--all")
    failed = hook("provision-validate", "account_types/good.yaml")
    assert failed.returncode == 1
    assert "account_types/bad.yaml:2:1: error: unknown key slugg" in failed.stdout


def test_every_hook_is_a_command_of_the_program() -> None:
    for hook in HOOKS:
        program, command = hook["entry"].split()
        assert program == "provision"
        given: list[str] = [command, *hook.get("args", [])]
        with Program(*given, "--help") as started:
            assert started.ended().code == 0
