"""Makes the changes of a plan, each by compare-and-swap on the revision that it was computed from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from provisioner.commands.order import Order
from provisioner.core.definitions.account_type import same_value
from provisioner.core.errors import ProvisionError, StoreError
from provisioner.core.plan.backup import entry_of
from provisioner.core.plan.changes import Change, Create, Plan, Remove, Unchanged, Writing, action, field_changes
from provisioner.core.plan.outcome import Applied, Failed, Left, Outcome, Prepared, Resolved, Settled, Unknown
from provisioner.core.plan.store import Conflict, Live, Refused, Store, Unanswered, Write, Written
from provisioner.core.text import counted, listed

RETRIES = 3
"""How often a document that changed under us is read and merged again before it is given up."""


def run(plan: Plan, store: Store, order: Order) -> Iterator[Outcome]:
    """Make the changes of a plan; one outcome each, in the order in which they are known.

    Documents are deleted only by a prune. One that fails does not stop the others. Raises `ProvisionError` only before
    the first write.
    """
    yield from (Failed(id, f"not written: {why}") for id, why in order.refused.items())
    left, removes = _sorted_removes(plan, order)
    yield from left
    pending: Sequence[Writing] = [each for each in (*plan.writes, *removes) if each.id not in order.refused]
    applying = _Applying(store, order, ready=plan.ready)
    for _ in range(RETRIES + 1):
        yield from applying.write(pending)
        pending = tuple(applying.pending)
        if not pending:
            break
    for change in pending:
        reason = f"it changed {RETRIES + 1} times while it was written: apply again when no one else writes to it"
        yield Failed(change.id, reason)
    if order.resolve_conflicts:
        yield from _resolve(plan, store)


def _sorted_removes(plan: Plan, order: Order) -> tuple[list[Left], list[Remove]]:
    """The documents whose definition is gone: those that stay, and those that are deleted."""
    left, removes = [], []
    for change in plan.removes:
        if not order.prune:
            option = "--prune-changed" if change.obstacles else "--prune"
            left.append(Left(change.id, change.rev, f"would be removed with {option}"))
        elif change.obstacles and not order.prune_changed:
            why = f"{'; '.join(change.obstacles)}; --prune-changed deletes it anyway"
            left.append(Left(change.id, change.rev, why))
        else:
            removes.append(change)
    return left, removes


@dataclass
class _Applying:
    store: Store
    order: Order
    pending: list[Writing] = field(default_factory=list)
    begun: bool = False
    ready: bool = True

    def write(self, changes: Sequence[Writing]) -> Iterator[Outcome]:
        """Write changes once; those that need another write are left in `pending`."""
        self.pending = []
        by_id = {change.id: change for change in changes}
        writes = {change.id: self.order.course.write(change) for change in changes}
        try:
            self._keep(by_id, writes)
        except ProvisionError as error:
            if not self.begun:
                raise
            yield from (Failed(id, f"someone changed it meanwhile, and it cannot be kept: {error}") for id in by_id)
            return
        if writes and not self.ready and self.store.prepare():
            yield Prepared()
        self.begun = self.ready = True
        doubtful: dict[str, Conflict | Unanswered] = {}
        for result in self.store.write([*writes.values()]):
            match result:
                case Written():
                    yield self._applied(by_id[result.id], result.rev, quorum=result.quorum)
                case Refused():
                    yield Failed(result.id, result.reason)
                case Conflict() | Unanswered():
                    doubtful[result.id] = result
                case _:
                    assert_never(result)
        if doubtful:
            yield from self._look_again(by_id, writes, doubtful)

    def _applied(self, change: Writing, rev: str, *, quorum: bool = True) -> Applied:
        """A change that is written, in the journal too."""
        if self.order.journal:
            self.order.journal.confirm(change.id, rev)
        return Applied(change, rev, quorum)

    def _keep(self, changes: Mapping[str, Writing], writes: Mapping[str, Write]) -> None:
        if self.order.journal and writes:
            self.order.journal.keep({id: entry_of(_live(changes[id]), write) for id, write in writes.items()})

    def _look_again(
        self, changes: Mapping[str, Writing], writes: Mapping[str, Write], doubtful: Mapping[str, Conflict | Unanswered]
    ) -> Iterator[Outcome]:
        """Read the documents whose write was in conflict or got no answer, and see what is there."""
        try:
            live = self.store.read([*doubtful]).documents
        except StoreError as error:
            yield from (_not_told(result, error) for result in doubtful.values())
            return
        for id, result in doubtful.items():
            outcome = self._seen(changes[id], writes[id], live.get(id), result)
            if outcome is not None:
                yield outcome

    def _seen(self, tried: Writing, write: Write, live: Live | None, result: Conflict | Unanswered) -> Outcome | None:
        """What became of a write, by what is there now; ``None`` if another write is needed."""
        ours = isinstance(result, Unanswered) or result.answer_lost
        if (live.rev if live else None) == write.rev and isinstance(result, Unanswered):
            return Failed(tried.id, f"{result.reason}; the document is as it was")
        if isinstance(tried, Remove):
            if live is not None:
                return Failed(tried.id, "it changed before it could be deleted: inspect it, then prune again")
            return self._applied(tried, tried.rev) if ours else Settled(tried.id, tried.rev)
        if live is not None and ours and _is_write(write, live):
            return self._applied(tried, live.rev)
        return self._plan_again(tried, live)

    def _plan_again(self, tried: Writing, live: Live | None) -> Outcome | None:
        """Plan a change anew from what somebody else wrote meanwhile."""
        change = self.order.course.again(tried, live)
        if isinstance(change, str):
            return Failed(tried.id, change)
        if isinstance(change, Unchanged):
            return Settled(change.id, change.rev)
        if self.order.reviewed and (different := _different(tried, change)):
            why = f"someone changed it meanwhile, and its change is no longer the one that was reviewed ({different})"
            return Failed(tried.id, f"{why}: run provision diff")
        self.pending.append(change)
        return None


def _live(change: Writing) -> Live | None:
    return None if isinstance(change, Create) else change.live


def _not_told(result: Conflict | Unanswered, error: StoreError) -> Outcome:
    if isinstance(result, Conflict) and not result.answer_lost:
        return Failed(result.id, f"someone changed it meanwhile, and reading it again failed: {error}")
    first = result.reason if isinstance(result, Unanswered) else "no answer came to the first try"
    return Unknown(result.id, f"{first}; reading it again failed, too: {error}")


def _is_write(write: Write, live: Live) -> bool:
    """Whether a live document is what we wrote: its ownership names the write."""
    if write.ownership is not None:
        return live.ownership == write.ownership
    return write.document is not None and live.ownership is None and not field_changes(write.document, live.document)


def _different(tried: Change, change: Change) -> str:
    """How a change differs from the one that was reviewed, in words; empty if it does not."""
    if action(tried) != action(change):
        return f"{action(tried)} became {action(change)}"
    before = {field.name: field for field in tried.fields}
    names = [
        field.name
        for field in change.fields
        if field.name not in before
        or not same_value(field.name, field.old, before[field.name].old)
        or not same_value(field.name, field.new, before[field.name].new)
    ]
    return listed([*names, *(before.keys() - {field.name for field in change.fields})])


def _resolve(plan: Plan, store: Store) -> Iterator[Outcome]:
    """Remove the losing revisions that the plan showed."""
    for change in plan.changes:
        revs = tuple(losing.rev for losing in change.conflicts)
        if not revs or isinstance(change, Remove):
            continue
        results = [result for rev in revs for result in store.write([Write(change.id, rev, None)])]
        bad = [result for result in results if not isinstance(result, Written)]
        if not bad:
            yield Resolved(change.id, revs)
            continue
        try:
            live = store.read([change.id]).documents.get(change.id)
        except StoreError as error:
            yield Unknown(change.id, f"its conflict may not be resolved: {error}")
            continue
        still = {losing.rev for losing in live.conflicts} & {*revs} if live else set()
        number = counted(len(still), "losing revision")
        yield Failed(change.id, f"{number} could not be removed") if still else Resolved(change.id, revs)
