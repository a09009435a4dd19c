"""Makes the changes of a plan, each by compare-and-swap on the revision that it was computed from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from provisioner.core.definition import Definition
from provisioner.core.errors import StoreError
from provisioner.core.outcome import Applied, Failed, Outcome, Settled
from provisioner.core.plan import Create, Plan, Unchanged, Update, plan_change, to_write
from provisioner.core.store import Conflict, Refused, Store, Written

RETRIES = 3
"""How often a document that changed under us is read and merged again before it is given up."""


def run(plan: Plan, definitions: Sequence[Definition], store: Store) -> Iterator[Outcome]:
    """Make the changes of a plan; one outcome each, in the order in which they are known.

    A document that fails does not stop the others. Raises `StoreError` only before the first write.
    """
    if plan.writes and not plan.ready:
        store.prepare()
    applying = _Applying({definition.id: definition for definition in definitions}, store)
    pending = plan.writes
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
    conflicts: list[tuple[Create | Update, Conflict]] = field(default_factory=list)
    pending: list[Create | Update] = field(default_factory=list)

    def write(self, changes: Sequence[Create | Update]) -> Iterator[Outcome]:
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
            change = plan_change(self.definitions[conflict.id], live.get(conflict.id))
            if not isinstance(change, Unchanged):
                self.pending.append(change)
            elif conflict.answer_lost:
                yield Applied(tried, change.rev)
            else:
                yield Settled(change.id, change.rev)
