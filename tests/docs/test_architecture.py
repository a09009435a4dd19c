"""The page on the architecture names files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
ROOMS = ("", "provisioner", "provisioner/adapters/files", "tests")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[\w/.]+\.(?:py|md|json)\b", PAGE))))
def test_a_file_that_is_named_exists(name: str) -> None:
    assert any((ROOT / room / name).is_file() for room in ROOMS), name


def test_every_room_is_on_the_page() -> None:
    folders = {path.parent.name for path in (ROOT / "provisioner").rglob("__init__.py")} - {"provisioner"}
    assert not [name for name in folders if f"{name}/" not in PAGE]
