"""What others changed in a database since the owner's last apply, whatever is pending in the catalogue.

The key ``provision`` of each document tells it, so neither credentials nor values of variables are needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from provisioner.core.plan.changes import Takes, ordered, takes_all
from provisioner.core.plan.ownership import Ownership
from provisioner.core.plan.store import Live


class Kind(StrEnum):
    """What somebody else did to an account type."""

    EDITED = "edited"
    REPLACED = "replaced"
    DELETED = "deleted"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Drift:
    """One account type that others changed: the `fields` of an edited one, the time `at` of our last write if known."""

    id: str
    kind: Kind
    fields: tuple[str, ...] = ()
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an owner knows of a database: what its catalogue defines, and which ids its target `takes`.

    `defined`: the ids, each with the note of the longest lifetime of its client secret (an empty text if it has none).
    `ignore`: globs of ids, or of ids with a field (``google.extras``), that may change.
    """

    owner: str
    defined: Mapping[str, str]
    takes: Takes = takes_all
    ignore: Sequence[str] = ()

    def drift(self, documents: Iterable[Live], deleted: Mapping[str, Ownership]) -> list[Drift]:
        """The drift of documents, sorted by id; `deleted` is as `Store.deleted` tells of those that are defined."""
        found = [drift for live in documents if (drift := self._of(live))]
        found += [Drift(id, Kind.DELETED, at=own.at) for id, own in deleted.items() if own.owner == self.owner]
        return sorted((each for each in found if self.tells(each.id)), key=lambda drift: drift.id)

    def tells(self, id: str) -> bool:
        """Whether a change of an account type is of interest."""
        return self.takes(id) and not self._may(id)

    def _of(self, live: Live) -> Drift | None:
        own = live.ownership
        if own is None:
            return Drift(live.id, Kind.REPLACED if live.id in self.defined else Kind.NEW)
        if not isinstance(own, Ownership) or own.owner != self.owner:
            return None
        edited = ordered(own.edited(live.id, live.document))
        fields = tuple(name for name in edited if not self._may(f"{live.id}.{name}"))
        return Drift(live.id, Kind.EDITED, fields) if fields else None

    def _may(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self.ignore)
