"""``provision undo``."""

from dataclasses import replace
from typing import Annotated

import typer

from provisioner.adapters.files import shipped
from provisioner.cli import asking, options, output
from provisioner.cli.apply import carry_out
from provisioner.cli.backups import folder_of, new_backup, tell_kept
from provisioner.cli.diff import Shown
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.grouping import grouped
from provisioner.cli.outcome_reporter import OutcomeReporter
from provisioner.cli.report import Reporter
from provisioner.cli.surroundings import signature
from provisioner.cli.wiring import Wiring
from provisioner.commands import undo as command
from provisioner.commands.admission import ApplyOptions, Permission, Terms, check_exposure
from provisioner.commands.apply import ApplyRun
from provisioner.commands.planning import Planned
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.backup import Action, Backup
from provisioner.core.targets.target import Target


@grouped
def undo(
    databases: options.Databases,
    detail: options.Detail,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A backup that history lists. Default: the latest.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """Take back what an apply changed, from the backup that it made.

    What someone changed since stays, and is named. The undo makes a backup, too: a second undo takes it back.
    """
    wiring = Wiring(databases)
    target = wiring.target()
    place = wiring.place(target)
    backup = _backup(target, file, str(place))
    with wiring.store(target) as store:
        planned = command.plan_back(backup, target, place, store)
        report = Reporter.of(wiring, backup.owner)
        shown = Shown(options.PlanFormat(format), detail, prune=True)
        if dry_run or not (planned.plan.writes or planned.plan.removes):
            shown.begin(report)
            report.warnings({"": planned})
            output.result(shown.of(report, {target.name or "": planned.plan}))
            raise typer.Exit(ExitCode.DONE)
        report.warnings({"": planned})
        check_exposure(planned)
        reviewed = not yes and asking.agree(planned)
        raise typer.Exit(
            _write(planned, backup, wiring, OutcomeReporter(report, format, detail), report, reviewed=reviewed)
        )


def _backup(target: Target, file: str | None, place: str) -> Backup:
    """The backup that is named, else the latest one of the place."""
    folder, schema = folder_of(target), shipped.schema("backup")
    if file is not None:
        return folder.read(folder.path(file), schema)
    for name in folder.names():
        backup = folder.read(folder.path(name), schema)
        if backup.place == place:
            return backup
    what = f"there is no backup of the target {target.name} in {folder.shown}"
    raise UsageError(what, "apply makes one when it changes something")


def _write(
    planned: Planned, backup: Backup, wiring: Wiring, told: OutcomeReporter, report: Reporter, *, reviewed: bool
) -> ExitCode:
    signed_with = signature(backup.owner, wiring.catalogue(None).own)
    kept = new_backup(planned, Action.UNDO, signed_with)
    course = command.ToBackup(backup.entries, backup.owner, signed_with)
    options = ApplyOptions(allow=[Permission.CHANGED], prune=True)
    terms = Terms(reviewed={each.id: each for each in planned.plan.changes} if reviewed else None)
    losses = {each.id: each.only_copy for each in planned.plan.removes}
    run = ApplyRun(planned.plan, planned.store, course, options, replace(terms, losses=losses), kept)
    name = planned.target.name or ""
    plans: dict[str, Planned | ProvisionError] = {name: planned}
    told.shown = reviewed
    told.begin()
    try:
        plans |= carry_out({name: run}, told)
    finally:  # also what was done before an interruption is told
        with output.uninterrupted():
            told.end(plans)
            tell_kept([kept])
    report.errors(plans)
    bad = any(outcome.is_bad() for outcome in told.done[name])
    return max(worst(plans.values()), ExitCode.PROBLEMS if bad else ExitCode.DONE)
