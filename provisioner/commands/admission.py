"""What stands between a plan and its writes: the gates of a whole plan, and those of each change."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from msgspec import Struct

from provisioner.commands.planning import Planned
from provisioner.core.definitions.account_type import has_secrets
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.plan.changes import Action, Change, SavedPlan, difference
from provisioner.core.plan.planning import prune_refusal
from provisioner.core.targets.target import similar_databases
from provisioner.core.text import listed


class Permission(StrEnum):
    """What ``--allow`` lets pass."""

    ADOPT = "adopt"
    CHANGED = "changed"
    MASS_DELETE = "mass-delete"
    NEW_DATABASE = "new-database"
    PUBLIC = "public"
    ROTATED = "rotated"
    UNPROVEN = "unproven"


class ApplyOptions(Struct, frozen=True):
    """How a plan is to be applied.

    `saved`: the content of a saved plan; only what it has is written. `resolve_conflicts`: losing revisions that the
    plan shows are removed. `yes`: nobody is asked.
    """

    allow: Collection[Permission] = ()
    saved: SavedPlan | None = None
    prune: bool = False
    resolve_conflicts: bool = False
    make_private: bool = False
    yes: bool = False


class Terms(Struct, frozen=True):
    """What each change of a run is measured by, whenever it is planned.

    `reviewed`: the changes that a saved plan has or that a person agreed to, by id; ``None``: nobody reviewed any.
    `incomplete`: the new account types that may lack credentials; ``None``: every one may. `public`: everyone can read
    the database, and no secret is to be written to it. `losses`: the secret fields whose last copy may be deleted, by
    id. `prove` says why a change must not be written, if nothing proves the credentials in it; an empty text if it may.
    """

    reviewed: Mapping[str, Change] | None = None
    incomplete: Collection[str] | None = None
    public: bool = False
    losses: Mapping[str, Collection[str]] = {}
    prove: Callable[[Change], str] | None = None


def admit(change: Change, terms: Terms) -> str:
    """Why a change must not be made; an empty text if it may.

    Each change passes here before its first write, and again when it is planned anew, because somebody else wrote
    meanwhile.
    """
    if change.action is Action.UNCHANGED:
        return ""
    if terms.reviewed is not None and (what := difference(terms.reviewed.get(change.id), change)):
        return f"its change is not the one that was reviewed ({what}): run provision diff"
    if change.action is Action.REMOVE:
        names = [name for name in change.only_copy if name not in terms.losses.get(change.id, ())]
        return f"it has the only copy of {listed(names)}" if names else ""
    may_lack = terms.incomplete is None or change.id in terms.incomplete
    if not may_lack and change.action is Action.CREATE and change.missing:
        return f"it would be created without {listed(change.missing)}"
    if terms.public and has_secrets(change.after):
        return "everyone can read the database: apply --make-private closes it, apply --allow public writes it anyway"
    return terms.prove(change) if terms.prove else ""


def check_plan(planned: Planned, options: ApplyOptions) -> None:
    """Raise `SafetyLimit` or `UsageError` if nothing of a plan may be written."""
    plan, owner, place, noun = planned.plan, planned.owner, planned.place, planned.target.kind.noun
    known = planned.snapshot.security is not None or Permission.NEW_DATABASE in options.allow
    for similar in () if known else similar_databases(planned.target.database, planned.store.databases()):
        what = f"{place} does not exist, but a database with the similar name {similar} does"
        kind = f" --kind {planned.target.kind.name}" if planned.target.label else ""
        next = f"add --database {similar}{kind} if you mean that one; to create the new one, add --allow new-database"
        raise SafetyLimit(what, next)
    if plan.unreadable_owner:
        what = f"a newer version of provision wrote {listed(plan.unreadable_owner)}: this one cannot read the key"
        next = "upgrade provision; if the key is a mistake, remove it from the document by hand"
        raise SafetyLimit(f"{what} `provision`", next)
    adopt = Permission.ADOPT in options.allow
    if adopt and owner is None:
        raise UsageError("--allow adopt needs an owner", _NAME_OWNER)
    if plan.foreign and not adopt:
        owned = listed(f"{id} (owner {other})" for id, other in plan.foreign.items())
        next = "leave them out, or adopt them with --allow adopt"
        if owner is None:
            next = "set that owner: in provision.yaml, or pass it with --owner"
        raise SafetyLimit(f"these {noun}s belong to another owner: {owned}", next)
    if options.prune and owner is None:
        raise UsageError("--prune needs an owner, to tell your documents from other people's", _NAME_OWNER)
    if options.prune and not planned.whole:
        raise UsageError("--prune compares with the whole catalogue", "run it without paths")
    if options.prune and (why := prune_refusal(plan)) and Permission.MASS_DELETE not in options.allow:
        raise SafetyLimit(why, "see provision diff; if this is intended, add --allow mass-delete")
    saved = options.saved
    if saved and (str(saved.place), saved.owner) != (str(place), owner):
        one, two = (f"the owner {each}" if each else "no owner" for each in (saved.owner, owner))
        what = f"it was made for {saved.place} and {one}, not for {place} and {two}"
        raise SafetyLimit(f"the saved plan does not match: {what}", "create a new one with provision diff --out")


_NAME_OWNER = "set owner: in provision.yaml, or pass --owner NAME"


def is_exposing(planned: Planned) -> bool:
    """Whether the plan writes a secret into a database that exists and that everyone can read."""
    return planned.snapshot.exposed and any(has_secrets(change.after) for change in planned.plan.writes)


def exposure(
    planned: Planned, next: str = "close it to everyone but admins with --make-private; or add --allow public"
) -> SafetyLimit:
    """The error for a secret that would be written into a database that everyone can read."""
    what = f"everyone can read {planned.place}: its _security lists no member"
    return SafetyLimit(f"{what}, and {planned.target.kind.secrets} would be written to it", next)
