"""What stands between a plan and its writes: unreadable owners, a saved plan, other owners, prunes, open databases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.commands.planning import Planned
from provisioner.core.definitions.account_type import SECRET_FIELDS
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.plan.planning import prune_refusal
from provisioner.core.plan.saved_plan import elsewhere, not_reviewed
from provisioner.core.targets.similar import similar_databases
from provisioner.core.text import listed


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the user allows `apply` to do. `saved`: the content of a saved plan; only what it has is written."""

    saved: Mapping[str, Any] | None = None
    prune: bool = False
    allow_mass_delete: bool = False
    adopt: bool = False
    allow_public: bool = False
    prune_changed: bool = False


def refusals(planned: Planned, allowed: Permissions) -> dict[str, str]:
    """The changes that the saved plan does not have, with the reason.

    Raises `SafetyLimit` or `UsageError` if nothing of the plan may be written.
    """
    _check_name(planned)
    _check_forms(planned)
    _check_owners(planned, allowed)
    if allowed.prune:
        _check_prune(planned, allowed)
    if allowed.saved is None:
        return {}
    if why := elsewhere(allowed.saved, str(planned.place), planned.owner):
        raise SafetyLimit(f"the saved plan is not for this: {why}", "save one for it with provision diff --out")
    return not_reviewed(allowed.saved, planned.plan)


def is_exposing(planned: Planned) -> bool:
    """Whether the plan writes a secret into a database that exists and that everyone can read."""
    security = planned.survey.security
    if security is None or not security.public or not planned.plan.ready:
        return False
    return any(SECRET_FIELDS & change.after.keys() for change in planned.plan.writes)


def exposure(planned: Planned) -> SafetyLimit:
    """The error for a secret that would be written into a database that everyone can read."""
    return SafetyLimit(
        f"everyone can read {planned.place}: its _security names no member, and client secrets would be written to it",
        "close it to everyone but admins with --make-private; or allow it with --allow-public",
    )


def check_exposure(planned: Planned) -> None:
    """Raise `SafetyLimit` if the plan writes a secret into a database that everyone can read."""
    if is_exposing(planned):
        what = f"everyone can read {planned.place}, and client secrets would be written to it"
        raise SafetyLimit(what, "close it to everyone but admins with apply --make-private")


def _check_name(planned: Planned) -> None:
    if planned.survey.security is not None:
        return
    for similar in similar_databases(planned.target.database, planned.store.databases()):
        what = f"{planned.place} does not exist, but a database with the similar name {similar} does"
        next = f"add --database {similar} if you mean that one; otherwise create {planned.target.database} by hand"
        raise SafetyLimit(what, next)


def _check_forms(planned: Planned) -> None:
    if planned.plan.unknown_form:
        what = f"the key `provision` of {listed(planned.plan.unknown_form)} has a form that this version does not know"
        raise SafetyLimit(what, "update provision; if the key is a mistake, remove it from the document by hand")


def _check_owners(planned: Planned, allowed: Permissions) -> None:
    if allowed.adopt and planned.owner is None:
        raise UsageError("--adopt needs an owner", "name one with --owner, or as owner: in provision.yaml")
    if planned.plan.foreign and not allowed.adopt:
        owned = listed(f"{id} (owner {owner})" for id, owner in planned.plan.foreign)
        next = "leave them out, or take them over with --adopt"
        if planned.owner is None:
            next = "name that owner with --owner, or as owner: in provision.yaml"
        raise SafetyLimit(f"these account types belong to another owner: {owned}", next)


def _check_prune(planned: Planned, allowed: Permissions) -> None:
    if planned.owner is None:
        what = "--prune needs an owner: without one, nothing tells which account types are yours to delete"
        raise UsageError(what, "name one with --owner, or as owner: in provision.yaml")
    if not planned.whole:
        raise UsageError("--prune compares with the whole catalogue", "run it without paths")
    refusal = prune_refusal(planned.plan)
    if refusal and not allowed.allow_mass_delete:
        raise SafetyLimit(refusal, "see provision diff; if this is intended, add --allow-mass-delete")
