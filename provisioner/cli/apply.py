"""``provision apply``."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.cli import asking, options, output
from provisioner.cli.asking import Proving
from provisioner.cli.boundary import SIDE_BY_SIDE, ExitCode, good, stopped, worst
from provisioner.cli.options import grouped
from provisioner.cli.planning import (
    end_backup,
    new_backup,
    new_run,
    planning_of,
    plans_of,
    signature,
    warn_of_undefined,
)
from provisioner.cli.report import Detail, OutcomeReporter, Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands.admission import ApplyOptions, Permission, check_plan
from provisioner.commands.apply import ApplyRun, DefinedState
from provisioner.commands.planning import Planned
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.ownership import Signature
from provisioner.core.plan.planning import PlanOptions

GRACE = 5.0
"""Seconds that a write under way has after an interruption."""


class ApplyFlags(ApplyOptions, frozen=True):
    """What apply may do, as the command line says it."""

    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Write only what diff --out saved.")] = None
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete what this owner created or adopted and no definition mentions."),
    ] = False
    resolve_conflicts: Annotated[
        bool, typer.Option("--resolve-conflicts", help="Remove the losing revisions that the plan shows.")
    ] = False
    make_private: Annotated[
        bool, typer.Option("--make-private", help="Close a database that everyone can read to all but admins.")
    ] = False
    prove: Annotated[
        bool,
        typer.Option("--prove", help="Verify new credentials at their provider before writing them."),
    ] = False
    allow: asking.Allow = ()  # type: ignore[assignment]  # a dataclass takes no list, and Typer gives one
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False

    def with_plan(self, databases: options.Databases) -> ApplyOptions:
        """The same with the saved plan. Raises `ProvisionError` if that cannot be read, or options contradict."""
        if self.plan and (databases.all_targets or len(databases.target or ()) > 1):
            raise UsageError("--plan is for one target, and several are selected", "pass one --target")
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
            wiring.only(each.plan.kind for each in wanted.saved.parts)
        report = Reporter.of(wiring, planning.options.owner)
        reporter = OutcomeReporter(report, format, detail)
        reporter.begin()
        plans = plans_of(planning, wiring.targets())
        report.warnings(plans)
        if wanted.prune:
            warn_of_undefined(wiring, planning.options, plans)
        proving = Proving(unproven=Permission.UNPROVEN in wanted.allow) if flags.prove else None
        planned = [each.plan for each in good(plans).values()]
        signed_with = signature(planning.options.owner, catalogue.folders or catalogue.own, planned)
        runs = _runs(plans, wanted, signed_with, planning.options, proving)
        reviewed = wanted.saved is None and any(run.terms.reviewed is not None for run in runs.values())
        carry_out(runs, plans, reporter, reviewed=reviewed)
        proven = proving is None or proving.after(good(plans), reporter.done)
    report.errors(plans)
    done = [outcome for outcomes in reporter.done.values() for outcome in outcomes]
    nothing = bool(good(plans)) and all(_writes_nothing(each) for each in good(plans).values())
    if nothing:
        skipped = any(each.plan.skipped for each in good(plans).values())
        next_step = "" if skipped else "check contexts of the target in provision.yaml"
        nouns = " and ".join(dict.fromkeys(f"{each.target.kind.noun}s" for each in good(plans).values()))
        output.report(ProvisionError(f"none of the selected {nouns} can be written", next_step))
    bad = nothing or not proven or any(outcome.is_bad(strict=definitions.strict) for outcome in done)
    raise typer.Exit(max(worst(plans.values()), ExitCode.PROBLEMS if bad else ExitCode.DONE))


def _writes_nothing(planned: Planned) -> bool:
    """Whether account types were named, and the target takes none of them, or none has its credentials."""
    plan = planned.plan
    return not (planned.whole or plan.changes or plan.refused or plan.foreign or plan.unreadable_owner)


def _runs(
    plans: dict[str, Planned | ProvisionError],
    wanted: ApplyOptions,
    signed_with: Signature | None,
    options: PlanOptions,
    proving: Proving | None,
) -> dict[str, ApplyRun]:
    """How each plan is applied; in the place of one that must not be, the reason is put into `plans`."""
    runs: dict[str, ApplyRun] = {}
    together = new_run([*good(plans).values()])
    for name, planned in plans.items():
        try:
            if isinstance(planned, Planned):
                here = replace(wanted, saved=wanted.saved.part_for(planned.place)) if wanted.saved else wanted
                check_plan(planned, here)
                terms = asking.ask(planned, here)
                if proving and planned.target.kind is ACCOUNT_TYPE:
                    terms = replace(terms, prove=proving.before(planned))
                desired = DefinedState({each.id: each for each in planned.definitions}, signed_with, options)
                journal = new_backup(planned, signed_with, run=together) if planned.target.backup else None
                runs[name] = ApplyRun(planned.plan, planned.store, desired, here, terms, journal)
        except ProvisionError as error:
            plans[name] = error
    return runs


def carry_out(
    runs: Mapping[str, ApplyRun],
    plans: dict[str, Planned | ProvisionError],
    reporter: OutcomeReporter,
    *,
    reviewed: bool,
) -> None:
    """Apply the plans of targets side by side, and report; what stopped a target takes the place of its plan.

    The work is done in threads, so that after an interruption what is under way can still end and be reported.
    `reviewed`: the plans were shown.
    """
    reporter.shown = reviewed

    def work(name: str) -> None:
        run = runs[name]
        writes = len(run.plan.writes) + (len(run.plan.removes) if run.options.prune else 0)
        reporter.outcomes(name, run.outcomes(), run.plan, writes)

    try:
        plans |= _errors(work, runs)
    finally:  # also what was done before an interruption is reported
        with output.uninterrupted():
            reporter.end(plans)
            for name, run in runs.items():
                end_backup(run.journal, run.plan, reporter.done[name])


def _errors(work: Callable[[str], None], runs: Mapping[str, ApplyRun]) -> dict[str, ProvisionError]:
    """Do the work of all targets, and return what stopped one."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        waiting: dict[str, Future[None]] = {}
        try:
            with output.uninterrupted():  # nobody would wait for a thread whose start is interrupted
                waiting = {name: pool.submit(work, name) for name in runs}
            wait(waiting.values())
        except KeyboardInterrupt:
            for each in runs.values():
                each.store.stop(GRACE)
            wait(waiting.values())
            raise
    errors = {name: future.exception() for name, future in waiting.items()}
    for error in errors.values():
        if error is not None and not isinstance(error, ProvisionError):
            raise error
    return stopped(errors)
