"""``provision apply``, and how it and ``undo`` carry out their plans."""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.git import GitFailed, commit_of
from provisioner.cli import options, output
from provisioner.cli.boundary import SIDE_BY_SIDE, ExitCode, good, worst
from provisioner.cli.options import grouped
from provisioner.cli.planning import Allow, Proving, ask_to_apply, now, planning_of, plans_of, warn_of_undefined
from provisioner.cli.report import Detail, OutcomeReporter, Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands.admission import ApplyOptions, Permission, check_plan
from provisioner.commands.apply import ApplyRun, DefinedState, Journal
from provisioner.commands.planning import Planned
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.changes import Outcome, OutcomeKind, Plan
from provisioner.core.plan.ownership import Signature
from provisioner.core.plan.planning import PlanOptions

GRACE = 5.0
"""Seconds that a write under way has after an interruption."""

_UNTOUCHED = (OutcomeKind.FAILED, OutcomeKind.SETTLED, OutcomeKind.SKIPPED)
"""Outcomes after which a document is as it was before the run, or as somebody else made it."""


class ApplyFlags(ApplyOptions, frozen=True):
    """What apply may do, as the command line says it."""

    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Write only what diff --out saved.")] = None
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what this owner created or adopted and no definition mentions.")
    ] = False
    resolve_conflicts: Annotated[
        bool, typer.Option("--resolve-conflicts", help="Remove the losing revisions that the plan shows.")
    ] = False
    make_private: Annotated[
        bool, typer.Option("--make-private", help="Close a database that everyone can read to all but admins.")
    ] = False
    prove: Annotated[
        bool, typer.Option("--prove", help="Verify new credentials at their provider before writing them.")
    ] = False
    allow: Allow = ()  # type: ignore[assignment]  # Typer gives a list
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False

    def with_plan(self, databases: options.Databases) -> ApplyOptions:
        """The same with the saved plan. Raises `ProvisionError` if that cannot be read, or options contradict."""
        if self.plan and (databases.all_targets or len(databases.target or ()) > 1):
            raise UsageError("--plan is for one target, and several are selected", "pass one --target")
        if self.plan and databases.kind:
            what = "--plan and --kind contradict each other: a saved plan says which kinds it has"
            raise UsageError(what, "leave out --kind")
        if self.make_private and Permission.PUBLIC in self.allow:
            raise UsageError("--make-private and --allow public contradict each other", "pass only one of them")
        if self.plan is None:
            return self
        from provisioner.adapters.files.saved_files import read_plan  # 3 ms, and only with --plan

        return replace(self, saved=read_plan(self.plan, shipped.schema("plan")))


@grouped
def apply(
    definitions: options.Definitions,
    databases: options.Databases,
    flags: ApplyFlags,
    detail: Detail,
    owner: options.Owner = None,
    incomplete: options.IncompletePolicy = None,
    format: Annotated[str, options.one_of(("text", "json"))] = "text",
) -> None:
    """Apply definitions to the live database.

    Nothing is written if any definition has an error. Live fields that a definition does not mention are kept, unless
    this owner set them earlier. A second run changes nothing.
    """
    wanted = flags.with_plan(databases)
    with ExitStack() as stack:
        wiring = Wiring(databases, writes=True)
        plan_options = PlanOptions(owner, keep_rotated=Permission.ROTATED not in wanted.allow, incomplete=incomplete)
        planning, catalogue = planning_of(wiring, stack, definitions, plan_options)
        if wanted.saved:
            wiring.limit_to(each.plan.kind for each in wanted.saved.parts)
        report = Reporter(wiring.places(), planning.options.owner, format, detail.quiet)
        reporter = OutcomeReporter(report, detail.extent)
        report.begin()
        plans = plans_of(planning, wiring.targets())
        report.warnings(plans)
        if wanted.prune:
            warn_of_undefined(wiring, planning.options, plans)
        proving = Proving(unproven=Permission.UNPROVEN in wanted.allow) if flags.prove else None
        places = catalogue.folders or catalogue.own  # ids alone name no file
        signed_with = signature(planning.options.owner, places, good(plans).values())
        runs: dict[str, ApplyRun] = {}
        run_name = os.urandom(8).hex()
        for name, planned in good(plans).items():
            try:
                here = _for_place(wanted, planned)
                check_plan(planned, here)
                terms = ask_to_apply(planned, here)
                if proving and planned.target.kind is ACCOUNT_TYPE:
                    terms = replace(terms, prove=proving.before(planned))
                desired = DefinedState({each.id: each for each in planned.definitions}, signed_with, planning.options)
                journal = journal_of(planned, signed_with, run_name)
                runs[name] = ApplyRun(planned.plan, planned.store, desired, here, terms, journal)
            except ProvisionError as error:
                plans[name] = error
        reporter.shown = wanted.saved is None and any(run.terms.reviewed is not None for run in runs.values())
        carry_out(runs, plans, reporter)
        proven = proving is None or proving.after(good(plans), reporter.done)
    report.errors(plans)
    nothing = bool(good(plans)) and all(_none_can_be_written(each) for each in good(plans).values())
    if nothing:
        skipped = any(each.plan.skipped for each in good(plans).values())
        next_step = "" if skipped else "check contexts of the target in provision.yaml"
        nouns = " and ".join(dict.fromkeys(f"{each.target.kind.noun}s" for each in good(plans).values()))
        output.report(ProvisionError(f"none of the selected {nouns} can be written", next_step))
    failed = nothing or not proven or reporter.has_bad(strict=definitions.strict)
    raise typer.Exit(max(worst(plans.values()), ExitCode.PROBLEMS if failed else ExitCode.DONE))


def _for_place(wanted: ApplyOptions, planned: Planned) -> ApplyOptions:
    """The options for one plan: of a saved plan, the part for its database; the first one if there is none."""
    if wanted.saved is None:
        return wanted
    parts = wanted.saved.parts
    return replace(wanted, saved=next((each for each in parts if str(each.place) == str(planned.place)), parts[0]))


def _none_can_be_written(planned: Planned) -> bool:
    """Whether account types were named, and the target takes none of them, or none has its credentials."""
    plan = planned.plan
    return not (planned.whole or plan.changes or plan.refused or plan.foreign or plan.unreadable_owner)


def signature(owner: str | None, folders: Sequence[Path], planned: Iterable[Planned]) -> Signature | None:
    """What the writes of this run are signed with; nothing without an owner, or if these plans write nothing."""
    plans = [each.plan for each in planned]
    touched = any(plan.writes or plan.removes or any(each.conflicts for each in plan.changes) for plan in plans)
    if owner is None or not touched:
        return None
    commit = None
    try:
        commit = commit_of(folders)
    except GitFailed as error:
        output.warn(f"the documents will not record the commit of the catalogue: {error}")
    return Signature(owner, now(), commit, lambda: os.urandom(8).hex())


def journal_of(
    planned: Planned, signed_with: Signature | None, run_name: str, undoes: str | None = None
) -> Journal | None:
    """The backup of what is planned, if the target keeps any; its file is made when there is something to keep.

    `run_name` is in each backup of a run that writes several kinds of documents. `undoes`: the file of the run that is
    taken back.
    """
    target = planned.target
    if target.backup is None:
        return None
    from provisioner.adapters.files.backups import folder_of  # 10 ms, and only for targets with backups
    from provisioner.core.plan.backup import Run

    run = Run(
        command="undo" if undoes else "apply",
        place=str(planned.place),
        at=signed_with.at if signed_with else now(),
        owner=planned.owner,
        source=signed_with.source if signed_with else None,
        undoes=undoes,
        kind=target.kind.name,
        run=run_name if target.label else None,
    )
    return folder_of(target).new(run)


def carry_out(
    runs: Mapping[str, ApplyRun], plans: dict[str, Planned | ProvisionError], reporter: OutcomeReporter
) -> None:
    """Apply the plans of targets side by side, and report; what stopped a target takes the place of its plan.

    The work is done in threads, so that after an interruption what is under way can still end and be reported.
    """

    def work(name: str) -> None:
        run = runs[name]
        writes = len(run.plan.writes) + (len(run.plan.removes) if run.options.prune else 0)
        reporter.outcomes(name, run.outcomes(), run.plan, writes)

    waiting: dict[str, Future[None]] = {}
    try:
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            try:
                with output.uninterrupted():  # nobody would wait for a thread whose start is interrupted
                    waiting = {name: pool.submit(work, name) for name in runs}
                wait(waiting.values())
            except KeyboardInterrupt:
                for each in runs.values():
                    each.store.stop(GRACE)
                wait(waiting.values())
                raise
        for name, future in waiting.items():
            error = future.exception()
            if isinstance(error, ProvisionError):
                plans[name] = error
            elif error is not None:
                raise error
    finally:  # also what was done before an interruption is reported
        with output.uninterrupted():
            reporter.end(plans)
            for name, run in runs.items():
                if run.journal:
                    end_backup(run.journal, run.plan, reporter.done[name])


def end_backup(journal: Journal, plan: Plan, done: Sequence[Outcome]) -> None:
    """End the backup of a run, and say where the documents are as they were before."""
    planned = {each.id for each in (*plan.writes, *plan.removes)}
    complete = planned <= {each.id for each in done} and not any(each.is_bad() for each in done)
    path = journal.end((each.id for each in done if each.kind in _UNTOUCHED), complete=complete)
    if journal.trouble:
        output.warn(f"the backup is incomplete, so provision undo cannot restore everything: {journal.trouble}")
    if path is not None:
        secrets = "" if journal.encrypted else ", without secrets,"
        what = f"backed up the previous documents{secrets} to {path.as_posix()}"
        output.message(f"{what}: to undo this run, use provision undo")
