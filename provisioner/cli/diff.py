"""``provision diff``."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode, worst
from provisioner.cli.reach import Reach
from provisioner.core.errors import ProvisionError, UsageError

if TYPE_CHECKING:
    from provisioner.cli.planning import Planned


def diff(
    paths: options.Paths = None,
    couch: options.Couch = None,
    target: options.Targets = None,
    all_targets: options.AllTargets = False,
    sets: options.Sets = None,
    format: Annotated[options.PlanFormat, typer.Option(help="markdown: for a pull request.")] = options.PlanFormat.TEXT,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 where there are differences.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the plan, for apply --plan.")] = None,
    incomplete: options.IncompletePolicy = None,
    strict: options.Strict = False,
    config: options.ConfigFile = None,
    cozy_config: options.CozyConfig = None,
    database: options.Database = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Compare definitions with the live database. Reads only."""
    from provisioner.cli import report
    from provisioner.cli.planning import Planned, make_plans

    reach = Reach(couch, database, target, all_targets, config, cozy_config, timeout, verbose, no_color)
    with ExitStack() as stack:
        plans = make_plans(reach, stack, paths, sets, strict=strict, incomplete=incomplete, neighbours=True)
    if out is not None:
        _save(out, list(plans.values()))
    report.warnings(plans, no_color)
    output.result(report.plans(plans, format, output.paint(sys.stdout, no_color)))
    report.unprepared(plans)
    report.errors(plans, no_color)
    code = worst(plans.values())
    if (
        exit_code
        and code is ExitCode.DONE
        and any(each.plan.differs for each in plans.values() if isinstance(each, Planned))
    ):
        code = ExitCode.DIFFERENCES
    raise typer.Exit(code)


def _save(path: Path, plans: "list[Planned | ProvisionError]") -> None:
    import secrets

    from provisioner.adapters.files.plans import write_plan
    from provisioner.core.plan.saved_plan import saved

    if len(plans) > 1:
        raise UsageError("a saved plan is for one target", "give one --target")
    for planned in plans:
        if not isinstance(planned, ProvisionError):
            owner = planned.ownership.own.owner
            write_plan(path, saved(planned.plan, planned.place, owner, secrets.token_hex(32)))
