"""The port to the database of account types, and what travels through it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from provisioner.core.definitions.account_type import Document
from provisioner.core.secret import Json


@dataclass(frozen=True, slots=True)
class Live:
    """A document as it was read. `document` has no ``_id`` and ``_rev`` but keeps ``_attachments``."""

    id: str
    rev: str
    document: Document


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The documents that were asked for and exist, by id.

    `ready` is false where the database is missing or holds no document at all, so that it needs preparing.
    """

    documents: Mapping[str, Live]
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Write:
    """One document to put in place of the revision that was read (none: where no document is).

    No document: the one that was read is to be deleted.
    """

    id: str
    rev: str | None
    document: Document | None


@dataclass(frozen=True, slots=True)
class Local:
    """A document that belongs to one database and is never replicated: ``_local/<name>``."""

    name: str
    rev: str | None
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Written:
    id: str
    rev: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """The live revision is not the one that was read.

    `answer_lost` says that an earlier try of the same write got no answer, so the live one may be our own.
    """

    id: str
    answer_lost: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    id: str
    reason: str


WriteResult: TypeAlias = Written | Conflict | Refused


class Store(Protocol):
    """The database of account types. Its methods raise `StoreError`; documents of a design are never among them."""

    def read(self, ids: Sequence[str]) -> Snapshot:
        """Read documents by id, as few requests as possible."""

    def read_all(self) -> Snapshot:
        """Read every document."""

    def read_local(self, name: str) -> Local | None:
        """Read a local document."""

    def write_local(self, local: Local) -> None:
        """Write a local document in place of the revision that was read."""

    def prepare(self) -> None:
        """Create the database where it is missing, for admins only, with the index that the stack defines."""

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        """Write documents, one result each, in the order in which they are known."""
