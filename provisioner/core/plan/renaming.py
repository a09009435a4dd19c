"""Recognises renamed account types, and credentials that exist only in a document that is to be removed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document, is_missing, lacking, same_value
from provisioner.core.plan.changes import Action, Change, Plan
from provisioner.core.plan.store import Live
from provisioner.core.targets.credentials import Credentials
from provisioner.core.text import listed

T = TypeVar("T")


def renamed(plan: Plan) -> dict[str, Live]:
    """The former live document of each renamed account type, by its new id.

    An account type is renamed if the plan creates it and removes another one, both have the same grant mode and
    endpoints, no other account type comes into question, and the new one does not name another client: a secret must
    never come to a client that it does not belong to.
    """
    gone = _by_endpoints((change.before, change.live) for change in plan.removes if change.live)
    created = _by_endpoints((change.after, change) for change in plan.of(Action.CREATE))
    pairs = ((old[0], new[0]) for key, old in gone.items() if len(old) == len(new := created.get(key, [])) == 1)
    return {new.id: old for old, new in pairs if _same_client(old.document, new.after)}


def _same_client(old: Document, new: Document) -> bool:
    return is_missing(new.get("client_id")) or new.get("client_id") == old.get("client_id")


def carried(former: Mapping[str, Live]) -> Credentials:
    """The credentials that renamed account types take along, by their new ids."""
    return {id: {name: live.document[name] for name in held(live.document)} for id, live in former.items()}


def with_renames(plan: Plan, former: Mapping[str, Live]) -> Plan:
    """The plan in which both halves of each rename know of each other.

    Of a rename that an earlier run began, the second half is left: the new account type is live, and has all that the
    old one has. One with the same endpoints that still needs its credentials may be the new one, too.
    """
    new = {live.id: id for id, live in former.items()}
    changes = []
    for change in plan.changes:
        if change.action is Action.REMOVE:
            changes.append(replace(change, renamed_to=new.get(change.id) or _successor(change, plan)))
        else:
            changes.append(replace(change, renamed_from=former[change.id].id if change.id in former else None))
    return replace(plan, changes=tuple(changes))


def _successor(change: Change, plan: Plan) -> str | None:
    """The account type with the same endpoints that has the credentials of one to be removed, or still needs them."""
    names = held(change.before)
    if not names:
        return None
    others = plan.of(Action.CREATE, Action.CHANGE, Action.TAKE_OVER, Action.UNCHANGED)
    pairs = [(change.before, change), *((each.after, each) for each in others)]
    near = next(group for group in [*_by_endpoints(pairs).values(), [change]] if change in group)
    near = [each for each in near if each is not change and _same_client(change.before, each.after)]
    begun = (each.id for each in near if each.live and not lost(change.before, names, each.after))
    return next(begun, None) or next((each.id for each in near if _needs(each, change)), None)


def _needs(new: Change, old: Change) -> list[str]:
    """The credentials that an account type lacks, and that another one holds."""
    return [name for name in lacking(new.after) if name in held(old.before)]


def why_kept(remove: Change, plan: Plan) -> str:
    """Why a document stays although another account type may take its place; an empty text if it goes after that."""
    new = next((each for each in plan.changes if each.id == remove.renamed_to), None)
    if new is None:
        return f"{remove.renamed_to}, its new id, is left out of this run"
    names = listed(_needs(new, remove))
    return f"{new.id} has the same endpoints, and no {names} yet: give it credentials first" if names else ""


def with_only_copies(plan: Plan, sources: Sequence[Credentials]) -> Plan:
    """The plan with the secret fields that no source has, and no account type takes along that is renamed."""
    after = {change.id: change.after for change in plan.changes}
    changes = []
    for change in plan.changes:
        if change.action is Action.REMOVE:
            copies = [*(source.get(change.id, {}) for source in sources), after.get(change.renamed_to or "", {})]
            change = replace(change, only_copy=only_copy(change.before, copies))  # noqa: PLW2901
        changes.append(change)
    return replace(plan, changes=tuple(changes))


def only_copy(document: Document, copies: Iterable[Document]) -> tuple[str, ...]:
    """The secret fields of a document that none of its copies has; an empty secret is none, and no copy."""
    copies = [*copies]
    secrets = [name for name in held(document) if name != "client_id"]
    return tuple(name for name in secrets if all(lost(document, [name], copy) for copy in copies))


def held(document: Document) -> list[str]:
    """The credentials that a document has."""
    return [name for name in CREDENTIAL_FIELDS if not is_missing(document.get(name))]


def lost(document: Document, names: Iterable[str], other: Document) -> list[str]:
    """Those of some fields that another document does not have with the same value."""
    return [name for name in names if not same_value(name, document.get(name), other.get(name))]


def _by_endpoints(documents: Iterable[tuple[Document, T]]) -> dict[tuple[str, ...], list[T]]:
    """What belongs to each document, by grant mode and endpoints; documents without an endpoint are left out."""
    found: dict[tuple[str, ...], list[T]] = {}
    for document, each in documents:
        mode, *endpoints = (str(document.get(name) or "") for name in ("grant_mode", "auth_endpoint", "token_endpoint"))
        if any(endpoints):
            found.setdefault((mode, *endpoints), []).append(each)
    return found
