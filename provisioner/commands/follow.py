"""Looks at databases, once or again and again, and reports what happened between two looks.

Nothing depends on what happens between them: a look that is missed, slow or refused delays a report and loses none.
Each receiver has its own last look that it accepted, and gets the difference to the newest one. The look that all of
them accepted is kept, and the next run goes on from it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

from provisioner.core.errors import ProvisionError, SignInRefused
from provisioner.core.plan.drift import UNSEEN, Event, Expected, Look, events
from provisioner.core.plan.store import Snapshot, Store
from provisioner.core.targets.target import Target

TICK = 0.5
"""Seconds between two looks at whether a signal came."""

SHORTEST = 2.0
"""Seconds from one look to the next, at least."""

LONGEST_SIGN_IN_PAUSE = 600.0
"""Seconds after a refused password, at most: CouchDB locks an account after five refusals in five minutes."""

_LOG = logging.getLogger("provisioner.follow")


def look_at(expected: Expected, store: Store, before: Look = UNSEEN) -> Look:
    """Look at a database; `before` is what the last look found. Raises `StoreError`."""
    return look_through(expected, store, store.read_all(), before)


def look_through(expected: Expected, store: Store, snapshot: Snapshot, before: Look = UNSEEN) -> Look:
    """The same, of documents that were read. Raises `StoreError`."""
    absent = [] if snapshot.missing else expected.absent(snapshot, before)
    deleted = store.deleted(absent) if absent else {}
    return expected.look(snapshot, {id: deleted.get(id) for id in absent}, before)


Receiver: TypeAlias = Callable[["Follower", Sequence[Event], Look], None]
"""Accepts a report of what happened, which may be empty. Raises `ProvisionError` if it has to be given again."""


class LookState(Protocol):
    """The last look at each place that every receiver accepted. Its methods raise `ProvisionError`."""

    def get(self, place: str) -> Look:
        """The look to go on from."""

    def put(self, place: str, look: Look) -> None:
        """Keep a look."""


class Changes(Protocol):
    """Notices that something changes in a database. It is a hint, and may fail or be wrong."""

    def position(self) -> str | None:
        """Where the changes of the database are; ``None`` if that cannot be known."""

    def wait(self, position: str, seconds: float) -> str | None:
        """Wait until something changes after a position, and return the new one; ``None`` if that cannot be known."""


class CannotReportError(Exception):
    """A receiver cannot take another report, for a reason that ends the run."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Follower:
    """One database that is followed: `label` is its name for people, `place` its key in the state."""

    def __init__(
        self,
        target: Target,
        label: str,
        place: str,
        look: Callable[[Look], Look],
        receivers: Sequence[Receiver],
        state: LookState | None,
    ) -> None:
        """Go on from the look that is kept. `look` looks at the database, given what is known of it.

        It raises `ProvisionError`, and so does this.
        """
        self.target, self.label, self.place = target, label, place
        self.reporting = threading.Lock()
        self.known = self._kept = state.get(place) if state else UNSEEN
        self.look, self._receivers, self._state = look, receivers, state
        self._accepted = [self.known for _ in receivers]

    def run(self) -> list[ProvisionError]:
        """Look once, report, and keep the look if everybody accepted it; what failed of that."""
        errors = []
        try:
            self.known = self.look(self.known)
        except Exception as failed:  # noqa: BLE001  # whatever it is must not end the following in silence
            errors.append(_as_error(failed))
            self.known = self.known.failed(errors[0].what)
        with self.reporting:
            refusals = [*self._report()]
            if not refusals and self._state is not None and self.known != self._kept:
                refusals += self._keep(self._state)
        return errors + refusals

    def _report(self) -> Iterator[ProvisionError]:
        """Report to each receiver what happened since the look that it accepted last; those who refuse."""
        for index, receiver in enumerate(self._receivers):
            try:
                receiver(self, [*events(self._accepted[index], self.known)], self.known)
                self._accepted[index] = self.known
            except ProvisionError as error:
                yield error

    def _keep(self, state: LookState) -> Iterator[ProvisionError]:
        try:
            state.put(self.place, self.known)
            self._kept = self.known
        except ProvisionError as error:
            yield error


def _as_error(failed: Exception) -> ProvisionError:
    if isinstance(failed, ProvisionError):
        return failed
    _LOG.debug("a defect", exc_info=failed)
    return ProvisionError(f"a bug in provision stopped the check: {type(failed).__name__}", "report it")


def follow(
    followed: Sequence[tuple[Follower, Changes]],
    interval: float,
    grace: float,
    warn: Callable[[Follower, ProvisionError], None],
) -> None:
    """Look at databases until something stops it, such as `KeyboardInterrupt`; a report under way has some seconds.

    `warn` gets each failure once, until a look succeeds again.
    """
    threads = _Threads(interval, warn)
    try:
        for follower, changes in followed:
            threading.Thread(target=threads.run, args=(follower, changes), daemon=True).start()
        while not threads.stopped.wait(TICK):  # a signal that another thread of the process gets wakes nobody
            pass
    finally:
        threads.stopped.set()
        until = time.monotonic() + grace
        for follower, _ in followed:
            follower.reporting.acquire(timeout=max(0.0, until - time.monotonic()))
    raise threads.ends[0]


class _Threads:
    """All databases that are followed, each in a thread; `ends` is what ended one of them."""

    def __init__(self, interval: float, warn: Callable[[Follower, ProvisionError], None]) -> None:
        self.stopped = threading.Event()
        self.ends: list[BaseException] = []
        self._interval, self._report = interval, warn

    def run(self, follower: Follower, changes: Changes) -> None:
        try:
            self._run(follower, changes)
        except BaseException as error:  # noqa: BLE001  # raised again where the program waits
            self.ends.append(error)
            self.stopped.set()

    def _run(self, follower: Follower, changes: Changes) -> None:
        """Look, then wait for a change or for the interval; after a failure, for a pause that doubles."""
        position: str | None = None
        pause = SHORTEST
        said: set[str] = set()
        while not self.stopped.is_set():
            began = time.monotonic()
            errors = follower.run()
            said = self._warn(follower, errors, said)
            woken = False
            if not errors and position is None:
                position = changes.position()  # what changes before it is known is seen by the next look
            elif not errors and position is not None:
                position = changes.wait(position, self._interval)
                woken = position is not None
            self.stopped.wait(SHORTEST - (time.monotonic() - began) if woken else pause)
            if woken:
                pause = SHORTEST
            elif any(isinstance(error, SignInRefused) for error in errors):
                pause = min(max(2 * pause, self._interval), LONGEST_SIGN_IN_PAUSE)
            elif errors or position is None:
                pause = min(2 * pause, self._interval)

    def _warn(self, follower: Follower, errors: Sequence[ProvisionError], said: set[str]) -> set[str]:
        for error in errors:
            if error.what not in said:
                self._report(follower, error)
        return {error.what for error in errors}
