"""What became of each change of a plan.

::

    Outcome = Applied | Settled | Failed
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.changes import Plan, Remove, Unchanged, Writing
from provisioner.core.plan.ownership import Owned, Record


@dataclass(frozen=True, slots=True)
class Applied:
    """The change was written; `rev` is the document's new revision."""

    change: Writing
    rev: str

    @property
    def id(self) -> str:
        return self.change.id


@dataclass(frozen=True, slots=True)
class Settled:
    """Somebody else made the same change while we were at it; nothing was written."""

    id: str
    rev: str


@dataclass(frozen=True, slots=True)
class Failed:
    id: str
    reason: str


Outcome: TypeAlias = Applied | Settled | Failed


def next_record(
    record: Record, plan: Plan, outcomes: Iterable[Outcome], definitions: Iterable[Definition], *, whole: bool
) -> Record:
    """What we own after the outcomes of a plan.

    An account type that is as its definition says becomes ours; one that failed stays what it was; one that was
    removed, or that somebody else deleted, is ours no longer.
    """
    wanted = {definition.id: definition.document for definition in definitions}
    revisions = {change.id: change.rev for change in plan.changes if isinstance(change, Unchanged)}
    removed = record.account_types.keys() - wanted.keys() - {change.id for change in plan.removes} if whole else set()
    for outcome in outcomes:
        if isinstance(outcome, Applied | Settled):
            if outcome.id in wanted:
                revisions[outcome.id] = outcome.rev
            elif isinstance(outcome, Settled) or isinstance(outcome.change, Remove):
                removed = removed | {outcome.id}
    kept = {id: owned for id, owned in record.account_types.items() if id not in removed}
    taken: dict[str, Owned] = {id: record.owned(rev, wanted[id]) for id, rev in revisions.items()}
    return replace(record, account_types=kept | taken)
