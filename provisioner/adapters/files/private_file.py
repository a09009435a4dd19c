"""Writes files that only we may read."""

import errno
import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a whole file or nothing of it, with mode 0600 from its first byte on. Raises `OSError`.

    If the path is a link, the file that it leads to is written; but a link that leads out of its folder is an error.
    """
    write_whole(path, text, mode=0o600)


def write_whole(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write a whole file or nothing of it; the umask takes from the mode. Raises `OSError` as `write_private` does."""
    folder, whole = os.path.realpath(path.parent), os.path.realpath(path)
    if path.is_symlink() and Path(folder) not in Path(whole).parents:
        raise OSError(errno.ELOOP, "it is a link that leads out of its folder", str(path))
    path = Path(whole)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{os.urandom(8).hex()}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def why_not_writable(path: Path) -> str:
    """Why a file cannot be written, in the words of the system; empty if it can. Nothing is left behind."""
    path = path.resolve()
    if path.is_dir():
        return os.strerror(errno.EISDIR)
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    probe = folder / f".{path.name[:40]}.{os.urandom(4).hex()}"
    try:
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return ""
