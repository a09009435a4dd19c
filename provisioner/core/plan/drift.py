"""What others changed in a database since the owner's last apply, whatever is pending in the catalogue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from provisioner.core.plan.changes import Change, Create, Plan


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


def drift_of(plan: Plan, ignore: Sequence[str]) -> list[Drift]:
    """The drift of a plan that was made for an owner and a whole catalogue, sorted by id.

    `ignore`: globs of ids, or of ids with a field (``google.extras``), that may change.
    """
    found = [drift for change in plan.changes if (drift := _of(change, plan, ignore))]
    found += [Drift(id, Kind.NEW) for id in plan.unmanaged]
    return sorted(_wanted(found, ignore), key=lambda drift: drift.id)


def _of(change: Change, plan: Plan, ignore: Sequence[str]) -> Drift | None:
    if isinstance(change, Create):
        at = plan.deleted.get(change.id)
        return Drift(change.id, Kind.DELETED, at=at) if at else None
    if change.notes.taken_from == "":
        return Drift(change.id, Kind.REPLACED)
    fields = tuple(name for name in change.notes.edited if not _matches(f"{change.id}.{name}", ignore))
    return Drift(change.id, Kind.EDITED, fields) if fields else None


def _wanted(found: Sequence[Drift], ignore: Sequence[str]) -> Iterator[Drift]:
    return (drift for drift in found if not _matches(drift.id, ignore))


def _matches(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
