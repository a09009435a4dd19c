"""A database under watch, and the ports of a watch: figures, sequences, and who is told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from provisioner.commands.watch import Watch
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.event import Event
from provisioner.core.plan.feed import Feed
from provisioner.core.plan.store import Snapshot, Store


class Gauges(Protocol):
    """The figures of all databases, by the label of each; times are in seconds since 1970."""

    def up(self, label: str, up: bool) -> None:
        """Whether a database can be followed."""

    def drift(self, label: str, ids: Iterable[str]) -> None:
        """The account types that others changed."""

    def last_apply(self, label: str, at: float) -> None:
        """When the owner wrote last."""

    def expiry(self, label: str, ends: Mapping[str, float]) -> None:
        """When client secrets expire, by account type."""

    def failed(self, label: str, checks: Mapping[str, float]) -> None:
        """How many results of each check failed."""


class Sequences(Protocol):
    """The last sequence of each place that was taken in. Its methods raise `ProvisionError`."""

    def get(self, place: str) -> str | None:
        """The sequence to go on from."""

    def put(self, place: str, sequence: str) -> None:
        """Keep a sequence."""


@dataclass(frozen=True, slots=True)
class Looked:
    """All documents, and what no feed tells: ends of client secrets (seconds since 1970, by id), failures by check."""

    snapshot: Snapshot
    expiry: Mapping[str, float]
    failed: Mapping[str, float]


@dataclass
class Followed:
    """One database: its `label` for people, its `place`, its feed, and how to open it.

    `look` also brings the watch up to date with the catalogue; it raises `ProvisionError`. `pending` are ids that
    changed and are not taken in yet, up to `sequence`. `known`: it was looked at once. `trouble`: why it cannot be
    followed, and `blind` why the last look failed.
    """

    label: str
    place: str
    watch: Watch
    feed: Feed
    open: Callable[[], AbstractContextManager[Store]]
    look: Callable[[], Looked]
    pending: list[str] = field(default_factory=list)
    sequence: str | None = None
    connected: bool = False
    known: bool = False
    trouble: str = ""
    blind: str = ""


class Telling(Protocol):
    """Who is told."""

    def events(self, followed: Followed, events: Sequence[Event]) -> None:
        """Something happened."""

    def begun(self, followed: Followed) -> None:
        """From now on each change is told."""

    def trouble(self, followed: Followed, error: ProvisionError) -> None:
        """A database cannot be followed; it is tried again."""

    def again(self, followed: Followed) -> None:
        """A database can be followed again."""

    def measured(self) -> None:
        """The figures may have changed."""
