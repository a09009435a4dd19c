"""Recognises renamed account types, and credentials that exist only in a document that is to be removed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document
from provisioner.core.plan.changes import Create, Plan, Remove
from provisioner.core.plan.store import Live
from provisioner.core.targets.credentials import Credentials

T = TypeVar("T")


def renamed(plan: Plan) -> dict[str, Live]:
    """The former live document of each renamed account type, by its new id.

    An account type is renamed if the plan creates it and removes another one, both have the same grant mode and
    endpoints, and no other account type comes into question.
    """
    gone = _by_endpoints((change.before, change.live) for change in plan.removes)
    created = _by_endpoints((change.after, change.id) for change in plan.changes if isinstance(change, Create))
    return {new[0]: old[0] for key, old in gone.items() if len(old) == 1 and len(new := created.get(key, [])) == 1}


def carried(former: Mapping[str, Live]) -> Credentials:
    """The credentials that renamed account types take along, by their new ids."""
    return {id: {name: live.document[name] for name in _held(live)} for id, live in former.items()}


def only_copies(plan: Plan, sources: Sequence[Credentials]) -> dict[str, tuple[str, ...]]:
    """The secret fields that no source has, and no renamed account type takes along, of the documents to remove."""
    taken = {*plan.renamed.values()}
    found: dict[str, tuple[str, ...]] = {}
    for change in plan.removes:
        if change.id not in taken:
            names = [name for name in _held(change.live) if name != "client_id" and not _kept(change, name, sources)]
            found |= {change.id: tuple(names)} if names else {}
    return found


def _held(live: Live) -> list[str]:
    return [name for name in CREDENTIAL_FIELDS if live.document.get(name)]


def _kept(change: Remove, name: str, sources: Sequence[Credentials]) -> bool:
    return any(source.get(change.id, {}).get(name) == change.before[name] for source in sources)


def _by_endpoints(documents: Iterable[tuple[Document, T]]) -> dict[tuple[str, ...], list[T]]:
    """What belongs to each document, by grant mode and endpoints; documents without an endpoint are left out."""
    found: dict[tuple[str, ...], list[T]] = {}
    for document, each in documents:
        mode, *endpoints = (str(document.get(name) or "") for name in ("grant_mode", "auth_endpoint", "token_endpoint"))
        if any(endpoints):
            found.setdefault((mode, *endpoints), []).append(each)
    return found
