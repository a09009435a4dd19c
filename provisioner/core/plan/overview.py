"""The catalogue and the live documents side by side."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import Document, context_of, same_value
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.plan.changes import Action
from provisioner.core.plan.expiry import Expiry, since
from provisioner.core.plan.live_document import live_definition
from provisioner.core.plan.planning import plan_change
from provisioner.core.plan.store import Live, Losing, Snapshot


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


class AccountTypeRow(Struct, frozen=True):
    """One account type: what the catalogue says and what is live; at least one of them is there.

    `missing` names the credentials that it lacks, `unusable` those in whose place something else stands, with the
    reason, and `unknown` the fields whose variables have no value. `expiry`: when its client secret expires, if that is
    known. `connected`: the accounts, if they were counted.
    """

    id: str
    definition: Definition | None
    live: Live | None
    state: Standing
    missing: tuple[str, ...]
    unusable: Mapping[str, str]
    unknown: tuple[str, ...]
    expiry: Expiry | None = None
    connected: Connected | None = None

    @property
    def kind(self) -> Kind:
        """The kind of the document."""
        return self.live.kind if self.live else self.definition.kind if self.definition else ACCOUNT_TYPE

    @property
    def asked(self) -> tuple[str, ...]:
        """The credentials to be named even where it lacks them."""
        asked = self.definition.asked if self.definition else self.kind.asked({})
        return asked[:2] if self.kind.states_fields else asked

    @property
    def since(self) -> date | None:
        """Since when the live client secret is there, if the owner set it."""
        return since(self.live) if self.live else None

    @property
    def context(self) -> str:
        """The context of the account type; empty for the global one."""
        return context_of(self.id) or ""

    @property
    def owner(self) -> str:
        """The owner of the live document; an empty text if it has none."""
        return self.live.owner if self.live else ""

    @property
    def conflicts(self) -> tuple[Losing, ...]:
        """The revisions of the live document that lost a conflict."""
        return self.live.conflicts if self.live else ()

    @property
    def grant_mode(self) -> str:
        """The grant mode, of the definition or else of the live document."""
        return str(self.effective.get("grant_mode", ""))

    @property
    def differing(self) -> tuple[str, ...]:
        """The fields of the definition whose live value is another one, or missing."""
        if self.definition is None:
            return ()
        live = self.live.document if self.live else {}
        return tuple(
            name
            for name, value in self.definition.document.items()
            if name not in self.unknown and not same_value(name, live.get(name), value)
        )

    @property
    def effective(self) -> Document:
        """The document as the stack reads it, or would."""
        live = live_definition(self.live).document if self.live else {}
        return {**live, **(self.definition.document if self.definition else {})}


def overview(definitions: Iterable[Definition], snapshot: Snapshot, owner: str | None) -> list[AccountTypeRow]:
    """Every account type of the catalogue and of the database, sorted by id, as an owner sees it."""
    wanted = {definition.id: definition for definition in definitions}
    rows = []
    for id in sorted(wanted.keys() | snapshot.documents.keys()):
        definition, live = wanted.get(id), snapshot.documents.get(id)
        unknown, asked = (definition.unknown, definition.asked) if definition else ((), ())
        row = AccountTypeRow(id, definition, live, _standing(definition, live, owner), (), {}, unknown)
        bad = row.kind.unusable(row.effective).items()
        unusable = {name: why for name, why in bad if name.partition(".")[0] not in unknown}
        rows.append(replace(row, missing=row.kind.missing(row.effective, asked), unusable=unusable))
    return rows


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
