"""The port to the changes of a database, and what it tells."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from provisioner.core.errors import StoreError


@dataclass(frozen=True, slots=True)
class Connected:
    """The feed has begun, after a sequence."""

    sequence: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A document changed; `sequence` is where to go on after it."""

    id: str
    sequence: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The feed is broken; it is tried again."""

    error: StoreError


Item: TypeAlias = Connected | Changed | Lost


class Feed(Protocol):
    """The changes of one database after a sequence, each told at least once."""

    def follow(self, tell: Callable[[Item], None], stopped: threading.Event) -> None:
        """Tell what happens until it is stopped; a change may still come after that."""

    def since(self) -> tuple[Sequence[str], str]:
        """The ids that changed after the sequence, and the last sequence. Raises `StoreError`."""
