"""Makes the changes of a plan, each by compare-and-swap on the revision that it was computed from."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from provisioner.commands.admission import ApplyOptions, Permission, Terms, admit
from provisioner.core.definitions.account_type import SECRET_FIELDS, secret_fields
from provisioner.core.definitions.definition import Definition
from provisioner.core.errors import ProvisionError, StoreError
from provisioner.core.plan.changes import Action, Change, Outcome, OutcomeKind, Plan, field_changes
from provisioner.core.plan.ownership import Signature, UnknownForm
from provisioner.core.plan.planning import PlanOptions, lost, plan_change, refusal, to_write, why_kept
from provisioner.core.plan.store import Conflict, Live, NotAccepted, Store, Unanswered, Write, Written, generation
from provisioner.core.text import counted, listed

if TYPE_CHECKING:  # few targets keep backups
    from provisioner.core.plan.backup import BackupEntry, FormerState

RETRIES = 3
"""How often a document that changed under us is read and merged again before it is given up."""


class DefinedState(Struct, frozen=True):
    """What definitions say, by id. `signature`: what the writes are signed with, none without an owner."""

    definitions: Mapping[str, Definition]
    signature: Signature | None = None
    options: PlanOptions = PlanOptions()  # frozen

    def write(self, change: Change) -> Write:
        """The write that makes a change, with the key of the owner."""
        return to_write(change, self.signature)

    def again(self, tried: Change, live: Live | None) -> Change | str:
        """Plan a change anew."""
        owner = self.signature.owner if self.signature else None
        if live is not None and isinstance(live.ownership, UnknownForm):
            return "someone wrote it during this run, with a key `provision` that this version cannot read"
        if live is not None and live.owner not in ("", owner, tried.adopted_from):
            return f"it belongs to the owner {live.owner} now: nothing was overwritten"
        change = plan_change(self.definitions[tried.id], live, owner, keep_rotated=self.options.keep_rotated)
        return refusal(change) or change


DesiredState: TypeAlias = "DefinedState | FormerState"
"""The state to which the changes of a plan lead: what a catalogue says, or what a backup holds.

It makes the write of a change, and plans the change again after somebody else wrote meanwhile.
"""


class Journal(Protocol):
    """Keeps what is about to be changed, and then which of it was written; if it is `encrypted`, with its secrets.

    `trouble`: why it is incomplete; empty if it is not.
    """

    encrypted: bool
    trouble: str

    def keep(self, entries: "Mapping[str, BackupEntry]") -> None:
        """Keep some more documents, by id, or newer states of them. Raises `ProvisionError`."""

    def confirm(self, id: str, rev: str | None) -> None:
        """Record that a write of ours is in the database.

        `rev` is the revision that the write made, or that it removed: a losing one, or all of a document with it.
        ``None``: the document is gone, and no answer named the revision of the deletion.
        """

    def end(self, untouched: Iterable[str], *, complete: bool) -> Path | None:
        """End the run, which another one can continue unless it is `complete`. Returns the file; none if it is gone.

        It goes if all that it keeps is `untouched`.
        """


class ApplyRun(Struct):
    """One run: a plan on its way into a database.

    Documents are deleted only by a prune. One that fails does not stop the others.
    """

    plan: Plan
    store: Store
    desired: DesiredState
    options: ApplyOptions = ApplyOptions()  # frozen
    terms: Terms = Terms()  # frozen
    journal: Journal | None = None
    _begun: bool = False
    _done: dict[str, Outcome] = {}

    def outcomes(self) -> Iterator[Outcome]:
        """Make the changes; one outcome each, as it is known. Raises `ProvisionError` only before the first write."""
        for outcome in self._all():
            self._done[outcome.id] = outcome
            yield outcome
        if self.options.resolve_conflicts:
            yield from self._resolve()

    def _all(self) -> Iterator[Outcome]:
        removes = []
        for change in self.plan.removes:
            if not self.options.prune:
                option = "apply --prune --allow changed" if change.obstacles else "apply --prune"
                yield Outcome(OutcomeKind.SKIPPED, change.id, change.rev, f"would be removed with {option}")
            elif change.obstacles and Permission.CHANGED not in self.options.allow:
                why = f"{'; '.join(change.obstacles)}; --allow changed deletes it anyway"
                yield Outcome(OutcomeKind.SKIPPED, change.id, change.rev, why)
            else:
                removes.append(change)
        yield from (_failed(id, f"not written: {why}") for id, why in self.plan.refused.items())
        yield from self._make([*self.plan.writes, *(each for each in removes if not each.renamed_to)])
        yield from self._replace([each for each in removes if each.renamed_to])

    def _make(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """Make the changes that may be made."""
        pending: list[Change] = []
        for change in changes:
            if why := admit(change, self.terms):
                yield _failed(change.id, f"not written: {why}")
            else:
                pending.append(change)
        for _ in range(RETRIES + 1):
            pending = yield from self._write(pending)
            if not pending:
                return
        reason = f"it changed {RETRIES + 1} times while it was written: apply again when no one else writes to it"
        yield from (_failed(change.id, reason) for change in pending)

    def _replace(self, removes: Sequence[Change]) -> Iterator[Outcome]:
        """Delete the documents whose replacement is there, read back, with the credentials; the others are left."""
        planned = {change.id: change for change in self.plan.changes}
        waiting: list[tuple[Change, Change]] = []
        for change in removes:
            why = why_kept(change, self.plan)
            new = planned.get(change.renamed_to or "", change)
            done = self._done.get(new.id)
            if not why and new.action is not Action.UNCHANGED and not (done and done.kind is OutcomeKind.WRITTEN):
                why = f"{new.id}, its new id, was not written{f': {done.reason}' if done and done.reason else ''}"
            if why:
                yield Outcome(OutcomeKind.SKIPPED, change.id, change.rev, why)
            else:
                waiting.append((change, new))
        try:
            live = self.store.read(sorted({new.id for _, new in waiting})).documents if waiting else {}
        except StoreError as error:
            yield from (
                _failed(old.id, f"{new.id}, its new id, could not be read back: {error}") for old, new in waiting
            )
            return
        seen = []
        for change, new in waiting:
            names = [name for name in change.credentials if not lost(change.before, [name], new.after)]
            if new.id not in live:
                yield _failed(change.id, f"{new.id}, its new id, is not there when it is read back")
            elif missing := listed(lost(change.before, names, live[new.id].document)):
                yield _failed(change.id, f"{new.id}, its new id, does not have its {missing} when it is read back")
            else:
                seen.append(change)
        yield from self._make(seen)

    def _write(self, changes: Sequence[Change]) -> Generator[Outcome, None, list[Change]]:
        """Write changes once. Returns those that need another write, planned anew."""
        by_id = {change.id: change for change in changes}
        writes = {change.id: self.desired.write(change) for change in changes}
        try:
            self._keep({id: (by_id[id].live, write) for id, write in writes.items()})
        except ProvisionError as error:
            if not self._begun:
                raise
            yield from (_failed(id, f"its new revision could not be backed up; not written: {error}") for id in by_id)
            return []
        if writes and not (self.plan.ready or self._begun) and self.store.prepare():
            yield Outcome(OutcomeKind.PREPARED)
        self._begun = True
        doubtful: dict[str, Conflict | Unanswered] = {}
        for result in self.store.write([*writes.values()]):
            match result:
                case Written():
                    yield self._written(by_id[result.id], writes[result.id], result.rev, quorum=result.quorum)
                case NotAccepted():
                    yield _failed(result.id, result.reason)
                case Conflict() | Unanswered():
                    doubtful[result.id] = result
                case _:
                    assert_never(result)
        try:
            live = self.store.read([*doubtful]).documents if doubtful else {}
        except StoreError as error:
            yield from (_unread(result, error) for result in doubtful.values())
            return []
        again: list[Change] = []
        for id, result in doubtful.items():
            seen = self._seen(by_id[id], writes[id], live.get(id), result)
            if isinstance(seen, Change):
                again.append(seen)
            else:
                yield seen
        return again

    def _written(self, change: Change, write: Write, rev: str | None, *, quorum: bool = True) -> Outcome:
        """A change that is in the database; the journal confirms it. What lost a conflict goes with its winner."""
        self._confirm(change.id, rev)
        if change.action is Action.REMOVE and change.live:
            for losing in change.live.conflicts:  # they came to life when the winner was deleted
                if why := self._remove_revision(replace(write, rev=losing.rev)):
                    what = f"its winner is deleted, and the losing revision {losing.rev} is left: {why}"
                    return _failed(change.id, f"{what}; prune again, so that no old secret stays", rev)
            if why := self._came_to_life(change.live):
                return _failed(change.id, why, rev)
        return Outcome(OutcomeKind.WRITTEN, change.id, rev, change=change, quorum=quorum)

    def _confirm(self, id: str, rev: str | None) -> None:
        if self.journal:
            self.journal.confirm(id, rev)

    def _keep(self, writes: Mapping[str, tuple[Live | None, Write]]) -> None:
        """Keep what some writes are about to change, by id. Raises `ProvisionError`."""
        if self.journal and writes:
            from provisioner.core.plan.backup import BackupEntry

            self.journal.keep({id: BackupEntry(*each) for id, each in writes.items()})

    def _came_to_life(self, deleted: Live) -> str:
        """What is live after a deletion, if nobody wrote it since: a losing revision that was not seen before."""
        try:
            live = self.store.read([deleted.id]).documents.get(deleted.id)
        except StoreError:
            return ""  # the deletion itself is confirmed
        if live is None or generation(live.rev) > generation(deleted.rev):
            return ""
        what = f"its winner is deleted, and {live.rev} came to life, which had lost a conflict to it"
        return f"{what}: inspect it, then prune again with --allow changed"

    def _remove_revision(self, write: Write) -> str:
        """Remove one leaf of a document; returns why it is still there, or may be."""
        (result,) = self.store.write([write])
        if isinstance(result, Written):
            self._confirm(write.id, write.rev)
            return ""
        try:
            live = self.store.read([write.id]).documents.get(write.id)
        except StoreError as error:
            return f"whether it was removed is unknown: {error}"
        if live is None or write.rev not in [live.rev, *(losing.rev for losing in live.conflicts)]:
            return ""
        return "someone changed it during this run" if isinstance(result, Conflict) else result.reason

    def _seen(self, tried: Change, write: Write, live: Live | None, result: Conflict | Unanswered) -> Outcome | Change:
        """What became of a write in conflict or without an answer, by what is there; or its change, planned anew."""
        ours = isinstance(result, Unanswered) or result.answer_lost
        if (live.rev if live else None) == write.rev and isinstance(result, Unanswered):
            state = "the document is as it was" if live else "there is no document"
            return _failed(tried.id, f"{result.reason}; {state}")
        if tried.action is Action.REMOVE:
            return self._removed(tried, write, live, result, ours=ours)
        # without a key, the same fields may be somebody else's, unless no answer came to a write of ours
        if live is not None and (ours or write.ownership) and _is_write(write, live):
            return self._written(tried, write, live.rev)
        change = self.desired.again(tried, live)
        if isinstance(change, str):
            return _failed(tried.id, change)
        if change.action is Action.UNCHANGED:
            return Outcome(OutcomeKind.SETTLED, change.id, change.rev, "someone else has already made the same change")
        if why := _not_the_same(tried, change) or admit(change, self.terms):
            return _failed(tried.id, f"someone changed it during this run; not written: {why}")
        return change

    def _removed(
        self, tried: Change, write: Write, live: Live | None, result: Conflict | Unanswered, *, ours: bool
    ) -> Outcome:
        """What became of a deletion. If the document is gone, its tombstone names the write that deleted it."""
        if live is not None:
            if ours and live.rev in [losing.rev for losing in tried.conflicts]:
                return self._written(tried, write, None)
            return _failed(tried.id, "it changed before it could be deleted: inspect it, then prune again")
        try:
            gone = self.store.deleted([tried.id]).get(tried.id) if ours else None
        except StoreError as error:
            return _unread(result, error)
        if not ours or (gone and write.ownership and gone.write != write.ownership.write):
            return Outcome(OutcomeKind.SETTLED, tried.id, tried.rev, "it was deleted already when it was to be")
        return self._written(tried, write, gone.rev if gone else None)

    def _resolve(self) -> Iterator[Outcome]:
        """Remove the losing revisions that the plan showed, of the account types whose change succeeded."""
        for change in self.plan.changes:
            reviewed = change if self.terms.reviewed is None else self.terms.reviewed.get(change.id)
            revs = {losing.rev for losing in change.conflicts}
            revs &= {losing.rev for losing in reviewed.conflicts} if reviewed else set()
            done = self._done.get(change.id)
            good = done is None or done.kind in (OutcomeKind.WRITTEN, OutcomeKind.SETTLED)
            if revs and good and change.action is not Action.REMOVE:
                yield self._resolved(change.id, revs)

    def _resolved(self, id: str, revs: Collection[str]) -> Outcome:
        """Remove those of some revisions that still lose, and see that their winner stays."""
        try:
            live = self.store.read([id]).documents.get(id)
            if live is None:
                return _failed(id, "it was deleted during this run")
            if live.rev in revs:
                return _failed(id, "a revision that had lost is live: nothing was removed")
            losing = [each.rev for each in live.conflicts if each.rev in revs]
            if not losing:
                return Outcome(OutcomeKind.RESOLVED, id, reason="someone else removed what had lost")
            if why := self._not_kept(live, losing):
                return _failed(id, why)
            winner = Write(id, live.rev, live.document, live.key)
            self._keep({id: (live, winner)})
        except ProvisionError as error:
            return _failed(id, f"its conflict is not resolved: {error}")
        trouble = [why for rev in losing if (why := self._remove_revision(Write(id, rev, None)))]
        number = counted(len(trouble or losing), "losing revision")
        try:
            if id not in self.store.read([id]).documents:
                return self._put_back(replace(winner, rev=None))
        except StoreError as error:
            return Outcome(OutcomeKind.UNKNOWN, id, reason=f"its conflict may not be resolved: {error}")
        if trouble:
            return _failed(id, f"{number} could not be removed: {trouble[0]}")
        return Outcome(OutcomeKind.RESOLVED, id, reason=f"removed {number}")

    def _not_kept(self, live: Live, revs: Collection[str]) -> str:
        """Why losing revisions must not be removed, if one has a secret that neither its winner nor a backup has."""
        if (self.journal and self.journal.encrypted) or Permission.CHANGED in self.options.allow:
            return ""
        for each in live.conflicts:
            names = lost(each.document, sorted(secret_fields(each.document)), live.document)
            if names and each.rev in revs:
                what = f"the losing revision {each.rev} has the only copy of {listed(names)}, and no backup keeps it"
                return f"{what}: add backup with recipients to the target, or --allow changed"
        return ""

    def _put_back(self, write: Write) -> Outcome:
        """Write a winner again that someone deleted while what had lost to it was removed."""
        what = "someone deleted the winner during this run"
        (result,) = self.store.write([write])
        if isinstance(result, Written):
            self._confirm(write.id, result.rev)
            return _failed(write.id, f"{what}: it was restored, so that it is not lost", result.rev)
        kept = ": the backup of this run contains it" if self.journal else ""
        return _failed(write.id, f"{what}, and it could not be restored{kept}")


def _failed(id: str, reason: str, rev: str | None = None) -> Outcome:
    return Outcome(OutcomeKind.FAILED, id, rev, reason)


def _unread(result: Conflict | Unanswered, error: StoreError) -> Outcome:
    """What is known of a write that was in doubt when its document could not be read again."""
    if isinstance(result, Conflict) and not result.answer_lost:
        return _failed(result.id, f"someone changed it during this run; reading it again failed: {error}")
    first = result.reason if isinstance(result, Unanswered) else "no answer came to the first try"
    return Outcome(OutcomeKind.UNKNOWN, result.id, reason=f"{first}; reading it again also failed: {error}")


def _is_write(write: Write, live: Live) -> bool:
    """Whether a live document is what we wrote: its ownership names the write."""
    if write.ownership is not None:
        return live.ownership == write.ownership
    return write.document is not None and live.ownership is None and not field_changes(write.document, live.document)


def _not_the_same(tried: Change, change: Change) -> str:
    """What makes a change that is planned anew another one than was meant; an empty text if nothing does."""
    if tried.renamed_from and change.action is not Action.CREATE:
        return f"it was to replace {tried.renamed_from}, but someone else created it"
    secret = any(field.name in SECRET_FIELDS and field.new is not None for field in change.fields)
    ids = [each.get("client_id") for each in (tried.before, change.before, change.after)]
    if secret and ids[1] == ids[2] != ids[0]:
        return "its client_id differs, so the secret may not belong to it"
    return ""
