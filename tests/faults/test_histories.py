"""Random histories of a database that several owners and strangers work on: nothing is lost, nothing false is said.

Applies, prunes, adoptions, renames, proofs, conflicts and their resolution, undos, edits and deletions by hand, and
compactions, with lost answers, edits meanwhile and kills.
"""

import itertools
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import pyrage
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from provisioner.adapters.files.backups import BackupFolder, JournalFile
from provisioner.cli.apply import end_backup
from provisioner.commands.admission import ApplyOptions, Permission, Terms
from provisioner.commands.apply import ApplyRun, DefinedState, DesiredState
from provisioner.commands.planning import plan_undo
from provisioner.core.definitions.account_type import (
    CREDENTIAL_FIELDS,
    Decoded,
    Document,
    conceal,
    decode,
    reveal,
)
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.backup import FormerState, Run
from provisioner.core.plan.changes import Action, Change, Outcome, OutcomeKind, Plan
from provisioner.core.plan.live import DriftKind, Expected
from provisioner.core.plan.ownership import Ownership, Signature
from provisioner.core.plan.planning import PlanOptions, plan_apply
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json
from provisioner.core.targets.target import BackupSettings, Place, Target
from tests.core.strategies import definition
from tests.faults import FULL, size
from tests.faults.couchdb import CouchDatabase
from tests.faults.scene import digest, fresh
from tests.faults.unreliable import (
    QUIET,
    SOMEONE,
    Database,
    Disturbance,
    Edit,
    UnreliableStore,
    disturbances,
    foreign,
    ids,
)
from tests.live_server import Live as LiveServer
from tests.store.memory import MemoryStore

PLACE = Place("one", "http://localhost:5984", "secrets")
AT = "2026-11-26T10:00:00Z"
MINE = "secret-"
"""How each client secret of a definition begins, which no edit by hand writes."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A definition: its host says which account types look alike; a secret is a new one whenever it is stated."""

    host: str | None
    client_id: str | None
    secret: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked to do, by whom; `changed` is what ``--allow changed`` says, `proves` what providers say."""

    owner: str | None
    prune: bool = True
    changed: bool = False
    adopt: bool = False
    resolve: bool = False
    proves: bool = True
    incomplete: bool = True
    reviewed: bool = False


often = st.sampled_from([True, True, False])
owners = st.sampled_from(["me", "me", "me", "me", "two", None])
stated = st.builds(
    Stated, st.sampled_from(["x", "x", "y", None]), st.sampled_from(["1", "1", "2", None]), st.booleans()
)
redefinitions = st.dictionaries(ids, st.none() | stated, max_size=2)
asked_for = st.builds(Asked, owners, often, *[st.booleans()] * 3, often, st.booleans(), st.booleans())


class Watched(UnreliableStore):
    """Notes which secrets are gone by what others did."""

    def __init__(self, database: Database) -> None:
        self.removed_by_hand: set[str] = set()
        super().__init__(database)

    def edit(self, id: str, edit: Edit) -> None:
        before = self.secrets
        super().edit(id, edit)
        self.removed_by_hand |= before - self.secrets

    @property
    def secrets(self) -> set[str]:
        """Every client secret of a definition that is live, in winners and in what lost to them."""
        live = [*self.documents.values()]
        leaves = [each.document for each in live] + [losing.document for each in live for losing in each.conflicts]
        return {*secrets_of(leaves)}


class Histories(RuleBasedStateMachine):
    """Two owners and one without a name, who keep backups, and strangers.

    `theirs` are the fields that somebody wrote by hand last, with their values; a field leaves it when a definition
    takes it over, which the plan then shows as a change. `deleted_by`: who deleted what is not live.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = Watched(self.database())
        self.store.prepare()
        self.folder = Path(tempfile.mkdtemp())
        self.catalogues: dict[str | None, dict[str, Definition]] = {"me": {}, "two": {}, None: {}}
        self.numbers = itertools.count()
        self.theirs: dict[tuple[str, str], Json] = {}
        self.deleted_by: dict[str, str | None] = {}

    def database(self) -> Database:
        """An empty database."""
        return MemoryStore()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(encrypted=often, first=stated, second=stated)
    def begin(self, encrypted: bool, first: Stated, second: Stated) -> None:
        key = pyrage.x25519.Identity.generate()
        (self.folder / "key.txt").write_text(str(key))
        recipients = (str(key.to_public()),) if encrypted else ()
        self.encrypted = encrypted
        settings = BackupSettings(str(self.folder / "backups"), recipients, str(self.folder / "key.txt"))
        self.target = Target(name="one", backup=settings)
        self.backups = BackupFolder(settings, "one")
        self.apply(Asked("me"), {"a": first, "b": second}, QUIET)

    @rule(asked=asked_for, redefined=redefinitions, disturbed=disturbances)
    def apply(self, asked: Asked, redefined: Mapping[str, Stated | None], disturbed: Disturbance) -> None:
        self.redefine(asked.owner, redefined)
        self.run(asked, disturbed)

    @rule(owner=owners, prune=st.booleans(), redefined=redefinitions)
    def apply_twice(self, owner: str | None, prune: bool, redefined: Mapping[str, Stated | None]) -> None:
        """Without trouble one run leads to what the definitions say, and the next one writes nothing."""
        self.redefine(owner, redefined)
        asked = Asked(owner, prune, adopt=True)
        if not self.run(asked, QUIET):
            return
        refused = self.planned(owner)[0].refused  # what others wrote into these, the stack cannot decode
        for id, each in self.catalogues[owner].items():
            if id in refused:
                continue
            live = self.store.documents[id]
            assert {name: live.document[name] for name in each.document} == each.document
            assert owner is None or live.owner == owner
        before, writes = dict(self.store.documents), self.store.writes
        assert self.run(asked, QUIET)
        assert self.store.writes == writes
        assert self.store.documents == before

    @rule(disturbed=disturbances)
    def undo(self, disturbed: Disturbance) -> None:
        """Take the latest run back, or go on with an undo that did not finish."""
        for name in self.backups.names()[:1]:
            latest = self.backups.read(self.backups.path(name))
            going_on = latest.run.undoes if latest.run.undoes and not latest.complete else None
            undone = self.backups.read(self.backups.path(going_on)) if going_on else latest
            for id, entry in undone.entries.items():  # what they wrote as we did counts as ours
                written = {name: conceal({name: each}) for (key, name), each in self.theirs.items() if key == id}
                self.forget([id], [name for name, each in written.items() if entry.new.get(name) == each[name]])
            way = FormerState(undone, latest if going_on else None, self.signature(undone.run.owner))
            planned = plan_undo(way, self.target, PLACE, self.store, lambda ids: [])
            new = Run("undo", str(PLACE), AT, undone.run.owner, undoes=name)
            journal = self.backups.going_on(name) if going_on else self.backups.new(new)
            options = ApplyOptions([Permission.CHANGED], prune=True)
            self.carry_out(planned.plan, way, options, Terms(), journal, disturbed, undone.run.owner)

    @rule(redefined=redefinitions)
    def apply_and_take_it_back(self, redefined: Mapping[str, Stated | None]) -> None:
        """Without trouble an undo leads back to where the run began, and the undo of that to where it ended."""
        documents = self.store.documents.values()
        odd = any(not isinstance(reveal(live.document).get("client_secret", ""), str) for live in documents)
        if not self.encrypted or odd or any(live.conflicts for live in documents):
            return  # what is no credential, or lost a conflict, does not come back
        self.redefine("me", redefined)
        known = len(self.backups.names())
        states = [self.contents()]
        if not self.run(Asked("me", changed=True, adopt=True), QUIET):
            return
        states.append(self.contents())
        if len(self.backups.names()) == known:
            assert states[0] == states[1]
            return
        for state in states:
            there = self.contents()
            self.undo(QUIET)
            assert self.contents() == dict(_back(state, there))

    @rule(id=ids, fields=foreign)
    def write_by_hand(self, id: str, fields: dict[str, Json]) -> None:
        """A new document in place of the one that is there, with no key."""
        self.forget([id])
        self.store.put(id, conceal(fields))
        self.theirs |= {(id, name): value for name, value in fields.items()}
        self.note_deletions({})

    @rule(id=ids, fields=foreign | st.just({"client_id": "3"}) | st.none())
    def edit_by_hand(self, id: str, fields: dict[str, Json] | None) -> None:
        """Change some fields and keep the key, or delete the document."""
        if id in self.store.documents:
            before = dict(self.store.documents)
            self.store.edit(id, Edit(fields))
            self.remember(before, {id: Edit(fields)})
            self.note_deletions({id: None})

    @rule(id=ids)
    def replicate_a_conflict(self, id: str) -> None:
        if id in self.store.documents:
            losing = {**reveal(self.store.documents[id].document), "client_secret": self.secret()}
            self.store.branch(id, conceal(losing))

    @rule()
    def compact(self) -> None:
        self.store.compact()

    @rule()
    def look(self) -> None:
        """What others deleted is drift as long as it is not live again; what the owner removed is none."""
        found = Expected("me", dict.fromkeys(self.catalogues["me"], "")).look(self.store.read_all(), self.store.deleted)
        deleted = {each.id for each in found.drift if each.kind is DriftKind.DELETED}
        assert deleted == {id for id in self.catalogues["me"] if self.deleted_by.get(id, "me") != "me"}

    @invariant()
    def nothing_of_others_is_lost(self) -> None:
        for (id, name), value in self.theirs.items():
            assert id in self.store.documents, f"{id} is gone, and held {name} of somebody else"
            there = self.store.documents[id].document.get(name)
            assert there == conceal({name: value})[name], f"{id}.{name} is lost"

    def redefine(self, owner: str | None, redefined: Mapping[str, Stated | None]) -> None:
        for id, each in redefined.items():
            self.catalogues[owner].pop(id, None)
            if each is not None:
                self.catalogues[owner][id] = definition(id, conceal(self.fields(each)))

    def run(self, asked: Asked, disturbed: Disturbance) -> bool:
        """One run of apply; whether it was allowed to begin."""
        plan, definitions = self.planned(asked.owner)
        if plan.foreign and not (asked.adopt and asked.owner):
            return False
        signed, options = self.signature(asked.owner), PlanOptions(asked.owner, whole=True)
        desired = DefinedState({each.id: each for each in definitions}, signed, options)
        allow = [Permission.CHANGED] if asked.changed else []
        terms = Terms(
            reviewed={change.id: change for change in plan.changes} if asked.reviewed else None,
            incomplete=None if asked.incomplete else (),
            prove=None if asked.proves else _refuse,
        )
        journal = self.backups.new(Run("apply", str(PLACE), AT, asked.owner))
        pruned = ApplyOptions(allow, prune=asked.prune and bool(asked.owner), resolve_conflicts=asked.resolve)
        before = dict(self.store.documents)
        outcomes = self.carry_out(plan, desired, pruned, terms, journal, disturbed, asked.owner)
        for outcome in outcomes if not asked.proves else ():
            wrote = outcome.kind is OutcomeKind.WRITTEN and outcome.change
            assert not wrote or not _refuse(wrote), "written without a proof"
        self.keeps_credentials(before, plan)
        for each in definitions:  # what a definition sets over a field is not theirs any more
            if (live := self.store.documents.get(each.id)) is not None:
                self.forget(
                    [each.id], [name for name in each.document if live.document.get(name) == each.document[name]]
                )
        return True

    def planned(self, owner: str | None) -> tuple[Plan, Sequence[Definition]]:
        """A plan as apply makes it; no credential source has a secret."""
        definitions, options = [*self.catalogues[owner].values()], PlanOptions(owner, whole=True)
        return plan_apply(definitions, self.store.read_all(), options, half_deleted=self.store.half_deleted)

    def carry_out(
        self,
        plan: Plan,
        desired: DesiredState,
        options: ApplyOptions,
        terms: Terms,
        journal: JournalFile,
        disturbed: Disturbance,
        owner: str | None,
    ) -> list[Outcome]:
        """One run, and what is to be true after it, whatever happened meanwhile."""
        before, secrets = dict(self.store.documents), self.store.secrets
        self.store.removed_by_hand.clear()
        self.store.expect(disturbed)
        run = ApplyRun(plan, self.store, desired, options, terms, journal)
        outcomes = [*itertools.islice(run.outcomes(), disturbed.killed)]
        self.used = dict(self.store.made_by_others)
        self.store.expect(QUIET)
        if disturbed.killed is None:
            end_backup(journal, plan, outcomes)
        journal.close()
        self.remember(before, self.used)
        if Permission.CHANGED in options.allow:
            there = self.store.documents
            removes = (each.id for each in plan.removes if each.id not in self.used)
            self.forget([id for id in removes if there.get(id) != before.get(id)])
        self.note_deletions({id: None if _deleted(self.used.get(id)) else owner for id in before})
        lost = secrets - self.store.secrets - self.store.removed_by_hand
        assert not lost or lost <= {*self.kept(plan, options)}, f"lost {lost}"
        self.covers(outcomes, before, plan, disturbed, resolves=options.resolve_conflicts)
        for outcome in outcomes:
            self.judge(outcome, before, disturbed, owner if isinstance(desired, DefinedState) else None)
        return outcomes

    def covers(
        self,
        outcomes: Sequence[Outcome],
        before: Mapping[str, Live],
        plan: Plan,
        disturbed: Disturbance,
        *,
        resolves: bool,
    ) -> None:
        """Each change has one outcome, and what has none is as it was."""
        changes = {change.id for change in plan.changes if change.action is not Action.UNCHANGED} | plan.refused.keys()
        conflicts = {change.id for change in plan.changes if change.conflicts} if resolves else set[str]()
        said = [outcome.id for outcome in outcomes if outcome.id not in conflicts]
        assert len(said) == len(set(said)), "one outcome each"
        assert set(said) <= changes
        assert disturbed.killed is not None or changes <= {*said, *conflicts}
        for id in {*before, *self.store.documents} - changes - conflicts - self.used.keys():
            assert self.store.documents.get(id) == before.get(id), "changed, and nothing was said"

    def judge(self, outcome: Outcome, before: Mapping[str, Live], disturbed: Disturbance, owner: str | None) -> None:
        """An outcome is what is there; `owner` is who owns what was written, if that is known."""
        now, there, used = self.store.documents.get(outcome.id), before.get(outcome.id), outcome.id in self.used
        match outcome.kind:
            case OutcomeKind.WRITTEN if outcome.change and outcome.change.action is Action.REMOVE:
                assert now is None
                assert not used or outcome.id in disturbed.lost, "somebody else removed it, or changed it"
            case OutcomeKind.WRITTEN:
                assert now is not None
                assert outcome.change is not None
                assert (now.rev, now.document) == (outcome.rev, outcome.change.after)
                assert owner is None or now.owner == owner
            case OutcomeKind.SETTLED:
                assert used
                assert now is None or now.rev == outcome.rev
            case OutcomeKind.SKIPPED:
                assert now == there
            case OutcomeKind.FAILED:
                assert used or now == there or (there and there.conflicts)
            case OutcomeKind.RESOLVED:
                assert now is not None
                assert not {each.rev for each in now.conflicts} & {each.rev for each in (there or now).conflicts}
            case OutcomeKind.UNKNOWN:
                pass
            case OutcomeKind.PREPARED:
                raise AssertionError("prepared, and nothing was to be")
            case _:
                assert_never(outcome.kind)

    def keeps_credentials(self, before: Mapping[str, Live], plan: Plan) -> None:
        """No credential goes but with its document, and what another owner wrote meanwhile is still that owner's."""
        removes = {change.id for change in plan.removes}
        for id in before.keys() - self.used.keys() - removes:
            credentials = before[id].document.keys() & {*CREDENTIAL_FIELDS}
            assert credentials <= self.store.documents[id].document.keys()
        for id, edit in self.used.items():
            if edit.signed and edit.fields is not None and (id not in before or before[id].owner != SOMEONE.owner):
                assert self.store.documents[id].owner == SOMEONE.owner

    def kept(self, plan: Plan, options: ApplyOptions) -> Iterator[str]:
        """The secrets that may be gone: those that a backup holds, and without recipients those that new ones replace."""
        for name in self.backups.names():
            for entry in self.backups.read(self.backups.path(name)).entries.values():
                if entry.before:
                    yield from secrets_of([entry.before.document, *(each.document for each in entry.before.conflicts)])
        if not self.encrypted:
            for change in plan.changes:
                replaced = any(field.name == "client_secret" for field in change.fields)
                yield from secrets_of([change.before] if replaced and change in plan.writes else [])
                if options.resolve_conflicts or (options.prune and change not in plan.writes):
                    yield from secrets_of(each.document for each in (change.live.conflicts if change.live else ()))

    def remember(self, before: Mapping[str, Live], used: Mapping[str, Edit]) -> None:
        """What others wrote is theirs, unless it is what the owner wrote."""
        for id, edit in used.items():
            if edit.fields is None or edit.signed:
                self.forget([id])
                continue
            own = before[id].ownership
            for name, value in conceal(dict(edit.fields)).items():
                if before[id].document.get(name) == value:
                    continue
                self.theirs[id, name] = edit.fields[name]
                if isinstance(own, Ownership) and own.fields.get(name) == digest(own.salt, id, name, edit.fields[name]):
                    del self.theirs[id, name]

    def forget(self, ids: Iterable[str], names: Iterable[str] | None = None) -> None:
        """Fields of others that are theirs no more: some, or all of their documents."""
        gone, fields = {*ids}, None if names is None else {*names}
        for id, name in [*self.theirs]:
            if id in gone and (fields is None or name in fields):
                del self.theirs[id, name]

    def note_deletions(self, by: Mapping[str, str | None]) -> None:
        """Who deleted what is not live any more; `by`: those who may have, by what was there."""
        there = self.store.documents
        self.deleted_by = {id: each for id, each in {**self.deleted_by, **by}.items() if id not in there}

    def contents(self) -> Mapping[str, Document]:
        return {id: live.document for id, live in self.store.documents.items()}

    def fields(self, stated: Stated) -> dict[str, Json]:
        host = f"https://{stated.host}.example"
        endpoints: dict[str, Json] = {"auth_endpoint": f"{host}/authorize", "token_endpoint": f"{host}/token"}
        client: dict[str, Json] = {"client_id": stated.client_id} if stated.client_id else {}
        secret: dict[str, Json] = {"client_secret": self.secret()} if stated.secret else {}
        return {"grant_mode": "authorization_code", **(endpoints if stated.host else {}), **client, **secret}

    def secret(self) -> str:
        return f"{MINE}{next(self.numbers)}"

    def signature(self, owner: str | None) -> Signature | None:
        return Signature(owner, AT, None, lambda: f"{next(self.numbers):016x}") if owner else None


def _deleted(edit: Edit | None) -> bool:
    return edit is not None and edit.fields is None


def _back(state: Mapping[str, Document], there: Mapping[str, Document]) -> Iterator[tuple[str, Document]]:
    """Where an undo leads from what is there: it writes nothing that the stack cannot decode, if it can decode that."""
    for id, document in state.items():
        if isinstance(decode(document), Decoded) or (id in there and not isinstance(decode(there[id]), Decoded)):
            yield id, document
        elif id in there:
            yield id, there[id]


def _refuse(change: Change) -> str:
    return "no" if any(field.name == "client_secret" and field.new is not None for field in change.fields) else ""


def secrets_of(documents: Iterable[Document]) -> Iterator[str]:
    for document in documents:
        if isinstance(secret := reveal(document).get("client_secret"), str) and secret.startswith(MINE):
            yield secret


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=size(3000, 30),
    stateful_step_count=30 if FULL else 20,
    suppress_health_check=[*HealthCheck],
)


def test_the_same_holds_on_the_live_server(live: LiveServer) -> None:
    class OnTheServer(Histories):
        def database(self) -> Database:
            self.couchdb = CouchDatabase(fresh(live))
            return self.couchdb

        def teardown(self) -> None:
            super().teardown()
            self.couchdb.close()

    setting = settings(
        max_examples=size(300, 4),
        stateful_step_count=20 if FULL else 10,
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(OnTheServer, settings=setting)
