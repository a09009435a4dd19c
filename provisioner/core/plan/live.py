"""What is live beside what is defined: side by side, what others changed, and what changed between two looks.

A look compares what an owner wrote with what is live, whatever is pending in the catalogue: the key ``provision`` of
each document says what its owner wrote, so neither credentials nor values of variables are needed.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import Document, context_of, same_value
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.plan.changes import Action, ordered
from provisioner.core.plan.live_document import Expiry, live_definition, secret_set_on
from provisioner.core.plan.ownership import UnknownForm
from provisioner.core.plan.planning import plan_change
from provisioner.core.plan.store import Live, Losing, Snapshot, Tombstone
from provisioner.core.structure import UNSAVED


class DriftKind(StrEnum):
    """How a look found an account type: as its owner left it, or what somebody else did to it."""

    APPLIED = "applied"
    EDITED = "edited"
    REPLACED = "replaced"
    DELETED = "deleted"
    NEW = "new"
    FOREIGN = "foreign"
    BROKEN = "broken"
    ELSEWHERE = "elsewhere"
    """It belongs to another owner, and no definition mentions it."""

    GONE = "gone"
    """The database itself does not exist."""


HARMLESS = frozenset({DriftKind.APPLIED, DriftKind.ELSEWHERE})

_OWN = frozenset({DriftKind.APPLIED, DriftKind.EDITED})
"""What an owner wrote, and is still there."""


class Drift(Struct, frozen=True):
    """One account type as a look found it; `id` is ``None`` for the database itself.

    `fields` are those of an edited one that somebody else changed, `at` is when this owner wrote last, if that is
    known. `mark` differs after each change that matters. It holds a revision's generation and 4 hex digits of a digest
    of it, which is enough to notice a change and too short to find a value by.
    """

    id: str | None
    kind: DriftKind
    fields: tuple[str, ...] = ()
    at: str | None = None
    mark: str = ""
    rev: Annotated[str | None, UNSAVED] = None


class Look(Struct, frozen=True):
    """What was found in a database.

    `documents` are by id; none: nobody has looked yet. `gone`: the database does not exist, and `documents` are those
    that it had. `trouble`: why the last look failed; the rest is what the one before it found.
    """

    documents: Mapping[str, Drift] | None = None
    gone: bool = False
    trouble: str = ""
    noun: Annotated[str, UNSAVED] = ACCOUNT_TYPE.noun

    @property
    def drift(self) -> list[Drift]:
        """What others changed, sorted by id."""
        if self.gone:
            return [Drift(None, DriftKind.GONE)]
        found = [each for each in (self.documents or {}).values() if each.kind not in HARMLESS]
        return sorted(found, key=lambda each: each.id or "")

    @property
    def has_own(self) -> bool:
        """Whether the owner wrote something that is still there."""
        return any(each.kind in _OWN for each in (self.documents or {}).values())

    @property
    def last_apply(self) -> float:
        """When the owner wrote last, in seconds since 1970; 0 if that is not known."""
        latest = 0.0
        for each in (self.documents or {}).values():
            with suppress(ValueError, OverflowError):  # anybody can write what is no time into a document
                latest = max(latest, datetime.fromisoformat(each.at).timestamp() if each.at else 0.0)
        return latest

    def failed(self, why: str) -> "Look":
        """What is known after a look that failed."""
        return replace(self, trouble=why)


UNSEEN = Look()
"""What is known before the first look."""


class Event(Struct, frozen=True):
    """What happened between two looks; `id` is ``None`` for the database itself.

    `word` is a `DriftKind` or one of the words below; `reason` says why a look failed.
    """

    id: str | None
    word: str
    fields: tuple[str, ...] = ()
    rev: str | None = None
    reason: str | None = None


REMOVED = "removed"
"""The account type is gone, and nobody misses it: its owner removed it, or no definition mentions it."""
DOWN = "down"
"""The database could not be looked at."""
UP = "up"
"""It can be looked at again."""


Deleted: TypeAlias = Callable[[Sequence[str]], Mapping[str, Tombstone]]
"""The tombstones of those of some documents that were deleted."""


class Expected(Struct, frozen=True):
    """What an owner knows of a database: what its catalogue defines, and which ids its target `takes`.

    `defined`: the ids, each with the note of the longest lifetime of its client secret (an empty text if it has none).
    `ignore`: globs of ids, or of ids with a field (``google.extras``), that may change.
    """

    owner: str
    defined: Mapping[str, str]
    takes: Callable[[str], bool] = lambda _: True
    ignore: Sequence[str] = ()
    noun: str = ACCOUNT_TYPE.noun

    def look(self, snapshot: Snapshot, deleted: Deleted, before: Look = UNSEEN) -> Look:
        """What a look finds. `before` is what the last one found; `deleted` raises `StoreError`."""
        known = before.documents or {}
        if snapshot.missing:
            return Look(known, gone=True, noun=self.noun)
        found = {live.id: self._live(live) for live in snapshot.documents.values() if self._reports(live.id)}
        ours = [id for id, each in known.items() if each.kind in _OWN]  # missed also if no definition mentions it
        wanted = dict.fromkeys([*sorted(self.defined), *ours])
        absent = [id for id in wanted if id not in snapshot.documents and self._reports(id)]
        tombstones = deleted(absent) if absent else {}
        for id in absent:
            last, tombstone = known.get(id), tombstones.get(id)
            if tombstone.is_signed_by(self.owner) if tombstone else last is None:
                continue  # its owner deleted it, or it never was there
            at = tombstone.before.at if tombstone and tombstone.before else last.at if last else None
            found[id] = Drift(id, DriftKind.DELETED, at=at)
        return Look(found, noun=self.noun)

    def _live(self, live: Live) -> Drift:
        own, mark = live.ownership, _mark(live.rev)
        if own is None:
            kind = DriftKind.REPLACED if live.id in self.defined else DriftKind.NEW
            return Drift(live.id, kind, mark=mark, rev=live.rev)
        if isinstance(own, UnknownForm):
            return Drift(live.id, DriftKind.BROKEN, mark=mark, rev=live.rev)
        if own.owner != self.owner:
            kind = DriftKind.FOREIGN if live.id in self.defined else DriftKind.ELSEWHERE
            return Drift(live.id, kind, mark="" if kind is DriftKind.ELSEWHERE else mark, rev=live.rev)
        edited = ordered(own.edited(live.id, live.document))
        fields = tuple(name for name in edited if not self._ignores(f"{live.id}.{name}"))
        if fields:
            return Drift(live.id, DriftKind.EDITED, fields, own.at, mark, live.rev)
        # the time of our write is its mark: what others write beside our fields does not change it
        return Drift(live.id, DriftKind.APPLIED, at=own.at, mark=own.at, rev=live.rev)

    def _reports(self, id: str) -> bool:
        return self.takes(id) and not self._ignores(id)

    def _ignores(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self.ignore)


def events(before: Look, after: Look) -> Iterator[Event]:
    """What happened between two looks at a database."""
    if after.trouble:
        if before.trouble != after.trouble:
            yield Event(None, DOWN, reason=after.trouble)
        return
    if before.trouble or (before.gone and not after.gone):
        yield Event(None, UP)
    if after.gone:
        if not before.gone:
            yield Event(None, DriftKind.GONE)
        return
    first, earlier, now = before.documents is None, before.documents or {}, after.documents or {}
    for id in sorted({*earlier, *now}):
        was, found = earlier.get(id), now.get(id)
        if found is None:
            if was is not None and was.kind not in (DriftKind.DELETED, DriftKind.ELSEWHERE):
                yield Event(id, REMOVED)
        elif was is not None and (was.kind, was.fields, was.mark) == (found.kind, found.fields, found.mark):
            pass  # an apply that writes the same changes only the time and the revision
        elif found.kind is DriftKind.ELSEWHERE:
            if was is not None:
                yield Event(id, DriftKind.FOREIGN, rev=found.rev)
        elif not (first and found.kind is DriftKind.APPLIED):
            yield Event(id, found.kind, found.fields, found.rev)


def _mark(rev: str) -> str:
    """A revision's generation and the start of a digest; the whole of it is a digest of the document's values."""
    return f"{rev.partition('-')[0]}-{hashlib.sha256(rev.encode(errors='replace')).hexdigest()[:4]}"


class Standing(StrEnum):
    """How an account type stands in the database, seen from the catalogue; not known where a variable has no value."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    UNMANAGED = "unmanaged"
    UNDECODABLE = "undecodable"
    UNKNOWN = "not known"


class Connected(Struct, frozen=True):
    """The accounts that an account type serves: how many, on how many of all instances."""

    accounts: int
    instances: int
    of: int


class OverviewRow(Struct, frozen=True):
    """One id: what the catalogue says and what is live; at least one of them is there.

    `effective`: the document as the stack reads it, or would. `asked`: the credentials to be named even where it lacks
    them; `missing` are those that it lacks, `unusable` those in whose place something else stands, with the reason.
    `unknown`: the fields whose variables have no value. `differing`: the others of the definition whose live value is
    another one, or missing. `since`: when the owner set the live client secret, `expiry`: when it expires, if that is
    known. `connected`: the accounts, if they were counted.
    """

    id: str
    kind: Kind
    definition: Definition | None
    live: Live | None
    state: Standing
    effective: Document
    asked: tuple[str, ...]
    missing: tuple[str, ...]
    unusable: Mapping[str, str]
    unknown: tuple[str, ...]
    differing: tuple[str, ...]
    context: str
    grant_mode: str
    owner: str
    conflicts: tuple[Losing, ...]
    since: date | None
    expiry: Expiry | None = None
    connected: Connected | None = None


def overview(definitions: Iterable[Definition], snapshot: Snapshot, owner: str | None) -> list[OverviewRow]:
    """Every account type of the catalogue and of the database, sorted by id, as an owner sees it."""
    wanted = {definition.id: definition for definition in definitions}
    ids = sorted(wanted.keys() | snapshot.documents.keys())
    return [_row(id, wanted.get(id), snapshot.documents.get(id), owner) for id in ids]


def _row(id: str, definition: Definition | None, live: Live | None, owner: str | None) -> OverviewRow:
    kind = live.kind if live else definition.kind if definition else ACCOUNT_TYPE
    stated, there = definition.document if definition else {}, live.document if live else {}
    asked, unknown = (definition.asked, definition.unknown) if definition else (kind.asked({}), ())
    effective = {**(live_definition(live).document if live else {}), **stated}
    unusable = kind.unusable(effective).items()
    return OverviewRow(
        id,
        kind,
        definition,
        live,
        _standing(definition, live, owner),
        effective,
        asked=asked[:2] if kind.states_fields else asked,  # few account types have a secret or fcm_credentials
        missing=kind.missing(effective, definition.asked if definition else ()),
        unusable={name: why for name, why in unusable if name.partition(".")[0] not in unknown},
        unknown=unknown,
        differing=tuple(
            name
            for name, value in stated.items()
            if name not in unknown and not same_value(name, there.get(name), value)
        ),
        context=context_of(id) or "",
        grant_mode=str(effective.get("grant_mode", "")),
        owner=live.owner if live else "",
        conflicts=live.conflicts if live else (),
        since=secret_set_on(live) if live else None,
    )


def _standing(definition: Definition | None, live: Live | None, owner: str | None) -> Standing:
    if definition is None:
        return Standing.UNDECODABLE if live and live.kind.undecodable(live.document) else Standing.UNMANAGED
    if live is None:
        return Standing.NEW
    unknown = definition.unknown
    known = {name: value for name, value in definition.document.items() if name not in unknown}
    kept = {name: value for name, value in live.document.items() if name in unknown}
    change = plan_change(replace(definition, document={**kept, **known}), live, owner)
    if live.kind.undecodable(change.after):
        return Standing.UNDECODABLE
    if change.action is Action.CHANGE:
        return Standing.CHANGED
    return Standing.UNKNOWN if unknown else Standing.SAME
