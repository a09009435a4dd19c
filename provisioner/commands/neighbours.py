"""What the account types of a plan would do to those that are only live, and these to them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from provisioner.core.definitions.definition import Definition, Source
from provisioner.core.definitions.domains import Domains
from provisioner.core.definitions.problem import Problem, Severity
from provisioner.core.plan.changes import Action, Plan
from provisioner.core.plan.live_document import live_definition
from provisioner.core.plan.store import Snapshot, Store
from provisioner.core.rules.checking import judge_together, unsilenced
from provisioner.core.rules.rule import Subject


def run(
    plan: Plan,
    definitions: Sequence[Definition],
    sources: Iterable[Source],
    store: Store,
    domains: Domains,
    seen: Snapshot | None = None,
) -> tuple[Problem, ...]:
    """Warn of what only both together break, such as two documents for one slug.

    `seen`: all live documents, if they were read already; otherwise they are read if a slug is given. Raises
    `StoreError`.
    """
    if not plan.ready or not any(
        "slug" in change.after for change in plan.changes if change.action is not Action.REMOVE
    ):
        return ()
    planned = _planned(plan, definitions, domains)
    ids = {subject.id for subject in planned}
    others = [live_definition(live) for live in (seen or store.read_all()).documents.values() if live.id not in ids]
    if not others:
        return ()
    live = [Subject.of(each, domains, live=True) for each in others]
    known = {*judge_together(planned, whole=True), *judge_together(live, whole=True)}
    found = [problem for problem in judge_together([*live, *planned], whole=True) if problem not in known]
    warnings = (replace(problem, severity=Severity.WARNING) for problem in unsilenced(found, sources))
    return tuple(sorted(warnings))


def _planned(plan: Plan, definitions: Iterable[Definition], domains: Domains) -> list[Subject]:
    """The account types as the plan leaves them: with the live fields that are kept."""
    after = {change.id: change.after for change in plan.changes if change.action is not Action.REMOVE}
    defined = (replace(each, document=after[each.id]) for each in definitions if each.id in after)
    return [Subject.of(each, domains) for each in defined]
