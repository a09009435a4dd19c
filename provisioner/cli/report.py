"""Reports the results of targets, each under a line that says where it was found."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, NamedTuple, TypeVar

import typer
from msgspec import Struct

from provisioner.cli import output
from provisioner.cli.boundary import ExitCode, Results, good, worst
from provisioner.cli.output import has_bar, tracked
from provisioner.commands.planning import Planned
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.changes import Outcome, Plan
from provisioner.core.targets.target import Place
from provisioner.render import plan as render
from provisioner.render import problems as render_problems
from provisioner.render.layout import Formats, Paint, as_json, error_values, heading, row
from provisioner.render.plan import Extent

T = TypeVar("T")


class Detail(Struct, frozen=True):
    """How much a command shows of a plan."""

    all: Annotated[bool, typer.Option("--all", help="Also list unchanged and unmanaged documents.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only problems and the summary.")] = False

    @property
    def extent(self) -> Extent:
        """How much that is. Raises `UsageError` if the options contradict each other."""
        if self.all and self.quiet:
            raise UsageError("--all and --quiet contradict each other", "pass only one of them")
        return Extent.ALL if self.all else Extent.PROBLEMS if self.quiet else Extent.CHANGES


class Reporter(NamedTuple):
    """How a command reports on its targets. `places` are by the target's name; `quiet`: no line says which is meant."""

    places: Mapping[str, Place]
    owner: str | None
    format: str = "text"
    quiet: bool = False

    @property
    def paint(self) -> Paint:
        """Colours for the result, if they are wanted."""
        return output.paint(sys.stdout)

    @property
    def alone(self) -> bool:
        """Whether there is only one target, so that what is said need not name it."""
        return len(self.places) == 1

    def begin(self) -> None:
        """Say where the only target is, before anything is read; each of several is named above its own result."""
        if self.alone and self.format == "text" and not self.quiet:
            (place,) = self.places.values()
            output.result(heading(place, self.owner, self.paint))

    def render(self, results: Results[T], formats: Formats[T]) -> str:
        """The results of all targets in the format."""
        if self.format == "json":
            return self.json(results, formats.json)
        texts = {name: formats.render(self.format, result, self.paint) for name, result in good(results).items()}
        if self.format == "markdown" and not self.alone:
            return "\n\n".join(f"### {name}\n\n{text}" for name, text in texts.items())
        return self.sections(texts) if self.format == "text" else "\n".join(texts.values())

    def plans(self, plans: Results[Plan], extent: Extent, *, prune: bool = False) -> str:
        """Plans in the format; `prune`: with what a prune removes."""
        if self.format == "html":
            from provisioner.render.pages import plan_page  # only for this format

            return plan_page({heading(self.places[name], self.owner): plan for name, plan in good(plans).items()})
        text = partial(render.as_text, extent=extent, prune=prune)
        markdown = partial(render.as_markdown, limit=render.MARKDOWN_LIMIT // len(plans))
        return self.render(plans, Formats(text, render.values, markdown=markdown))

    def print(self, results: Results[T], formats: Formats[T]) -> ExitCode:
        """Print the results of all targets, and the errors of those that were stopped."""
        output.result(self.render(results, formats))
        self.errors(results)
        return worst(results.values())

    def sections(self, texts: Mapping[str, str]) -> str:
        """The texts of targets, each under a line that says where it is, if there are several."""
        if self.alone:
            return "".join(texts.values())
        heads = {name: heading(self.places[name], self.owner, self.paint) for name in texts}
        return "\n\n".join(f"{heads[name]}\n{text}" for name, text in texts.items())

    def json(self, results: Results[T], values: Callable[[T], Mapping[str, object]]) -> str:
        """One object: ``targets`` holds one each, with where it is, its values, and the errors that stopped it."""
        rows: list[Mapping[str, object]] = []
        for name, result in results.items():
            where = {**row(self.places[name], "target", "url", "database"), "owner": self.owner}
            if isinstance(result, ProvisionError):
                rows.append({**where, "errors": [error_values(result)]})
            else:
                rows.append({**where, "errors": [], **values(result)})
        return as_json({"targets": rows})

    def warnings(self, found: Results[Planned]) -> None:
        """Write the warnings of all targets; what is wrong with a definition is the same for each."""
        for problem in sorted({each for planned in good(found).values() for each in planned.problems}):
            output.warn(render_problems.line(problem))
        for name, planned in good(found).items():
            for warning in planned.warnings:
                output.warn(f"{self.prefix(name)}{warning}")
            if planned.snapshot.exposed:
                what = f"everyone can read {planned.place}, because its _security lists no member"
                output.warn(f"{self.prefix(name)}{what}: run apply --make-private to restrict it")

    def unprepared(self, found: Results[Planned]) -> None:
        """Say which databases an apply would create or set up."""
        for name, planned in good(found).items():
            if not planned.plan.ready:
                state = "does not exist: apply creates it" if planned.snapshot.security is None else "is empty"
                output.message(f"{self.prefix(name)}the database {planned.target.database} {state}")

    def errors(self, results: Mapping[str, Any]) -> None:
        """Write the error of each target that was stopped."""
        for name, result in results.items():
            if isinstance(result, ProvisionError):
                output.report(result, self.prefix(name))

    def prefix(self, name: str) -> str:
        """What a message about one of several targets begins with."""
        return "" if self.alone else f"{name}: "


class OutcomeReporter:
    """The outcomes so far, and which of them were printed.

    `shown`: the plan was shown for a question, so that the outcomes need not repeat the fields that change.
    """

    def __init__(self, report: Reporter, extent: Extent) -> None:
        self.done: dict[str, list[Outcome]] = defaultdict(list)
        self.shown = False
        self.report = report
        self._text = report.format == "text"
        self._extent = extent
        self._printed: set[str] = set()

    def has_bad(self, *, strict: bool = False) -> bool:
        """Whether an outcome makes the run fail."""
        return any(outcome.is_bad(strict=strict) for outcomes in self.done.values() for outcome in outcomes)

    def outcomes(self, name: str, outcomes: Iterable[Outcome], plan: Plan, total: int) -> None:
        """Report the outcomes of a plan as they happen; `total` is how many writes there are to be."""
        if not self.report.alone:
            self.done[name].extend(outcomes)
            return
        at_once = self._text and not has_bar(total)
        if at_once:
            self._printed.add(name)
        joined = render.adopted_at_once(plan, self._extent)
        for outcome in tracked(outcomes, total):
            self.done[name].append(outcome)
            if at_once:
                paint, fields = self.report.paint, not self.shown
                output.result(render.outcome_text(outcome, paint, self._extent, joined, fields=fields))

    def end(self, plans: Results[Planned]) -> None:
        """Print what is left: the summary, or all outcomes."""
        if not self._text:
            applied = {
                name: each if isinstance(each, ProvisionError) else (each.plan, self.done[name])
                for name, each in plans.items()
            }
            output.result(self.report.json(applied, lambda each: render.outcomes_values(*each)))
            return
        paint, extent = self.report.paint, self._extent
        texts: dict[str, str] = {}
        for name, each in good(plans).items():
            if name in self._printed:
                texts[name] = render.closing_text(each.plan, self.done[name], paint, extent)
            else:
                texts[name] = render.outcomes_text(each.plan, self.done[name], paint, extent, fields=not self.shown)
        output.result(self.report.sections(texts))
