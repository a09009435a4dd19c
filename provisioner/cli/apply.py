"""``provision apply``."""

import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.plans import read_plan
from provisioner.cli import asking, options, output, report
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.grouping import grouped
from provisioner.cli.progress import tracked
from provisioner.cli.surroundings import planning_of, signature
from provisioner.cli.wiring import Wiring
from provisioner.commands import apply as command
from provisioner.commands.guard import Permissions, refusals
from provisioner.commands.planning import Planned
from provisioner.commands.side_by_side import SIDE_BY_SIDE, by_target
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.outcome import Outcome, is_bad
from provisioner.core.plan.ownership import Signature

GRACE = 5.0
"""Seconds that a write under way has after an interruption."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What apply may do."""

    plan: Annotated[Path | None, typer.Option(metavar="FILE", help="Write only what diff --out saved.")] = None
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Delete account types that this owner created or adopted and that no definition mentions."
        ),
    ] = False
    prune_changed: Annotated[
        bool, typer.Option("--prune-changed", help="The same, also if someone else changed them since.")
    ] = False
    allow_mass_delete: Annotated[
        bool, typer.Option("--allow-mass-delete", help="Let a prune delete more than half of what the owner has.")
    ] = False
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over what belongs to another owner.")] = False
    resolve_conflicts: Annotated[
        bool, typer.Option("--resolve-conflicts", help="Remove the losing revisions that the plan shows.")
    ] = False
    make_private: Annotated[
        bool, typer.Option("--make-private", help="Close a database that everyone can read to all but admins.")
    ] = False
    allow_public: Annotated[
        bool, typer.Option("--allow-public", help="Write secrets into a database that everyone can read.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False


@grouped
def apply(
    definitions: options.Definitions,
    databases: options.Databases,
    limits: Limits,
    speech: options.Speech,
    owner: options.Owner = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as diff: write nothing.")] = False,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """Bring the live database to what the definitions say.

    Nothing is written if any definition has an error. Live fields that a definition does not mention are kept, unless
    this owner set them earlier. A second run changes nothing.
    """
    saved = None if limits.plan is None else read_plan(limits.plan, shipped.schema("plan"))
    with ExitStack() as stack:
        wiring = Wiring(databases, speech)
        planning, around = planning_of(wiring, stack, definitions, owner=owner, neighbours=dry_run)
        plans = by_target(planning.plan, wiring.targets())
        report.warnings(plans, speech.no_color)
        paint = output.paint(sys.stdout, speech.no_color)
        if dry_run or format is options.OutcomeFormat.TEXT:
            output.result(report.plans(plans, options.PlanFormat(format), paint))
        if dry_run:
            report.unprepared(plans)
            report.errors(plans, speech.no_color)
            raise typer.Exit(worst(plans.values()))
        orders = _orders(plans, limits, saved, signature(planning.wishes.owner, around.folders))
        done: dict[str, list[Outcome]] = {name: [] for name in plans}
        try:
            plans |= _apply({name: each for name, each in plans.items() if isinstance(each, Planned)}, orders, done)
        finally:  # also what was done before an interruption is told
            output.result(report.outcomes(plans, done, format, paint))
    report.errors(plans, speech.no_color)
    bad = any(is_bad(outcome, strict=definitions.strict) for outcomes in done.values() for outcome in outcomes)
    raise typer.Exit(max(worst(plans.values()), ExitCode.PROBLEMS if bad else ExitCode.DONE))


def _orders(
    plans: dict[str, Planned | ProvisionError],
    limits: Limits,
    saved: Mapping[str, Any] | None,
    signed_with: Signature | None,
) -> dict[str, command.Order]:
    """How each plan is to be applied; in the place of one that must not be, the reason is put into `plans`."""
    prune = limits.prune or limits.prune_changed
    allowed = Permissions(saved, prune, limits.allow_mass_delete, limits.adopt, limits.allow_public)
    orders: dict[str, command.Order] = {}
    for name, planned in plans.items():
        try:
            if isinstance(planned, Planned):
                refused = refusals(planned, allowed)
                asked = asking.ask(planned, allowed, yes=limits.yes, make_private=limits.make_private)
                orders[name] = command.Order(
                    signature=signed_with,
                    prune=prune,
                    prune_changed=limits.prune_changed,
                    resolve_conflicts=limits.resolve_conflicts,
                    reviewed=asked or saved is not None,
                    refused=refused,
                )
        except ProvisionError as error:
            plans[name] = error
    return orders


def _apply(
    planned: Mapping[str, Planned], orders: Mapping[str, command.Order], done: Mapping[str, list[Outcome]]
) -> dict[str, ProvisionError]:
    """Apply the plans side by side; the outcomes go to `done`, what stopped a target is returned.

    The work is done in threads, so that after an interruption what is under way can still end and be told.
    """

    def work(name: str) -> None:
        one = planned[name]
        steps = command.run(one.plan, one.definitions, one.store, orders[name])
        writes = len(one.plan.writes) + (len(one.plan.removes) if orders[name].prune else 0)
        done[name].extend(tracked(steps, writes) if len(planned) == 1 else steps)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        waiting = {name: pool.submit(work, name) for name in planned}
        try:
            wait(waiting.values())
        except KeyboardInterrupt:
            for each in planned.values():
                each.store.stop(GRACE)
            wait(waiting.values())
            raise
    return {name: error for name, future in waiting.items() if (error := _stopped_by(future))}


def _stopped_by(future: Future[None]) -> ProvisionError | None:
    error = future.exception()
    if error is None or isinstance(error, ProvisionError):
        return error
    raise error
