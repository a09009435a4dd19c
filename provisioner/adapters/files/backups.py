"""Keeps the backups of a target in a folder, one file a run, and reads them again.

A file is called ``<target>-<number>.jsonl``: the runs are numbered in the order in which they began.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial
from io import FileIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from provisioner.adapters.files import shipped
from provisioner.adapters.files.private_file import (
    append_whole,
    decrypted,
    encrypted,
    is_locked,
    open_own,
    read_own,
    refuse_foreign,
    warn_if_exposed,
)
from provisioner.adapters.files.text_files import exists, read_json, read_limited
from provisioner.core.errors import ProvisionError, SafetyLimit, UsageError, explained, said
from provisioner.core.plan.backup import COMPLETE, Backup, BackupEntry, Row, Run, why_no_row
from provisioner.core.targets.target import BackupSettings, Target

MAX_BYTES = 512 * 1024 * 1024

_MOMENT = 0.1
"""Seconds that a list of the backups may hold a file, at most."""

_LIST = "see provision undo --list"
_SETTINGS = "see backup of the target in provision.yaml"


def folder_of(target: Target) -> "BackupFolder":
    """The backups of a target. Raises `UsageError` if the configuration names none."""
    if target.backup is None:
        what = f"the target {target.name} keeps no backups" if target.name else "no target with backups is selected"
        raise UsageError(what, "add backup: to a target in provision.yaml, and pass its name with --target")
    return BackupFolder(target.backup, target.name or "")


class BackupFolder:
    """The files of one target."""

    def __init__(self, settings: BackupSettings, target: str) -> None:
        """Read nothing yet."""
        self._settings = settings
        self._folder = _home(settings.folder)
        self.target = target

    @property
    def shown(self) -> str:
        """The folder, as messages name it."""
        return self._folder.as_posix()

    def names(self) -> list[str]:
        """The names of the files, that of the latest run first. Raises `ProvisionError`."""
        what, next = f"the backups in {self._folder} cannot be used", "keep them in a folder that only you can write"
        with explained(what, next, ProvisionError):
            if not self._folder.exists():
                return []
            refuse_foreign(self._folder.stat(), self._folder)
            found = [path.name for path in self._folder.iterdir() if path.lstat().st_size]  # an empty one never began
        return sorted(filter(self._number, found), key=self._number, reverse=True)

    def _number(self, name: str) -> int:
        match = re.fullmatch(rf"{re.escape(quote(self.target, safe=''))}-(\d{{1,18}})\.jsonl", name)
        return int(match[1]) if match else 0

    def path(self, name: str) -> Path:
        """Where a file is: in the folder, else where its path says."""
        inside = self._folder / name
        return inside if exists(inside) else Path(name)

    def read(self, path: Path) -> Backup:
        """Read a file. Raises `ProvisionError` if it cannot be read or decrypted, or is no backup."""
        with _explained(path):
            lines = read_own(path, MAX_BYTES).split(b"\n")[:-1]  # a run that was killed cut off what follows
        rows = []
        for number, line in enumerate(lines or [b"{}"], 1):
            row = _checked(path, number, line)
            sealed = row.get("sealed")
            rows.append(_checked(path, number, self._decrypted(path, sealed.encode())) if sealed else row)
        # the same name wherever the next run begins
        return Backup.of(rows, path.name if path.parent == self._folder else path.absolute().as_posix())

    @contextmanager
    def held(self, path: Path) -> Iterator[None]:
        """Keep the run of a file from being taken back twice. Raises `ProvisionError` if it is still going on."""
        with _explained(path):
            file = open_own(path, os.O_RDONLY)
        with file:
            if not is_locked(file):
                time.sleep(_MOMENT)
                if not is_locked(file):
                    what = f"the run in {path} has not ended, or another undo is undoing it"
                    raise SafetyLimit(what, "wait until that has ended, or stop it; then run provision undo again")
            yield

    def is_held(self, path: Path) -> bool:
        """Whether the run of a file is still going on, or an undo takes it back."""
        try:
            with open_own(path, os.O_RDONLY) as file:
                return not is_locked(file, shared=True)
        except (OSError, ValueError):
            return False

    def new(self, run: Run) -> "JournalFile":
        """The file of a run, to be made when there is something to keep."""
        return JournalFile(self._settings, self._begin, run)

    def going_on(self, name: str) -> "JournalFile":
        """The file of a run that did not finish, to be continued."""
        return JournalFile(self._settings, partial(_continued, self.path(name)))

    def _begin(self) -> FileIO:
        """A file with the next number, which no other run has, and which is locked as long as this one goes on."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = max(map(self._number, self.names()), default=0)
        while True:
            number += 1
            path = self._folder / f"{quote(self.target, safe='')}-{number:06}.jsonl"
            with suppress(FileExistsError):
                file = open_own(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                is_locked(file)
                if not self._settings.recipients:
                    warn_if_exposed(path)
                return file

    def _decrypted(self, path: Path, content: bytes) -> bytes:
        identity = self._settings.identity
        if identity is None:
            what = f"{path} is encrypted, and the target has no key"
            raise UsageError(what, "add identity: FILE to backup of the target in provision.yaml")
        with explained(f"{identity} cannot be read", "set identity to the file of your age key"):
            key = read_limited(_home(identity)).decode(errors="replace")
        plain = decrypted(content, key)
        if plain is None:
            what = f"{path} cannot be decrypted with {identity}"
            raise UsageError(what, "set identity to the key of one of its recipients")
        return plain


class JournalFile:
    """A `Journal`: one file, to which a run appends what it is about to change and what it wrote."""

    def __init__(self, settings: BackupSettings, begin: Callable[[], FileIO], run: Run | None = None) -> None:
        """Write nothing yet. `begin` opens the file; one that is continued has its `run` already."""
        self._recipients, self._begin, self._run = settings.recipients, begin, run
        self._file: FileIO | None = None
        self._kept: set[str] = set()
        self._written = False
        self.encrypted = bool(self._recipients)
        self.trouble = ""

    @property
    def path(self) -> Path | None:
        """Where the file is, once there is one."""
        return Path(str(self._file.name)) if self._file else None

    def keep(self, entries: Mapping[str, BackupEntry]) -> None:
        """Keep some more documents, or newer states of them. Raises `ProvisionError`."""
        rows: list[Row] = [
            {"id": id, "sealed": encrypted(json.dumps(entry.row()), self._recipients)}
            if self.encrypted
            else entry.without_secrets().row()
            for id, entry in entries.items()
        ]
        try:
            self._append(rows)
        except OSError as error:
            what = f"cannot write the backup {self.path or error.filename or 'its file'}: {said(error)}"
            raise ProvisionError(what, f"{_SETTINGS}; nothing was changed") from None
        self._kept |= entries.keys()

    def confirm(self, id: str, rev: str | None) -> None:
        """Record that a write is in the database. What cannot be recorded does not stop the run."""
        self._written = True
        self._note({"written": id, "rev": rev})

    def end(self, untouched: Iterable[str], *, complete: bool) -> Path | None:
        """End the run; if all that it kept is `untouched`, its file goes. Returns where the file is.

        A part of an undo that failed keeps its file: it tells that the other parts are no whole undo.
        """
        path, run = self.path, self._run
        part = run is not None and run.undoes is not None and run.run is not None
        if run and path and not self._written and self._kept <= {*untouched} and (complete or not part):
            with suppress(OSError):
                path.unlink()
            path = None
        elif complete and (path or not run):
            self._note(COMPLETE)
            path = self.path
        self.close()
        return path

    def close(self) -> None:
        """Let others take the run back."""
        if self._file:
            self._file.close()

    def _note(self, row: Row) -> None:
        try:
            self._append([row])
        except OSError as error:
            self.trouble = f"{self.path or 'its file'} cannot be written: {said(error)}"

    def _append(self, rows: Iterable[Row]) -> None:
        if self._file is None:
            self._file = self._begin()
            rows = [*([self._run.row()] if self._run else []), *rows]
        append_whole(self._file, "".join(f"{json.dumps(row)}\n" for row in rows).encode())


def _continued(path: Path) -> FileIO:
    """A file without the line that its run could not write to its end."""
    whole = read_own(path, MAX_BYTES).rfind(b"\n") + 1
    file = open_own(path, os.O_WRONLY | os.O_APPEND)
    file.truncate(whole)
    return file


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        with explained(f"{path} cannot be read", _LIST):
            yield
    except ValueError:
        raise UsageError(f"{path} cannot be read: its name contains a null character", _LIST) from None


@cache
def _check() -> Callable[[Any], object]:
    import fastjsonschema  # 16 ms, and only where a backup is read

    check: Callable[[Any], object] = fastjsonschema.compile(shipped.schema("backup"), use_default=False)
    return check


def _checked(path: Path, number: int, line: bytes) -> Row:
    """A line as JSON that fits the schema. Raises `UsageError`."""
    from fastjsonschema import JsonSchemaValueException

    reading = read_json(line.decode(errors="replace"))
    row: Any = reading.content.values if reading.content else {}
    column, why = next(((each.mark.column, each.message) for each in reading.faults), (1, ""))
    try:
        if not why and not (why := why_no_row(row, first=number == 1)):
            _check()(row)
    except JsonSchemaValueException as error:
        why = "this is not a line of a backup" if error.rule == "anyOf" else str(error.message).replace("data.", "", 1)
    if why:
        raise UsageError(f"{path}:{number}:{column}: {why}", _LIST)
    return dict(row)


def _home(path: str) -> Path:
    """A path with its ``~`` written out. Raises `UsageError` for a user who does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path} is in a home folder that does not exist", _SETTINGS) from None
