"""Keeps where watches were, so that the next ones go on from there."""

import json
from pathlib import Path

import platformdirs

from provisioner.adapters.files.private_file import locked, write_whole
from provisioner.core.errors import ProvisionError, UsageError

LONGEST_WAIT = 30.0
"""Seconds to wait for another watch that writes the file: it holds it for milliseconds."""


def usual_path() -> Path:
    """Where the state is kept if nothing else is named."""
    return platformdirs.user_state_path("cozy-provisioner", appauthor=False) / "watch.json"


class WatchState:
    """The last sequence of each place, in one file, which several watches can share."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises `UsageError` for somebody else's."""
        self._path = path
        self._sequences = self._read()

    def get(self, place: str) -> str | None:
        """The last sequence of a place that was taken in."""
        return self._sequences.get(place)

    def put(self, place: str, sequence: str) -> None:
        """Keep a sequence. Raises `ProvisionError` if the file cannot be written."""
        if self._sequences.get(place) == sequence:
            return
        try:
            with locked(self._path.with_name(f"{self._path.name}.lock"), LONGEST_WAIT):
                self._sequences = {**self._read(), place: sequence}
                write_whole(self._path, json.dumps(self._sequences, indent=2) + "\n", mode=0o600)
        except OSError as error:
            what = f"{self._path} cannot be written: {error.strerror}"
            raise ProvisionError(what, "name another file with --state") from None

    def _read(self) -> dict[str, str]:
        try:
            content = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(
                f"{self._path} cannot be read: {error.strerror}", "name another file with --state"
            ) from None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
            what = f"{self._path} is not the state of a watch"
            raise UsageError(what, "name another file with --state, or remove it to begin anew")
        return content
