"""The build is pinned by hash wherever the package is installed from its source."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = ROOT / "pipelines/build-requirements.txt"
INSTALLERS = ["Makefile", "Containerfile", "pipelines/github/install.sh", "pipelines/gitlab/.gitlab-ci.yml"]


def test_each_package_that_builds_has_its_version_and_its_hashes() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    found = re.findall(
        r"^(\S+==\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", PINNED.read_text("utf-8"), re.MULTILINE
    )
    assert [name for name, _ in found] == wanted


@pytest.mark.parametrize("name", INSTALLERS)
def test_an_installation_from_source_takes_these_and_no_others(name: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (ROOT / name).read_text("utf-8")).replace("\n      --", " --")
    installs = [line for line in text.splitlines() if "-m pip install" in line]
    from_source = [line for line in installs if re.search(r"constraint|-c tests", line) and "dist/" not in line]
    assert from_source
    for line in from_source:
        assert "--no-build-isolation" in line or "cyclonedx" in line
    assert any("--require-hashes" in line and "build-requirements.txt" in line for line in installs)
