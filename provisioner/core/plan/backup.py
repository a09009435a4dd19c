"""What an apply was about to change, as it was and as it was to be: enough to plan the way back.

As JSON (``schemas/backup.schema.json``)::

    {"version": 1, "place": "URL database", "action": "apply" or "undo", "at": "2026-11-26T12:00:00Z",
     "owner": name or null, "source": commit of the catalogue or null,
     "documents": {id: {"before": document or null, "after": document or null, "left_out": [field]}}}

A document has its fields and the key ``provision``, and neither ``_id`` nor ``_rev``; ``null`` stands for none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioner.core.definitions.account_type import Document, conceal, reveal, same_value
from provisioner.core.plan.ownership import KEY, Ownership, ownership_json, read_ownership
from provisioner.core.plan.store import Live, Write
from provisioner.core.secret import Json, Secret

VERSION = 1


class Action(StrEnum):
    """What changed the documents."""

    APPLY = "apply"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class State:
    """A document at one moment, and who owned it."""

    document: Document
    ownership: Ownership | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A document before and after a write; ``None``: there was none, or there was to be none.

    `left_out`: the secret fields that were to change and whose values are not kept.
    """

    before: State | None
    after: State | None
    left_out: tuple[str, ...] = ()

    def without_secrets(self) -> "Entry":
        """The same without any value that is not known to be public."""
        old, new = (state.document if state else {} for state in (self.before, self.after))
        names = sorted(
            name
            for name in old.keys() | new.keys()
            if (isinstance(old.get(name), Secret) or isinstance(new.get(name), Secret))
            and not same_value(name, old.get(name), new.get(name))
        )
        return Entry(_public(self.before), _public(self.after), tuple(names))


@dataclass(frozen=True, slots=True)
class Backup:
    """The documents of one run by id. `place`, `owner` and `source` are as in `Signature` and `Place`."""

    place: str
    action: Action
    at: str
    owner: str | None
    source: str | None = None
    entries: Mapping[str, Entry] = field(default_factory=dict)


def entry_of(live: Live | None, write: Write) -> Entry:
    """What a write changes."""
    before = None if live is None else State(live.document, _known(live.ownership))
    return Entry(before, None if write.document is None else State(write.document, write.ownership))


def newer_entry(known: Entry | None, entry: Entry) -> Entry:
    """An entry of a document that is written again.

    If our first write got there and its answer was lost, what was there before it counts.
    """
    first, seen = (known.after if known else None), entry.before
    if known is None or first is None or seen is None or first.ownership is None or first.ownership != seen.ownership:
        return entry
    return Entry(known.before, entry.after)


def backup_json(backup: Backup) -> dict[str, Json]:
    """A backup as JSON, with the values of its secrets."""
    return {
        "version": VERSION,
        "place": backup.place,
        "action": backup.action.value,
        "at": backup.at,
        "owner": backup.owner,
        "source": backup.source,
        "documents": {id: _entry_json(entry) for id, entry in backup.entries.items()},
    }


def read_backup(content: Mapping[str, Any]) -> Backup:
    """The backup that JSON holds; it fits the schema."""
    return Backup(
        place=content["place"],
        action=Action(content["action"]),
        at=content["at"],
        owner=content["owner"],
        source=content["source"],
        entries={
            id: Entry(_state(row["before"]), _state(row["after"]), tuple(row["left_out"]))
            for id, row in content["documents"].items()
        },
    )


def _entry_json(entry: Entry) -> dict[str, Json]:
    return {
        "before": _state_json(entry.before),
        "after": _state_json(entry.after),
        "left_out": [*entry.left_out],
    }


def _state_json(state: State | None) -> Json:
    if state is None:
        return None
    key: dict[str, Json] = {KEY: ownership_json(state.ownership)} if state.ownership else {}
    return {**reveal(state.document), **key}


def _state(document: Mapping[str, Json] | None) -> State | None:
    if document is None:
        return None
    fields = {name: value for name, value in document.items() if name != KEY}
    return State(conceal(fields), _known(read_ownership(document[KEY])) if KEY in document else None)


def _known(ownership: object) -> Ownership | None:
    return ownership if isinstance(ownership, Ownership) else None


def _public(state: State | None) -> State | None:
    if state is None:
        return None
    public = {name: value for name, value in state.document.items() if not isinstance(value, Secret)}
    return State(public, state.ownership)
