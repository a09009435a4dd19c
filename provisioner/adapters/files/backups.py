"""Keeps the backups of a target in a folder, one file a run, and reads them again.

A file is called ``<target>-<number>.jsonl``: the runs are numbered in the order in which they began.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from provisioner.adapters.files import shipped
from provisioner.adapters.files.json_text import read_json
from provisioner.adapters.files.private_file import (
    append_own,
    decrypted,
    encrypted,
    read_own,
    refuse_foreign,
    write_private,
    write_whole,
)
from provisioner.adapters.files.text_files import exists, read_limited
from provisioner.core.definitions.node import START, to_json
from provisioner.core.definitions.problem import Problem
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.backup import COMPLETE, Backup, Entry, Row, Run, confirmation, why_no_row
from provisioner.core.targets.target import BackupSettings

MAX_BYTES = 512 * 1024 * 1024

_LIST = "see provision undo --list"
_SETTINGS = "see backup of the target in provision.yaml"


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
        try:
            if not self._folder.exists():
                return []
            refuse_foreign(self._folder.stat(), self._folder)
            found = [path.name for path in self._folder.iterdir() if path.lstat().st_size]  # an empty one never began
        except OSError as error:
            what = f"the backups in {self._folder} cannot be used: {error.strerror}"
            raise ProvisionError(what, "keep them in a folder that only you can write") from None
        return sorted(filter(self._number, found), key=self._number, reverse=True)

    def path(self, name: str) -> Path:
        """Where a file is: in the folder, else where its path says."""
        inside = self._folder / name
        return inside if exists(inside) else Path(name)

    def name(self, path: Path) -> str:
        """What a file is called for `path`, wherever the next run begins."""
        return path.name if path.parent == self._folder else path.absolute().as_posix()

    def read(self, path: Path) -> Backup:
        """Read a file. Raises `ProvisionError` if it cannot be read or decrypted, or is no backup."""
        try:
            lines = read_own(path, MAX_BYTES).split(b"\n")[:-1]  # a run that was killed cut off what follows
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "its name holds a null character"
            raise UsageError(f"{path} cannot be read: {why}", _LIST) from None
        return Backup.of([self._row(path, number, line) for number, line in enumerate(lines or [b"{}"], 1)])

    def new(self, run: Run) -> "JournalFile":
        """The file of a run, to be made when there is something to keep."""
        return JournalFile(self._settings.recipients, self._begin, run)

    def going_on(self, name: str) -> "JournalFile":
        """The file of a run that did not finish, to be continued."""
        return JournalFile(self._settings.recipients, lambda: _cut(self.path(name)))

    def _number(self, name: str) -> int:
        match = re.fullmatch(rf"{re.escape(quote(self.target, safe=''))}-(\d{{1,18}})\.jsonl", name)
        return int(match[1]) if match else 0

    def _begin(self) -> Path:
        """An empty file with the next number, which no other run has."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = max(map(self._number, self.names()), default=0)
        while True:
            number += 1
            path = self._folder / f"{quote(self.target, safe='')}-{number:06}.jsonl"
            try:
                path.touch(0o600, exist_ok=False)
            except FileExistsError:
                continue
            return path

    def _row(self, path: Path, number: int, line: bytes) -> Row:
        row = _checked(path, number, line)
        if "sealed" in row:
            row = _checked(path, number, self._decrypted(path, row["sealed"].encode()))
        return row

    def _decrypted(self, path: Path, content: bytes) -> bytes:
        identity = self._settings.identity
        if identity is None:
            raise UsageError(
                f"{path} is encrypted, and no key is named",
                "add identity: FILE to backup of the target in provision.yaml",
            )
        try:
            key = read_limited(_home(identity)).decode(errors="replace")
        except OSError as error:
            raise UsageError(
                f"{identity} cannot be read: {error.strerror}", "name the file of your key of age"
            ) from None
        plain = decrypted(content, key)
        if plain is None:
            raise UsageError(f"{path} cannot be decrypted with {identity}", "name the key of one of its recipients")
        return plain


class JournalFile:
    """One file, to which a run appends what it is about to change and what it wrote."""

    def __init__(self, recipients: Sequence[str], begin: Callable[[], Path], run: Run | None = None) -> None:
        """Write nothing yet. `begin` says where to write; a file that is continued has its `run` already."""
        self._recipients, self._begin, self._run = recipients, begin, run
        self._kept: set[str] = set()
        self._written = False
        self.path: Path | None = None
        """Where the file is, once there is one."""
        self.encrypted = bool(recipients)
        """Whether it has the secrets."""
        self.trouble = ""
        """Why it does not tell of all that was written; empty if it does."""

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Keep some more documents, or newer states of them. Raises `ProvisionError`."""
        rows = [self._sealed(entry) for entry in entries.values()]
        try:
            self._append(rows)
        except OSError as error:
            where = self.path or error.filename or "its file"
            what = f"what is to be changed cannot be kept: {where} cannot be written: {error.strerror}"
            raise ProvisionError(what, f"{_SETTINGS}; nothing was written") from None
        self._kept |= entries.keys()

    def confirm(self, id: str, rev: str | None) -> None:
        """Record that a write is in the database. What cannot be recorded does not stop the run."""
        self._written = True
        self._note(confirmation(id, rev))

    def end(self, untouched: Iterable[str], *, complete: bool) -> None:
        """End the run; if all that it kept is `untouched`, its file goes."""
        if self._run and self.path and not self._written and self._kept <= {*untouched}:
            with suppress(OSError):
                self.path.unlink()
            self.path = None
        elif complete and (self.path or not self._run):
            self._note(COMPLETE)

    def _note(self, row: Row) -> None:
        try:
            self._append([row])
        except OSError as error:
            self.trouble = f"{self.path or 'its file'} cannot be written: {error.strerror}"

    def _sealed(self, entry: Entry) -> Row:
        if not self._recipients:
            return entry.without_secrets().row()
        return {"id": entry.write.id, "sealed": encrypted(json.dumps(entry.row()), self._recipients)}

    def _append(self, rows: Iterable[Row]) -> None:
        path, head = self.path or self._begin(), [] if self.path or not self._run else [self._run.row()]
        text = "".join(f"{json.dumps(row)}\n" for row in (*head, *rows))
        if not head:
            append_own(path, text.encode())
        elif self.encrypted:
            write_whole(path, text, mode=0o600)
        else:
            write_private(path, text)
        self.path = path


def _cut(path: Path) -> Path:
    """A file without the line that its run could not write to its end."""
    content = read_own(path, MAX_BYTES)
    os.truncate(path, content.rfind(b"\n") + 1)
    return path


@cache
def _check() -> Callable[[Any], object]:
    import fastjsonschema  # 16 ms, and only where a backup is read

    check: Callable[[Any], object] = fastjsonschema.compile(shipped.schema("backup"), use_default=False)
    return check


def _checked(path: Path, number: int, line: bytes) -> Row:
    """A line as JSON that fits the schema. Raises `UsageError`."""
    reading = read_json(line.decode(errors="replace"))
    row: Any = to_json(reading.node) if reading.node else {}
    faults = [*reading.faults] or [Problem(START, why, "wrong-value") for why in _wrong(row, first=number == 1)]
    if faults:
        first, *others = (f"{path}:{number}:{fault.mark.column}: {fault.message}" for fault in faults)
        raise UsageError(first, _LIST, others)
    return dict(row)


def _wrong(row: Row, *, first: bool) -> Iterator[str]:
    import fastjsonschema

    try:
        if not (why := why_no_row(row, first=first)):
            _check()(row)
    except fastjsonschema.JsonSchemaValueException as error:
        why = "this is not a line of a backup" if error.rule == "anyOf" else str(error.message).replace("data.", "", 1)
    if why:
        yield why


def _home(path: str) -> Path:
    """A path with its ``~`` written out. Raises `UsageError` for a user who does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path} is in a home folder that does not exist", _SETTINGS) from None
