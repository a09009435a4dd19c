"""Who can read a database: its ``_security``, by CouchDB's documentation of ``/{db}/_security``.

An admin of the database may read it as well as a member does. If it names no member, everyone may.
"""

from dataclasses import dataclass
from typing import Any

ADMIN_ROLE = "_admin"
"""The role of the server's admins."""


@dataclass(frozen=True, slots=True)
class Security:
    """The names and the roles that a database lists as members and as admins."""

    member_names: tuple[str, ...] = ()
    member_roles: tuple[str, ...] = ()
    admin_names: tuple[str, ...] = ()
    admin_roles: tuple[str, ...] = ()

    @property
    def public(self) -> bool:
        """Whether everyone can read the database."""
        return not (self.member_names or self.member_roles)

    @property
    def readers(self) -> tuple[str, ...]:
        """Who can read the database beside the server's admins: names of users, and roles marked as such."""
        names = dict.fromkeys((*self.member_names, *self.admin_names))
        roles = dict.fromkeys((*self.member_roles, *self.admin_roles))
        return (*names, *(f"everyone with the role {role}" for role in roles if role != ADMIN_ROLE))


def read_security(body: Any) -> Security:
    """What a ``_security`` document says. What has another shape counts as not named, as CouchDB reads it."""
    members, admins = (body.get(kind) if isinstance(body, dict) else None for kind in ("members", "admins"))
    return Security(
        member_names=_listed(members, "names"),
        member_roles=_listed(members, "roles"),
        admin_names=_listed(admins, "names"),
        admin_roles=_listed(admins, "roles"),
    )


def _listed(group: Any, key: str) -> tuple[str, ...]:
    values = group.get(key) if isinstance(group, dict) else None
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()
