"""``provision undo``."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from provisioner.adapters.files.backups import BackupFolder, JournalFile
from provisioner.cli import asking, options, output
from provisioner.cli.apply import carry_out
from provisioner.cli.boundary import ExitCode, by_target, worst
from provisioner.cli.diff import Shown
from provisioner.cli.options import grouped
from provisioner.cli.planning import folder_of, new_backup, signature
from provisioner.cli.report import OutcomeReporter, Reporter
from provisioner.cli.wiring import Wiring, credentials_of
from provisioner.commands import planning as command
from provisioner.commands.admission import ApplyOptions, Permission, Terms, check_exposure
from provisioner.commands.apply import ApplyRun
from provisioner.commands.planning import Planned
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.backup import Backup
from provisioner.core.plan.undoing import FormerState
from provisioner.core.targets.target import Target
from provisioner.render import outcomes as render
from provisioner.render.formats import Formats

BACKUPS: Formats[render.Backups] = Formats(render.backups_text, render.backups_values)


@grouped
def undo(
    databases: options.Databases,
    detail: options.Detail,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A backup of --list. Default: that of the latest run.")
    ] = None,
    list_runs: Annotated[bool, typer.Option("--list", help="List the backups, without contacting a database.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    format: Annotated[str, options.one_of(BACKUPS)] = "text",
) -> None:
    """Undo an apply, from the backup that it made.

    Later changes by someone else are kept and listed. An undo that did not finish is continued. An undo also makes a
    backup, so a second undo reverts the first.
    """
    wiring = Wiring(databases)
    if list_runs:
        if file or dry_run or yes:
            raise UsageError("--list only lists backups", "leave out FILE, --dry-run and --yes")
        raise typer.Exit(_list(wiring, format))
    target = wiring.target()
    place = wiring.place(target)
    with ExitStack() as stack:
        chosen = _chosen(folder_of(target), file, str(place), stack)
        store = stack.enter_context(wiring.store(target))
        planned = command.plan_undo(chosen.former, target, place, store, lambda ids: credentials_of(target, ids))
        report = Reporter.of(wiring, planned.owner)
        if dry_run:
            shown = Shown(format, detail, prune=True)
            shown.begin(report)
            report.warnings({"": planned})
            output.result(shown.of(report, {target.name or "": planned.plan}))
            raise typer.Exit(ExitCode.DONE)
        report.warnings({"": planned})
        check_exposure(planned)
        reviewed = not yes and bool(planned.plan.writes or planned.plan.removes) and asking.agree(planned)
        raise typer.Exit(
            _write(planned, chosen, wiring, OutcomeReporter(report, format, detail), report, reviewed=reviewed)
        )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A run to take back, by its file; `going_on`: the file of the undo that began to do so and did not finish."""

    former: FormerState
    file: str
    going_on: JournalFile | None = None


def _chosen(folder: BackupFolder, file: str | None, place: str, stack: ExitStack) -> _Chosen:
    """The run whose backup is named, else the latest one of the place; or what an unfinished undo takes back."""

    def read(name: str) -> Backup:
        path = folder.path(name)
        stack.enter_context(folder.held(path))
        return folder.read(path)

    if file is not None:
        return _Chosen(FormerState(read(file)), folder.name(folder.path(file)))
    for name in folder.names():
        backup = read(name)
        if backup.run.place == place and (undone := backup.run.undoes) and not backup.complete:
            output.message(f"the undo in {name} did not finish; this run continues it, and undoes {undone}")
            return _Chosen(FormerState(read(undone), backup), undone, folder.going_on(name))
        if backup.run.place == place:
            return _Chosen(FormerState(backup), name)
    what = f"there is no backup of the target {folder.target} in {folder.shown}"
    raise UsageError(what, "apply makes one when it changes something")


def _write(
    planned: Planned, chosen: _Chosen, wiring: Wiring, reporter: OutcomeReporter, report: Reporter, *, reviewed: bool
) -> ExitCode:
    signed_with = signature(planned.owner, wiring.catalogue(None).own)
    journal = chosen.going_on or new_backup(planned, signed_with, chosen.file)
    terms = Terms(
        reviewed={each.id: each for each in planned.plan.changes} if reviewed else None,
        public=planned.survey.public and planned.plan.ready,
    )
    desired = replace(chosen.former, signature=signed_with)
    wanted = ApplyOptions(allow=[Permission.CHANGED], prune=True)
    run = ApplyRun(planned.plan, planned.store, desired, wanted, terms, journal)
    name = planned.target.name or ""
    plans: dict[str, Planned | ProvisionError] = {name: planned}
    reporter.begin()
    carry_out({name: run}, plans, reporter, reviewed=reviewed)
    report.errors(plans)
    bad = any(outcome.is_bad() for outcome in reporter.done[name])
    return max(worst(plans.values()), ExitCode.PROBLEMS if bad else ExitCode.DONE)


def _list(wiring: Wiring, format: str) -> ExitCode:
    report = Reporter.of(wiring, None)
    found = by_target(_backups, wiring.targets())
    report.begin(format)
    return report.print(found, format, BACKUPS)


def _backups(target: Target) -> render.Backups:
    """The folder of a target, and its files, each with its backup or why that cannot be read."""
    folder = folder_of(target)

    def read(name: str) -> Backup | str:
        try:
            return folder.read(folder.path(name))
        except ProvisionError as error:
            return error.what

    return render.Backups(folder.shown, {name: read(name) for name in folder.names()})
