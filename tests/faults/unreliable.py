"""A store that loses answers and that others write to meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from provisioner.core.definitions.account_type import Document, conceal
from provisioner.core.errors import StoreError
from provisioner.core.plan.ownership import Owning, Signature
from provisioner.core.plan.store import Conflict, Live, Snapshot, Store, Unanswered, Write, WriteResult, Written
from provisioner.core.secret import Json

IDS = ("a", "b")
ids = st.sampled_from(IDS)
values: st.SearchStrategy[Json] = st.sampled_from(["1", "2", {"x": [1]}])
foreign = st.dictionaries(st.sampled_from(["note", "auth_endpoint", "client_secret"]), values, min_size=1, max_size=3)

T = TypeVar("T")

SOMEONE = Signature("someone", "2026-11-24T17:00:00Z", None, lambda: "ff00ff00ff00ff00")
"""Another owner, whose documents no run here may adopt unseen."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A write whose answer is lost, made or not; `again`: it was sent twice, the second time in conflict."""

    made: bool
    again: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody else does between the run's reading and its write.

    `fields`: what they get, none: the document is deleted. `signed`: `SOMEONE` writes the whole document.
    """

    fields: Mapping[str, Json] | None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What happens during a run; `killed`: it ends after so many outcomes."""

    lost: Mapping[str, Lost]
    edits: Mapping[str, Edit]
    unreadable: bool
    killed: int | None = None


QUIET = Disturbance({}, {}, unreadable=False)


def _each(of: st.SearchStrategy[T]) -> st.SearchStrategy[dict[str, T]]:
    """What happens to each document; to half of them nothing does."""
    return st.fixed_dictionaries({id: of | st.none() for id in IDS}).map(
        lambda found: {id: each for id, each in found.items() if each is not None}
    )


disturbances = st.builds(
    Disturbance,
    _each(st.builds(Lost, st.booleans(), st.booleans())),
    _each(st.builds(Edit, foreign | st.none(), st.booleans())),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([None, None, 0, 1]),
)


class Database(Store, Protocol):
    """A store whose database others write to, replicate conflicts into, and compact."""

    @property
    def documents(self) -> Mapping[str, Live]:
        """What is there now."""

    def put(self, id: str, document: Document, ownership: Owning = None) -> str:
        """Write a document as somebody else would."""

    def remove(self, id: str) -> None:
        """Delete a document, if it is there, as somebody else would."""

    def branch(self, id: str, document: Document) -> None:
        """Add a revision that loses to the live one."""

    def compact(self) -> None:
        """Forget the revisions that are not leaves."""


class UnreliableStore:
    """A database that is disturbed as `expect` says, each document once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.prepare = database.prepare
        self.databases = database.databases
        self.survey = database.survey
        self.read_all = database.read_all
        self.deleted = database.deleted
        self.half_deleted = database.half_deleted
        self.close_to_others = database.close_to_others
        self.stop = database.stop
        self.put = database.put
        self.remove = database.remove
        self.branch = database.branch
        self.compact = database.compact
        self.writes = 0
        self.made_by_others: dict[str, Edit] = {}
        self.expect(QUIET)

    @property
    def documents(self) -> Mapping[str, Live]:
        return self._database.documents

    def expect(self, disturbed: Disturbance) -> None:
        self.unreadable = disturbed.unreadable
        self.lost, self.edits = dict(disturbed.lost), dict(disturbed.edits)
        self.made_by_others = {}

    def read(self, ids: Sequence[str]) -> Snapshot:
        if self.unreadable:
            raise StoreError("no answer", "try again")
        return self._database.read(ids)

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        for write in writes:
            if (edit := self.edits.pop(write.id, None)) is not None:
                self.edit(write.id, edit)
            lost = self.lost.pop(write.id, None)
            result: WriteResult = Unanswered(write.id, "no answer")
            if lost is None or lost.made:
                (result,) = self._database.write([write])
            self.writes += isinstance(result, Written)
            if lost is None:
                yield result
            elif lost.made and lost.again:
                yield Conflict(write.id, answer_lost=True)
            else:
                yield Unanswered(write.id, "no answer")

    def edit(self, id: str, edit: Edit) -> None:
        """Change fields by hand and keep the key, or delete a document, or write all of it as another owner."""
        live = self.documents.get(id)
        if edit.fields is None:
            self.remove(id)
        elif edit.signed:
            document = conceal(dict(edit.fields))
            self.put(id, document, SOMEONE.sign(id, document, document, document, None))
        elif live is not None:
            self.put(id, {**live.document, **conceal(dict(edit.fields))}, live.ownership)
        else:
            return
        self.made_by_others[id] = edit
