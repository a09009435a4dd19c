"""What stands between a plan and its writes: the gates of a whole plan, and those of each change."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from msgspec import Struct

from provisioner.commands.planning import Planned
from provisioner.core.definitions.account_type import holds_secrets
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.plan.changes import Action, Change, difference
from provisioner.core.plan.planning import prune_refusal
from provisioner.core.plan.saved_plan import SavedPlan
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
    id. `prove` says why the credentials that a change writes must not be, if nothing proves them; an empty text if they
    may.
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
        return _loss(change.id, change.only_copy, terms)
    if missing := _missing(change, terms):
        return f"it would be created without {listed(missing)}"
    if terms.public and holds_secrets(change.after):
        return "everyone can read the database: apply --make-private closes it, apply --allow public writes it anyway"
    return terms.prove(change) if terms.prove else ""


def _missing(change: Change, terms: Terms) -> tuple[str, ...]:
    """The credentials that a new account type must not lack."""
    may_lack = terms.incomplete is None or change.id in terms.incomplete
    return () if may_lack or change.action is not Action.CREATE else change.missing


def _loss(id: str, only_copy: Collection[str], terms: Terms) -> str:
    """Why a document must not be deleted, if nobody allowed the loss of secrets that only it holds."""
    names = [name for name in only_copy if name not in terms.losses.get(id, ())]
    return f"it has the only copy of {listed(names)}" if names else ""


def check_plan(planned: Planned, options: ApplyOptions) -> None:
    """Raise `SafetyLimit` or `UsageError` if nothing of a plan may be written."""
    _check_name(planned, options)
    _check_forms(planned)
    _check_owners(planned, options)
    if options.prune:
        _check_prune(planned, options)
    if options.saved and (why := options.saved.why_not_for(planned.place, planned.owner)):
        raise SafetyLimit(f"the saved plan does not match: {why}", "create a new one with provision diff --out")


def is_exposing(planned: Planned) -> bool:
    """Whether the plan writes a secret into a database that exists and that everyone can read."""
    if not (planned.survey.public and planned.plan.ready):
        return False
    return any(holds_secrets(change.after) for change in planned.plan.writes)


def exposure(planned: Planned) -> SafetyLimit:
    """The error for a secret that would be written into a database that everyone can read."""
    return SafetyLimit(
        f"everyone can read {planned.place}: its _security lists no member, and {planned.target.kind.secrets} would be "
        "written to it",
        "close it to everyone but admins with --make-private; or add --allow public",
    )


def check_exposure(planned: Planned) -> None:
    """Raise `SafetyLimit` if the plan writes a secret into a database that everyone can read."""
    if is_exposing(planned):
        what = f"everyone can read {planned.place}, and {planned.target.kind.secrets} would be written to it"
        raise SafetyLimit(what, "close it to everyone but admins with apply --make-private")


def _check_name(planned: Planned, options: ApplyOptions) -> None:
    if planned.survey.security is not None or Permission.NEW_DATABASE in options.allow:
        return
    for similar in similar_databases(planned.target.database, planned.store.databases()):
        what = f"{planned.place} does not exist, but a database with the similar name {similar} does"
        folder = f"{planned.target.kind.folder} " if planned.target.label else ""
        next = f"add {folder}--database {similar} if you mean that one; to create the new one, add --allow new-database"
        raise SafetyLimit(what, next)


def _check_forms(planned: Planned) -> None:
    if ids := planned.plan.unreadable_owner:
        what = f"a newer version of provision wrote {listed(ids)}: this one cannot read the key `provision`"
        raise SafetyLimit(what, "upgrade provision; if the key is a mistake, remove it from the document by hand")


def _check_owners(planned: Planned, options: ApplyOptions) -> None:
    adopt = Permission.ADOPT in options.allow
    if adopt and planned.owner is None:
        raise UsageError("--allow adopt needs an owner", "set owner: in provision.yaml, or pass --owner NAME")
    if planned.plan.foreign and not adopt:
        owned = listed(f"{id} (owner {owner})" for id, owner in planned.plan.foreign.items())
        next = "leave them out, or adopt them with --allow adopt"
        if planned.owner is None:
            next = "set that owner: in provision.yaml, or pass it with --owner"
        raise SafetyLimit(f"these {planned.target.kind.noun}s belong to another owner: {owned}", next)


def _check_prune(planned: Planned, options: ApplyOptions) -> None:
    if planned.owner is None:
        what = "--prune needs an owner, to tell your documents from other people's"
        raise UsageError(what, "set owner: in provision.yaml, or pass --owner NAME")
    if not planned.whole:
        raise UsageError("--prune compares with the whole catalogue", "run it without paths")
    refusal = prune_refusal(planned.plan)
    if refusal and Permission.MASS_DELETE not in options.allow:
        raise SafetyLimit(refusal, "see provision diff; if this is intended, add --allow mass-delete")
