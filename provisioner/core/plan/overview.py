"""The catalogue and the live documents side by side."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from provisioner.core.definitions.account_type import Document, is_missing, missing_credentials
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.changes import Update, plan_change
from provisioner.core.plan.ownership import Ownership
from provisioner.core.plan.store import Live, Snapshot


class State(StrEnum):
    """How an account type stands in the database, seen from the catalogue."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    ONLY_LIVE = "only live"


@dataclass(frozen=True, slots=True)
class Entry:
    """One account type: what the catalogue says and what is live; at least one of them is there.

    `missing` names the credentials that it lacks, `unknown` the fields whose variables have no value.
    """

    id: str
    definition: Definition | None
    live: Live | None
    owner: str
    state: State
    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def context(self) -> str:
        return self.id.rpartition("/")[0]

    @property
    def grant_mode(self) -> str:
        return str(self.effective.get("grant_mode", ""))

    @property
    def effective(self) -> Document:
        """The document as it is or would be."""
        live = self.live.document if self.live else {}
        return {**live, **(self.definition.document if self.definition else {})}


def overview(definitions: Iterable[Definition], snapshot: Snapshot, ownership: Ownership) -> list[Entry]:
    """Every account type of the catalogue and of the database, sorted by id."""
    wanted = {definition.id: definition for definition in definitions}
    ids = sorted(wanted.keys() | snapshot.documents.keys())
    return [_entry(id, wanted.get(id), snapshot.documents.get(id), ownership) for id in ids]


def _entry(id: str, definition: Definition | None, live: Live | None, ownership: Ownership) -> Entry:
    unknown = definition.unknown if definition else ()
    owner = ownership.own.owner if id in ownership.own.account_types else ownership.foreign.get(id, "")
    entry = Entry(id, definition, live, owner, _state(definition, live, ownership), (), unknown)
    return replace(entry, missing=lacking(entry.effective))


def lacking(document: Document) -> tuple[str, ...]:
    """The credentials that a document lacks, also those without which it only normally fails."""
    missing = missing_credentials(document)
    code = str(document.get("grant_mode", "")).startswith("authorization_code")
    return (*missing, "client_secret") if code and is_missing(document.get("client_secret")) else missing


def _state(definition: Definition | None, live: Live | None, ownership: Ownership) -> State:
    if definition is None:
        return State.ONLY_LIVE
    if live is None:
        return State.NEW
    known = {name: value for name, value in definition.document.items() if name not in definition.unknown}
    kept = {name: value for name, value in live.document.items() if name in definition.unknown}
    change = plan_change(replace(definition, document={**kept, **known}), live, ownership.own)
    return State.CHANGED if isinstance(change, Update) else State.SAME
