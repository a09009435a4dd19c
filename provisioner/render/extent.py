"""How much of a plan and its outcomes is shown."""

from enum import Enum, auto


class Extent(Enum):
    """Only problems; what changes; or everything, also what is unchanged. The summary is always shown."""

    PROBLEMS = auto()
    CHANGES = auto()
    ALL = auto()
