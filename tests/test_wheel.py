"""The packages work alone: in an empty virtual environment and an empty folder."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import write
from tests.live_server import Live

ROOT = Path(__file__).parents[1]
os.environ.setdefault("UV_HTTP_RETRIES", "20")
UV = f"{Path(sys.executable).parent}/uv"


def newer() -> list[str]:
    """The later versions of Python that this machine has, and that start."""
    found = filter(None, (shutil.which(f"python3.{minor}") for minor in range(sys.version_info[1] + 1, 20)))
    return [
        each for each in found if subprocess.run([each, "--version"], check=False, capture_output=True).returncode == 0
    ]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist of this repository."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def test_both_carry_the_schemas_and_the_catalogue(packages: dict[str, Path]) -> None:
    shipped = {
        path.relative_to(ROOT).as_posix()
        for name in ("schemas", "account_types")
        for path in (ROOT / name).rglob("*")
        if path.is_file()
    }
    assert {f"provisioner/{name}" for name in shipped} <= set(zipfile.ZipFile(packages["wheel"]).namelist())
    with tarfile.open(packages["sdist"]) as archive:
        carried = {name.partition("/")[2] for name in archive.getnames()}
    assert shipped <= carried
    assert not any(name.startswith(("tests/", ".github/")) for name in carried)


def works_alone(program: Path, folder: Path, live: Live) -> None:
    write(
        folder / "some.yaml",
        "grant_mode: authorization_code\nredirect_url: https://a.example/\ntoken_endpoint: https://a.example/\n",
    )
    done = subprocess.run([program, "validate", "some.yaml"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[1:] == [
        "some.yaml:2:1: error: unknown key redirect_url: did you mean redirect_uri? [unknown-key]",
        "1 file, 2 errors, 0 warnings",
    ], done.stderr
    printed = subprocess.run([program, "schema"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert printed == (ROOT / "schemas/account_type.schema.json").read_text(encoding="utf-8")
    write(
        folder / "account_types/a.yaml",
        'grant_mode: token\nclient_id: "1"\nauth_endpoint: https://a.example/\nslug: a\n',
    )
    apply = [str(program), "apply", "--couch", live.url, "--database", live.database]
    subprocess.run(apply, cwd=folder, check=True, capture_output=True)
    assert live.get("a")["slug"] == "a"


@pytest.mark.parametrize(
    ("package", "versions"), [("wheel", "lowest-direct"), ("wheel", "highest"), ("sdist", "highest")]
)
@pytest.mark.parametrize("python", [sys.executable, *newer()])
def test_it_works_with_the_lowest_and_the_newest_versions_of_its_dependencies(
    packages: dict[str, Path], tmp_path: Path, live: Live, python: str, versions: str, package: str
) -> None:
    subprocess.run([UV, "venv", "--quiet", "--python", python, tmp_path / "venv"], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", str(tmp_path / "venv/bin/python"), "--resolution", versions]
    done = subprocess.run([*install, str(packages[package])], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    works_alone(tmp_path / "venv/bin/provision", tmp_path / "empty", live)


def test_pip_installs_the_pinned_versions(packages: dict[str, Path], tmp_path: Path, live: Live) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(tmp_path / "venv"), "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--retries=20", "--no-compile"]
    constraints = ["-c", str(ROOT / "tests/constraints.txt")]
    subprocess.run([*install, *constraints, str(packages["wheel"])], check=True, capture_output=True)
    works_alone(tmp_path / "venv/bin/provision", tmp_path / "empty", live)


def test_uv_installs_the_program_as_a_tool(packages: dict[str, Path], tmp_path: Path, live: Live) -> None:
    folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    command = [UV, "tool", "install", "--quiet", "--python", sys.executable, str(packages["wheel"])]
    subprocess.run(command, check=True, env={**os.environ, **folders})
    works_alone(tmp_path / "bin/provision", tmp_path / "empty", live)
