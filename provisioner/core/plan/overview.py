"""The catalogue and the live documents side by side."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import Document, context_of, same_value
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.plan.changes import Action
from provisioner.core.plan.live_document import Expiry, live_definition, secret_set_on
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
