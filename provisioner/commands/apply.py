"""Makes the changes of a plan, each by compare-and-swap on the revision that it was computed from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from provisioner.core.definitions.definition import Definition
from provisioner.core.errors import StoreError
from provisioner.core.plan.changes import NO_RECORD, Plan, Remove, Unchanged, Writing, plan_change, to_write
from provisioner.core.plan.outcome import Applied, Failed, Outcome, Settled
from provisioner.core.plan.ownership import Record
from provisioner.core.plan.store import Conflict, Live, Refused, Store, Written

RETRIES = 3
"""How often a document that changed under us is read and merged again before it is given up."""


def run(
    plan: Plan, definitions: Sequence[Definition], store: Store, record: Record = NO_RECORD, *, prune: bool = False
) -> Iterator[Outcome]:
    """Make the changes of a plan; one outcome each, in the order in which they are known.

    Documents are deleted only by a prune. One that fails does not stop the others. Raises `StoreError` only before
    the first write.
    """
    pending: Sequence[Writing] = (*plan.writes, *(plan.removes if prune else ()))
    if pending and not plan.ready:
        store.prepare()
    applying = _Applying({definition.id: definition for definition in definitions}, store, record)
    for _ in range(RETRIES + 1):
        yield from applying.write(pending)
        if not applying.conflicts:
            return
        yield from applying.merge_again()
        pending = tuple(applying.pending)
    for change in pending:
        reason = f"it changed {RETRIES + 1} times while it was written: apply again when nobody else writes to it"
        yield Failed(change.id, reason)


@dataclass
class _Applying:
    definitions: Mapping[str, Definition]
    store: Store
    record: Record
    conflicts: list[tuple[Writing, Conflict]] = field(default_factory=list)
    pending: list[Writing] = field(default_factory=list)

    def write(self, changes: Sequence[Writing]) -> Iterator[Outcome]:
        """Write changes once; those in conflict are left in `conflicts`."""
        by_id = {change.id: change for change in changes}
        self.conflicts = []
        for result in self.store.write([to_write(change) for change in changes]):
            match result:
                case Written():
                    yield Applied(by_id[result.id], result.rev)
                case Conflict():
                    self.conflicts.append((by_id[result.id], result))
                case Refused():
                    yield Failed(result.id, result.reason)
                case _:
                    assert_never(result)

    def merge_again(self) -> Iterator[Outcome]:
        """Plan the conflicts anew from what is live now; those that still need a write are left in `pending`."""
        self.pending = []
        try:
            live = self.store.read([conflict.id for _, conflict in self.conflicts]).documents
        except StoreError as error:
            yield from (Failed(conflict.id, f"in conflict, and then: {error}") for _, conflict in self.conflicts)
            return
        for tried, conflict in self.conflicts:
            if isinstance(tried, Remove):
                yield _removed(tried, live.get(tried.id), conflict)
                continue
            change = plan_change(self.definitions[conflict.id], live.get(conflict.id), self.record)
            if not isinstance(change, Unchanged):
                self.pending.append(change)
            elif conflict.answer_lost:
                yield Applied(tried, change.rev)
            else:
                yield Settled(change.id, change.rev)


def _removed(tried: Remove, live: Live | None, conflict: Conflict) -> Outcome:
    """A document that changed while it was to be deleted is left: nobody has seen what would be lost."""
    if live is not None:
        return Failed(tried.id, "it changed while it was to be removed: look at it, then prune again")
    return Applied(tried, tried.rev) if conflict.answer_lost else Settled(tried.id, tried.rev)
