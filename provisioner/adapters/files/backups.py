"""Keeps what a run is about to change in a folder, one file a run, and reads it again.

A file is called ``<target>-<time>.json``, or ``….json.age`` if it is encrypted: only then it has secrets.
"""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from provisioner.adapters.files.age import decrypted, encrypted
from provisioner.adapters.files.private_file import write_private, write_whole
from provisioner.adapters.files.text_files import exists, read_limited
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.backup import VERSION, Backup, Entry, backup_json, newer_entry, read_backup
from provisioner.core.targets.target import BackupSettings

MAX_BYTES = 512 * 1024 * 1024

_NAME = re.compile(r"-(\d{8}T\d{6}Z)(?:-(\d+))?\.json(\.age)?")


class BackupFolder:
    """The files of one target."""

    def __init__(self, settings: BackupSettings, target: str) -> None:
        """Read nothing yet."""
        self._settings = settings
        self._folder = _home(settings.folder)
        self._target = quote(target, safe="")

    @property
    def shown(self) -> str:
        """The folder, as messages name it."""
        return self._folder.as_posix()

    def names(self) -> list[str]:
        """The names of the files, the latest first. Raises `ProvisionError` if the folder cannot be read."""
        try:
            found = [path.name for path in self._folder.iterdir()] if self._folder.exists() else []
        except OSError as error:
            raise ProvisionError(
                f"{self._folder} cannot be read: {error.strerror}", "see backup in provision.yaml"
            ) from None
        matches = {name: match for name in found if (match := self._match(name))}
        return sorted(matches, key=lambda name: (matches[name][1], int(matches[name][2] or 1)), reverse=True)

    def path(self, name: str) -> Path:
        """Where a file is: in the folder, else where its path says."""
        inside = self._folder / name
        return inside if exists(inside) else Path(name)

    def read(self, path: Path, schema: Mapping[str, Any]) -> Backup:
        """Read a file. Raises `ProvisionError` if it cannot be read, or decrypted, or is no backup."""
        from jsonschema import Draft7Validator  # 60 ms, and only where a backup is read

        try:
            content = read_limited(path, MAX_BYTES)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", "see provision history") from None
        if path.suffix == ".age":
            content = self._decrypted(path, content)
        try:
            values = json.loads(content)
        except (ValueError, RecursionError):
            raise UsageError(f"{path} is not a backup: it is not JSON", "see provision history") from None
        if isinstance(values, dict) and values.get("version", VERSION) != VERSION:
            raise UsageError(f"{path} is a backup of another version of provision", "use that version")
        if not Draft7Validator(schema).is_valid(values):
            raise UsageError(f"{path} is not a backup", "see provision history")
        return read_backup(values)

    def new_file(self, backup: Backup) -> "NewBackup":
        """A file to be written when there is something to keep."""
        return NewBackup(
            self._folder, f"{self._target}-{re.sub('[-:]', '', backup.at)}", self._settings.recipients, backup
        )

    def _match(self, name: str) -> re.Match[str] | None:
        return _NAME.fullmatch(name, len(self._target)) if name.startswith(self._target) else None

    def _decrypted(self, path: Path, content: bytes) -> bytes:
        identity = self._settings.identity
        if identity is None:
            raise UsageError(
                f"{path} is encrypted, and no key is named",
                "add identity: FILE to backup of the target in provision.yaml",
            )
        try:
            key = _home(identity).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(
                f"{identity} cannot be read: {error.strerror}", "name the file of your key of age"
            ) from None
        plain = decrypted(content, key)
        if plain is None:
            raise UsageError(f"{path} cannot be decrypted with {identity}", "name the key of one of its recipients")
        return plain


class NewBackup:
    """One file, which is written anew with each document that is to be kept."""

    def __init__(self, folder: Path, name: str, recipients: Sequence[str], backup: Backup) -> None:
        """Write nothing yet."""
        self._folder, self._name, self._recipients = folder, name, recipients
        self._backup = backup
        self.path: Path | None = None
        """Where the file is, once there is one."""
        self.encrypted = bool(recipients)
        """Whether it has the secrets."""

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Keep some more documents, or newer states of them. Raises `ProvisionError`."""
        known = self._backup.entries
        newer = {id: newer_entry(known.get(id), entry) for id, entry in entries.items()}
        self._backup = replace(self._backup, entries={**known, **newer})
        text, path = self._text(), self.path
        try:
            path = path or self._taken()
            if self.path is None and not self.encrypted:
                write_private(path, text)
            else:
                write_whole(path, text, mode=0o600)
        except OSError as error:
            if path is not None and self.path is None:
                path.unlink()
            what = f"what is to be changed cannot be kept: {path or self._folder} cannot be written: {error.strerror}"
            raise ProvisionError(what, "see backup of the target in provision.yaml; nothing was written") from None
        self.path = path

    def confirm(self, id: str, rev: str | None) -> None:
        """Record that a write of ours is in the database."""

    def _text(self) -> str:
        backup = self._backup
        if self._recipients:
            return encrypted(json.dumps(backup_json(backup)), self._recipients)
        public = {id: entry.without_secrets() for id, entry in backup.entries.items()}
        return json.dumps(backup_json(replace(backup, entries=public)), indent=2) + "\n"

    def _taken(self) -> Path:
        """A path that nobody else has, and an empty file there: two runs can begin in the same second."""
        self._folder.mkdir(parents=True, exist_ok=True)
        ending = ".json.age" if self._recipients else ".json"
        for number in itertools.count(1):
            path = self._folder / f"{self._name}{'' if number == 1 else f'-{number}'}{ending}"
            try:
                path.touch(0o600, exist_ok=False)
            except FileExistsError:
                continue
            return path
        raise AssertionError


def _home(path: str) -> Path:
    """A path with its ``~`` written out. Raises `UsageError` for a user who does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path} is in a home folder that does not exist", "see backup in provision.yaml") from None
