"""What became of each change of a plan."""

from dataclasses import dataclass
from enum import StrEnum

from provisioner.core.plan.changes import Action, Change
from provisioner.core.text import printable


class OutcomeKind(StrEnum):
    """What became of a change, or of the database."""

    PREPARED = "database created"
    """The database did not exist, and was created. It is about no account type: its `id` is empty."""
    WRITTEN = "written"
    """The change is in the database; `rev` is the revision that it made."""
    SETTLED = "unchanged"
    """Somebody else made the same change meanwhile; we wrote nothing."""
    LEFT = "left"
    """A document whose definition is gone, and that was not to be deleted; `reason` says why."""
    RESOLVED = "resolved"
    """The losing revisions of a conflict were removed."""
    FAILED = "failed"
    """The change is not in the database."""
    UNKNOWN = "unknown"
    """No answer tells whether the change was written, and reading the document again did not tell either."""


_PAST = {
    Action.CREATE: "created",
    Action.CHANGE: "changed",
    Action.TAKE_OVER: "taken over",
    Action.REMOVE: "removed",
    Action.UNCHANGED: "unchanged",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change.

    `reason` says more in words. `change` is the one that was written; without `quorum`, to fewer nodes than the cluster
    wants.
    """

    kind: OutcomeKind
    id: str = ""
    rev: str | None = None
    reason: str = ""
    change: Change | None = None
    quorum: bool = True

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "reason", printable(self.reason))

    @property
    def word(self) -> str:
        """The word for it: ``created``, ``changed``, ``left``, ``failed`` …."""
        return _PAST[self.change.action] if self.change and self.kind is OutcomeKind.WRITTEN else self.kind.value

    def is_bad(self, *, strict: bool = False) -> bool:
        """Whether it makes the run fail; with `strict`, also a write that missed the quorum."""
        return self.kind in (OutcomeKind.FAILED, OutcomeKind.UNKNOWN) or (strict and not self.quorum)
