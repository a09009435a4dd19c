"""The backups of targets: those that a run makes, and those that there are."""

from collections.abc import Iterable
from datetime import UTC, datetime

from provisioner.adapters.files.backups import BackupFolder, NewBackup
from provisioner.cli import output
from provisioner.commands.planning import Planned
from provisioner.core.errors import UsageError
from provisioner.core.plan.backup import Action, Backup
from provisioner.core.plan.ownership import Signature, time_text
from provisioner.core.targets.target import Target


def folder_of(target: Target) -> BackupFolder:
    """The backups of a target. Raises `UsageError` if the configuration names none."""
    if target.backup is None:
        what = f"the target {target.name} keeps no backups" if target.name else "no target with backups is named"
        raise UsageError(what, "add backup: to a target in provision.yaml, and name it with --target")
    return BackupFolder(target.backup, target.name or "")


def new_backup(planned: Planned, action: Action, signed_with: Signature | None) -> NewBackup:
    """The file of a run, to be written when there is something to keep. Raises as `folder_of`."""
    backup = Backup(
        place=str(planned.place),
        action=action,
        at=signed_with.at if signed_with else now(),
        owner=planned.owner,
        source=signed_with.source if signed_with else None,
    )
    return folder_of(planned.target).new_file(backup)


def tell_kept(backups: Iterable[NewBackup]) -> None:
    """Say where the documents are as they were before."""
    for backup in backups:
        if backup.path is not None:
            secrets = "" if backup.encrypted else ", without secrets,"
            what = f"kept what was there before{secrets} in {backup.path.as_posix()}"
            output.message(f"{what}: provision undo takes this run back")


def now() -> str:
    """The time, as it is written into documents and backups."""
    return time_text(datetime.now(UTC))
