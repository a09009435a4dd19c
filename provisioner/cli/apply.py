"""``provision apply``."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.progress import tracked
from provisioner.cli.reach import Reach, side_by_side
from provisioner.core.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.cli.planning import Planned
    from provisioner.core.plan.outcome import Outcome


def apply(
    paths: options.Paths = None,
    couch: options.Couch = None,
    target: options.Targets = None,
    all_targets: options.AllTargets = False,
    sets: options.Sets = None,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as diff: write nothing.")] = False,
    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Only what diff --out saved.")] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Delete what we own and no file defines any more.")] = False,
    allow_mass_delete: Annotated[
        bool, typer.Option("--allow-mass-delete", help="Let a prune delete more than half of what we own.")
    ] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over what another owner owns.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    incomplete: options.IncompletePolicy = None,
    strict: options.Strict = False,
    config: options.ConfigFile = None,
    cozy_config: options.CozyConfig = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Bring the live database to what the definitions say.

    Nothing is written where any definition has an error. Live fields that a definition does not mention are kept,
    unless an earlier apply set them. A second run changes nothing.
    """
    from provisioner.cli import report
    from provisioner.cli.limits import Limits
    from provisioner.cli.planning import Planned, make_plans
    from provisioner.core.plan.outcome import Failed

    reach = Reach(couch, database, target, all_targets, config, cozy_config, timeout, verbose, no_color)
    with ExitStack() as stack:
        plans = make_plans(reach, stack, paths, sets, strict=strict, incomplete=incomplete, neighbours=dry_run)
        report.warnings(plans, no_color)
        if dry_run or format is options.OutcomeFormat.TEXT:
            output.result(report.plans(plans, options.PlanFormat(format), output.paint(sys.stdout, no_color)))
        if dry_run:
            report.unprepared(plans)
            report.errors(plans, no_color)
            raise typer.Exit(worst(plans.values()))
        limits = Limits(plan, prune, allow_mass_delete, adopt, yes)
        plans = {name: limits.allowed(planned) for name, planned in plans.items()}
        done: dict[str, list[Outcome]] = {name: [] for name in plans}
        try:
            plans |= _apply({name: each for name, each in plans.items() if isinstance(each, Planned)}, done, prune)
        finally:  # also what was done before an interruption is told
            output.result(report.outcomes(plans, done, format, output.paint(sys.stdout, no_color)))
    report.errors(plans, no_color)
    failed = any(isinstance(outcome, Failed) for outcomes in done.values() for outcome in outcomes)
    raise typer.Exit(max(worst(plans.values()), ExitCode.PROBLEMS if failed else ExitCode.DONE))


def _apply(
    planned: "Mapping[str, Planned]", done: "Mapping[str, list[Outcome]]", prune: bool
) -> "dict[str, ProvisionError]":
    """Apply the plans side by side; the outcomes go to `done`, what stopped a target is returned."""
    from provisioner.commands import apply as command
    from provisioner.commands import ownership
    from provisioner.core.plan.outcome import next_record

    def work(name: str) -> None:
        one = planned[name]
        steps = command.run(one.plan, one.definitions, one.store, one.ownership.own, prune=prune)
        writes = len(one.plan.writes) + (len(one.plan.removes) if prune else 0)
        done[name].extend(tracked(steps, writes) if len(planned) == 1 else steps)
        record = next_record(one.ownership.own, one.plan, done[name], one.definitions, whole=one.whole)
        ownership.write(one.store, one.ownership, record, [id for id, _ in one.plan.foreign])

    names = list(planned)
    results = zip(names, side_by_side(work, names), strict=True)
    return {name: result for name, result in results if isinstance(result, ProvisionError)}
