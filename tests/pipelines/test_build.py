"""The build is pinned by hash wherever the package is installed from its source."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = ROOT / "provisioner/templates/requirements.txt"
OF_DEVELOPERS = ["Makefile", ".github/workflows/ci.yml"]
"""Those that install the tools of developers as well."""

INSTALLERS = [*OF_DEVELOPERS, "Containerfile", "pipelines/github/install.sh", "pipelines/gitlab/.gitlab-ci.yml"]


def test_each_package_has_its_version_and_its_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    text = re.sub(r"^#.*\n", "", PINNED.read_text("utf-8"), flags=re.MULTILINE)
    found = re.findall(r"^(\S+==\S+)(?: ; [^\\\n]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\S", text, re.MULTILINE))
    pinned = {name for name, _ in found}
    tested = re.sub("[_.-](?=.*==)", "-", (ROOT / "tests/constraints.txt").read_text("utf-8").lower()).split()
    assert pinned >= set(project["build-system"]["requires"])
    assert pinned - set(project["build-system"]["requires"]) <= set(tested)
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["age"]]
    names = {name.partition("==")[0] for name in pinned}
    assert names >= {re.split("[<>=]", name, maxsplit=1)[0] for name in wanted}


@pytest.mark.parametrize("name", INSTALLERS)
def test_an_installation_from_source_takes_these_and_no_others(name: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (ROOT / name).read_text("utf-8"))
    installs = [line for line in text.splitlines() if "-m pip install" in line]
    assert any("--require-hashes" in line and "provisioner/templates/requirements.txt" in line for line in installs)
    for line in (line for line in installs if "--require-hashes" not in line and "dist/" not in line):
        assert "--no-build-isolation" in line
        assert "--no-deps" in line or name in OF_DEVELOPERS
