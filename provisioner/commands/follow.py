"""Looks at databases, once or again and again, and reports what happened between two looks.

Nothing depends on what happens between them: a look that is missed, slow or refused delays a report and loses none.
Each receiver has its own last look that it accepted, and gets the difference to the newest one. The look that all of
them accepted is kept, and the next run goes on from it.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from provisioner.core.errors import ProvisionError, SignInRefused
from provisioner.core.plan.drift import UNSEEN, Event, Look, events
from provisioner.core.targets.target import Target

TICK = 0.5
"""Seconds between two looks at whether a signal came."""

SHORTEST = 2.0
"""Seconds from one look to the next, at least."""

LONGEST_SIGN_IN_PAUSE = 600.0
"""Seconds after a refused password, at most: CouchDB locks an account after five refusals in five minutes."""

_LOG = logging.getLogger("provisioner.follow")


Receiver: TypeAlias = Callable[["Follower", Sequence[Event], Look], None]
"""Accepts a report of what happened, which may be empty. Raises `ProvisionError` if it has to be given again."""


class CannotReportError(Exception):
    """A receiver cannot take another report, which ends the run; its cause says why."""


Changes: TypeAlias = Callable[[str | None, float], str | None]
"""Waits until something changes after a position, for some seconds at most, and returns the new one.

Without a position it returns that of the last change; ``None`` if it cannot be known. It is a hint: it may be wrong.
"""


class Follower:
    """One database that is followed; `label` is its name for people."""

    def __init__(
        self,
        target: Target,
        label: str,
        look: Callable[[Look], Look],
        receivers: Sequence[Receiver],
        known: Look = UNSEEN,
        keep: Callable[[Look], None] | None = None,
    ) -> None:
        """Go on from the look that is `known`; each that every receiver accepted is kept.

        `look` looks at the database, given what is known of it. Both functions raise `ProvisionError`.
        """
        self.target, self.label, self.look = target, label, look
        self.reporting = threading.Lock()
        self.known = self._kept = known
        self._receivers, self._keep = receivers, keep
        self._accepted = [known for _ in receivers]

    def run(self) -> list[ProvisionError]:
        """Look once, report, and keep the look if everybody accepted it; what failed of that."""
        errors: list[ProvisionError] = []
        try:
            self.known = self.look(self.known)
        except Exception as failed:  # noqa: BLE001  # whatever it is must not end the following in silence
            error = failed if isinstance(failed, ProvisionError) else None
            if error is None:
                _LOG.debug("a defect", exc_info=failed)
                error = ProvisionError(f"a bug in provision stopped the check: {type(failed).__name__}", "report it")
            errors.append(error)
            self.known = self.known.failed(error.what)
        with self.reporting:
            accepted = True
            for index, receiver in enumerate(self._receivers):
                try:
                    receiver(self, [*events(self._accepted[index], self.known)], self.known)
                    self._accepted[index] = self.known
                except ProvisionError as error:
                    accepted = False
                    errors.append(error)
            if accepted and self._keep is not None and self.known != self._kept:
                try:
                    self._keep(self.known)
                    self._kept = self.known
                except ProvisionError as error:
                    errors.append(error)
        return errors


Warn: TypeAlias = Callable[[Follower, ProvisionError], None]


def follow(followed: Sequence[tuple[Follower, Changes]], interval: float, grace: float, warn: Warn) -> None:
    """Look at databases until something stops it, such as `KeyboardInterrupt`; a report under way has some seconds.

    `warn` gets each failure once, until a look succeeds again.
    """
    stopped = threading.Event()
    ends: list[BaseException] = []

    def run(follower: Follower, changes: Changes) -> None:
        try:
            watch(follower, changes, interval, warn, stopped)
        except BaseException as error:  # noqa: BLE001  # raised again where the program waits
            ends.append(error)
            stopped.set()

    try:
        for each in followed:
            threading.Thread(target=run, args=each, daemon=True).start()
        while not stopped.wait(TICK):  # a signal that another thread of the process gets wakes nobody
            pass
    finally:
        stopped.set()
        until = time.monotonic() + grace
        for follower, _ in followed:
            follower.reporting.acquire(timeout=max(0.0, until - time.monotonic()))
    raise ends[0]


def watch(follower: Follower, changes: Changes, interval: float, warn: Warn, stopped: threading.Event) -> None:
    """Look, then wait for a change or for the interval; after a failure, for a pause that doubles."""
    position: str | None = None
    pause = SHORTEST
    said: set[str] = set()
    while not stopped.is_set():
        began = time.monotonic()
        errors = follower.run()
        for error in errors:
            if error.what not in said:
                warn(follower, error)
        said = {error.what for error in errors}
        woken = False
        if not errors:
            waited = position is not None
            position = changes(position, interval)  # what changes before one is known is seen by the next look
            woken = waited and position is not None
        stopped.wait(SHORTEST - (time.monotonic() - began) if woken else pause)
        if woken:
            pause = SHORTEST
        elif any(isinstance(error, SignInRefused) for error in errors):
            pause = min(max(2 * pause, interval), LONGEST_SIGN_IN_PAUSE)
        elif errors or position is None:
            pause = min(2 * pause, interval)
