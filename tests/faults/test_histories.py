"""Random applies, renames, proofs, conflicts, undos, deletions and compactions, disturbed: no secret is ever lost."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from provisioner.adapters.files.backups import BackupFolder, JournalFile
from provisioner.cli.planning import end_backup
from provisioner.commands.admission import ApplyOptions, Permission, Terms
from provisioner.commands.apply import ApplyRun, DefinedState, DesiredState
from provisioner.commands.follow import look_at
from provisioner.commands.planning import plan_undo
from provisioner.core.definitions.account_type import Decoded, Document, conceal, decode, reveal
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.backup import Run, RunCommand
from provisioner.core.plan.changes import Change, Outcome, OutcomeKind, Plan
from provisioner.core.plan.drift import DriftKind, Expected
from provisioner.core.plan.ownership import Signature
from provisioner.core.plan.planning import (
    PlanOptions,
    carried,
    make_plan,
    renamed,
    with_half_deleted,
    with_only_copies,
    with_renames,
)
from provisioner.core.plan.undoing import FormerState
from provisioner.core.targets.filling import fill
from provisioner.core.targets.target import BackupSettings, Place, Target
from tests.core.strategies import definition
from tests.faults import FULL, size
from tests.faults.couchdb import CouchDatabase
from tests.faults.scene import fresh
from tests.faults.unreliable import QUIET, Branching, Disturbance, Edit, UnreliableStore, disturbances
from tests.live_server import Live as LiveServer
from tests.store.memory import MemoryStore

PLACE = Place("one", "http://localhost:5984", "secrets")
ids = st.sampled_from(("a", "b"))


@dataclass(frozen=True, slots=True)
class Stated:
    """A definition: its host says which account types look alike; a secret is a new one whenever it is stated."""

    host: str
    client_id: str | None
    secret: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked to do; `proves`: whether the providers accept what is new."""

    prune: bool
    resolve: bool
    proves: bool
    incomplete: bool


stated = st.builds(Stated, st.sampled_from("xxy"), st.sampled_from(["1", "1", "2", None]), st.booleans())
redefinitions = st.dictionaries(ids, st.none() | stated, max_size=2)
asked = st.builds(
    Asked, st.sampled_from([True, True, False]), st.booleans(), st.sampled_from([True, True, False]), st.booleans()
)


class Watched(UnreliableStore):
    """Notes which secrets are gone by what others did."""

    def __init__(self, database: Branching) -> None:
        self.removed_by_hand: set[str] = set()
        super().__init__(database)

    def edit(self, id: str, edit: Edit) -> None:
        before = self.secrets
        super().edit(id, edit)
        self.removed_by_hand |= before - self.secrets

    @property
    def secrets(self) -> set[str]:
        """Every client secret that is live, in winners and in what lost to them."""
        live = [*self.documents.values()]
        leaves = [each.document for each in live] + [losing.document for each in live for losing in each.conflicts]
        return {*secrets_of(leaves)}


class Histories(RuleBasedStateMachine):
    """One owner who keeps backups, and others who edit, delete, replicate conflicts and compact."""

    def __init__(self) -> None:
        super().__init__()
        self.branching = self.database()
        self.store = Watched(self.branching)
        self.store.prepare()
        self.folder = Path(tempfile.mkdtemp())
        self.catalogue: dict[str, Definition] = {}
        self.numbers = itertools.count()
        self.deleted_by_hand: set[str] = set()

    def database(self) -> Branching:
        """An empty database."""
        return MemoryStore()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(encrypted=st.sampled_from([True, True, False]), first=stated, second=stated)
    def begin(self, encrypted: bool, first: Stated, second: Stated) -> None:
        key = pyrage.x25519.Identity.generate()
        (self.folder / "key.txt").write_text(str(key))
        recipients = (str(key.to_public()),) if encrypted else ()
        self.encrypted = encrypted
        settings = BackupSettings(str(self.folder / "backups"), recipients, str(self.folder / "key.txt"))
        self.target = Target(name="one", backup=settings)
        self.backups = BackupFolder(settings, "one")
        asked = Asked(prune=False, resolve=False, proves=True, incomplete=True)
        self.apply({"a": first, "b": second}, asked, QUIET)

    @rule(redefined=redefinitions, asked=asked, disturbed=disturbances)
    def apply(self, redefined: Mapping[str, Stated | None], asked: Asked, disturbed: Disturbance) -> None:
        for id, each in redefined.items():
            self.catalogue.pop(id, None)
            if each is not None:
                self.catalogue[id] = definition(id, conceal(self.fields(each)))
        plan, definitions = self.planned()
        signed = self.signature()
        desired = DefinedState({each.id: each for each in definitions}, signed, PlanOptions("me", whole=True))
        options = ApplyOptions([Permission.CHANGED], prune=asked.prune, resolve_conflicts=asked.resolve)
        terms = Terms(incomplete=None if asked.incomplete else (), prove=None if asked.proves else _refuse)
        journal = self.backups.new(Run(RunCommand.APPLY, str(PLACE), signed.at, "me"))
        outcomes = self.carry_out(plan, desired, options, terms, journal, disturbed)
        for outcome in outcomes if not asked.proves else ():
            wrote = outcome.kind is OutcomeKind.WRITTEN and outcome.change
            assert not wrote or not _refuse(wrote), "written without a proof"

    @rule(disturbed=disturbances)
    def undo(self, disturbed: Disturbance) -> None:
        """Take the latest run back, or go on with an undo that did not finish."""
        for name in self.backups.names()[:1]:
            latest = self.backups.read(self.backups.path(name))
            going_on = latest.run.undoes if latest.run.undoes and not latest.complete else None
            undone = self.backups.read(self.backups.path(going_on)) if going_on else latest
            way = FormerState(undone, latest if going_on else None, self.signature())
            planned = plan_undo(way, self.target, PLACE, self.store, lambda ids: [])
            new = Run(RunCommand.UNDO, str(PLACE), "2026-11-26T10:00:00Z", "me", undoes=name)
            journal = self.backups.going_on(name) if going_on else self.backups.new(new)
            options = ApplyOptions([Permission.CHANGED], prune=True)
            self.carry_out(planned.plan, way, options, Terms(), journal, disturbed)

    @rule(redefined=redefinitions)
    def apply_and_take_it_back(self, redefined: Mapping[str, Stated | None]) -> None:
        """Without trouble an undo leads back to where the run began, and the undo of that to where it ended."""
        documents = self.store.documents.values()
        odd = any(not isinstance(reveal(live.document).get("client_secret", ""), str) for live in documents)
        if not self.encrypted or odd or any(live.conflicts for live in documents):
            return  # what is no credential, or lost a conflict, does not come back
        known = len(self.backups.names())
        states = [self.contents()]
        self.apply(redefined, Asked(prune=True, resolve=False, proves=True, incomplete=True), QUIET)
        states.append(self.contents())
        if len(self.backups.names()) == known:
            assert states[0] == states[1]
            return
        for state in states:
            there = self.contents()
            self.undo(QUIET)
            assert self.contents() == dict(_back(state, there))

    @rule(id=ids, fields=st.sampled_from([{"note": "1"}, {"client_secret": "theirs"}, {"client_id": "3"}, None]))
    def edit_by_hand(self, id: str, fields: dict[str, Any] | None) -> None:
        ours = id in self.store.documents and self.store.documents[id].ownership is not None
        self.store.edit(id, Edit(fields))
        if fields is None and ours and id not in self.store.documents:
            self.deleted_by_hand.add(id)

    @rule(id=ids)
    def replicate_a_conflict(self, id: str) -> None:
        if id in self.store.documents:
            losing = {**reveal(self.store.documents[id].document), "client_secret": self.secret()}
            self.branching.branch(id, conceal(losing))

    @rule()
    def compact(self) -> None:
        self.branching.compact()

    @rule()
    def look(self) -> None:
        """What somebody deleted is drift as long as it is not live again; what the owner removed is none."""
        found = look_at(Expected("me", dict.fromkeys(self.catalogue, "")), self.store)
        deleted = {each.id for each in found.drift if each.kind is DriftKind.DELETED}
        missing = self.catalogue.keys() - self.store.documents.keys()
        assert deleted == self.deleted_by_hand & missing

    def planned(self) -> tuple[Plan, Sequence[Definition]]:
        """A plan as apply makes it; no credential source has a secret."""
        definitions, options = [*self.catalogue.values()], PlanOptions("me", whole=True)
        former = renamed(make_plan(definitions, self.store.read_all(), options))
        definitions = [fill(each, [carried(former)]) for each in definitions]
        snapshot = self.store.read_all()
        plan = make_plan(definitions, snapshot, options)
        plan = with_half_deleted(plan, snapshot, self.store.half_deleted(plan.unmanaged, "me"))
        return with_only_copies(with_renames(plan, former), []), definitions

    def carry_out(
        self,
        plan: Plan,
        desired: DesiredState,
        options: ApplyOptions,
        terms: Terms,
        journal: JournalFile,
        disturbed: Disturbance,
    ) -> list[Outcome]:
        before, there = self.store.secrets, {*self.store.documents}
        self.store.removed_by_hand.clear()
        self.store.expect(disturbed)
        run = ApplyRun(plan, self.store, desired, options, terms, journal)
        outcomes = [*itertools.islice(run.outcomes(), disturbed.killed)]
        by_hand = dict(self.store.made_by_others)
        self.store.expect(QUIET)
        if disturbed.killed is None:
            end_backup(journal, plan, outcomes)
        journal.close()
        self.deleted_by_hand |= {id for id, edit in by_hand.items() if edit.fields is None and id in there}
        removed = {
            each.id for each in outcomes if each.kind is OutcomeKind.WRITTEN and each.change and not each.change.writes
        }
        self.deleted_by_hand -= {*self.store.documents} | removed
        lost = before - self.store.secrets - self.store.removed_by_hand
        assert lost <= {*self.kept(plan, options)}, f"lost {lost}"
        return outcomes

    def kept(self, plan: Plan, options: ApplyOptions) -> Iterator[str]:
        """The secrets that may be gone: those that a backup holds, and without recipients those that new ones replace."""
        for name in self.backups.names():
            for entry in self.backups.read(self.backups.path(name)).entries.values():
                if entry.before:
                    yield from secrets_of([entry.before.document, *(each.document for each in entry.before.conflicts)])
        if not self.encrypted:
            for change in plan.changes:
                replaced = any(field.name == "client_secret" for field in change.fields)
                yield from secrets_of([change.before] if replaced and change.writes else [])
                if options.resolve_conflicts or (options.prune and not change.writes):
                    yield from secrets_of(each.document for each in (change.live.conflicts if change.live else ()))

    def contents(self) -> Mapping[str, Document]:
        return {id: live.document for id, live in self.store.documents.items()}

    def fields(self, stated: Stated) -> dict[str, Any]:
        host = f"https://{stated.host}.example"
        fields = {
            "grant_mode": "authorization_code",
            "auth_endpoint": f"{host}/authorize",
            "token_endpoint": f"{host}/token",
        }
        client = {"client_id": stated.client_id} if stated.client_id else {}
        return {**fields, **client, **({"client_secret": self.secret()} if stated.secret else {})}

    def secret(self) -> str:
        return f"secret-{next(self.numbers)}"

    def signature(self) -> Signature:
        return Signature("me", "2026-11-26T10:00:00Z", None, lambda: f"{next(self.numbers):016x}")


def _back(state: Mapping[str, Document], there: Mapping[str, Document]) -> Iterator[tuple[str, Document]]:
    """Where an undo leads from what is there: it writes nothing that the stack cannot decode, if it can decode that."""
    for id, document in state.items():
        if isinstance(decode(document), Decoded) or (id in there and not isinstance(decode(there[id]), Decoded)):
            yield id, document
        elif id in there:
            yield id, there[id]


def _refuse(change: Change) -> str:
    return "no" if any(field.name == "client_secret" and field.new is not None for field in change.fields) else ""


def secrets_of(documents: Any) -> Iterator[str]:
    for document in documents:
        if isinstance(secret := reveal(document).get("client_secret"), str) and secret != "theirs":
            yield secret


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=size(2000, 20),
    stateful_step_count=30 if FULL else 15,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)


def test_the_same_holds_on_the_live_server(live: LiveServer) -> None:
    class OnTheServer(Histories):
        def database(self) -> Branching:
            self.couchdb = CouchDatabase(fresh(live))
            return self.couchdb

        def teardown(self) -> None:
            super().teardown()
            self.couchdb.close()

    setting = settings(
        max_examples=size(200, 3),
        stateful_step_count=20 if FULL else 10,
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(OnTheServer, settings=setting)
