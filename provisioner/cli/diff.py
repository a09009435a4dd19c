"""``provision diff``."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files.plans import write_plan
from provisioner.cli import options, output, report
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.grouping import grouped
from provisioner.cli.surroundings import planning_of
from provisioner.cli.wiring import Wiring
from provisioner.commands.planning import Planned
from provisioner.commands.side_by_side import by_target
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.saved_plan import saved


@grouped
def diff(
    definitions: options.Definitions,
    databases: options.Databases,
    speech: options.Speech,
    owner: options.Owner = None,
    format: Annotated[options.PlanFormat, typer.Option(help="markdown: for a pull request.")] = options.PlanFormat.TEXT,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 if apply would write something.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the plan to FILE, for apply --plan.")] = None,
) -> None:
    """Compare definitions with the live database, without changing anything."""
    with ExitStack() as stack:
        wiring = Wiring(databases, speech)
        planning, _ = planning_of(wiring, stack, definitions, owner=owner, neighbours=True)
        plans = by_target(planning.plan, wiring.targets())
    if out is not None:
        _save(out, [*plans.values()])
    report.warnings(plans, speech.no_color)
    output.result(report.plans(plans, format, output.paint(sys.stdout, speech.no_color)))
    report.unprepared(plans)
    report.errors(plans, speech.no_color)
    code = worst(plans.values())
    differs = any(each.plan.differs for each in plans.values() if isinstance(each, Planned))
    raise typer.Exit(ExitCode.DIFFERENCES if exit_code and differs and code is ExitCode.DONE else code)


def _save(path: Path, plans: Sequence[Planned | ProvisionError]) -> None:
    if len(plans) > 1:
        raise UsageError("a plan can be saved for one target only", "give one --target")
    for planned in plans:
        if isinstance(planned, Planned):
            write_plan(path, saved(planned.plan, planned.place, planned.owner))
