"""Reads and replaces the text of definition files."""

import stat
from pathlib import Path

from provisioner.adapters.files.private_file import write_whole
from provisioner.adapters.files.text_files import parse, read_limited
from provisioner.core.definitions.reading import Reading
from provisioner.core.errors import ProvisionError


def text_of(path: str) -> str:
    """The text of a definition that was read before, without a byte order mark."""
    return read_limited(Path(path)).decode("utf-8-sig")


def read_text(text: str) -> Reading:
    """What the text of a definition in YAML holds."""
    return parse(text.encode())


def replace_text(path: str, text: str) -> None:
    """Put a text in place of a file, whole or not at all; its permissions stay. Raises `ProvisionError`."""
    file = Path(path)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        write_whole(file, text, mode=mode, exact=True)
    except OSError as error:
        raise ProvisionError(
            f"{file.as_posix()} cannot be written: {error.strerror}", "check who can write there"
        ) from None
