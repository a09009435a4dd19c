"""Writes files whole, some for our eyes only, never over a file or a link of somebody else; encrypts with age.

The files of a konnector in development, which hold an object of JSON, are read here too.
"""

import errno
import json
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import FileIO
from itertools import chain, count
from pathlib import Path
from typing import Any

from provisioner.adapters.files.git import is_exposed
from provisioner.adapters.files.text_files import read_limited
from provisioner.core.errors import ProvisionError, SafetyLimit, UsageError, explained, said
from provisioner.core.outside_json import write
from provisioner.core.secret import Json
from provisioner.core.text import is_whole

_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""A link is not followed, and a pipe that nobody writes to is not waited for."""

_MAX_BYTES = 64 * 1024 * 1024  # data for an import may be large
_NOT_WRITABLE = "check its permissions, or choose another file"
_WARNINGS = logging.getLogger("provisioner.warnings")


def write_private(path: Path, text: str) -> None:
    """Write a file with secrets as `write_whole` does, with mode 0600 from its first byte on. Raises `OSError`."""
    write_whole(path, text, mode=0o600)
    warn_if_exposed(path)


def warn_if_exposed(path: Path) -> None:
    """Log a warning if a file with secrets is in a work tree of git that does not ignore it, or does not say so."""
    if is_exposed(path):
        _WARNINGS.warning("%s contains secrets, and git does not ignore it: add it to .gitignore", path.as_posix())


def write_whole(path: Path, text: str, *, mode: int = 0o666, exact: bool = False) -> None:
    """Write a whole file or nothing of it; the umask takes from the mode, unless it is exact. Raises `OSError`.

    If the path is a link, the file that it leads to is written, if that is allowed by `whole_path`.
    """
    whole = whole_path(path)
    whole.parent.mkdir(parents=True, exist_ok=True)
    new = whole.with_name(f".{os.urandom(8).hex()}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            if exact and sys.platform != "win32":
                os.fchmod(file.fileno(), mode)
            file.write(text)
        new.replace(whole)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def whole_path(path: Path, below: Path | None = None) -> Path:
    """Where a path leads. Raises `OSError` if that is out of a folder, which is its own if none is given.

    Also if another user put a link on its way into a folder that several can write.
    """
    refuse_foreign_link(path)
    whole = Path(os.path.realpath(path))
    if not whole.is_relative_to(os.path.realpath(below or path.parent)):
        raise OSError(errno.ELOOP, "it is reached by a link that leads out of its folder", str(path))
    return whole


STDOUT = Path("-")
"""The name of a result that is printed."""


def write_result(path: Path, text: str, ours: Callable[[str], bool], *, force: bool, mode: int = 0o666) -> None:
    """Write a result, whole or not at all. `ours`: whether the beginning of a file is that of such a result.

    Raises `SafetyLimit` if somebody else's file is there, and `UsageError` if the file cannot be written.
    """
    shown = path.as_posix()
    with explained(f"{shown} cannot be written", "choose another file"):
        path.parent.stat()  # a missing folder is more often a typing mistake than meant
        if os.path.lexists(path) and not force:
            if not path.is_file() and not path.is_dir():
                raise OSError(errno.EEXIST, "it is neither a file nor a folder")  # a FIFO would hold the run
            with path.open("rb") as file:
                beginning = file.read(4096).decode(errors="replace")
            if not ours(beginning):
                what = f"{shown} exists, and provision did not write it"
                raise SafetyLimit(what, "choose another file, or overwrite it with --force")
        write_whole(path, text, mode=mode)


def refuse_foreign_link(path: Path) -> None:
    """Raise `OSError` if another user can decide where a path leads: by a link in a folder that several can write."""
    if sys.platform == "win32":
        return
    whole = path.absolute()
    for place in (*reversed(whole.parents), whole):
        if not place.is_symlink():
            continue
        folder = place.parent.stat()
        shared = bool(folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
        if shared and place.lstat().st_uid not in (os.getuid(), 0, folder.st_uid):
            what = "another user's link leads to it, in a folder that other users can write to"
            raise OSError(errno.ELOOP, what, str(place))


def why_not_writable(path: Path) -> str:
    """Why a file cannot be written, in the words of the system; empty if it can. Nothing is left behind."""
    try:
        refuse_foreign_link(path)
        path = path.resolve()
        if path.is_dir():
            return said(IsADirectoryError(errno.EISDIR, ""))
        folder = next(each for each in path.parents if each.exists())
        probe = folder / f".{path.name[:40]}.{os.urandom(4).hex()}"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        return said(error) if isinstance(error, OSError) else str(error)
    return ""


def open_own(path: Path, flags: int) -> FileIO:
    """Open a file without a buffer, where no link of somebody leads; a new one is ours alone. Raises `OSError`."""
    mode = "rb" if flags & (os.O_WRONLY | os.O_RDWR) == 0 else "ab" if flags & os.O_APPEND else "wb"
    return FileIO(str(path), mode.rstrip("b"), opener=lambda name, _: os.open(name, flags | _SAFE, 0o600))


def read_own(path: Path, limit: int) -> bytes:
    """A file that nobody else can have written; a link is not followed. Raises `OSError`, or `ValueError`."""
    with open_own(path, os.O_RDONLY) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        refuse_foreign(status, path, stat.S_IWGRP | stat.S_IWOTH)
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit // 1024**2} MiB", str(path))
        return file.read(limit)


def append_whole(file: FileIO, content: bytes) -> None:
    """Append to a file, all of the content or nothing. Raises `OSError`."""
    status = os.fstat(file.fileno())
    if status.st_nlink == 0:
        raise OSError(errno.ENOENT, "someone deleted it", str(file.name))
    try:
        while content:
            content = content[file.write(content) :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(status.st_size)
        raise


def is_locked(file: FileIO, *, shared: bool = False) -> bool:
    """Whether we hold the lock of a file, until it is closed or our process ends: nobody else does, or all share it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError)  # else it is a file system without locks
    return True


def refuse_foreign(status: os.stat_result, path: Path, writers: int = stat.S_IWOTH) -> None:
    """Raise `OSError` if others can write a file or folder: another user whose it is, or those of some mode bits."""
    if sys.platform == "win32":
        return
    if status.st_uid not in (os.getuid(), 0):
        raise OSError(errno.EPERM, "it belongs to another user", str(path))
    if status.st_mode & writers:
        raise OSError(errno.EPERM, "other users can write to it", str(path))


@contextmanager
def locked(path: Path, wait: float, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock that only we may open, and wait no longer than some seconds for it. Raises `OSError`.

    `on_wait` is called if somebody else holds it. `TimeoutError`, which is an `OSError`: they held it for too long.
    """
    from filelock import FileLock, Timeout  # few runs need it

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_foreign_link(path)
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            what = f"another process has held the lock for more than {wait:g} s"
            raise TimeoutError(errno.ETIMEDOUT, what, str(path)) from None
    try:
        yield
    finally:
        lock.release()


def read_object(path: Path, default: Mapping[str, Json]) -> tuple[Mapping[str, Json], str | None]:
    """The object in a file, the default if it does not exist; and its text, if it has comments or trailing commas.

    Raises `ProvisionError` for anything else.
    """
    shown, commented = path.as_posix(), None
    if is_stream(path):
        return default, None
    try:
        text = read_limited(path, _MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return default, None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {said(error)}", "choose another file") from None
    except UnicodeDecodeError:
        raise ProvisionError(f"{shown} is not UTF-8", "save it as UTF-8") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        import json5  # only for a file that is not plain JSON

        commented = text
        try:
            content = json5.loads(text)
        except (ValueError, RecursionError) as error:
            why = str(error).removeprefix("<string>:")
            raise ProvisionError(f"{shown} is not JSON: line {why}", "fix the file, or move it away") from None
    if not isinstance(content, dict):
        raise ProvisionError(f"{shown} does not contain a JSON object", "fix the file, or move it away")
    try:
        _as_json(content)
    except ValueError:
        raise ProvisionError(f"{shown} has a number that JSON does not have", "fix the file") from None
    return content, commented


def _as_json(content: Mapping[str, Json]) -> str:
    """Plain JSON, in which only lone surrogates are escaped. Raises `ValueError` for NaN and infinity."""
    text = write(dict(content), indent=2)
    return (text if is_whole(text) else json.dumps(content, indent=2)) + "\n"


def is_stream(path: Path) -> bool:
    """Whether what is written there goes on to somebody who reads: ``-``, ``/dev/stdout``, a FIFO or a device."""
    if path == STDOUT or path.is_relative_to("/dev") or path.is_relative_to("/proc"):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def check_writable(path: Path) -> None:
    """See that a file can be written, before something is done for it. Raises `UsageError`."""
    if not is_stream(path) and (why := why_not_writable(path)):
        raise UsageError(f"{path.as_posix()} cannot be written: {why}", _NOT_WRITABLE)


def write_object(path: Path, content: Mapping[str, Json], commented: str | None) -> Path | None:
    """Write an object as plain JSON that only we may read; into a stream as it is. Raises `UsageError`.

    The text that was there is kept beside it if it has comments: then its new file is returned.
    """
    text, copy = _as_json(content), None
    with explained(f"{path.as_posix()} cannot be written", _NOT_WRITABLE):
        if path == STDOUT:
            sys.stdout.write(text)  # the content of a file: nothing in it is made visible, as it is in a result
            sys.stdout.flush()
        elif is_stream(path):
            path.write_text(text, encoding="utf-8")
        else:
            if commented is not None:
                names = chain([".bak"], (f".bak.{number}" for number in count(2)))
                copies = (path.with_name(f"{path.name}{name}") for name in names)
                copy = next(each for each in copies if not os.path.lexists(each))
                write_private(copy, commented)
            write_private(path, text)
    return copy


def encrypted(text: str, recipients: Sequence[str]) -> str:
    """A text encrypted for public keys (``age1…``), armored. Raises `ProvisionError`."""
    pyrage = _package()
    try:
        keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    except pyrage.RecipientError:
        raise UsageError("a recipient is not a public key of age", "write keys as age-keygen -y prints them") from None
    armored: bytes = pyrage.encrypt(text.encode(), keys, armored=True)
    return armored.decode()


def decrypted(content: bytes, identities: str) -> bytes | None:
    """The plain content of an encrypted file, or ``None`` if no key among the lines of an identity file opens it.

    Raises `ProvisionError` without the package.
    """
    pyrage = _package()
    lines = (line.strip() for line in identities.splitlines())
    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-")]
        plain: bytes = pyrage.decrypt(content, keys)
    except (pyrage.DecryptError, pyrage.IdentityError):
        return None
    return plain


def _package() -> Any:
    try:
        import pyrage  # an optional package
    except ImportError:
        what = "age files need the optional package pyrage"
        raise ProvisionError(what, "pip install 'cozy-provisioner[age]'") from None
    return pyrage
