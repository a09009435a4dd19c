"""What became of each change of a plan.

::

    Outcome = Applied | Settled | Failed
"""

from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.plan import Create, Update


@dataclass(frozen=True, slots=True)
class Applied:
    """The change was written; `rev` is the document's new revision."""

    change: Create | Update
    rev: str

    @property
    def id(self) -> str:
        return self.change.id


@dataclass(frozen=True, slots=True)
class Settled:
    """Somebody else made the same change while we were at it; nothing was written."""

    id: str
    rev: str


@dataclass(frozen=True, slots=True)
class Failed:
    id: str
    reason: str


Outcome: TypeAlias = Applied | Settled | Failed
