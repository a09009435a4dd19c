"""Recognises renamed account types, and credentials that exist only in a document that is to be removed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document, is_missing
from provisioner.core.plan.changes import Action, Change, Plan
from provisioner.core.plan.store import Live
from provisioner.core.targets.credentials import Credentials

T = TypeVar("T")


def renamed(plan: Plan) -> dict[str, Live]:
    """The former live document of each renamed account type, by its new id.

    An account type is renamed if the plan creates it and removes another one, both have the same grant mode and
    endpoints, and no other account type comes into question.
    """
    gone = _by_endpoints((change.before, change.live) for change in plan.removes if change.live)
    created = _by_endpoints((change.after, change.id) for change in plan.of(Action.CREATE))
    return {new[0]: old[0] for key, old in gone.items() if len(old) == 1 and len(new := created.get(key, [])) == 1}


def carried(former: Mapping[str, Live]) -> Credentials:
    """The credentials that renamed account types take along, by their new ids."""
    return {id: {name: live.document[name] for name in _held(live)} for id, live in former.items()}


def with_renames(plan: Plan, former: Mapping[str, Live]) -> Plan:
    """The plan in which both halves of each rename know of each other."""
    new = {live.id: id for id, live in former.items()}
    changes = (
        replace(
            each,
            renamed_from=former[each.id].id if each.id in former else None,
            renamed_to=new.get(each.id) if each.action is Action.REMOVE else None,
        )
        for each in plan.changes
    )
    return replace(plan, changes=tuple(changes))


def with_only_copies(plan: Plan, sources: Sequence[Credentials]) -> Plan:
    """The plan with the secret fields that no source has, and no renamed account type takes along."""
    changes = (
        replace(each, only_copy=_only_copy(each, sources))
        if each.action is Action.REMOVE and not each.renamed_to
        else each
        for each in plan.changes
    )
    return replace(plan, changes=tuple(changes))


def _only_copy(change: Change, sources: Sequence[Credentials]) -> tuple[str, ...]:
    held = _held(change.live) if change.live else []
    return tuple(name for name in held if name != "client_id" and not _kept(change, name, sources))


def _held(live: Live) -> list[str]:
    return [name for name in CREDENTIAL_FIELDS if not is_missing(live.document.get(name))]


def _kept(change: Change, name: str, sources: Sequence[Credentials]) -> bool:
    return any(source.get(change.id, {}).get(name) == change.before[name] for source in sources)


def _by_endpoints(documents: Iterable[tuple[Document, T]]) -> dict[tuple[str, ...], list[T]]:
    """What belongs to each document, by grant mode and endpoints; documents without an endpoint are left out."""
    found: dict[tuple[str, ...], list[T]] = {}
    for document, each in documents:
        mode, *endpoints = (str(document.get(name) or "") for name in ("grant_mode", "auth_endpoint", "token_endpoint"))
        if any(endpoints):
            found.setdefault((mode, *endpoints), []).append(each)
    return found
