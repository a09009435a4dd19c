"""Since when the credentials of live documents are there, by the key ``provision`` of each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from provisioner.core.plan.ownership import Ownership
from provisioner.core.plan.store import Live
from provisioner.core.targets.credentials import Credentials
from provisioner.core.targets.expiry import Expiry, expiries, lifetime

_FAR = date(9000, 1, 1)
"""No secret is as young: somebody wrote the day by hand, and no number of days can be added to it."""


def since(live: Live, name: str = "client_secret") -> date | None:
    """When the owner last changed a credential; ``None`` if nobody noted it, or somebody else changed it since."""
    own = live.ownership
    if not isinstance(own, Ownership) or name not in own.since or name in own.edited(live.id, live.document):
        return None
    try:
        return datetime.fromisoformat(own.since[name]).date()
    except ValueError:
        return None


def ends_of(
    ids: Iterable[str],
    sources: Sequence[Credentials],
    documents: Iterable[Live],
    notes: Mapping[str, str],
    today: date,
) -> Iterator[Expiry]:
    """When client secrets expire: as the sources say, else by their age and the notes of lifetimes (by id).

    Raises `ProvisionError` for a time in a source that is none.
    """
    return expiries(ids, sources, today, _limits(documents, notes))


def _limits(documents: Iterable[Live], notes: Mapping[str, str]) -> dict[str, tuple[date, int]]:
    """Since when each client secret is live, and the days that its provider gives it; `notes` say these, by id."""
    days = {id: number for id, note in notes.items() if (number := lifetime(note)) is not None}
    begun = {live.id: day for live in documents if live.id in days and (day := since(live))}
    return {id: (day, days[id]) for id, day in begun.items() if day < _FAR}
