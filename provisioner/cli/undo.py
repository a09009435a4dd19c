"""``provision undo``."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from functools import cache
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from provisioner.adapters.files.backups import BackupFolder, JournalFile
from provisioner.cli import asking, options, output
from provisioner.cli.apply import carry_out
from provisioner.cli.boundary import ExitCode, by_target, worst
from provisioner.cli.diff import Shown
from provisioner.cli.options import grouped
from provisioner.cli.planning import folder_of, new_backup, new_run, signature
from provisioner.cli.report import Detail, OutcomeReporter, Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands import planning as command
from provisioner.commands.admission import ApplyOptions, Permission, Terms, check_exposure
from provisioner.commands.apply import ApplyRun
from provisioner.commands.planning import Planned
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, kind_named
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.backup import Backup
from provisioner.core.plan.undoing import FormerState
from provisioner.core.targets.target import Target
from provisioner.render import plan as render
from provisioner.render.formats import Formats

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
        wiring.only(chosen)
        plans = {target.key: _plan(wiring, stack, target, chosen[target.kind]) for target in wiring.targets()}
        report = Reporter.of(wiring, next(iter(plans.values())).owner)
        if dry_run:
            shown = Shown(format, detail, prune=True)
            shown.begin(report)
            report.warnings(plans)
            output.result(shown.of(report, {key: each.plan for key, each in plans.items()}))
            raise typer.Exit(ExitCode.DONE)
        report.warnings(plans)
        for each in plans.values():
            check_exposure(each)
        reviewed = {key for key, each in plans.items() if not yes and _changes(each) and asking.agree(each)}
        raise typer.Exit(_write(plans, chosen, wiring, OutcomeReporter(report, format, detail), reviewed))


def _plan(wiring: Wiring, stack: ExitStack, target: Target, chosen: "_Chosen") -> Planned:
    store = stack.enter_context(wiring.store(target))
    place = wiring.place(target)
    return command.plan_undo(chosen.former, target, place, store, lambda asked: wiring.credentials(target, asked))


def _changes(planned: Planned) -> bool:
    return bool(planned.plan.writes or planned.plan.removes)


class _Chosen(Struct, frozen=True):
    """A run to take back, by its file; `going_on`: the file of the undo that began to do so and did not finish."""

    former: FormerState
    file: str
    going_on: JournalFile | None = None


def _chosen(
    folder: BackupFolder, file: str | None, places: Mapping[str, Kind], stack: ExitStack
) -> dict[Kind, _Chosen]:
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
        return {kind_named(backup.run.kind): _Chosen(FormerState(backup), folder.name(folder.path(file)))}
    found: dict[Kind, _Chosen] = {}
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
            found[kind] = _Chosen(FormerState(read(undone), backup), undone, folder.going_on(name))
        else:
            found[kind] = _Chosen(FormerState(backup), name)
    if not found:
        what = f"there is no backup of the target {folder.target} in {folder.shown}"
        raise UsageError(what, "apply makes one when it changes something")
    unfinished = {kind: each for kind, each in found.items() if each.going_on}
    return unfinished or found


def _write(
    planned: Mapping[str, Planned],
    chosen: Mapping[Kind, _Chosen],
    wiring: Wiring,
    reporter: OutcomeReporter,
    reviewed: Collection[str],
) -> ExitCode:
    own = wiring.catalogue(None).own
    together = new_run(planned.values())
    runs: dict[str, ApplyRun] = {}
    for key, each in planned.items():
        signed_with = signature(each.owner, own, [each.plan])
        back = chosen[each.target.kind]
        journal = back.going_on or new_backup(each, signed_with, back.file, together)
        terms = Terms(
            reviewed={change.id: change for change in each.plan.changes} if key in reviewed else None,
            public=each.survey.public and each.plan.ready,
        )
        desired = replace(back.former, signature=signed_with)
        wanted = ApplyOptions(allow=[Permission.CHANGED], prune=True)
        runs[key] = ApplyRun(each.plan, each.store, desired, wanted, terms, journal)
    plans: dict[str, Planned | ProvisionError] = {**planned}
    reporter.begin()
    carry_out(runs, plans, reporter, reviewed=bool(reviewed))
    reporter.report.errors(plans)
    bad = any(outcome.is_bad() for outcomes in reporter.done.values() for outcome in outcomes)
    return max(worst(plans.values()), ExitCode.PROBLEMS if bad else ExitCode.DONE)


def _list(wiring: Wiring, format: str) -> ExitCode:
    wiring.only([ACCOUNT_TYPE])  # each target once: its backups of all kinds are in one folder
    report = Reporter.of(wiring, None)
    found = by_target(_backups, wiring.targets())
    report.begin(format)
    return report.print(found, format, BACKUPS)


def _backups(target: Target) -> render.Backups:
    """The folder of a target, and its files, each with its backup or why that cannot be read."""
    folder = folder_of(target)

    names = folder.names()
    held = [name for name in names if folder.is_held(folder.path(name))]  # one that ends meanwhile is read as complete

    def read(name: str) -> Backup | str:
        try:
            return folder.read(folder.path(name))
        except ProvisionError as error:
            return error.what

    return render.Backups(folder.shown, {name: read(name) for name in names}, held)
