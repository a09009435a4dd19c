"""``provision apply``."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from provisioner.adapters.files import shipped
from provisioner.adapters.files.plans import read_plan
from provisioner.cli import asking, options, output
from provisioner.cli.backups import new_backup, tell_kept
from provisioner.cli.diff import Plans, Shown, compare
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.grouping import grouped
from provisioner.cli.outcome_reporter import OutcomeReporter
from provisioner.cli.report import Reporter, good
from provisioner.cli.surroundings import planning_of, signature
from provisioner.cli.wiring import Wiring
from provisioner.commands import apply as command
from provisioner.commands.guard import Permissions, refusals
from provisioner.commands.order import Order, ToDefinitions
from provisioner.commands.planning import Planned
from provisioner.commands.side_by_side import SIDE_BY_SIDE, by_target
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.backup import Action
from provisioner.core.plan.outcome import is_bad
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
    prove: Annotated[
        bool,
        typer.Option("--prove", help="Send new credentials to their provider with a made-up code before writing them."),
    ] = False
    unproven: Annotated[
        bool, typer.Option("--unproven", help="With --prove: also write what the provider neither accepts nor rejects.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How outcomes are reported."""

    format: options.OutcomeFormat
    detail: options.Detail


@grouped
def apply(
    definitions: options.Definitions,
    databases: options.Databases,
    limits: Limits,
    detail: options.Detail,
    owner: options.Owner = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as diff: write nothing.")] = False,
    format: Annotated[options.OutcomeFormat, typer.Option(help="How to report.")] = options.OutcomeFormat.TEXT,
) -> None:
    """Bring the live database to what the definitions say.

    Nothing is written if any definition has an error. Live fields that a definition does not mention are kept, unless
    this owner set them earlier. A second run changes nothing.
    """
    if dry_run:
        shown = Shown(options.PlanFormat(format), detail)
        raise typer.Exit(compare(Wiring(databases), definitions, Plans(), shown, owner))
    raise typer.Exit(bring(definitions, databases, limits, OutputOptions(format, detail), owner))


def bring(
    definitions: options.Definitions,
    databases: options.Databases,
    limits: Limits,
    shown: OutputOptions,
    owner: str | None,
) -> ExitCode:
    """Apply definitions to the databases, and tell the outcomes."""
    saved = None if limits.plan is None else read_plan(limits.plan, shipped.schema("plan"))
    with ExitStack() as stack:
        wiring = Wiring(asking.named_server(databases))
        planning, around = planning_of(wiring, stack, definitions, owner=owner)
        report = Reporter.of(wiring, planning.wishes.owner)
        told = OutcomeReporter(report, shown.format, shown.detail)
        told.begin()
        plans = by_target(planning.plan, wiring.targets())
        report.warnings(plans)
        signed_with = signature(planning.wishes.owner, around.folders)
        orders = _orders(plans, limits, saved, signed_with, keep_rotated=planning.wishes.keep_rotated)
        proving = None
        if limits.prove:
            from provisioner.cli.proving import Proving  # 30 ms, and only with --prove

            proving = Proving(good(plans), unproven=limits.unproven)
            orders = {
                name: replace(each, refused={**each.refused, **proving.before(name)}) for name, each in orders.items()
            }
        kept = {
            name: new_backup(each, Action.APPLY, signed_with)
            for name, each in good(plans).items()
            if each.target.backup
        }
        orders = {name: replace(each, journal=kept.get(name)) for name, each in orders.items()}
        told.shown = any(order.reviewed for order in orders.values()) and saved is None
        try:
            plans |= carry_out(good(plans), orders, told)
        finally:  # also what was done before an interruption is told
            with output.uninterrupted():
                told.end(plans)
                tell_kept(kept.values())
        if proving:
            proving.after(told.done)
    report.errors(plans)
    bad = any(is_bad(outcome, strict=definitions.strict) for outcomes in told.done.values() for outcome in outcomes)
    return max(worst(plans.values()), ExitCode.PROBLEMS if bad else ExitCode.DONE)


def _orders(
    plans: dict[str, Planned | ProvisionError],
    limits: Limits,
    saved: Mapping[str, Any] | None,
    signed_with: Signature | None,
    *,
    keep_rotated: bool,
) -> dict[str, Order]:
    """How each plan is to be applied; in the place of one that must not be, the reason is put into `plans`."""
    prune = limits.prune or limits.prune_changed
    allowed = Permissions(
        saved=saved,
        prune=prune,
        allow_mass_delete=limits.allow_mass_delete,
        adopt=limits.adopt,
        allow_public=limits.allow_public,
        prune_changed=limits.prune_changed,
    )
    orders: dict[str, Order] = {}
    for name, planned in plans.items():
        try:
            if isinstance(planned, Planned):
                refused = refusals(planned, allowed)
                asked = asking.ask(planned, allowed, yes=limits.yes, make_private=limits.make_private)
                definitions = {definition.id: definition for definition in planned.definitions}
                orders[name] = Order(
                    ToDefinitions(definitions, signed_with, keep_rotated),
                    prune=prune,
                    prune_changed=limits.prune_changed,
                    resolve_conflicts=limits.resolve_conflicts,
                    reviewed=asked or saved is not None,
                    refused=refused,
                )
        except ProvisionError as error:
            plans[name] = error
    return orders


def carry_out(
    planned: Mapping[str, Planned], orders: Mapping[str, Order], told: OutcomeReporter
) -> dict[str, ProvisionError]:
    """Apply the plans side by side, and return what stopped a target.

    The work is done in threads, so that after an interruption what is under way can still end and be told.
    """

    def work(name: str) -> None:
        one = planned[name]
        writes = len(one.plan.writes) + (len(one.plan.removes) if orders[name].prune else 0)
        told.outcomes(name, command.run(one.plan, one.store, orders[name]), writes)

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
