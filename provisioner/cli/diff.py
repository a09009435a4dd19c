"""``provision diff``."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from provisioner.adapters.files import shipped
from provisioner.adapters.files.private_file import STDOUT
from provisioner.cli import options, output
from provisioner.cli.boundary import ExitCode, good, worst
from provisioner.cli.options import grouped
from provisioner.cli.planning import Allow, planning_of, plans_of, warn_of_undefined
from provisioner.cli.report import Detail, Reporter
from provisioner.cli.wiring import Wiring
from provisioner.commands.admission import Permission
from provisioner.commands.planning import Planned
from provisioner.core.definitions.kinds import KINDS
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.changes import SavedPlan
from provisioner.core.plan.planning import PlanOptions

FORMATS = ("text", "json", "markdown", "html")


class Plans(Struct, frozen=True):
    """Plans in files, and what they mean for the exit code."""

    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Save the plan to FILE, for apply --plan; - prints only the plan."),
    ] = None
    force: options.Force = False
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Show the plan that diff --out saved, and nothing else."),
    ] = None
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 if apply would write something.")] = False
    unmanaged: Annotated[
        bool,
        typer.Option(
            "--unmanaged", help="With --exit-code: exit with 3 also if no definition mentions a live document."
        ),
    ] = False


@grouped
def diff(
    context: typer.Context,
    definitions: options.Definitions,
    databases: options.Databases,
    detail: Detail,
    plans: Plans,
    owner: options.Owner = None,
    incomplete: options.IncompletePolicy = None,
    allow: Allow = (),  # type: ignore[assignment]  # Typer gives a list
    format: Annotated[
        str,
        options.one_of(FORMATS, "markdown: for a pull request. html: a page for people who review without a terminal."),
    ] = "text",
) -> None:
    """Compare definitions with the live database, without changing it."""
    if plans.from_ is not None:
        _refuse_beside_from(context)
        raise typer.Exit(_show(plans.from_, format, detail, exit_code=plans.exit_code))
    wanted = PlanOptions(owner, keep_rotated=Permission.ROTATED not in allow, incomplete=incomplete, neighbours=True)
    wiring = Wiring(databases)
    with ExitStack() as stack:
        planning, _ = planning_of(wiring, stack, definitions, wanted)
        report = Reporter(wiring.places(), planning.options.owner, format, detail.quiet)
        if plans.out != STDOUT:
            report.begin()
        found = plans_of(planning, wiring.targets())
    if plans.out is not None:
        _save(plans.out, [*found.values()], force=plans.force)
    report.warnings(found)
    warn_of_undefined(wiring, planning.options, found)
    made = {name: each.plan if isinstance(each, Planned) else each for name, each in found.items()}
    if plans.out != STDOUT:
        output.result(report.plans(made, detail.extent))
    report.unprepared(found)
    report.errors(found)
    code = worst(found.values())
    if code is ExitCode.DONE and any(plan.refused for plan in good(made).values()):
        code = ExitCode.PROBLEMS
    different = any(plan.writes or (plans.unmanaged and plan.unmanaged) for plan in good(made).values())
    raise typer.Exit(ExitCode.DIFFERENCES if plans.exit_code and different and code is ExitCode.DONE else code)


_BESIDE_FROM = frozenset({"from_", "format", "all", "quiet", "exit_code"})


def _refuse_beside_from(context: typer.Context) -> None:
    """Raise `UsageError` if something is given that a saved plan cannot follow."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in _BESIDE_FROM:
            what = f"--from shows a saved plan as it is, and {parameter.opts[0]} would have no effect on it"
            raise UsageError(what, "leave one of them out")


def _show(path: Path, format: str, detail: Detail, *, exit_code: bool) -> ExitCode:
    """Show a saved plan."""
    from provisioner.adapters.files.saved_files import read_plan  # 3 ms, and only for plans in files

    parts = read_plan(path, shipped.schema("plan")).parts
    saved = {f"{each.place.target or ''} {each.plan.kind.noun}s".strip(): each for each in parts}
    places = {kind: each.place for kind, each in saved.items()}
    report = Reporter(places, parts[0].owner, format, detail.quiet)
    report.begin()
    output.result(report.plans({kind: each.plan for kind, each in saved.items()}, detail.extent))
    differs = any(each.plan.writes for each in saved.values())
    return ExitCode.DIFFERENCES if exit_code and differs else ExitCode.DONE


def _save(path: Path, plans: Sequence[Planned | ProvisionError], *, force: bool) -> None:
    from provisioner.adapters.files.saved_files import plan_text, write_plan  # as above

    made = [each for each in plans if isinstance(each, Planned)]
    if len({each.target.name for each in made}) > 1 or len(plans) > len(KINDS):
        raise UsageError("a plan can be saved for one target only", "pass one --target")
    if len(made) < len(plans):
        return  # what stopped one of them is reported
    first, *others = (SavedPlan(each.plan, each.place, each.owner) for each in made)
    saved = first._replace(beside=tuple(others))
    if path == STDOUT:
        output.result(plan_text(saved))
    else:
        write_plan(path, saved, force=force)
