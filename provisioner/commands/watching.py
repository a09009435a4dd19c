"""Follows databases: takes in what their feeds tell, and tells it on."""

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import assert_never

from provisioner.commands.followed import Followed, Gauges, Sequences, Telling
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.feed import Changed, Connected, Item, Lost
from provisioner.core.plan.ownership import time_text

LOOK = 600.0
"""Seconds between two looks at what no feed tells: the catalogue, expiring secrets, and the checks of a database."""

TICK = 0.5
"""Seconds that the loop waits for something to happen."""

AT_ONCE = 500
"""Changes that are taken in together."""


@dataclass
class Watching:
    """All databases under watch."""

    all: Mapping[str, Followed]
    sequences: Sequences
    gauges: Gauges
    telling: Telling

    def once(self) -> bool:
        """Take in what changed since the last time, and return whether all databases could be read."""
        for each in self.all.values():
            self._tried(each, self._since)
        self.telling.measured()
        return not any(each.trouble for each in self.all.values())

    def _since(self, each: Followed) -> None:
        seen = self.sequences.get(each.place) is not None
        ids, each.sequence = each.feed.since()
        each.pending = [*ids] if seen else []
        self._begin(each)
        self._take_in(each)

    def forever(self) -> None:
        """Follow the feeds until something stops it, such as `KeyboardInterrupt`."""
        items: queue.Queue[tuple[str, Item]] = queue.Queue()
        stopped = threading.Event()
        for name, each in self.all.items():
            threading.Thread(target=each.feed.follow, args=(_into(items, name), stopped), daemon=True).start()
        next_look = time.monotonic() + LOOK
        try:
            while True:
                told = _drained(items)
                for name, each in self.all.items():
                    self._take(each, told.get(name, ()))
                if time.monotonic() >= next_look:
                    next_look = time.monotonic() + LOOK
                    for each in self.all.values():
                        self._look_again(each)
                    self.telling.measured()
                if told:
                    self.telling.measured()
        finally:
            stopped.set()

    def _take(self, each: Followed, told: Sequence[Item]) -> None:
        for item in told:
            match item:
                case Connected():
                    each.connected = True
                    if self.sequences.get(each.place) is None:
                        self._tried(each, partial(self._keep, sequence=item.sequence))
                case Changed():
                    each.pending.append(item.id)
                    each.sequence = item.sequence
                case Lost():
                    each.connected = False
                    self._lost(each, item.error)
                case _:
                    assert_never(item)
        if each.connected and not each.known and self._tried(each, self._begin):
            self.telling.begun(each)
        if each.connected and each.known and (told or each.pending):
            self._tried(each, self._take_in)

    def _keep(self, each: Followed, sequence: str) -> None:
        self.sequences.put(each.place, sequence)

    def _begin(self, each: Followed) -> None:
        """Look at all documents, for the first time."""
        self._look(each)
        each.known = True

    def _take_in(self, each: Followed) -> None:
        """Read what changed, tell it, and keep where we are."""
        with each.open() as store:
            events = each.watch.changed(store, each.pending, time_text(datetime.now(UTC)))
        if events:
            self.telling.events(each, events)
        each.pending = []
        if each.sequence is not None:
            self._keep(each, each.sequence)
        self._measure(each)
        self._well(each)

    def _look_again(self, each: Followed) -> None:
        """Look once more at a database that is followed."""
        if not (each.known and each.connected):
            return
        try:
            self._look(each)
        except ProvisionError as error:
            if each.blind != error.what:
                self.telling.trouble(each, error)
            each.blind = error.what
            self.gauges.up(each.label, False)
            return
        if each.blind:
            each.blind = ""
            self.telling.again(each)
        self._well(each)

    def _look(self, each: Followed) -> None:
        looked = each.look()
        self.gauges.expiry(each.label, looked.expiry)
        self.gauges.failed(each.label, looked.failed)
        with each.open() as store:
            each.watch.refresh(store, looked.snapshot)
        self._measure(each)

    def _measure(self, each: Followed) -> None:
        self.gauges.drift(each.label, each.watch.drift)
        if each.watch.last_apply:
            self.gauges.last_apply(each.label, each.watch.last_apply)

    def _tried(self, each: Followed, work: Callable[[Followed], None]) -> bool:
        try:
            work(each)
        except ProvisionError as error:
            self._lost(each, error)
            return False
        return True

    def _well(self, each: Followed) -> None:
        """Say that a database can be followed again, if it could not."""
        self.gauges.up(each.label, not each.blind)
        if each.trouble:
            each.trouble = ""
            self.telling.again(each)

    def _lost(self, each: Followed, error: ProvisionError) -> None:
        """Say that a database cannot be followed, once for each reason."""
        self.gauges.up(each.label, False)
        if each.trouble != error.what:
            each.trouble = error.what
            self.telling.trouble(each, error)


def _into(items: "queue.Queue[tuple[str, Item]]", name: str) -> Callable[[Item], None]:
    return lambda item: items.put((name, item))


def _drained(items: "queue.Queue[tuple[str, Item]]") -> dict[str, list[Item]]:
    """What the feeds told meanwhile, by name; waits a moment for the first of it."""
    found: dict[str, list[Item]] = defaultdict(list)
    try:
        name, item = items.get(timeout=TICK)
        found[name].append(item)
        for _ in range(AT_ONCE - 1):
            name, item = items.get_nowait()
            found[name].append(item)
    except queue.Empty:
        pass
    return found
