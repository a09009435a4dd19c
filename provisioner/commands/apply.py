"""Makes the changes of a plan, each by compare-and-swap on the revision that it was computed from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, assert_never

from provisioner.commands.admission import ApplyOptions, Permission, Terms, admit
from provisioner.core.definitions.definition import Definition
from provisioner.core.errors import ProvisionError, StoreError
from provisioner.core.plan.backup import Entry, entry_of
from provisioner.core.plan.changes import Action, Change, Plan, field_changes
from provisioner.core.plan.outcome import Outcome, OutcomeKind
from provisioner.core.plan.ownership import Signature, UnknownForm
from provisioner.core.plan.planning import PlanOptions, owner_of, plan_change, to_write
from provisioner.core.plan.store import Conflict, Live, Refused, Store, Unanswered, Write, Written
from provisioner.core.text import counted

RETRIES = 3
"""How often a document that changed under us is read and merged again before it is given up."""


class Course(Protocol):
    """Where the changes of a plan lead: to what a catalogue says, or back to what a backup holds."""

    def write(self, change: Change) -> Write:
        """The write that makes a change."""

    def again(self, tried: Change, live: Live | None) -> Change | str:
        """A change anew, after somebody else wrote meanwhile; or why there can be none."""


@dataclass(frozen=True, slots=True)
class ToDefinitions:
    """The course to what definitions say, by id.

    `signature`: what the writes are signed with, none without an owner.
    """

    definitions: Mapping[str, Definition]
    signature: Signature | None = None
    options: PlanOptions = PlanOptions()  # noqa: RUF009  # frozen

    def write(self, change: Change) -> Write:
        """The write that makes a change, with the key of the owner."""
        return to_write(change, self.signature)

    def again(self, tried: Change, live: Live | None) -> Change | str:
        """Plan a change anew."""
        owner = self.signature.owner if self.signature else None
        if live is not None and isinstance(live.ownership, UnknownForm):
            return "someone wrote it meanwhile with a key `provision` that this version cannot read"
        allowed = {"", owner or "", tried.taken_from or ""}
        if live is not None and owner_of(live) not in allowed:
            return f"it belongs to the owner {owner_of(live)} now: nothing was overwritten"
        return plan_change(self.definitions[tried.id], live, owner, keep_rotated=self.options.keep_rotated)


class Journal(Protocol):
    """Keeps what is about to be changed, and then which of it was written."""

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Keep some more documents, by id, or newer states of them. Raises `ProvisionError`."""

    def confirm(self, id: str, rev: str | None) -> None:
        """Record that a write of ours is in the database.

        `rev` is the revision that the write made, or that it removed: a losing one, or all of a document with it.
        ``None``: the document is gone, and no answer named the revision of the deletion.
        """


def run(
    plan: Plan,
    store: Store,
    course: Course,
    options: ApplyOptions = ApplyOptions(),  # noqa: B008  # frozen
    terms: Terms = Terms(),  # noqa: B008  # frozen
    journal: Journal | None = None,
) -> Iterator[Outcome]:
    """Make the changes of a plan; one outcome each, in the order in which they are known.

    Documents are deleted only by a prune. One that fails does not stop the others. Raises `ProvisionError` only before
    the first write.
    """
    return ApplyRun(plan, store, course, options, terms, journal).outcomes()


@dataclass
class ApplyRun:
    """One run: a plan on its way into a database."""

    plan: Plan
    store: Store
    course: Course
    options: ApplyOptions
    terms: Terms
    journal: Journal | None = None
    _pending: list[Change] = field(default_factory=list)
    _begun: bool = False

    def outcomes(self) -> Iterator[Outcome]:
        """Make the changes."""
        left, removes = _sorted_removes(self.plan, self.options)
        yield from left
        for change in (*self.plan.writes, *removes):
            if why := admit(change, self.terms):
                yield Outcome(OutcomeKind.FAILED, change.id, reason=f"not written: {why}")
            else:
                self._pending.append(change)
        for _ in range(RETRIES + 1):
            yield from self._write(self._pending)
            if not self._pending:
                break
        for change in self._pending:
            reason = f"it changed {RETRIES + 1} times while it was written: apply again when no one else writes to it"
            yield Outcome(OutcomeKind.FAILED, change.id, reason=reason)
        if self.options.resolve_conflicts:
            yield from _resolve(self.plan, self.store)

    def _write(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        """Write changes once; those that need another write are left in `_pending`."""
        self._pending = []
        by_id = {change.id: change for change in changes}
        writes = {change.id: self.course.write(change) for change in changes}
        try:
            self._keep(by_id, writes)
        except ProvisionError as error:
            if not self._begun:
                raise
            for id in by_id:
                reason = f"its new revision could not be backed up; not written: {error}"
                yield Outcome(OutcomeKind.FAILED, id, reason=reason)
            return
        if writes and not (self.plan.ready or self._begun) and self.store.prepare():
            yield Outcome(OutcomeKind.PREPARED)
        self._begun = True
        doubtful: dict[str, Conflict | Unanswered] = {}
        for result in self.store.write([*writes.values()]):
            match result:
                case Written():
                    yield self._written(by_id[result.id], result.rev, quorum=result.quorum)
                case Refused():
                    yield Outcome(OutcomeKind.FAILED, result.id, reason=result.reason)
                case Conflict() | Unanswered():
                    doubtful[result.id] = result
                case _:
                    assert_never(result)
        if doubtful:
            yield from self._look_again(by_id, writes, doubtful)

    def _written(self, change: Change, rev: str | None, *, quorum: bool = True) -> Outcome:
        """A change that is in the database; the journal is told."""
        if self.journal:
            self.journal.confirm(change.id, rev)
        return Outcome(OutcomeKind.WRITTEN, change.id, rev, change=change, quorum=quorum)

    def _keep(self, changes: Mapping[str, Change], writes: Mapping[str, Write]) -> None:
        if self.journal and writes:
            self.journal.keep({id: entry_of(changes[id].live, write) for id, write in writes.items()})

    def _look_again(
        self, changes: Mapping[str, Change], writes: Mapping[str, Write], doubtful: Mapping[str, Conflict | Unanswered]
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

    def _seen(self, tried: Change, write: Write, live: Live | None, result: Conflict | Unanswered) -> Outcome | None:
        """What became of a write, by what is there now; ``None`` if another write is needed."""
        ours = isinstance(result, Unanswered) or result.answer_lost
        if (live.rev if live else None) == write.rev and isinstance(result, Unanswered):
            return Outcome(OutcomeKind.FAILED, tried.id, reason=f"{result.reason}; the document is as it was")
        if tried.action is Action.REMOVE:
            if live is not None:
                reason = "it changed before it could be deleted: inspect it, then prune again"
                return Outcome(OutcomeKind.FAILED, tried.id, reason=reason)
            return self._written(tried, tried.rev) if ours else _settled(tried.id, tried.rev)
        if live is not None and ours and _is_write(write, live):
            return self._written(tried, live.rev)
        return self._plan_again(tried, live)

    def _plan_again(self, tried: Change, live: Live | None) -> Outcome | None:
        """Plan a change anew from what somebody else wrote meanwhile."""
        change = self.course.again(tried, live)
        if isinstance(change, str):
            return Outcome(OutcomeKind.FAILED, tried.id, reason=change)
        if change.action is Action.UNCHANGED:
            return _settled(change.id, change.rev)
        if why := admit(change, self.terms):
            return Outcome(OutcomeKind.FAILED, tried.id, reason=f"someone changed it meanwhile; not written: {why}")
        self._pending.append(change)
        return None


def _sorted_removes(plan: Plan, options: ApplyOptions) -> tuple[list[Outcome], list[Change]]:
    """The documents whose definition is gone: those that stay, and those that are deleted."""
    left, removes = [], []
    for change in plan.removes:
        if not options.prune:
            option = "--prune --allow changed" if change.obstacles else "--prune"
            left.append(Outcome(OutcomeKind.LEFT, change.id, change.rev, f"would be removed with {option}"))
        elif change.obstacles and Permission.CHANGED not in options.allow:
            why = f"{'; '.join(change.obstacles)}; --allow changed deletes it anyway"
            left.append(Outcome(OutcomeKind.LEFT, change.id, change.rev, why))
        else:
            removes.append(change)
    return left, removes


def _settled(id: str, rev: str | None) -> Outcome:
    return Outcome(OutcomeKind.SETTLED, id, rev, "someone else has already made the same change")


def _not_told(result: Conflict | Unanswered, error: StoreError) -> Outcome:
    if isinstance(result, Conflict) and not result.answer_lost:
        reason = f"someone changed it meanwhile, and reading it again failed: {error}"
        return Outcome(OutcomeKind.FAILED, result.id, reason=reason)
    first = result.reason if isinstance(result, Unanswered) else "no answer came to the first try"
    return Outcome(OutcomeKind.UNKNOWN, result.id, reason=f"{first}; reading it again failed, too: {error}")


def _is_write(write: Write, live: Live) -> bool:
    """Whether a live document is what we wrote: its ownership names the write."""
    if write.ownership is not None:
        return live.ownership == write.ownership
    return write.document is not None and live.ownership is None and not field_changes(write.document, live.document)


def _resolve(plan: Plan, store: Store) -> Iterator[Outcome]:
    """Remove the losing revisions that the plan showed."""
    for change in plan.changes:
        revs = tuple(losing.rev for losing in change.conflicts)
        if not revs or change.action is Action.REMOVE:
            continue
        results = [result for rev in revs for result in store.write([Write(change.id, rev, None)])]
        done = Outcome(OutcomeKind.RESOLVED, change.id, reason=f"removed {counted(len(revs), 'losing revision')}")
        bad = [result for result in results if not isinstance(result, Written)]
        if not bad:
            yield done
            continue
        try:
            live = store.read([change.id]).documents.get(change.id)
        except StoreError as error:
            yield Outcome(OutcomeKind.UNKNOWN, change.id, reason=f"its conflict may not be resolved: {error}")
            continue
        still = {losing.rev for losing in live.conflicts} & {*revs} if live else set()
        number = counted(len(still), "losing revision")
        yield Outcome(OutcomeKind.FAILED, change.id, reason=f"{number} could not be removed") if still else done
