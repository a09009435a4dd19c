"""The commit that a catalogue is at, to be written beside what is applied from it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

LIMIT = 10.0
"""Seconds that git may take."""


def commit_of(folders: Sequence[Path]) -> str | None:
    """The commit of the repository that holds the folders, with ``-dirty`` if they differ from it; none outside git."""
    places = [folder if folder.is_dir() else folder.parent for folder in folders]
    if not places:
        return None
    commit = _git(places[0], "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(places[0], "status", "--porcelain", "--", *(str(folder.resolve()) for folder in folders))
    return f"{commit}-dirty" if changed != "" else commit


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=LIMIT)  # noqa: S603  # fixed words
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None
