"""Writes results into files, and overwrites only what this program wrote."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from provisioner.adapters.files.private_file import write_whole
from provisioner.core.errors import SafetyLimit, UsageError

STDOUT = Path("-")
"""The name of a result that is printed."""

_LOOK = 4096
"""Bytes at the beginning of a file by which a result of ours is known."""


def write_result(path: Path, text: str, ours: Callable[[str], bool], *, force: bool, mode: int = 0o666) -> None:
    """Write a result, whole or not at all. `ours`: whether the beginning of a file is that of such a result.

    Raises `SafetyLimit` if somebody else's file is there, and `UsageError` if the file cannot be written.
    """
    shown = path.as_posix()
    try:
        path.parent.stat()  # a missing folder is more often a typing mistake than a wish
        if not force and os.path.lexists(path) and not ours(_beginning(path)):
            raise SafetyLimit(
                f"{shown} exists, and provision did not write it", "name another file, or overwrite it with --force"
            )
        write_whole(path, text, mode=mode)
    except OSError as error:
        raise UsageError(f"{shown} cannot be written: {error.strerror}", "name another file") from None


def _beginning(path: Path) -> str:
    if path.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not path.is_file():
        raise OSError(errno.EEXIST, "it is neither a file nor a folder")  # a FIFO would hold the run
    with path.open("rb") as file:
        return file.read(_LOOK).decode(errors="replace")
