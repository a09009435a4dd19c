"""Random definitions, foreign edits, owners, prunes, adoptions and lost answers: nothing is lost, nothing false is said."""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from provisioner.commands import apply
from provisioner.core.definitions.account_type import conceal
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.node import START
from provisioner.core.definitions.node import Mapping as Node
from provisioner.core.errors import StoreError, Unavailable
from provisioner.core.plan.changes import Plan, Remove, Unchanged
from provisioner.core.plan.outcome import Applied, Failed, Left, Outcome, Resolved, Settled, Unknown
from provisioner.core.plan.ownership import Ownership, Signature
from provisioner.core.plan.planning import Scope, make_plan, owner_of
from provisioner.core.plan.store import Conflict, Live, Snapshot, Unsure, Write, WriteResult
from provisioner.core.secret import Json
from tests.store.memory import MemoryStore

FULL = os.environ.get("FAULTS") == "full"

ids = st.sampled_from(["a", "b", "c", "d"])
owners = st.sampled_from([None, "one", "two"])
OURS = ("grant_mode", "auth_endpoint", "client_secret", "extras")
values: st.SearchStrategy[Json] = st.sampled_from(["1", "2", 3, {"x": ["1"]}])
definitions = st.dictionaries(ids, st.dictionaries(st.sampled_from(OURS), values, min_size=1), max_size=4)
foreign = st.dictionaries(
    st.sampled_from(["note", "extras", "auth_endpoint", "client_secret"]), values, min_size=1, max_size=3
)


@dataclass(frozen=True, slots=True)
class Lost:
    """What goes wrong with one write: whether it was made, and what the run is told of it."""

    made: bool
    told: str  # "unsure", "again": sent twice, the second time in conflict with the first


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody else does between the run's reading and its write."""

    fields: Mapping[str, Json] | None  # none: the document is deleted


class UnreliableStore(MemoryStore):
    """Loses answers, fails to read, and has other people write just before a write."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: dict[str, Lost] = {}
        self.edits: dict[str, Edit] = {}
        self.unreadable = False
        self.writes = 0

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
            result = self._write(write) if lost is None or lost.made else None
            self.writes += self.documents.get(write.id) is not before
            match lost:
                case None:
                    assert result is not None
                    yield result
                case Lost(made=True, told="again"):
                    yield Conflict(write.id, answer_lost=True)
                case _:
                    yield Unsure(write.id, "no answer")

    def edit(self, id: str, edit: Edit) -> None:
        """Change fields by hand and keep the key, or delete a document."""
        live = self.documents.get(id)
        if edit.fields is None:
            self.documents.pop(id, None)
        elif live is not None:
            self.put(id, {**live.document, **conceal(dict(edit.fields))}, live.ownership)


losses = st.builds(Lost, st.booleans(), st.sampled_from(["unsure", "again"]))
edits = st.builds(Edit, st.none() | foreign)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What happens during a run; `killed`: it ends after so many outcomes."""

    lost: Mapping[str, Lost]
    edits: Mapping[str, Edit]
    unreadable: bool
    killed: int | None = None


disturbances = st.builds(
    Disturbance,
    st.dictionaries(ids, losses, max_size=2),
    st.dictionaries(ids, edits, max_size=2),
    st.booleans(),
    st.none() | st.integers(0, 2),
)
QUIET = Disturbance({}, {}, unreadable=False)


class Catalogues(RuleBasedStateMachine):
    """Two owners and one without a name work on a database in which others write by hand.

    `theirs` are the fields that somebody else wrote by hand last, with their values; a field leaves it when a
    definition takes it over, which the plan then shows as a change.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = UnreliableStore()
        self.store.prepare()
        self.theirs: dict[tuple[str, str], Json] = {}
        self.salts = itertools.count()

    @rule(id=ids, fields=foreign)
    def write_by_hand(self, id: str, fields: dict[str, Json]) -> None:
        """A new document in place of the one that is there, with no key."""
        self.forget(id)
        self.store.put(id, conceal(fields))
        self.theirs |= {(id, name): value for name, value in fields.items()}

    @rule(id=ids, fields=foreign)
    def edit_by_hand(self, id: str, fields: dict[str, Json]) -> None:
        if id in self.store.documents:
            before = self.store.documents[id]
            self.store.edit(id, Edit(fields))
            self.edited(id, fields, before)

    @rule(id=ids)
    def delete_by_hand(self, id: str) -> None:
        self.forget(id)
        self.store.documents.pop(id, None)

    @rule(
        catalogue=definitions,
        owner=owners,
        prune=st.booleans(),
        adopt=st.booleans(),
        reviewed=st.booleans(),
        disturbed=disturbances,
    )
    def apply(
        self,
        catalogue: dict[str, dict[str, Json]],
        owner: str | None,
        prune: bool,
        adopt: bool,
        reviewed: bool,
        disturbed: Disturbance,
    ) -> None:
        self.run(catalogue, owner, prune=prune, adopt=adopt, reviewed=reviewed, disturbed=disturbed)

    @rule(catalogue=definitions, owner=owners, prune=st.booleans())
    def apply_twice(self, catalogue: dict[str, dict[str, Json]], owner: str | None, prune: bool) -> None:
        """Without trouble one run leads to what the definitions say, and the next one writes nothing."""
        if not self.run(catalogue, owner, prune=prune, adopt=True, reviewed=False, disturbed=QUIET):
            return
        for id, fields in catalogue.items():
            live = self.store.documents[id]
            assert {name: live.document[name] for name in fields} == conceal(fields)
            assert owner is None or owner_of(live) == owner
        before, writes = dict(self.store.documents), self.store.writes
        assert self.run(catalogue, owner, prune=prune, adopt=True, reviewed=False, disturbed=QUIET)
        assert self.store.writes == writes
        assert self.store.documents == before

    def run(
        self,
        catalogue: Mapping[str, dict[str, Json]],
        owner: str | None,
        *,
        prune: bool,
        adopt: bool,
        reviewed: bool,
        disturbed: Disturbance,
    ) -> bool:
        """One run of apply; whether it was allowed to begin."""
        wanted = [definition(id, fields) for id, fields in catalogue.items()]
        plan = make_plan(wanted, self.store.read_all(), Scope(owner, whole=True))
        if plan.foreign and not (adopt and owner):
            return False
        order = apply.Order(self.signature(owner), prune=prune and owner is not None, reviewed=reviewed)
        before = dict(self.store.documents)
        touched = {id for id, edit in disturbed.edits.items()}
        self.store.lost, self.store.edits = dict(disturbed.lost), dict(disturbed.edits)
        self.store.unreadable = disturbed.unreadable
        try:
            outcomes = list(itertools.islice(apply.run(plan, wanted, self.store, order), disturbed.killed))
        except StoreError as error:
            raise AssertionError("stopped after it began") from error
        finally:
            used = {id: disturbed.edits[id] for id in touched - self.store.edits.keys()}
            self.store.lost, self.store.edits, self.store.unreadable = {}, {}, False
        self.remember(before, catalogue, used)
        self.judge(before, plan, outcomes, used, owner, killed=disturbed.killed is not None)
        return True

    def judge(
        self,
        before: Mapping[str, Live],
        plan: Plan,
        outcomes: Sequence[Outcome],
        used: Mapping[str, Edit],
        owner: str | None,
        *,
        killed: bool,
    ) -> None:
        said = [outcome.id for outcome in outcomes]
        assert len(said) == len(set(said)), "one outcome each"
        changes = {change.id: change for change in plan.changes}
        expected = {id for id, change in changes.items() if not isinstance(change, Unchanged)}
        assert set(said) <= expected if killed else set(said) == expected
        for outcome in outcomes:
            now = self.store.documents.get(outcome.id)
            match outcome:
                case Applied(change=Remove()):
                    assert now is None
                case Applied(change=change):
                    assert now is not None
                    assert not isinstance(change, Remove)
                    assert (now.rev, now.document) == (outcome.rev, change.after)
                    assert owner is None or owner_of(now) == owner
                case Settled():
                    assert (now.rev if now else None) == outcome.rev or isinstance(changes[outcome.id], Remove)
                case Left():
                    assert now == before.get(outcome.id)
                case Failed():
                    assert outcome.id in used or now == before.get(outcome.id)
                case Unknown():
                    pass
                case Resolved():
                    raise AssertionError("nothing was to be resolved")
        for id in {*before, *self.store.documents} - expected - used.keys():
            assert self.store.documents.get(id) == before.get(id), "changed, and nothing was said"

    def remember(
        self,
        before: Mapping[str, Live],
        catalogue: Mapping[str, Mapping[str, Json]],
        used: Mapping[str, Edit],
    ) -> None:
        """What others wrote during a run is theirs, too; what a definition sets over it is not any more."""
        for id, edit in used.items():
            if edit.fields is None:
                self.forget(id)
            elif id in before:
                self.edited(id, edit.fields, before[id])
        for id, fields in catalogue.items():
            live = self.store.documents.get(id)
            for name in fields:
                if live is not None and live.document.get(name) == conceal(dict(fields))[name]:
                    self.theirs.pop((id, name), None)

    def edited(self, id: str, fields: Mapping[str, Json], before: Live) -> None:
        """Fields that got another value by hand are theirs, unless it is the one that the owner wrote."""
        own = before.ownership
        for name, value in conceal(dict(fields)).items():
            if before.document.get(name) == value:
                continue
            live = {**before.document, name: value}
            if isinstance(own, Ownership) and name in own.fields and name not in own.edited(id, live):
                self.theirs.pop((id, name), None)
            else:
                self.theirs[id, name] = fields[name]

    def forget(self, id: str) -> None:
        self.theirs = {(each, name): value for (each, name), value in self.theirs.items() if each != id}

    def signature(self, owner: str | None) -> Signature | None:
        return Signature(owner, "2026-11-24T17:00:00Z", None, lambda: f"{next(self.salts):016x}") if owner else None

    @invariant()
    def nothing_of_others_is_lost(self) -> None:
        for (id, name), value in self.theirs.items():
            assert id in self.store.documents, f"{id} is gone, and held {name} of somebody else"
            assert self.store.documents[id].document.get(name) == conceal({name: value})[name], f"{id}.{name} is lost"

    @invariant()
    def a_key_names_only_fields_that_its_owner_set(self) -> None:
        for live in self.store.documents.values():
            if isinstance(live.ownership, Ownership):
                mine = {name for (id, name) in self.theirs if id == live.id}
                ours = live.ownership.fields.keys() - live.ownership.edited(live.id, live.document)
                assert not (mine & ours), f"{live.id}: {mine & ours} is somebody else's"


def definition(id: str, fields: Mapping[str, Json]) -> Definition:
    return Definition(id, f"account_types/{id}.yaml", conceal(dict(fields)), Node((), START))


TestCatalogues = Catalogues.TestCase
TestCatalogues.settings = settings(
    max_examples=2000 if FULL else 60,
    stateful_step_count=40 if FULL else 20,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)
