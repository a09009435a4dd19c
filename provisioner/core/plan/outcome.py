"""What became of each change of a plan.

::

    Outcome = Prepared | Applied | Settled | Left | Resolved | Failed | Unknown
"""

from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.plan.changes import Writing
from provisioner.core.text import printable


@dataclass(frozen=True, slots=True)
class Prepared:
    """The database did not exist, and was created. It is about no account type: its `id` is empty."""

    id: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """The change was written; `rev` is the document's new revision.

    Without `quorum` it was written to fewer nodes than the cluster wants.
    """

    change: Writing
    rev: str
    quorum: bool = True

    @property
    def id(self) -> str:
        """The id of the account type."""
        return self.change.id


@dataclass(frozen=True, slots=True)
class Settled:
    """Somebody else made the same change meanwhile; we wrote nothing."""

    id: str
    rev: str


@dataclass(frozen=True, slots=True)
class Left:
    """A document whose definition is gone, and that was not to be deleted; `reason` says why."""

    id: str
    rev: str
    reason: str

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "reason", printable(self.reason))


@dataclass(frozen=True, slots=True)
class Resolved:
    """The losing revisions of a conflict were removed."""

    id: str
    revs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing of the change was written."""

    id: str
    reason: str

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "reason", printable(self.reason))


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer tells whether the change was written, and reading the document again did not tell either."""

    id: str
    reason: str

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "reason", printable(self.reason))


Outcome: TypeAlias = Prepared | Applied | Settled | Left | Resolved | Failed | Unknown


def is_bad(outcome: Outcome, *, strict: bool = False) -> bool:
    """Whether an outcome makes the run fail; with `strict`, also a write that missed the quorum."""
    return isinstance(outcome, Failed | Unknown) or (strict and isinstance(outcome, Applied) and not outcome.quorum)
