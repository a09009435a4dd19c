"""Prints the part of CHANGELOG.md that belongs to a tag: ``release_notes.py v1.2.3``.

Fails if the tag is not the version of the package, or if the changelog does not have a part for it.
"""

import re
import sys
from pathlib import Path

from provisioner import __version__

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(tag: str, version: str, changelog: str) -> str:
    """The notes of a version. Raises `ValueError` with what is wrong."""
    if tag != f"v{version}":
        raise ValueError(f"the tag {tag} is not v{version}, the version in provisioner/__init__.py")
    found = re.search(rf"^## \[{re.escape(version)}\].*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise ValueError(f"CHANGELOG.md does not have a part [{version}]: rename [Unreleased], and add the date")
    return found[1].strip()


if __name__ == "__main__":
    try:
        print(notes(sys.argv[1], __version__, CHANGELOG.read_text("utf-8")))
    except ValueError as error:
        sys.exit(f"error: {error}")
