"""``provision undo``."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from typing import Annotated

import typer
from msgspec.structs import replace

from provisioner.adapters.files.backups import BackupFolder, folder_of
from provisioner.cli import options, output
from provisioner.cli.apply import carry_out, journal_of, signature
from provisioner.cli.boundary import ExitCode, by_target, worst
from provisioner.cli.options import grouped
from provisioner.cli.planning import ask_to_undo
from provisioner.cli.report import Detail, OutcomeReporter, Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands.admission import ApplyOptions, Permission, Terms, exposure, is_exposing
from provisioner.commands.apply import ApplyRun, Journal
from provisioner.commands.planning import Planned, plan_undo
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind, kind_named
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.backup import Backup, FormerState
from provisioner.core.targets.target import Target
from provisioner.render import plan as render
from provisioner.render.layout import Formats

BACKUPS: Formats[render.Backups] = Formats(render.backups_text, render.backups_values)


@grouped
def undo(
    databases: options.Databases,
    detail: Detail,
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
    possible = wiring.possible_targets()
    with ExitStack() as stack:
        folder = folder_of(possible[0])
        chosen = _chosen(folder, file, {str(wiring.place(each)): each.kind for each in possible}, stack)
        wiring.limit_to(chosen)

        def plan(target: Target) -> Planned:
            store, place = stack.enter_context(wiring.store(target)), wiring.place(target)
            return plan_undo(chosen[target.kind], target, place, store, lambda asked: wiring.credentials(target, asked))

        planned = {target.key: plan(target) for target in wiring.targets()}
        owner = next(iter(planned.values())).owner
        report = Reporter(wiring.places(), owner, format, detail.quiet)
        if dry_run:
            report.begin()
            report.warnings(planned)
            output.result(report.plans({key: each.plan for key, each in planned.items()}, detail.extent, prune=True))
            raise typer.Exit(ExitCode.DONE)
        report.warnings(planned)
        for each in planned.values():
            if is_exposing(each):
                raise exposure(each, "close it to everyone but admins with apply --make-private")
        reviewed = [] if yes else [key for key, each in planned.items() if each.plan.writes or each.plan.removes]
        for key in reviewed:
            ask_to_undo(planned[key])
        signed_with = signature(owner, wiring.catalogue(None).own, planned.values())
        run_name = os.urandom(8).hex()
        runs: dict[str, ApplyRun] = {}
        for key, each in planned.items():
            former = replace(chosen[each.target.kind], signature=signed_with)
            runs[key] = _run_back(each, former, folder, run_name, reviewed=key in reviewed)
        plans: dict[str, Planned | ProvisionError] = {**planned}
        reporter = OutcomeReporter(report, detail.extent)
        reporter.shown = bool(reviewed)
        report.begin()
        carry_out(runs, plans, reporter)
    report.errors(plans)
    raise typer.Exit(max(worst(plans.values()), ExitCode.PROBLEMS if reporter.has_bad() else ExitCode.DONE))


def _run_back(
    planned: Planned, former: FormerState, folder: BackupFolder, run_name: str, *, reviewed: bool
) -> ApplyRun:
    """The run that takes one database back to a former state; it goes on with the backup of one that did not finish."""
    if former.begun:
        journal: Journal | None = folder.going_on(former.begun.file)
    else:
        journal = journal_of(planned, former.signature, run_name, former.backup.file)
    changes = {change.id: change for change in planned.plan.changes}
    terms = Terms(changes if reviewed else None, public=planned.snapshot.exposed)
    wanted = ApplyOptions(allow=[Permission.CHANGED], prune=True)
    return ApplyRun(planned.plan, planned.store, former, wanted, terms, journal)


def _chosen(
    folder: BackupFolder, file: str | None, places: Mapping[str, Kind], stack: ExitStack
) -> dict[Kind, FormerState]:
    """The run whose backup is named, else the latest one of some places; or what an unfinished undo takes back.

    A run that wrote several kinds of documents has a backup of each; they are taken back together.
    """

    @cache
    def read(name: str) -> Backup:
        path = folder.path(name)
        stack.enter_context(folder.held(path))
        return folder.read(path)

    if file is not None:
        backup = read(file)
        return {kind_named(backup.run.kind): FormerState(backup)}
    found: dict[Kind, FormerState] = {}
    run: str | None = None
    for name in folder.names():
        if found and run is None:
            break
        backup = read(name)
        kind = places.get(backup.run.place)
        if kind is None:
            continue
        if found and backup.run.run != run:
            break
        run, undone = backup.run.run, backup.run.undoes
        if undone and not backup.complete:
            output.message(f"the undo in {name} did not finish; this run continues it, and undoes {undone}")
            found[kind] = FormerState(read(undone), backup)
        else:
            found[kind] = FormerState(backup)
    if not found:
        what = f"there is no backup of the target {folder.target} in {folder.shown}"
        raise UsageError(what, "apply makes one when it changes something")
    return {kind: each for kind, each in found.items() if each.begun} or found


def _list(wiring: Wiring, format: str) -> ExitCode:
    wiring.limit_to([ACCOUNT_TYPE])  # each target once: its backups of all kinds are in one folder
    report = Reporter(wiring.places(), None, format)

    def backups(target: Target) -> render.Backups:
        folder = folder_of(target)
        names = folder.names()
        held = [name for name in names if folder.is_held(folder.path(name))]  # one that ends meanwhile is complete
        return render.Backups(folder.shown, {name: read(folder, name) for name in names}, held)

    def read(folder: BackupFolder, name: str) -> Backup | str:
        try:
            return folder.read(folder.path(name))
        except ProvisionError as error:
            return error.what

    found = by_target(backups, wiring.targets())
    report.begin()
    return report.print(found, BACKUPS)
