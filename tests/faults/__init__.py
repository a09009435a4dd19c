"""Runs of the program in trouble.

``FAULTS=full`` makes every run that a test knows, ``FAULTS=20`` twenty of each test, drawn at random, and without it a
few that are always the same.
"""

import os
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_WANTED = os.environ.get("FAULTS", "")
FULL = _WANTED == "full"


def some(every: Sequence[T], few: Sequence[T]) -> list[T]:
    """Those of all runs that are wanted."""
    if FULL or not _WANTED:
        return [*every] if FULL else [*few]
    return random.sample(every, min(int(_WANTED), len(every)))


def size(full: int, few: int) -> int:
    """How many histories are wanted, of those that have no end."""
    return full if FULL else int(_WANTED or few)
