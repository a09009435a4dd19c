"""A store in memory that loses answers and that others write to meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import strategies as st

from provisioner.core.definitions.account_type import conceal
from provisioner.core.errors import Unavailable
from provisioner.core.plan.ownership import Signature
from provisioner.core.plan.store import Conflict, Snapshot, Unsure, Write, WriteResult
from provisioner.core.secret import Json
from tests.store.memory import MemoryStore

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


class UnreliableStore(MemoryStore):
    """Is disturbed as `expect` says, each document once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.made_by_others: dict[str, Edit] = {}
        self.expect(QUIET)

    def expect(self, disturbed: Disturbance) -> None:
        self.unreadable = disturbed.unreadable
        self.lost, self.edits = dict(disturbed.lost), dict(disturbed.edits)
        self.made_by_others = {}

    def read(self, ids: Sequence[str]) -> Snapshot:
        if self.unreadable:
            raise Unavailable("no answer", "try again")
        return super().read(ids)

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        for write in writes:
            if (edit := self.edits.pop(write.id, None)) is not None:
                self.edit(write.id, edit)
            lost = self.lost.pop(write.id, None)
            before = self.documents.get(write.id)
            result = self._write(write) if lost is None or lost.made else Unsure(write.id, "no answer")
            self.writes += self.documents.get(write.id) is not before
            if lost is None:
                yield result
            elif lost.made and lost.again:
                yield Conflict(write.id, answer_lost=True)
            else:
                yield Unsure(write.id, "no answer")

    def edit(self, id: str, edit: Edit) -> None:
        """Change fields by hand and keep the key, or delete a document, or write all of it as another owner."""
        live = self.documents.get(id)
        if edit.fields is None:
            self.documents.pop(id, None)
        elif edit.signed:
            document = conceal(dict(edit.fields))
            self.put(id, document, SOMEONE.sign(id, document, document, document, None))
        elif live is not None:
            self.put(id, {**live.document, **conceal(dict(edit.fields))}, live.ownership)
        else:
            return
        self.made_by_others[id] = edit
