"""The backups of a target: what each run wrote."""

from collections.abc import Mapping
from dataclasses import asdict

from provisioner.core.plan.backup import Backup
from provisioner.core.text import listed
from provisioner.render.paint import Paint, plain
from provisioner.render.table import table

_HEAD = ("BACKUP", "COMMAND", "TIME", "OWNER", "COMMIT", "ACCOUNT TYPES")
_KEYS = ("file", "command", "undoes", "at", "owner", "source", "documents", "summary", "complete", "trouble")
_COMMIT = 12
"""Digits of a commit that are shown."""


def as_text(folder: str, backups: Mapping[str, Backup | str], paint: Paint = plain) -> str:
    """One line a file; one that cannot be read has the reason in place of its backup."""
    if not backups:
        return f"no backups in {folder}"
    return table(_HEAD, [_cells(file, backup) for file, backup in backups.items()], paint)


def _cells(file: str, backup: Backup | str) -> tuple[str, ...]:
    if isinstance(backup, str):
        return file, "-", "-", "-", "-", backup
    run = backup.run
    figures = listed(f"{number} {word}" for word, number in backup.figures.items() if number) or "nothing recorded"
    end = "" if backup.complete else ", not finished"
    return file, run.command.value, run.at, run.owner or "-", (run.source or "-")[:_COMMIT], f"{figures}{end}"


def values(folder: str, backups: Mapping[str, Backup | str]) -> dict[str, object]:
    """The folder and the runs as JSON; what a run is about is ``null`` if its file cannot be read."""
    return {"folder": folder, "backups": [_values(file, backup) for file, backup in backups.items()]}


def _values(file: str, read: Backup | str) -> dict[str, object]:
    if isinstance(read, str):
        return {**dict.fromkeys(_KEYS), "file": file, "trouble": read}
    run = {key: value for key, value in asdict(read.run).items() if key in _KEYS}
    done = {"documents": sorted(read.written), "summary": dict(read.figures), "complete": read.complete}
    return {"file": file, **run, **done, "trouble": None}
