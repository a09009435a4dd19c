"""The man pages in man/ are those of the program, and the wheel carries them."""

import subprocess
import sys
import zipfile
from pathlib import Path

from provisioner.cli.app import COMMANDS

ROOT = Path(__file__).parents[2]


def test_they_are_those_of_the_program(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "pipelines/man.py", tmp_path], check=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "man").iterdir()}
    assert made.keys() == {"provision.1", *(f"provision-{name}.1" for name in COMMANDS)}
    assert "\\-\\-prune" in made["provision-apply.1"]


def test_the_wheel_carries_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("data/share/man/man1/provision.1") for name in names)
