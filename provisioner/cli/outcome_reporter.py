"""Tells of the outcomes of an apply: as text each one as it happens, as JSON all of them in the end."""

from collections import defaultdict
from collections.abc import Iterable

from provisioner.cli import options, output
from provisioner.cli.progress import has_bar, tracked
from provisioner.cli.report import Reporter, Results, good
from provisioner.commands.planning import Planned
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.changes import Outcome, Plan
from provisioner.render import outcomes as render


class OutcomeReporter:
    """The outcomes so far, and which of them were told.

    `shown`: the plan was shown for a question, so that the outcomes need not repeat the fields that change.
    """

    def __init__(self, report: Reporter, format: options.OutcomeFormat, detail: options.Detail) -> None:
        self.done: dict[str, list[Outcome]] = defaultdict(list)
        self.shown = False
        self._report = report
        self._text = format is options.OutcomeFormat.TEXT
        self._extent = detail.extent
        self._quiet = detail.quiet
        self._told: set[str] = set()

    def begin(self) -> None:
        """Say where the only target is."""
        if self._text and not self._quiet:
            self._report.begin()

    def outcomes(self, name: str, outcomes: Iterable[Outcome], plan: Plan, total: int) -> None:
        """Take the outcomes of a plan as they happen; `total` is how many writes there are to be."""
        if not self._report.alone:
            self.done[name].extend(outcomes)
            return
        at_once = self._text and not has_bar(total)
        if at_once:
            self._told.add(name)
        joined = render.joined_in_the_end(plan, self._extent)
        for outcome in tracked(outcomes, total):
            self.done[name].append(outcome)
            if at_once and not render.is_joined(outcome, joined):
                output.result(render.outcome_text(outcome, self._report.paint, self._extent, fields=not self.shown))

    def end(self, plans: Results[Planned]) -> None:
        """Tell what is left: the summary, or all outcomes."""
        applied: dict[str, tuple[Plan, list[Outcome]] | ProvisionError] = {
            name: each if isinstance(each, ProvisionError) else (each.plan, self.done[name])
            for name, each in plans.items()
        }
        if not self._text:
            output.result(self._report.json(applied, lambda each: render.values(*each)))
            return
        texts = {name: self._rest(name, *each) for name, each in good(applied).items()}
        output.result(self._report.sections(texts))

    def _rest(self, name: str, plan: Plan, outcomes: list[Outcome]) -> str:
        paint, extent = self._report.paint, self._extent
        if name in self._told:
            return render.closing_text(plan, outcomes, paint, extent)
        return render.as_text(plan, outcomes, paint, extent, fields=not self.shown)
