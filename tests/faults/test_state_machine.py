"""Random definitions, foreign edits, owners, prunes, adoptions and lost answers: nothing is lost, nothing false is said."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from provisioner.commands.admission import ApplyOptions, Terms
from provisioner.commands.apply import ApplyRun, DefinedState
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, conceal
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.node import START
from provisioner.core.definitions.node import MappingNode as Node
from provisioner.core.plan.changes import Action, Outcome, OutcomeKind, Plan
from provisioner.core.plan.ownership import Ownership, Signature
from provisioner.core.plan.planning import PlanOptions, make_plan, owner_of
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json
from tests.faults import FULL, size
from tests.faults.couchdb import CouchDatabase
from tests.faults.scene import digest, fresh
from tests.faults.unreliable import (
    QUIET,
    SOMEONE,
    Database,
    Disturbance,
    Edit,
    Lost,
    UnreliableStore,
    disturbances,
    foreign,
    ids,
    values,
)
from tests.live_server import Live as LiveServer
from tests.store.memory import MemoryStore

OURS = ("auth_endpoint", "client_secret")
owners = st.sampled_from(["one", "one", "one", "one", "two", None])
defined = st.fixed_dictionaries({"grant_mode": st.just("token")}, optional=dict.fromkeys(OURS, values))
redefinitions = st.dictionaries(ids, st.none() | defined, max_size=2)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked to do, by whom."""

    owner: str | None
    prune: bool = False
    adopt: bool = False
    reviewed: bool = False


asked_for = st.builds(Asked, owners, st.sampled_from([True, True, False]), st.booleans(), st.booleans())


class Catalogues(RuleBasedStateMachine):
    """Two owners and one without a name work on a database in which others write by hand.

    `theirs` are the fields that somebody else wrote by hand last, with their values; a field leaves it when a
    definition takes it over, which the plan then shows as a change.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = UnreliableStore(self.database())
        self.store.prepare()
        self.catalogues: dict[str | None, dict[str, dict[str, Json]]] = {"one": {}, "two": {}, None: {}}
        self.theirs: dict[tuple[str, str], Json] = {}
        self.salts = itertools.count()

    def database(self) -> Database:
        """An empty database."""
        return MemoryStore()

    @initialize(fields=defined)
    def begin(self, fields: dict[str, Json]) -> None:
        self.catalogues["one"] = {"a": fields, "b": fields}
        self.run(Asked("one"), QUIET)

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
        self.store.remove(id)

    @rule(asked=asked_for, redefined=redefinitions, disturbed=disturbances)
    def apply(self, asked: Asked, redefined: dict[str, dict[str, Json] | None], disturbed: Disturbance) -> None:
        self.redefine(asked.owner, redefined)
        self.run(asked, disturbed)

    @rule(owner=owners, prune=st.booleans(), redefined=redefinitions)
    def apply_twice(self, owner: str | None, prune: bool, redefined: dict[str, dict[str, Json] | None]) -> None:
        """Without trouble one run leads to what the definitions say, and the next one writes nothing."""
        self.redefine(owner, redefined)
        asked = Asked(owner, prune, adopt=True)
        if not self.run(asked, QUIET):
            return
        for id, fields in self.catalogues[owner].items():
            live = self.store.documents[id]
            assert {name: live.document[name] for name in fields} == conceal(fields)
            assert owner is None or owner_of(live) == owner
        before, writes = dict(self.store.documents), self.store.writes
        assert self.run(asked, QUIET)
        assert self.store.writes == writes
        assert self.store.documents == before

    def redefine(self, owner: str | None, redefined: Mapping[str, dict[str, Json] | None]) -> None:
        now: dict[str, dict[str, Json] | None] = {**self.catalogues[owner], **redefined}
        self.catalogues[owner] = {id: fields for id, fields in now.items() if fields is not None}

    def run(self, asked: Asked, disturbed: Disturbance) -> bool:
        """One run of apply; whether it was allowed to begin."""
        owner = asked.owner
        wanted = [definition(id, fields) for id, fields in self.catalogues[owner].items()]
        plan = make_plan(wanted, self.store.read_all(), PlanOptions(owner, whole=True))
        if plan.foreign and not (asked.adopt and owner):
            return False
        desired = DefinedState({each.id: each for each in wanted}, self.signature(owner))
        options = ApplyOptions(prune=asked.prune and bool(owner))
        terms = Terms(reviewed={change.id: change for change in plan.changes} if asked.reviewed else None)
        before = dict(self.store.documents)
        self.store.expect(disturbed)
        outcomes = list(
            itertools.islice(ApplyRun(plan, self.store, desired, options, terms).outcomes(), disturbed.killed)
        )
        used = dict(self.store.made_by_others)
        self.store.expect(QUIET)
        self.remember(before, self.catalogues[owner], used)
        changes = {change.id for change in plan.changes if change.action is not Action.UNCHANGED}
        said = [outcome.id for outcome in outcomes]
        assert len(said) == len(set(said)), "one outcome each"
        assert set(said) == changes if disturbed.killed is None else set(said) <= changes
        for outcome in outcomes:
            self.judge(outcome, before, used, disturbed.lost, owner)
        for id in {*before, *self.store.documents} - changes - used.keys():
            assert self.store.documents.get(id) == before.get(id), "changed, and nothing was said"
        self.keeps(before, used, plan)
        return True

    def judge(
        self,
        outcome: Outcome,
        before: Mapping[str, Live],
        used: Mapping[str, Edit],
        lost: Mapping[str, Lost],
        owner: str | None,
    ) -> None:
        """An outcome is what is there."""
        now = self.store.documents.get(outcome.id)
        match outcome.kind:
            case OutcomeKind.WRITTEN if outcome.change and outcome.change.action is Action.REMOVE:
                assert now is None
                assert outcome.id not in used or outcome.id in lost, "somebody else removed it, or changed it"
            case OutcomeKind.WRITTEN:
                assert now is not None
                assert outcome.change is not None
                assert (now.rev, now.document) == (outcome.rev, outcome.change.after)
                assert owner is None or owner_of(now) == owner
            case OutcomeKind.SETTLED:
                assert outcome.id in used
                assert now is None or now.rev == outcome.rev
            case OutcomeKind.SKIPPED:
                assert now == before.get(outcome.id)
            case OutcomeKind.FAILED:
                assert outcome.id in used or now == before.get(outcome.id)
            case OutcomeKind.UNKNOWN:
                pass
            case OutcomeKind.RESOLVED | OutcomeKind.PREPARED:
                raise AssertionError(f"{outcome.kind}, and nothing was to be")
            case _:
                assert_never(outcome.kind)

    def keeps(self, before: Mapping[str, Live], used: Mapping[str, Edit], plan: Plan) -> None:
        """No credential goes but with its document, and what another owner wrote meanwhile is still that owner's."""
        removes = {change.id for change in plan.removes}
        for id, live in before.items():
            if id not in used and id not in removes:
                credentials = live.document.keys() & {*CREDENTIAL_FIELDS}
                assert credentials <= self.store.documents[id].document.keys()
        for id, edit in used.items():
            if edit.signed and edit.fields is not None and (id not in before or owner_of(before[id]) != SOMEONE.owner):
                assert owner_of(self.store.documents[id]) == SOMEONE.owner

    def remember(
        self, before: Mapping[str, Live], catalogue: Mapping[str, dict[str, Json]], used: Mapping[str, Edit]
    ) -> None:
        """What others wrote during a run is theirs, too; what a definition sets over it is not any more."""
        for id, edit in used.items():
            if edit.fields is None or edit.signed:
                self.forget(id)
            elif edit.fields is not None:
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
            if isinstance(own, Ownership) and own.fields.get(name) == digest(own.salt, id, name, fields[name]):
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


def definition(id: str, fields: Mapping[str, Json]) -> Definition:
    return Definition(id, f"account_types/{id}.yaml", conceal(dict(fields)), Node((), START))


TestCatalogues = Catalogues.TestCase
TestCatalogues.settings = settings(
    max_examples=size(3000, 100),
    stateful_step_count=30 if FULL else 20,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)


def test_the_same_holds_on_the_live_server(live: LiveServer) -> None:
    class OnTheServer(Catalogues):
        def database(self) -> Database:
            self.couchdb = CouchDatabase(fresh(live))
            return self.couchdb

        def teardown(self) -> None:
            self.couchdb.close()

    setting = settings(
        max_examples=size(300, 10),
        stateful_step_count=20 if FULL else 10,
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(OnTheServer, settings=setting)
