"""The backups of targets: those that a run makes, and those that there are."""

from collections.abc import Iterable
from datetime import UTC, datetime

from provisioner.adapters.files.backups import BackupFolder, JournalFile
from provisioner.cli import output
from provisioner.commands.planning import Planned
from provisioner.core.errors import UsageError
from provisioner.core.plan.backup import Command, Run
from provisioner.core.plan.changes import Outcome, OutcomeKind, Plan
from provisioner.core.plan.ownership import Signature, time_text
from provisioner.core.targets.target import Target

_UNTOUCHED = (OutcomeKind.FAILED, OutcomeKind.SETTLED, OutcomeKind.LEFT)


def folder_of(target: Target) -> BackupFolder:
    """The backups of a target. Raises `UsageError` if the configuration names none."""
    if target.backup is None:
        what = f"the target {target.name} keeps no backups" if target.name else "no target with backups is named"
        raise UsageError(what, "add backup: to a target in provision.yaml, and name it with --target")
    return BackupFolder(target.backup, target.name or "")


def new_backup(
    planned: Planned, command: Command, signed_with: Signature | None, undoes: str | None = None
) -> JournalFile:
    """The file of a run, to be made when there is something to keep. Raises as `folder_of`."""
    at, source = (signed_with.at, signed_with.source) if signed_with else (now(), None)
    return folder_of(planned.target).new(Run(command, str(planned.place), at, planned.owner, source, undoes))


def end_backup(journal: JournalFile, plan: Plan, outcomes: Iterable[Outcome]) -> None:
    """End the file of a run, and say where the documents are as they were before."""
    outcomes = [*outcomes]
    planned_ids = {each.id for each in (*plan.writes, *plan.removes)}
    complete = planned_ids <= {each.id for each in outcomes} and not any(each.is_bad() for each in outcomes)
    journal.end((each.id for each in outcomes if each.kind in _UNTOUCHED), complete=complete)
    if journal.trouble:
        what = f"the backup does not tell of all that was written, and undo leaves the rest: {journal.trouble}"
        output.warn(what)
    if journal.path is not None:
        secrets = "" if journal.encrypted else ", without secrets,"
        what = f"kept what was there before{secrets} in {journal.path.as_posix()}"
        output.message(f"{what}: provision undo takes this run back")


def now() -> str:
    """The time, as it is written into documents and backups."""
    return time_text(datetime.now(UTC))
