"""The files for containers: that every path, flag, command and variable in them exists."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.program import Program

ROOT = Path(__file__).parents[2]
KUBERNETES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
COMPOSE = ROOT / "deploy/compose.yaml"
SYSTEMD = sorted((ROOT / "deploy/systemd").iterdir())
CONTAINERFILE = (ROOT / "Containerfile").read_text("utf-8")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def containers(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from node.get("containers", ())
        for value in node.values():
            yield from containers(value)
    elif isinstance(node, list):
        for value in node:
            yield from containers(value)


def arguments() -> list[Any]:
    compose = load(COMPOSE)["services"]["provision"]["command"]
    kubernetes = [(path.name, each["args"]) for path in KUBERNETES for each in containers(load(path))]
    return [pytest.param(given, id=name) for name, given in [("compose", compose), *kubernetes]]


@pytest.mark.parametrize("given", arguments())
def test_the_arguments_are_a_command_of_the_program(given: list[str], tmp_path: Path) -> None:
    (tmp_path / "account_types").mkdir()
    (tmp_path / "account_types/a.yaml").write_text("grant_mode: secret\nslug: a\n", "utf-8")
    given = [re.sub(r"^https?://.*", "http://127.0.0.1:9", each) for each in given]
    with Program(*given, folder=tmp_path) as program:
        done = program.ended()
    assert done.code == 1, done.err
    assert "http://127.0.0.1:9" in done.err  # the command is understood: only the server is missing


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.name)
def test_kubernetes_takes_the_resource(path: Path) -> None:
    command = [f"{Path(sys.executable).parent}/kubernetes-validate", "--strict", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_takes_the_services() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    assert subprocess.run(command, check=False).returncode == 0
    provision = load(COMPOSE)["services"]["provision"]
    context = (COMPOSE.parent / provision["build"]["context"]).resolve()
    assert (context / provision["build"]["dockerfile"]).is_file()
    for volume in provision["volumes"]:
        assert (COMPOSE.parent / volume.split(":")[0]).resolve().is_dir()


def test_the_image_is_built_from_files_that_the_build_can_see() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    seen = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    for name in " ".join(copied).split():
        assert name in seen
        assert (ROOT / name).exists()


def test_the_image_does_not_run_as_root_and_its_base_is_pinned() -> None:
    assert re.search(r"^USER 10001$", CONTAINERFILE, re.MULTILINE)
    assert all("@sha256:" in line for line in CONTAINERFILE.splitlines() if line.startswith("FROM"))
    for path in KUBERNETES:
        assert "runAsUser: 10001" in path.read_text("utf-8")


def test_a_catalogue_works_as_kubernetes_mounts_a_config_map(tmp_path: Path) -> None:
    folder = tmp_path / "account_types"
    (folder / "..2026_11_25").mkdir(parents=True)
    (folder / "..2026_11_25/a.yaml").write_text("grant_mode: secret\nslug: a\n", "utf-8")
    os.symlink("..2026_11_25", folder / "..data")
    os.symlink("..data/a.yaml", folder / "a.yaml")
    with Program("validate", folder=tmp_path) as program:
        assert program.ended().out == "1 file, 0 errors, 0 warnings\n"


def test_the_forms_for_issues_are_forms_of_github() -> None:
    for form in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        schema = "vendor.github-issue-config" if form.stem == "config" else "vendor.github-issue-forms"
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(form)]
        assert subprocess.run(command, check=False).returncode == 0, form


@pytest.mark.parametrize("path", SYSTEMD, ids=lambda path: path.name)
def test_a_unit_of_systemd_starts_a_command_of_the_program(path: Path) -> None:
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    unit.read_string(path.read_text("utf-8"))
    assert unit["Unit"]["Description"]
    if path.suffix == ".timer":
        assert unit["Timer"]["OnCalendar"]
        assert path.with_suffix(".service").exists()
        return
    program, *given = shlex.split(unit["Service"]["ExecStart"])
    assert program == "/usr/local/bin/provision"
    with Program(*given, "--help") as started:  # unknown options are found before the help
        assert started.ended().code == 0
