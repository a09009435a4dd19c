"""Keeps where a watch was, so that the next one goes on from there."""

import json
from pathlib import Path

import platformdirs

from provisioner.adapters.files.private_file import write_private
from provisioner.core.errors import ProvisionError


def usual_path() -> Path:
    """Where the state is kept if nothing else is named."""
    return platformdirs.user_state_path("cozy-provisioner", appauthor=False) / "watch.json"


class WatchState:
    """The last sequence of each database, by its URL and name, in one file."""

    def __init__(self, path: Path) -> None:
        """Read the file; one that does not exist, or is something else, holds nothing."""
        self._path = path
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            content = {}
        rows = content.items() if isinstance(content, dict) else ()
        self._sequences = {place: value for place, value in rows if isinstance(value, str)}

    def get(self, place: str) -> str | None:
        """The last sequence of a database that was taken in."""
        return self._sequences.get(place)

    def put(self, place: str, sequence: str) -> None:
        """Keep a sequence. Raises `ProvisionError` if the file cannot be written."""
        if self._sequences.get(place) == sequence:
            return
        self._sequences[place] = sequence
        try:
            write_private(self._path, json.dumps(self._sequences, indent=2) + "\n")
        except OSError as error:
            what = f"{self._path} cannot be written: {error.strerror}"
            raise ProvisionError(what, "name another file with --state") from None
