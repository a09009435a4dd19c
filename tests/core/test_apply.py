"""Runs of apply while others write, answers are lost and the run is killed, at each request: no secret is lost."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from provisioner.commands.admission import ApplyOptions, Permission, Terms, admit
from provisioner.commands.apply import ApplyRun, DefinedState
from provisioner.core.definitions.account_type import Document, conceal, reveal
from provisioner.core.definitions.definition import Definition
from provisioner.core.errors import ProvisionError, StoreError
from provisioner.core.plan.backup import BackupEntry
from provisioner.core.plan.changes import Action, Outcome, OutcomeKind, Plan
from provisioner.core.plan.ownership import Ownership, Owning, Signature, UnknownForm
from provisioner.core.plan.planning import PlanOptions, only_copy, plan_apply
from provisioner.core.plan.store import Conflict, NotAccepted, Snapshot, Unanswered, Write, WriteResult
from provisioner.core.targets.filling import Credentials
from tests.core.strategies import definition
from tests.store.memory import MemoryStore

SECRET = "the only copy"
ENDPOINTS = {
    "grant_mode": "authorization_code",
    "auth_endpoint": "https://a.example/authorize",
    "token_endpoint": "https://a.example/token",
}
CLIENT = {"client_id": "1", "client_secret": SECRET}
STATED = conceal(ENDPOINTS)
FULL = conceal({**ENDPOINTS, **CLIENT})


class Killed(BaseException):
    """The process ends."""


@dataclass
class Disturbed(MemoryStore):
    """A store in memory; `disturb` is called before each request, with its number from 1."""

    disturb: Callable[[int], None] = lambda number: None
    number: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def read(self, ids: Sequence[str]) -> Snapshot:
        self._next()
        return super().read(ids)

    def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
        for write in writes:
            try:
                self._next()
                yield from super().write([write])
            except Lost as lost:
                if lost.made:
                    (_,) = super().write([write])
                yield Conflict(write.id) if lost.repeated else Unanswered(write.id, "no answer")
            except StoreError as error:
                yield Unanswered(write.id, str(error))

    def _next(self) -> None:
        self.number += 1
        self.disturb(self.number)

    @property
    def secrets(self) -> set[Any]:
        """Every client secret that is live, in winners and in what lost to them."""
        live = [*self.documents.values()]
        leaves = [each.document for each in live] + [losing.document for each in live for losing in each.conflicts]
        return {reveal(document).get("client_secret") for document in leaves} - {None, ""}


class Lost(Exception):
    """The answer to a write is lost; `repeated`: a proxy sent it twice, and the second answer came."""

    def __init__(self, *, made: bool, repeated: bool = False) -> None:
        self.made, self.repeated = made, repeated


@dataclass
class Kept:
    """A journal in memory."""

    full: bool = False
    encrypted: bool = True
    trouble: str = ""

    def __post_init__(self) -> None:
        self.entries: dict[str, BackupEntry] = {}
        self.confirmed: list[tuple[str, str | None]] = []

    def keep(self, entries: Mapping[str, BackupEntry]) -> None:
        if self.full:
            raise ProvisionError("no space left")
        self.entries |= entries

    def confirm(self, id: str, rev: str | None) -> None:
        self.confirmed.append((id, rev))

    def end(self, untouched: Iterable[str], *, complete: bool) -> None:
        """Nothing is kept beyond the run."""


SIGNATURE = Signature("me", "2026-11-24T17:00:00Z", None, iter(f"{number:016x}" for number in range(10**6)).__next__)
OPTIONS = PlanOptions("me", whole=True)
PRUNE = ApplyOptions(prune=True, allow=[Permission.CHANGED])


def plan_for(
    store: MemoryStore, definitions: Sequence[Definition], sources: Sequence[Credentials] = ()
) -> tuple[Plan, Sequence[Definition]]:
    """The plan and the definitions with what a rename carries along."""
    return plan_apply(definitions, store.read_all(), OPTIONS, known=lambda removes: sources)


def run(
    store: MemoryStore,
    definitions: Sequence[Definition],
    options: ApplyOptions = PRUNE,
    terms: Terms | None = None,
    journal: Kept | None = None,
) -> list[Outcome]:
    plan, definitions = plan_for(store, definitions)
    desired = DefinedState({each.id: each for each in definitions}, SIGNATURE, OPTIONS)
    terms = terms or Terms(losses={each.id: each.only_copy for each in plan.removes})
    return [*ApplyRun(plan, store, desired, options, terms, journal).outcomes()]


def ours(store: MemoryStore, id: str, document: Document, losing: Sequence[Document] = ()) -> str:
    """A document that an earlier run of ours wrote."""
    return store.put(id, document, SIGNATURE.sign(id, document, document, document, None), losing)


def at(request: int, what: Callable[[], object]) -> Callable[[int], None]:
    def disturb(number: int) -> None:
        if number == request:
            what()

    return disturb


def raising(error: BaseException) -> Callable[[], object]:
    def raise_() -> object:
        raise error

    return raise_


def words(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {outcome.id: outcome.word for outcome in outcomes}


class TestRename:
    """`old` becomes `new`; no source has its secret."""

    NEW = (definition("new", STATED),)

    @pytest.fixture
    def store(self) -> Disturbed:
        store = Disturbed()
        ours(store, "old", FULL)
        return store

    def test_the_new_one_has_the_secret_before_the_old_one_goes(self, store: Disturbed) -> None:
        journal = Kept()
        assert words(run(store, self.NEW, journal=journal)) == {"new": "created", "old": "removed"}
        assert store.documents.keys() == {"new"}
        assert store.secrets == {SECRET}
        assert [id for id, _ in journal.confirmed] == ["new", "old"]
        assert store.number == 4, "written, read back, removed, read back"

    @pytest.mark.parametrize("request_number", range(1, 5))
    @pytest.mark.parametrize(
        "meddle",
        [
            lambda store: store.put("new", conceal({"grant_mode": "token"})),
            lambda store: ours(store, "new", conceal({**ENDPOINTS, "client_id": "2", "client_secret": "other"})),
            lambda store: ours(store, "new", STATED),
            lambda store: ours(store, "new", conceal({**ENDPOINTS, **CLIENT, "client_secret": ""})),
            lambda store: store.remove("new"),
            lambda store: ours(store, "old", conceal({**ENDPOINTS, **CLIENT, "note": 1})),
        ],
    )
    def test_what_others_do_meanwhile_loses_no_secret(
        self, store: Disturbed, request_number: int, meddle: Callable[[Disturbed], object]
    ) -> None:
        store.disturb = at(request_number, lambda: meddle(store))
        outcomes = run(store, self.NEW)
        # what others do to the new one between its being read back and the removal is theirs: nothing can see it
        if request_number < 3:
            assert SECRET in store.secrets
        if "old" in store.documents:
            (outcome,) = [each for each in outcomes if each.id == "old"]
            assert outcome.kind is not OutcomeKind.WRITTEN
            assert outcome.reason

    @pytest.mark.parametrize(
        ("request_number", "error"),
        [
            *((number, error) for number in range(1, 5) for error in (Killed(), StoreError("gone"))),
            *((number, Lost(made=made)) for number in (1, 3) for made in (True, False)),
        ],
    )
    def test_a_run_that_is_cut_loses_no_secret_and_the_next_one_finishes(
        self, store: Disturbed, request_number: int, error: BaseException
    ) -> None:
        store.disturb = at(request_number, raising(error))
        with suppress(Killed):
            run(store, self.NEW)
        assert SECRET in store.secrets
        store.disturb = lambda number: None
        run(store, self.NEW)
        assert store.documents.keys() == {"new"}
        assert store.secrets == {SECRET}

    def test_one_that_cannot_be_read_back_leaves_the_old_one(self, store: Disturbed) -> None:
        store.disturb = at(2, raising(StoreError("no answer", "try again")))
        outcomes = run(store, self.NEW)
        assert words(outcomes) == {"new": "created", "old": "failed"}
        assert "new, its new id, could not be read back: no answer" in outcomes[-1].reason
        assert store.documents.keys() == {"old", "new"}

    def test_one_that_somebody_else_created_meanwhile_gets_no_secret(self, store: Disturbed) -> None:
        store.disturb = at(1, lambda: store.put("new", STATED))
        outcomes = run(store, self.NEW)
        assert words(outcomes) == {"new": "failed", "old": "skipped"}
        assert "it was to replace old, but someone else created it" in outcomes[0].reason
        assert store.documents["new"].document == STATED

    def test_the_second_half_of_a_rename_asks_for_nothing(self, store: Disturbed) -> None:
        ours(store, "new", FULL)
        plan, _ = plan_for(store, self.NEW)
        (remove,) = plan.removes
        assert (remove.renamed_to, remove.only_copy) == ("new", ())

    @pytest.mark.parametrize("skipped", [True, False])
    def test_a_new_one_that_is_not_written_leaves_the_old_one(self, store: Disturbed, skipped: bool) -> None:
        plan, definitions = plan_for(store, self.NEW)
        desired = DefinedState({each.id: each for each in definitions}, SIGNATURE, OPTIONS)
        terms = Terms(prove=lambda change: "the provider does not accept it")
        plan = replace(plan, changes=plan.removes) if skipped else plan
        outcomes = [*ApplyRun(plan, store, desired, PRUNE, terms).outcomes()]
        (outcome,) = [each for each in outcomes if each.id == "old"]
        assert outcome.kind is OutcomeKind.SKIPPED
        assert outcome.reason.startswith("new, its new id, ")
        assert store.documents.keys() == {"old"}

    @pytest.mark.parametrize("more", [{"client_id": "2"}, {"auth_endpoint": "https://b.example/authorize"}])
    def test_a_secret_is_never_carried_to_another_client(self, store: Disturbed, more: dict[str, str]) -> None:
        run(store, [definition("new", conceal({**ENDPOINTS, **more}))], ApplyOptions())
        assert "client_secret" not in store.documents["new"].document

    def test_documents_without_endpoints_are_no_rename(self) -> None:
        store = Disturbed()
        ours(store, "old", conceal({"grant_mode": "secret", "secret": SECRET}))
        run(store, [definition("new", conceal({"grant_mode": "secret"}))], ApplyOptions())
        assert "secret" not in store.documents["new"].document

    @pytest.mark.parametrize(("there", "wanted"), [("new", ["new"]), ("older", ["new"]), ("other", ["new", "newer"])])
    def test_one_that_lacks_what_the_old_one_has_takes_no_place(
        self, store: Disturbed, there: str, wanted: list[str]
    ) -> None:
        """The new id was there before, or several come into question: nothing is carried, and nothing goes."""
        ours(store, "older", FULL) if there == "older" else store.put(there, ENDPOINTS)
        outcomes = run(store, [definition(id, ENDPOINTS) for id in wanted])
        assert store.documents.keys() >= {"old", there}
        (left,) = [each for each in outcomes if each.id == "old"]
        assert (left.kind, left.reason) == (
            OutcomeKind.SKIPPED,
            "new has the same endpoints, and no client_id, client_secret yet: set its credentials first",
        )

    def test_a_rotated_secret_in_the_source_makes_the_old_one_an_only_copy(self, store: Disturbed) -> None:
        wanted = [definition("new", conceal({**ENDPOINTS, "client_id": "1", "client_secret": "newer"}))]
        assert words(run(store, wanted, terms=Terms())) == {"new": "created", "old": "failed"}
        assert store.secrets == {SECRET, "newer"}


class TestOnlyCopies:
    @pytest.mark.parametrize(
        ("copies", "names"),
        [
            ([], ("client_secret",)),
            ([{"client_secret": SECRET}], ()),
            ([{"client_secret": ""}], ("client_secret",)),
            ([{"client_secret": "other"}, {"client_secret": SECRET}], ()),
        ],
    )
    def test_a_copy_has_the_same_value(self, copies: list[dict[str, str]], names: tuple[str, ...]) -> None:
        assert only_copy(FULL, [conceal(dict(copy)) for copy in copies]) == names

    def test_an_empty_secret_is_none(self) -> None:
        assert only_copy(conceal({"client_secret": "", "secret": None}), []) == ()

    def test_a_prune_deletes_none_that_nobody_allowed(self) -> None:
        store = Disturbed()
        ours(store, "a", FULL)
        assert words(run(store, [], terms=Terms())) == {"a": "failed"}
        assert words(run(store, [])) == {"a": "removed"}

    def test_what_may_be_lost_of_one_is_named_field_by_field(self) -> None:
        ours(store := Disturbed(), "a", conceal({**ENDPOINTS, **CLIENT, "fcm_credentials": SECRET}))
        (outcome,) = run(store, [], terms=Terms(losses={"a": ["client_secret"]}))
        assert (outcome.word, "the only copy of fcm_credentials" in outcome.reason) == ("failed", True)


class TestAgain:
    """A change that is planned anew passes the same gates."""

    @pytest.fixture
    def store(self) -> Disturbed:
        store = Disturbed()
        ours(store, "a", conceal({**ENDPOINTS, **CLIENT, "token_mode": "form"}))
        return store

    @staticmethod
    def change(**fields: str) -> list[Definition]:
        return [definition("a", conceal({**ENDPOINTS, **fields}))]

    def test_it_is_proven_anew(self, store: Disturbed) -> None:
        asked = []

        def prove(change: Any) -> str:
            asked.append(change.before["client_secret"].reveal())
            return "" if len(asked) == 1 else "the provider does not accept it"

        store.disturb = at(1, lambda: ours(store, "a", conceal({**ENDPOINTS, **CLIENT, "client_secret": "rotated"})))
        (outcome,) = run(store, self.change(client_secret="source"), terms=Terms(prove=prove))
        assert asked == [SECRET, "rotated"]
        assert outcome.kind is OutcomeKind.FAILED
        assert "the provider does not accept it" in outcome.reason
        assert store.secrets == {"rotated"}

    def test_a_deleted_document_is_not_created_without_its_credentials(self, store: Disturbed) -> None:
        store.disturb = at(1, lambda: store.remove("a"))
        (outcome,) = run(store, self.change(token_mode="basic"), terms=Terms(incomplete=()))
        assert "it would be created without client_id, client_secret" in outcome.reason
        assert not store.documents

    def test_one_that_is_live_without_credentials_may_still_change(self) -> None:
        ours(store := Disturbed(), "a", STATED)
        assert words(run(store, self.change(token_mode="basic"), terms=Terms(incomplete=()))) == {"a": "changed"}

    def test_a_client_id_of_others_is_not_combined_with_our_secret(self, store: Disturbed) -> None:
        store.disturb = at(1, lambda: ours(store, "a", conceal({**ENDPOINTS, **CLIENT, "client_id": "2"})))
        (outcome,) = run(store, self.change(client_secret="source"))
        assert "its client_id differs" in outcome.reason
        assert store.secrets == {SECRET}

    @pytest.mark.parametrize(
        ("meddle", "said"),
        [({"token_mode": "get"}, "(token_mode)"), ({"token_mode": "basic"}, "change became")],
    )
    def test_it_is_reviewed_anew(self, store: Disturbed, meddle: dict[str, str], said: str) -> None:
        wanted = self.change(token_mode="basic")
        plan, _ = plan_for(store, wanted)
        reviewed = Terms(reviewed={each.id: each for each in plan.changes})
        store.disturb = at(1, lambda: store.put("a", conceal({**ENDPOINTS, **CLIENT, **meddle})))
        (outcome,) = run(store, wanted, terms=reviewed)
        assert outcome.kind is OutcomeKind.FAILED
        assert said in outcome.reason

    def test_what_the_stack_could_not_decode_is_not_written(self, store: Disturbed) -> None:
        store.disturb = at(1, lambda: store.put("a", conceal({**ENDPOINTS, **CLIENT, "extras": {"a": 1}})))
        (outcome,) = run(store, self.change(token_mode="basic"))
        assert "the stack cannot decode the live document" in outcome.reason
        assert "token_mode" not in store.documents["a"].document

    @pytest.mark.parametrize(
        ("own", "said"),
        [
            (UnknownForm(), "with a key `provision` that this version cannot read"),
            (Ownership("other", "0", {}, ""), "it belongs to the owner other now"),
        ],
    )
    def test_what_somebody_took_over_meanwhile_is_theirs(self, store: Disturbed, own: Owning, said: str) -> None:
        store.disturb = at(1, lambda: store.put("a", FULL, own))
        (outcome,) = run(store, self.change(token_mode="basic"))
        assert (outcome.kind, said in outcome.reason) == (OutcomeKind.FAILED, True)
        assert store.documents["a"].document == FULL

    def test_a_public_database_gets_no_secret(self, store: Disturbed) -> None:
        plan, _ = plan_for(store, self.change(token_mode="basic"))
        (change,) = plan.changes
        assert "everyone can read the database" in admit(change, Terms(public=True))
        assert admit(replace(change, after=STATED), Terms(public=True)) == ""

    def test_a_revision_that_cannot_be_kept_is_not_written(self, store: Disturbed) -> None:
        journal = Kept()

        def meddle() -> None:
            ours(store, "a", conceal({**ENDPOINTS, **CLIENT, "note": 1}))
            journal.full = True

        store.disturb = at(1, meddle)
        (outcome,) = run(store, self.change(token_mode="basic"), journal=journal)
        assert "its new revision could not be backed up; not written: no space left" in outcome.reason
        assert "token_mode" not in store.documents["a"].document

    def test_a_proxy_that_repeats_our_write_does_not_hide_that_it_was_ours(self, store: Disturbed) -> None:
        store.disturb = at(1, raising(Lost(made=True, repeated=True)))
        journal = Kept()
        (outcome,) = run(store, self.change(token_mode="basic"), journal=journal)
        assert outcome.word == "changed"
        assert outcome.rev == store.documents["a"].rev
        assert journal.confirmed == [("a", outcome.rev)]


@pytest.mark.parametrize(
    ("theirs", "known", "lost", "word"),
    [
        (True, True, True, "unchanged"),
        (True, True, False, "unchanged"),
        (True, False, False, "unchanged"),
        (False, True, True, "removed"),
    ],
)
def test_a_deletion_is_ours_only_if_its_tombstone_names_our_write(
    theirs: bool, known: bool, lost: bool, word: str
) -> None:
    store, journal = Disturbed(), Kept()
    ours(store, "a", FULL)

    def meddle() -> None:
        if theirs:
            store.remove("a")
        if not known:
            store.gone.clear()
        if lost:
            raise Lost(made=True)

    store.disturb = at(1, meddle)
    assert words(run(store, [], journal=journal)) == {"a": word}
    assert bool(journal.confirmed) == (not theirs)


class TestConflicts:
    """A document whose losing revision holds an old secret."""

    OLD = conceal({**ENDPOINTS, **CLIENT, "client_secret": "old"})
    WANTED = (definition("a", FULL),)
    RESOLVE = ApplyOptions(resolve_conflicts=True)
    ANYWAY = ApplyOptions(resolve_conflicts=True, allow=[Permission.CHANGED])

    @pytest.fixture
    def store(self) -> Disturbed:
        store = Disturbed()
        ours(store, "a", FULL, [self.OLD])
        return store

    def test_a_prune_takes_the_winner_first_and_then_what_came_to_life(self, store: Disturbed) -> None:
        journal, losing = Kept(), store.documents["a"].conflicts[0].rev
        assert words(run(store, [], journal=journal)) == {"a": "removed"}
        assert not store.documents
        assert [id for id, _ in journal.confirmed] == ["a", "a"]
        assert journal.confirmed[1] == ("a", losing)

    def test_what_comes_to_life_unseen_is_named(self, store: Disturbed) -> None:
        ours(store, "a", FULL)
        plan, _ = plan_for(store, [])
        store.branch("a", self.OLD)
        terms = Terms(losses={"a": ("client_secret",)})
        (outcome,) = ApplyRun(plan, store, DefinedState({}, SIGNATURE), PRUNE, terms).outcomes()
        assert outcome.kind is OutcomeKind.FAILED
        assert f"{store.documents['a'].rev} came to life" in outcome.reason

    def test_a_winner_that_changed_keeps_what_lost_to_it(self, store: Disturbed) -> None:
        losing = store.documents["a"].conflicts
        store.disturb = at(1, lambda: ours(store, "a", conceal({**ENDPOINTS, **CLIENT, "note": 1}), [self.OLD]))
        (outcome,) = run(store, [])
        assert outcome.kind is OutcomeKind.FAILED
        assert [each.document for each in store.documents["a"].conflicts] == [each.document for each in losing]

    @pytest.mark.parametrize("request_number", [1, 2])
    @pytest.mark.parametrize("repeated", [False, True], ids=["no answer", "an answer of a proxy"])
    def test_a_prune_that_fails_half_way_says_so(self, store: Disturbed, request_number: int, repeated: bool) -> None:
        store.disturb = at(request_number, raising(Lost(made=False, repeated=repeated)))
        (outcome,) = run(store, [])
        assert outcome.kind is OutcomeKind.FAILED
        assert bool(store.documents["a"].conflicts) == (request_number == 1)
        if request_number == 2:
            assert "its winner is deleted, and the losing revision" in outcome.reason

    def test_what_lost_is_removed_and_kept_in_the_journal(self, store: Disturbed) -> None:
        journal, losing = Kept(), store.documents["a"].conflicts[0].rev
        (outcome,) = run(store, self.WANTED, self.RESOLVE, journal=journal)
        assert outcome.word == "resolved"
        assert store.secrets == {SECRET}
        assert journal.confirmed == [("a", losing)]
        assert journal.entries.keys() == {"a"}

    def test_nothing_is_removed_that_cannot_be_kept(self, store: Disturbed) -> None:
        (outcome,) = run(store, self.WANTED, self.RESOLVE, journal=Kept(full=True))
        assert outcome.kind is OutcomeKind.FAILED
        assert store.secrets == {SECRET, "old"}

    @pytest.mark.parametrize("journal", [None, Kept(encrypted=False)])
    def test_the_only_copy_of_a_secret_stays_unless_a_backup_keeps_it(
        self, store: Disturbed, journal: Kept | None
    ) -> None:
        (outcome,) = run(store, self.WANTED, self.RESOLVE, journal=journal)
        assert outcome.kind is OutcomeKind.FAILED
        assert "has the only copy of client_secret, and no backup keeps it" in outcome.reason
        assert store.secrets == {SECRET, "old"}
        assert words(run(store, self.WANTED, self.ANYWAY, journal=journal)) == {"a": "resolved"}

    def test_a_losing_revision_with_the_secret_of_its_winner_needs_no_backup(self) -> None:
        store = Disturbed()
        ours(store, "a", FULL, [conceal({**ENDPOINTS, **CLIENT, "token_mode": "get"})])
        assert words(run(store, self.WANTED, self.RESOLVE)) == {"a": "resolved"}

    @pytest.mark.parametrize("terms", [Terms(prove=lambda change: "no"), Terms(reviewed={})])
    def test_nothing_is_removed_beside_a_change_that_was_not_made(self, store: Disturbed, terms: Terms) -> None:
        wanted = [definition("a", conceal({**ENDPOINTS, **CLIENT, "token_mode": "basic"}))]
        run(store, wanted, self.ANYWAY, terms=terms)
        assert store.secrets == {SECRET, "old"}

    @pytest.mark.parametrize("request_number", [1, 2])
    def test_a_revision_that_won_meanwhile_is_live_and_stays(self, store: Disturbed, request_number: int) -> None:
        store.disturb = at(request_number, lambda: store.lose_winner("a"))
        (outcome,) = run(store, self.WANTED, self.ANYWAY)
        assert outcome.kind is OutcomeKind.FAILED
        assert "a" in store.documents

    def test_a_winner_that_is_gone_is_put_back(self, store: Disturbed) -> None:
        store.disturb = at(2, lambda: store.lose_winner("a"))
        (outcome,) = run(store, self.WANTED, self.ANYWAY)
        assert "it was restored" in outcome.reason
        assert store.secrets == {SECRET}
        assert store.documents["a"].rev == outcome.rev

    def test_a_revision_that_the_plan_did_not_show_stays(self, store: Disturbed) -> None:
        newer = conceal({**ENDPOINTS, **CLIENT, "client_secret": "newer"})

        def meddle() -> None:
            live = store.documents["a"]
            store.documents["a"] = replace(live, conflicts=(*live.conflicts, *store.losing([newer])))

        store.disturb = at(1, meddle)
        run(store, self.WANTED, self.ANYWAY)
        assert store.secrets == {SECRET, "newer"}


def test_a_refused_document_says_why_and_the_others_are_written() -> None:
    class Refusing(MemoryStore):
        def write(self, writes: Sequence[Write]) -> Iterator[WriteResult]:
            for write in writes:
                yield from [NotAccepted(write.id, "too large")] if write.id == "a" else super().write([write])

    store = Refusing()
    outcomes = run(store, [definition("a", FULL), definition("b", FULL)])
    assert words(outcomes) == {"": "database created", "a": "failed", "b": "created"}


def test_nothing_of_a_plan_is_removed_without_a_prune() -> None:
    store = Disturbed()
    ours(store, "old", FULL)
    outcomes = run(store, TestRename.NEW, ApplyOptions())
    assert words(outcomes) == {"old": "skipped", "new": "created"}
    assert {change.action for change in plan_for(store, TestRename.NEW)[0].changes} == {Action.UNCHANGED, Action.REMOVE}
