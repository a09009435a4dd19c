"""Joins the results of targets: a single one is shown as it is, several are shown under their names."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TypeAlias, assert_never

from provisioner.cli import output
from provisioner.cli.options import OutcomeFormat, PlanFormat
from provisioner.commands.planning import Planned
from provisioner.core.errors import InvalidCatalogue, ProvisionError
from provisioner.core.plan.outcome import Outcome
from provisioner.render import outcomes as render_outcomes
from provisioner.render import plan as render_plan
from provisioner.render import problems as render_problems
from provisioner.render.paint import Colour, Paint

Plans: TypeAlias = Mapping[str, Planned | ProvisionError]
Applied: TypeAlias = Mapping[str, Sequence[Outcome] | ProvisionError]


def plans(found: Plans, format: PlanFormat, paint: Paint) -> str:
    """The plans of all targets that were not stopped."""
    good = {name: planned.plan for name, planned in found.items() if isinstance(planned, Planned)}
    match format:
        case PlanFormat.TEXT:
            return sections({name: render_plan.as_text(plan, paint) for name, plan in good.items()}, found, paint)
        case PlanFormat.MARKDOWN:
            texts = {name: render_plan.as_markdown(plan) for name, plan in good.items()}
            if len(found) == 1:
                return "".join(texts.values())
            return "\n\n".join(f"### {name}\n\n{text}" for name, text in texts.items())
        case PlanFormat.JSON:
            return as_json({name: render_plan.values(plan) for name, plan in good.items()}, found)
        case _:
            assert_never(format)


def outcomes(found: Plans, applied: Applied, format: OutcomeFormat, paint: Paint) -> str:
    """What was done to all targets whose plan was applied."""
    good = {
        name: (planned.plan, done)
        for name, done in applied.items()
        if isinstance(planned := found[name], Planned) and not isinstance(done, ProvisionError)
    }
    match format:
        case OutcomeFormat.TEXT:
            texts = {name: render_outcomes.as_text(plan, done, paint) for name, (plan, done) in good.items()}
            return sections(texts, found, paint)
        case OutcomeFormat.JSON:
            return as_json({name: render_outcomes.values(plan, done) for name, (plan, done) in good.items()}, found)
        case _:
            assert_never(format)


def sections(texts: Mapping[str, str], found: Mapping[str, object], paint: Paint) -> str:
    """The texts of targets, each under its name if there are several."""
    if len(found) == 1:
        return "".join(texts.values())
    return "\n\n".join(f"{paint(Colour.BOLD, f'{name}:')}\n{text}" for name, text in texts.items())


def as_json(values: Mapping[str, object], found: Mapping[str, object]) -> str:
    """The values of the only target, or an object with ``targets``."""
    content = next(iter(values.values()), None) if len(found) == 1 else {"targets": values}
    return "" if content is None else json.dumps(content, indent=2, ensure_ascii=False)


def warnings(found: Plans, no_color: bool) -> None:
    """Write the warnings of all targets."""
    for name, planned in found.items():
        if isinstance(planned, Planned):
            for problem in planned.problems:
                output.warn(render_problems.line(problem), no_color)
            for warning in planned.warnings:
                output.warn(f"{_prefix(name, found)}{warning}", no_color)
            security = planned.survey.security
            if security is not None and security.public and planned.plan.ready:
                what = f"everyone can read {planned.place}, because its _security names no member"
                output.warn(f"{_prefix(name, found)}{what}: run apply --make-private to restrict it", no_color)


def unprepared(found: Plans) -> None:
    """Say which databases an apply would create or set up."""
    for name, planned in found.items():
        if isinstance(planned, Planned) and not planned.plan.ready:
            text = f"the database {planned.target.database} is missing or empty: apply will set it up"
            output.message(f"{_prefix(name, found)}{text}")


def errors(found: Mapping[str, object], no_color: bool) -> None:
    """Write the error of each target that was stopped."""
    for name, failed in found.items():
        if isinstance(failed, InvalidCatalogue):
            output.message(render_problems.as_text(failed.validation, output.paint(sys.stderr, no_color)))
        if isinstance(failed, ProvisionError):
            output.report(failed, _prefix(name, found))


def _prefix(name: str, found: Mapping[str, object]) -> str:
    return f"{name}: " if len(found) > 1 else ""
