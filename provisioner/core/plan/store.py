"""The port to a database, and what travels through it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.errors import StoreError
from provisioner.core.plan.ownership import Ownership, Owning

ADMIN_ROLE = "_admin"
"""The role of the server's admins."""


class Security(Struct, frozen=True):
    """Who can read a database: everyone, or, beside the server's admins, users and roles, each in words."""

    public: bool
    readers: tuple[str, ...] = ()


def read_security(body: Any) -> Security:
    """What a ``_security`` document says. What has another shape counts as not named, as CouchDB reads it."""

    def listed(group: str, key: str) -> list[str]:
        row = body.get(group) if isinstance(body, dict) else None
        values = row.get(key) if isinstance(row, dict) else None
        return [each for each in values if isinstance(each, str)] if isinstance(values, list) else []

    names, roles = listed("members", "names"), listed("members", "roles")
    users = dict.fromkeys([*names, *listed("admins", "names")])
    groups = dict.fromkeys([*roles, *listed("admins", "roles")])
    readers = (*users, *(f"everyone with the role {role}" for role in groups if role != ADMIN_ROLE))
    return Security(public=not (names or roles), readers=readers)


def generation(rev: str) -> int:
    """The number of a revision in its branch, from 1; 0 for a text that is not a revision."""
    number = rev.partition("-")[0]
    return int(number) if number.isdecimal() else 0


class Losing(Struct, frozen=True):
    """A revision of a document that lost a conflict, and still lies in the database."""

    rev: str
    document: Document


class Live(Struct, frozen=True):
    """A live document as it was read, and its owner.

    `document` has no ``_id``, ``_rev``, ``_conflicts`` and ``provision``, but keeps ``_attachments``.
    """

    id: str
    rev: str
    document: Document
    ownership: Owning = None
    conflicts: tuple[Losing, ...] = ()
    kind: Kind = ACCOUNT_TYPE

    @property
    def key(self) -> Ownership | None:
        """What its owner wrote of it, if this version can read that."""
        return self.ownership if isinstance(self.ownership, Ownership) else None

    @property
    def owner(self) -> str:
        """Its owner; an empty text if it has none."""
        return self.key.owner if self.key else ""


class Snapshot(Struct, frozen=True):
    """The documents that were asked for and exist, by id.

    `ready`: the database holds some document, so that it needs no preparing. `missing`: it does not exist; the text
    says which one. `security`: who can read it, if a survey asked for that and it exists.
    """

    documents: Mapping[str, Live] = {}
    ready: bool = True
    missing: str = ""
    security: Security | None = None

    @property
    def public(self) -> bool:
        """Whether the database exists, and everyone can read it."""
        return self.security is not None and self.security.public

    @property
    def exposed(self) -> bool:
        """Whether it is also in use: one that needs preparing is closed with that."""
        return self.public and self.ready

    def existing(self) -> "Snapshot":
        """The same. Raises `StoreError` if the database does not exist."""
        if self.missing:
            raise StoreError(
                f"{self.missing} does not exist", "run provision apply to create it, or pass another --database"
            )
        return self


class Tombstone(Struct, frozen=True):
    """A document that is deleted in each of its branches.

    `signers`: the owners who signed the deletions, ``None`` for one that nobody signed. `before`: whose the document
    was before a deletion that nobody signed, if CouchDB still knows that. `rev` and `write`: the revision of the
    deletion that counts, and the name of the write that made it.
    """

    signers: frozenset[str | None]
    before: Ownership | None = None
    rev: str = ""
    write: str | None = None

    def is_signed_by(self, owner: str) -> bool:
        """Whether an owner deleted the document, and nobody else did."""
        return self.signers == {owner}


class Write(Struct, frozen=True):
    """One document to put in place of the revision that was read (none: there was no document).

    No document: the write deletes the revision that was read, which may be a losing one.
    """

    id: str
    rev: str | None
    document: Document | None
    ownership: Ownership | None = None


class Written(Struct, frozen=True):
    """The document is written; without `quorum`, to fewer nodes than the cluster wants (status 202)."""

    id: str
    rev: str
    quorum: bool = True


class Conflict(Struct, frozen=True):
    """The live revision is not the one that was read.

    `answer_lost`: an earlier try of the same write got no answer, so that the live revision may be our own.
    """

    id: str
    answer_lost: bool = False


class NotAccepted(Struct, frozen=True):
    """The server refuses the document; nothing is written."""

    id: str
    reason: str


class Unanswered(Struct, frozen=True):
    """No answer says whether the document is written: it must be read again."""

    id: str
    reason: str


WriteResult: TypeAlias = Written | Conflict | NotAccepted | Unanswered


class Store(Protocol):
    """A database of one kind of document, without its design documents. Its methods raise `StoreError`."""

    def survey(self, ids: Sequence[str] | None) -> Snapshot:
        """Read documents by id, or all of them (``None``), and at the same time who can read the database."""

    def read(self, ids: Sequence[str]) -> Snapshot:
        """Read a few documents by id as they are after the last write, also in a cluster."""

    def read_all(self) -> Snapshot:
        """Read every document."""

    def deleted(self, ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """The tombstones of those documents that are deleted, in as few requests as possible."""

    def half_deleted(self, ids: Sequence[str], owner: str) -> Collection[str]:
        """The ids among some live documents of which an owner deleted the winner, so that what had lost is live."""

    def databases(self) -> Sequence[str]:
        """The names of the server's databases; none if this user may not list them."""

    def prepare(self) -> bool:
        """Create the database if it is missing, for admins only, with the index that the stack defines.

        Returns whether it was missing.
        """

    def close_to_others(self) -> None:
        """Close the database to everyone but admins."""

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        """Write documents, one result each, in the order in which they are known."""

    def stop(self, grace: float) -> None:
        """End the run: what is under way has some seconds left, and nothing new is written."""
