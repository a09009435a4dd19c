"""What is wrong with a file, and where."""

from dataclasses import dataclass
from enum import StrEnum

from provisioner.core.definitions.node import START, Mark
from provisioner.core.text import printable


class Severity(StrEnum):
    """Whether a problem stops a run."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A problem within one file, before anyone says which file it is."""

    mark: Mark
    message: str
    rule: str
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "message", printable(self.message))


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A problem at its place. Sorted by path, then by place.

    The rule is a kebab-case id, such as ``unknown-key``.
    """

    path: str
    line: int
    column: int
    message: str
    rule: str
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "path", printable(self.path))
        object.__setattr__(self, "message", printable(self.message))

    @classmethod
    def of(cls, path: str, fault: Fault) -> "Problem":
        """The problem that a fault is in the file at a path."""
        mark = fault.mark
        return cls(path, mark.line, mark.column, fault.message, fault.rule, fault.severity)

    @classmethod
    def of_file(cls, path: str, message: str, rule: str) -> "Problem":
        """A problem with a file or folder as a whole."""
        return cls.of(path, Fault(START, message, rule))


@dataclass(frozen=True, slots=True, order=True)
class Silenced:
    """A problem that a comment in its file ignores, and the reason that the comment gives; may be empty."""

    problem: Problem
    reason: str

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "reason", printable(self.reason))
