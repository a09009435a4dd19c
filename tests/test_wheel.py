"""The wheel works alone: in an empty virtual environment and an empty folder."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

from tests.conftest import write

ROOT = Path(__file__).parents[1]


def test_the_wheel_carries_the_schemas_and_the_catalogue_and_validates(tmp_path: Path) -> None:
    build: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        ROOT,
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("schemas", "account_types"):
        assert {f"provisioner/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).iterdir()} <= carried

    venv.create(tmp_path / "venv", with_pip=True)
    constraints: list[str | Path] = ["-c", ROOT / "tests/constraints.txt"]
    install: list[str | Path] = [
        tmp_path / "venv/bin/pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *constraints,
        wheel,
    ]
    subprocess.run(install, check=True, capture_output=True)
    program = tmp_path / "venv/bin/provision"
    empty = tmp_path / "empty"
    write(
        empty / "some.yaml",
        "grant_mode: authorization_code\nredirect_url: https://a.example/\ntoken_endpoint: https://a.example/\n",
    )
    done = subprocess.run([program, "validate", "some.yaml"], cwd=empty, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[1:] == [
        "some.yaml:2:1: error: unknown key redirect_url: did you mean redirect_uri? [unknown-key]",
        "1 file, 2 errors, 0 warnings",
    ]
    printed = subprocess.run([program, "schema"], cwd=empty, capture_output=True, text=True, check=True).stdout
    assert printed == (ROOT / "schemas/account_type.schema.json").read_text(encoding="utf-8")
