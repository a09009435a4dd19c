"""The runs whose backups are kept."""

from provisioner.core.plan.history import History, Run
from provisioner.core.text import listed
from provisioner.render.paint import Paint, plain
from provisioner.render.table import table

_PAST = {"create": "created", "change": "changed", "remove": "removed"}
_HEAD = ("BACKUP", "COMMAND", "TIME", "OWNER", "COMMIT", "ACCOUNT TYPES")
_COMMIT = 12
"""Digits of a commit that are shown."""


def as_text(history: History, paint: Paint = plain) -> str:
    """One line a run, the latest first."""
    if not history.runs:
        return f"no backups in {history.folder}"
    return table(_HEAD, [_cells(run) for run in history.runs], paint)


def _cells(run: Run) -> tuple[str, ...]:
    if run.backup is None:
        return run.file, "-", "-", "-", "-", run.trouble
    backup = run.backup
    figures = listed(f"{number} {_PAST[kind]}" for kind, number in run.figures.items() if number)
    return (run.file, backup.action.value, backup.at, backup.owner or "-", (backup.source or "-")[:_COMMIT], figures)


def values(history: History) -> dict[str, object]:
    """The folder and the runs as JSON; what a run is about is ``null`` if its file cannot be read."""
    return {"folder": history.folder, "backups": [_values(run) for run in history.runs]}


def _values(run: Run) -> dict[str, object]:
    backup = run.backup
    return {
        "file": run.file,
        "command": backup.action.value if backup else None,
        "at": backup.at if backup else None,
        "owner": backup.owner if backup else None,
        "source": backup.source if backup else None,
        "documents": sorted(backup.entries) if backup else None,
        "summary": dict(run.figures) if backup else None,
        "trouble": run.trouble or None,
    }
