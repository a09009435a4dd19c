"""Makes plans: compares definitions with live documents, and recognizes renames and the only copies of secrets."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import Document, cut_fields, is_missing, same_value, wrong_type
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.outside_json import CUT_OFF
from provisioner.core.plan.changes import Action, Change, Plan, change_live, create, field_changes, ordered
from provisioner.core.plan.ownership import Signature, UnknownForm
from provisioner.core.plan.store import Live, Snapshot, Write
from provisioner.core.rules.checking import Policy
from provisioner.core.secret import Secret, holds_secret
from provisioner.core.targets.filling import Credentials, fill
from provisioner.core.targets.target import Incomplete, Target
from provisioner.core.text import listed


class PlanOptions(Struct, frozen=True):
    """Whose plan it is, what it looks at, and what the user asks of it.

    `owner`: without one nothing is ever removed, and what is written belongs to nobody. `whole`: the definitions are
    all that the owner has, so that a live document of the owner that none of them defines is to be removed.
    `keep_rotated`: a credential that someone else changed since our last apply stays, if our source did not change.
    `given`: the variables of ``--set``. `incomplete`: what becomes of new account types without credentials, none: as
    the target says. `neighbours`: also look at what is live beside the definitions. `rules`: the severities of rules,
    which those of a target override.
    """

    owner: str | None = None
    whole: bool = False
    keep_rotated: bool = False
    given: Mapping[str, str] = {}
    strict: bool = False
    incomplete: Incomplete | None = None
    neighbours: bool = False
    rules: Policy = {}


_ANY = Target()
"""It takes every account type."""


def plan_apply(
    definitions: Sequence[Definition],
    snapshot: Snapshot,
    options: PlanOptions,
    target: Target = _ANY,
    refused: Mapping[str, str] | None = None,
    half_deleted: Callable[[Sequence[str], str], Collection[str]] = lambda *_: (),
    known: Callable[[Sequence[Change]], Sequence[Credentials]] = lambda _: (),
) -> tuple[Plan, Sequence[Definition]]:
    """The plan of an apply, and the definitions with the credentials that renamed account types take along.

    `refused`: those that must not be written, by id, with the reason. `half_deleted` is that of the `Store`, `known`
    what credential sources know of documents that a prune would delete.
    """
    plan = make_plan(definitions, snapshot, options, target)
    former = _renamed(plan)
    if former:
        carried = {
            id: {name: each.document[name] for name in each.kind.credentials(each.document)}
            for id, each in former.items()
        }
        definitions = [fill(definition, [carried]) for definition in definitions]
        plan = make_plan(definitions, snapshot, options, target)
    if plan.unmanaged and options.owner and (ids := half_deleted(plan.unmanaged, options.owner)):
        why = "it lost a conflict to a revision that this owner deleted"
        half = [change_live(Action.REMOVE, snapshot.documents[id], {}, obstacles=(why,)) for id in ids]
        unmanaged = tuple(id for id in plan.unmanaged if id not in ids)
        plan = replace(plan, changes=_sorted([*plan.changes, *half]), unmanaged=unmanaged)
    lacking: list[str] = []  # without endpoints, they may be renamed, and nothing shows what they were
    if plan.removes:
        stay = [each for each in plan.changes if each.action is not Action.REMOVE]
        lacking = [each.id for each in stay if each.missing and not each.identity]
        plan = _with_renames(plan, former)
    refused = {**{each.id: why for each in plan.changes if (why := refusal(each))}, **(refused or {})}
    changes = tuple(change for change in plan.changes if change.id not in refused)
    plan = replace(plan, changes=changes, refused=dict(sorted(refused.items())))
    return with_only_copies(plan, known(plan.removes), lacking) if plan.removes else plan, definitions


def make_plan(
    definitions: Iterable[Definition], snapshot: Snapshot, options: PlanOptions, target: Target = _ANY
) -> Plan:
    """The plan that brings the live documents of a snapshot to what the definitions say, each by itself.

    Documents whose id the target does not take are left out.
    """
    wanted = {definition.id: definition for definition in definitions}
    documents, owner = snapshot.documents, options.owner
    changes = [
        plan_change(each, documents.get(each.id), owner, keep_rotated=options.keep_rotated) for each in wanted.values()
    ]
    ours = [live for live in documents.values() if owner and live.owner == owner and target.takes(live.id)]
    unmanaged: list[str] = []
    if options.whole:
        changes += [_removal(live) for live in ours if live.id not in wanted]
        free = (id for id, live in documents.items() if live.ownership is None and id not in wanted)
        unmanaged = sorted(filter(target.takes, free))
    owners = {id: documents[id].owner for id in sorted(wanted.keys() & documents.keys())}
    return Plan(
        changes=_sorted(changes),
        ready=snapshot.ready,
        owned=len(ours),
        foreign={id: other for id, other in owners.items() if other not in ("", owner)},
        unreadable_owner=tuple(sorted(id for id, live in documents.items() if isinstance(live.ownership, UnknownForm))),
        unmanaged=tuple(unmanaged),
        kind=target.kind,
    )


def _sorted(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.id))


def plan_change(
    definition: Definition, live: Live | None, owner: str | None = None, *, keep_rotated: bool = False
) -> Change:
    """The change that one account type needs.

    A live field that the definition does not mention is kept, unless its owner set it and nobody changed it since, or
    it is one of the definition's fields in another spelling (``CLIENT_ID``), which the stack might read instead.
    Credentials are always kept: they come from several places, and one that is out of reach must not remove them.
    """
    wanted, asked = definition.document, definition.asked
    if live is None:
        owned = ordered(wanted) if owner else ()
        return create(definition.id, wanted, owned=owned, kind=definition.kind, asked=asked)
    document, key = live.document, live.key if owner else None
    edited = key.edited(live.id, document) if key else frozenset()
    held: frozenset[str] = frozenset()
    if key and key.owner == owner and keep_rotated and edited:
        # someone else changed them while our source still has what we wrote last; a client_id goes with its secret
        stale = edited & {*asked} & wanted.keys() & document.keys()
        stale = frozenset(name for name in stale if key.wrote(live.id, name, wanted[name]))
        held = stale if any(isinstance(wanted[name], Secret) for name in stale) else held
        wanted = {name: value for name, value in wanted.items() if name not in held}
    dropped = key.fields.keys() - wanted.keys() - edited - held if key else set()
    credentials = dropped & {*asked, *live.kind.credentials(document)}
    misspelled = {name for name in document if name not in wanted and live.kind.field_of(name) in wanted}
    gone = (dropped - credentials) | misspelled
    after = {**{name: value for name, value in document.items() if name not in gone}, **wanted}
    kept = document.keys() - wanted.keys() - gone - held
    ours = {*wanted, *credentials, *held}
    signed = not owner or (key and key.owner == owner and key.fields.keys() == ours and edited == held)
    unchanged = Action.UNCHANGED if signed else Action.ADOPT
    return change_live(
        Action.CHANGE if field_changes(document, after) else unchanged,
        live,
        after,
        owned=ordered(ours) if owner else (),
        asked=asked,
        kept=ordered(kept),
        released=ordered(kept & edited),
        edited=ordered(edited),
        held=ordered(held),
        adopted_from=None if owner is None or live.owner == owner else live.owner,
    )


def refusal(change: Change) -> str:
    """Why a change must not be made, with any option; an empty text if it may.

    The stack must be able to decode the document that is left, and that document must have some value.
    """
    cut = cut_fields({**change.before, **change.after})
    if cut and change.action is not Action.UNCHANGED:
        return f"{listed(cut)} of the live document is {CUT_OFF}, and would be lost: change the document by hand"
    if change.action is Action.REMOVE:
        return ""
    if decoded := change.kind.undecodable(change.after):
        kept = listed(ordered({fault.key for fault in decoded.faults}))
        wrong = listed(dict.fromkeys(map(wrong_type, decoded.faults)))
        return (
            f"the stack cannot decode the live document: {wrong}: correct {kept} by hand, or state it in the definition"
        )
    if change.action is not Action.UNCHANGED and all(map(is_missing, change.after.values())):
        return "there is nothing to write: neither the definition nor a credential source has a value for any field"
    return ""


def _removal(live: Live) -> Change:
    assert live.key
    edited = ordered(live.key.edited(live.id, live.document))
    others = ordered(live.document.keys() - live.key.fields.keys())
    obstacles = {
        f"someone else changed {listed(edited)}": edited,
        f"it also contains {listed(others)}, which this owner did not set": others,
        "it has conflicting revisions": live.conflicts,
    }
    return change_live(
        Action.REMOVE, live, {}, edited=edited, obstacles=tuple(why for why, found in obstacles.items() if found)
    )


def prune_refusal(plan: Plan) -> str | None:
    """Why a prune would remove too much at once, if it would: more than two, and more than half of what is ours."""
    removes = len(plan.removes)
    if removes <= 2 or removes * 2 <= plan.owned:
        return None
    return f"prune would delete {removes} of the {plan.owned} {plan.kind.noun}s that this owner has here"


def to_write(change: Change, signature: Signature | None) -> Write:
    """The write that makes a change; without an owner nothing is signed.

    A deletion is signed too: its tombstone says that the owner made it, and not someone else.
    """
    if change.action is Action.REMOVE:
        return Write(change.id, change.rev, None, signature.sign(change.id, {}, (), (), None) if signature else None)
    signed = None
    if signature:
        changed = [field.name for field in change.fields]
        before = change.live.key if change.live else None
        signed = signature.sign(change.id, change.after, change.owned, changed, before, change.held)
    return Write(change.id, change.rev, change.after, signed)


def _renamed(plan: Plan) -> dict[str, Live]:
    """The former live document of each renamed account type, by its new id.

    An account type is renamed if the plan creates it and removes another one, both have the same grant mode and
    endpoints, no other pair is alike, and the new one does not name another client: a secret must
    never come to a client that it does not belong to.
    """
    created = _by_identity(plan.of(Action.CREATE))
    pairs = ((old, created.get(key, [])) for key, old in _by_identity(plan.removes).items())
    alone = [(old[0], new[0]) for old, new in pairs if len(old) == len(new) == 1]
    return {new.id: old.live for old, new in alone if old.live and _same_client(old.before, new.after)}


def _by_identity(changes: Iterable[Change]) -> dict[tuple[str, ...], list[Change]]:
    """Changes by what a document has under any id; those without such an identity are left out."""
    found: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        if change.identity:
            found.setdefault(change.identity, []).append(change)
    return found


def _same_client(old: Document, new: Document) -> bool:
    return is_missing(new.get("client_id")) or new.get("client_id") == old.get("client_id")


def _with_renames(plan: Plan, former: Mapping[str, Live]) -> Plan:
    """The plan in which both halves of each rename know of each other.

    Of a rename that an earlier run began, the second half is left: the new account type is live, and has all that the
    old one has. One with the same endpoints that still needs its credentials may be the new one, too.
    """
    new = {live.id: id for id, live in former.items()}
    others = _by_identity(each for each in plan.changes if each.action is not Action.REMOVE)

    def successor(gone: Change) -> str | None:
        names = gone.credentials
        alike = others.get(gone.identity, ()) if names else ()
        near = [each for each in alike if _same_client(gone.before, each.after)]
        begun = [each.id for each in near if each.live and not lost(gone.before, names, each.after)]
        return next(iter([*begun, *(each.id for each in near if _needs(each, gone))]), None)

    changes = (
        replace(each, renamed_to=new.get(each.id) or successor(each))
        if each.action is Action.REMOVE
        else replace(each, renamed_from=former[each.id].id)
        if each.id in former
        else each
        for each in plan.changes
    )
    return replace(plan, changes=tuple(changes))


def _needs(new: Change, old: Change) -> list[str]:
    """The credentials that an account type lacks, and that another one holds."""
    return [name for name in new.missing if name in old.credentials]


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
        names = [name for name in change.credentials if name in change.owned and name not in change.asked]
        if names and change.action is not Action.REMOVE:
            what = f"{change.id} keeps {listed(names)}, which its definition does not ask for"
            yield f"{what}: if nothing needs it, remove it from the document by hand"


def with_only_copies(plan: Plan, contents: Sequence[Credentials], lacking: Sequence[str] = ()) -> Plan:
    """The plan in which a removal knows the secrets that neither a source has nor the new document after a rename.

    `lacking`: the account types that may be the new one, where nothing shows which one is.
    """
    after = {change.id: change.after for change in plan.changes}

    def looked_up(gone: Change) -> Change:
        copies = [*(each.get(gone.id, {}) for each in contents), after.get(gone.renamed_to or "", {})]
        names = only_copy(gone.before, copies, gone.kind)
        why = f"it has the only copy of {listed(names)}, and {listed(lacking)} may be its new name and has no"
        waits = names and lacking and not gone.identity
        obstacles = (*gone.obstacles, f"{why} credentials yet") if waits else gone.obstacles
        return replace(gone, only_copy=names, obstacles=obstacles)

    changes = (looked_up(each) if each.action is Action.REMOVE else each for each in plan.changes)
    return replace(plan, changes=tuple(changes))


def only_copy(document: Document, copies: Iterable[Document], kind: Kind = ACCOUNT_TYPE) -> tuple[str, ...]:
    """The secret fields of a document that none of its copies has; an empty value is neither a secret nor a copy."""
    copies = [*copies]
    secrets = [name for name in kind.credentials(document) if holds_secret(document[name])]
    return tuple(name for name in secrets if all(lost(document, [name], copy) for copy in copies))


def lost(document: Document, names: Iterable[str], other: Document) -> list[str]:
    """Those of some fields that another document does not have with the same value."""
    return [name for name in names if not same_value(name, document.get(name), other.get(name))]
