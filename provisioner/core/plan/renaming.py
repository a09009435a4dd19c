"""Recognises renamed account types, and credentials that exist only in a document that is to be removed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document, is_missing, same_value
from provisioner.core.plan.changes import Action, Change, Plan
from provisioner.core.plan.store import Live
from provisioner.core.targets.credentials import Credentials

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
    old one has.
    """
    new = {live.id: id for id, live in former.items()}
    changes = []
    for change in plan.changes:
        if change.action is Action.REMOVE:
            changes.append(replace(change, renamed_to=new.get(change.id) or _begun(change, plan)))
        else:
            changes.append(replace(change, renamed_from=former[change.id].id if change.id in former else None))
    return replace(plan, changes=tuple(changes))


def _begun(change: Change, plan: Plan) -> str | None:
    """The live account type that has the endpoints and every credential of one that is to be removed."""
    names = held(change.before)
    if not names:
        return None
    others = plan.of(Action.CHANGE, Action.TAKE_OVER, Action.UNCHANGED)
    alike = _by_endpoints((each.before, each) for each in (change, *others)).values()
    near = next((group for group in alike if change in group), [])
    return next((each.id for each in near if each is not change and not lost(change.before, names, each.after)), None)


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
