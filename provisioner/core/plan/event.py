"""What happened to one account type in a database, as an owner sees it."""

from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.plan.drift import Drift, Kind

APPLIED = "applied"
"""The document is as this owner left it."""
FOREIGN = "foreign"
"""It belongs to another owner."""
REMOVED = "removed"
"""It is gone, and its owner does not miss it: the owner removed it, or never wrote it."""

Word: TypeAlias = str
"""A `Kind`, or one of the words above."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a document: `at` is when it was seen (ISO 8601, UTC), `drift` what is wrong with it now, if so."""

    target: str | None
    id: str
    word: Word
    at: str
    rev: str | None = None
    drift: Drift | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the owner that somebody else changed."""
        return self.drift.fields if self.drift else ()


WORDS = (*Kind, APPLIED, FOREIGN, REMOVED)
"""All words for an event."""
