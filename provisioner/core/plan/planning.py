"""Makes plans: compares definitions with live documents, and recognizes renames and the only copies of secrets."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import (
    Document,
    cut_fields,
    is_missing,
    same_value,
    wrong_type,
)
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.outside_json import CUT_OFF
from provisioner.core.plan.changes import (
    Action,
    Change,
    Plan,
    Takes,
    change_live,
    create,
    field_changes,
    ordered,
    takes_all,
)
from provisioner.core.plan.ownership import Ownership, Signature, UnknownForm
from provisioner.core.plan.store import Live, Snapshot, Write
from provisioner.core.rules.checking import Policy
from provisioner.core.secret import Secret, holds_secret
from provisioner.core.targets.filling import Credentials
from provisioner.core.targets.target import Incomplete
from provisioner.core.text import listed

MAX_REMOVES = 2
"""A prune may always delete this many documents."""


class PlanOptions(Struct, frozen=True):
    """Whose plan it is, what it looks at, and what the user asks of it.

    `owner`: without one nothing is ever removed, and what is written belongs to nobody. `whole`: the definitions are
    all that the owner has, so that a live document of the owner that none of them defines is to be removed.
    `keep_rotated`: a credential that someone else changed since our last apply stays, if our source did not change.
    `given`: the variables of ``--set``. `incomplete`: what becomes of new account types without credentials, none: as
    the target says. `neighbours`: also look at what is live beside the definitions. `rules`: the severities of rules,
    which those of a target override. `today`: the day from which the expiry of secrets is counted; ``None``: it is not.
    """

    owner: str | None = None
    whole: bool = False
    keep_rotated: bool = False
    given: Mapping[str, str] = {}
    strict: bool = False
    incomplete: Incomplete | None = None
    neighbours: bool = False
    rules: Policy = {}
    today: date | None = None


def make_plan(
    definitions: Iterable[Definition],
    snapshot: Snapshot,
    options: PlanOptions,
    takes: Takes = takes_all,
    kind: Kind = ACCOUNT_TYPE,
) -> Plan:
    """The plan that brings the live documents of a snapshot to what the definitions say.

    Documents whose id the target does not take are left out.
    """
    wanted = {definition.id: definition for definition in definitions}
    documents, owner = snapshot.documents, options.owner
    changes: list[Change] = [
        plan_change(each, documents.get(each.id), owner, keep_rotated=options.keep_rotated) for each in wanted.values()
    ]
    ours = [live for live in documents.values() if owner and owner_of(live) == owner and takes(live.id)]
    unmanaged: list[str] = []
    if options.whole:
        changes += [_removal(live) for live in ours if live.id not in wanted]
        free = (id for id, live in documents.items() if live.ownership is None and id not in wanted)
        unmanaged = sorted(filter(takes, free))
    owners = {id: owner_of(documents[id]) for id in sorted(wanted) if id in documents}
    return Plan(
        changes=tuple(sorted(changes, key=lambda change: change.id)),
        ready=snapshot.ready,
        owned=len(ours),
        foreign={id: other for id, other in owners.items() if other not in ("", owner)},
        unreadable_owner=tuple(sorted(id for id, live in documents.items() if isinstance(live.ownership, UnknownForm))),
        unmanaged=tuple(unmanaged),
        kind=kind,
    )


def plan_change(
    definition: Definition, live: Live | None, owner: str | None = None, *, keep_rotated: bool = False
) -> Change:
    """The change that one account type needs.

    A live field that the definition does not mention is kept, unless its owner set it and nobody changed it since, or
    it is one of the definition's fields in another spelling (``CLIENT_ID``), which the stack might read instead.
    Credentials are always kept: they come from several places, and one that is out of reach must not remove them.
    """
    wanted = definition.document
    owned = ordered(wanted.keys()) if owner else ()
    if live is None:
        return replace(create(definition.id, wanted, owned), kind=definition.kind, asked=definition.asked)
    before = live.ownership if owner and isinstance(live.ownership, Ownership) else None
    edited = before.edited(live.id, live.document) if before else frozenset()
    ours = before is not None and before.owner == owner
    held = _rotated(before, live, definition, edited) if before and ours and keep_rotated else frozenset()
    wanted = {name: value for name, value in wanted.items() if name not in held}
    dropped = before.fields.keys() - wanted.keys() - edited - held if before else set()
    credentials = dropped & {*definition.asked, *live.kind.credentials(live.document)}
    misspelled = {name for name in live.document if name not in wanted and live.kind.field_of(name) in wanted}
    gone = (dropped - credentials) | misspelled
    after = {name: value for name, value in live.document.items() if name not in gone} | dict(wanted)
    kept = live.document.keys() - wanted.keys() - gone - held
    former = owner_of(live)
    owned = ordered({*wanted, *credentials, *held}) if owner else ()
    signed = not owner or _signed(before, owner, owned, edited - held)
    return replace(
        change_live(_action(live, after, signed=signed), live, after, owned),
        asked=definition.asked,
        kept=ordered(kept),
        released=ordered(kept & edited),
        edited=ordered(edited),
        held=ordered(held),
        adopted_from=None if owner is None or former == owner else former,
    )


def refusal(change: Change) -> str:
    """Why a change must not be made, with any option; an empty text if it may.

    The stack must be able to decode the document that is left, and that document must have some value.
    """
    cut = cut_fields({**change.before, **change.after})
    if cut and (change.writes or change.action is Action.REMOVE):
        return f"{listed(cut)} of the live document is {CUT_OFF}, and would be lost: change the document by hand"
    if change.action is Action.REMOVE:
        return ""
    if decoded := change.kind.undecodable(change.after):
        kept = listed(ordered({fault.key for fault in decoded.faults}))
        wrong = listed(dict.fromkeys(map(wrong_type, decoded.faults)))
        return (
            f"the stack cannot decode the live document: {wrong}: correct {kept} by hand, or state it in the definition"
        )
    if change.writes and all(map(is_missing, change.after.values())):
        return "there is nothing to write: neither the definition nor a credential source has a value for any field"
    return ""


def refusals(plan: Plan) -> dict[str, str]:
    """The changes of a plan that no option lets pass, by id, with the reason."""
    return {change.id: why for change in plan.changes if (why := refusal(change))}


def _action(live: Live, after: Document, *, signed: bool) -> Action:
    if field_changes(live.document, after):
        return Action.CHANGE
    return Action.UNCHANGED if signed else Action.ADOPT


def _rotated(before: Ownership, live: Live, definition: Definition, edited: frozenset[str]) -> frozenset[str]:
    """The credentials that someone else changed while our source still has what we wrote last.

    A client_id goes with its client_secret.
    """
    wanted = definition.document
    stale = {
        name
        for name in edited & set(definition.asked) & wanted.keys() & live.document.keys()
        if before.wrote(live.id, name, wanted[name])
    }
    return frozenset(stale) if any(isinstance(wanted[name], Secret) for name in stale) else frozenset()


def _signed(before: Ownership | None, owner: str, owned: Iterable[str], edited: Iterable[str]) -> bool:
    """Whether the live key says already what it should."""
    return before is not None and before.owner == owner and before.fields.keys() == {*owned} and not edited


def owner_of(live: Live) -> str:
    """The owner of a live document; an empty text if it has none."""
    return live.ownership.owner if isinstance(live.ownership, Ownership) else ""


def _removal(live: Live) -> Change:
    assert isinstance(live.ownership, Ownership)
    edited = ordered(live.ownership.edited(live.id, live.document))
    others = live.document.keys() - live.ownership.fields.keys()
    obstacles = []
    if edited:
        obstacles.append(f"someone else changed {listed(edited)}")
    if others:
        obstacles.append(f"it also contains {listed(ordered(others))}, which this owner did not set")
    if live.conflicts:
        obstacles.append("it has conflicting revisions")
    return replace(change_live(Action.REMOVE, live, {}), edited=edited, obstacles=tuple(obstacles))


def with_half_deleted(plan: Plan, snapshot: Snapshot, ids: Collection[str]) -> Plan:
    """The plan that also removes what is left of documents that had conflicting revisions, and that we deleted."""
    why = "it lost a conflict to a revision that this owner deleted"
    removes = [replace(change_live(Action.REMOVE, snapshot.documents[id], {}), obstacles=(why,)) for id in ids]
    changes = sorted((*plan.changes, *removes), key=lambda change: change.id)
    return replace(plan, changes=tuple(changes), unmanaged=tuple(id for id in plan.unmanaged if id not in ids))


def prune_refusal(plan: Plan) -> str | None:
    """Why a prune would remove too much at once, if it would: more than two, and more than half of what is ours."""
    removes = len(plan.removes)
    if removes <= MAX_REMOVES or removes * 2 <= plan.owned:
        return None
    return f"prune would delete {removes} of the {plan.owned} {plan.kind.noun}s that this owner has here"


def to_write(change: Change, signature: Signature | None) -> Write:
    """The write that makes a change; without an owner nothing is signed.

    A deletion is signed too: its tombstone says that the owner made it, and not someone else.
    """
    if change.action is Action.REMOVE:
        signed = signature.sign(change.id, {}, (), (), None) if signature else None
        return Write(change.id, change.rev, None, signed)
    if signature is None:
        return Write(change.id, change.rev, change.after)
    live = change.live.ownership if change.live else None
    before = live if isinstance(live, Ownership) else None
    changed = [field.name for field in change.fields]
    signed = signature.sign(change.id, change.after, change.owned, changed, before, change.held)
    return Write(change.id, change.rev, change.after, signed)


T = TypeVar("T")


def renamed(plan: Plan) -> dict[str, Live]:
    """The former live document of each renamed account type, by its new id.

    An account type is renamed if the plan creates it and removes another one, both have the same grant mode and
    endpoints, no other pair is alike, and the new one does not name another client: a secret must
    never come to a client that it does not belong to.
    """
    gone = _by_identity((change.kind.identity(change.before), change.live) for change in plan.removes if change.live)
    created = _by_identity((change.kind.identity(change.after), change) for change in plan.of(Action.CREATE))
    pairs = ((old[0], new[0]) for key, old in gone.items() if len(old) == len(new := created.get(key, [])) == 1)
    return {new.id: old for old, new in pairs if _same_client(old.document, new.after)}


def _same_client(old: Document, new: Document) -> bool:
    return is_missing(new.get("client_id")) or new.get("client_id") == old.get("client_id")


def carried(former: Mapping[str, Live]) -> Credentials:
    """The credentials that renamed account types take along, by their new ids."""
    return {
        id: {name: live.document[name] for name in live.kind.credentials(live.document)} for id, live in former.items()
    }


def with_renames(plan: Plan, former: Mapping[str, Live]) -> Plan:
    """The plan in which both halves of each rename know of each other.

    Of a rename that an earlier run began, the second half is left: the new account type is live, and has all that the
    old one has. One with the same endpoints that still needs its credentials may be the new one, too.
    """
    new = {live.id: id for id, live in former.items()}
    others = _by_identity(
        (each.kind.identity(each.after), each) for each in plan.changes if each.action is not Action.REMOVE
    )
    changes = []
    for change in plan.changes:
        if change.action is Action.REMOVE:
            changes.append(replace(change, renamed_to=new.get(change.id) or _successor(change, others)))
        else:
            changes.append(replace(change, renamed_from=former[change.id].id if change.id in former else None))
    return replace(plan, changes=tuple(changes))


def _successor(change: Change, others: Mapping[tuple[str, ...], Sequence[Change]]) -> str | None:
    """The account type with the same endpoints that has the credentials of one to be removed, or still needs them."""
    names = change.kind.credentials(change.before)
    if not names:
        return None
    alike = others.get(change.kind.identity(change.before), ())
    near = [each for each in alike if _same_client(change.before, each.after)]
    begun = (each.id for each in near if each.live and not lost(change.before, names, each.after))
    return next(begun, None) or next((each.id for each in near if _needs(each, change)), None)


def _needs(new: Change, old: Change) -> list[str]:
    """The credentials that an account type lacks, and that another one holds."""
    return [name for name in new.missing if name in old.kind.credentials(old.before)]


def why_kept(remove: Change, plan: Plan) -> str:
    """Why a document stays although another account type may take its place; an empty text if it goes after that."""
    new = next((each for each in plan.changes if each.id == remove.renamed_to), None)
    if new is None:
        return f"{remove.renamed_to}, its new id, is left out of this run"
    names = listed(_needs(new, remove))
    return f"{new.id} has the same endpoints, and no {names} yet: set its credentials first" if names else ""


def kept_credentials(plan: Plan) -> Iterator[str]:
    """What is said of credentials of ours that stay, and for which no definition asks any more."""
    for change in plan.changes:
        names = [name for name in change.kind.credentials(change.before) if name in {*change.owned} - {*change.asked}]
        if names and change.action is not Action.REMOVE:
            what = f"{change.id} keeps {listed(names)}, which its definition does not ask for"
            yield f"{what}: if nothing needs it, remove it from the document by hand"


def lacking_credentials(plan: Plan) -> list[str]:
    """The definitions that lack credentials, and of which nothing tells whether they are new names of others."""
    found = (each for each in plan.changes if each.action is not Action.REMOVE and each.missing)
    return [each.id for each in found if not each.kind.identity(each.after)]


def with_only_copies(plan: Plan, sources: Sequence[Credentials], lacking: Sequence[str] = ()) -> Plan:
    """The plan with the secret fields that no source has, and no account type takes along that is renamed.

    `lacking`: what may be the new name of a document of which nothing tells that.
    """
    after = {change.id: change.after for change in plan.changes}
    changes = []
    for change in plan.changes:
        if change.action is Action.REMOVE:
            copies = [*(source.get(change.id, {}) for source in sources), after.get(change.renamed_to or "", {})]
            change = replace(change, only_copy=only_copy(change.before, copies, change.kind))  # noqa: PLW2901
            if change.only_copy and lacking and not change.kind.identity(change.before):
                what = f"it has the only copy of {listed(change.only_copy)}"
                why = f"{what}, and {listed(lacking)} may be its new name and has no credentials yet"
                change = replace(change, obstacles=(*change.obstacles, why))  # noqa: PLW2901
        changes.append(change)
    return replace(plan, changes=tuple(changes))


def only_copy(document: Document, copies: Iterable[Document], kind: Kind = ACCOUNT_TYPE) -> tuple[str, ...]:
    """The secret fields of a document that none of its copies has; an empty secret is none, and no copy."""
    copies = [*copies]
    secrets = [name for name in kind.credentials(document) if holds_secret(document[name])]
    return tuple(name for name in secrets if all(lost(document, [name], copy) for copy in copies))


def lost(document: Document, names: Iterable[str], other: Document) -> list[str]:
    """Those of some fields that another document does not have with the same value."""
    return [name for name in names if not same_value(name, document.get(name), other.get(name))]


def _by_identity(documents: Iterable[tuple[tuple[str, ...], T]]) -> dict[tuple[str, ...], list[T]]:
    """What belongs to each document, by its identity; documents without one are left out."""
    found: dict[tuple[str, ...], list[T]] = {}
    for key, each in documents:
        if key:
            found.setdefault(key, []).append(each)
    return found
