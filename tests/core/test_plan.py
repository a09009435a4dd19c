"""Plans: what applying one gives, and what it never removes."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.commands.admission import ApplyOptions, Permission
from provisioner.commands.apply import ApplyRun, DefinedState
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document, conceal, same_value
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.changes import Action, Outcome, OutcomeKind, Plan
from provisioner.core.plan.ownership import Ownership, Signature, ownership_json
from provisioner.core.plan.planning import PlanOptions, make_plan, prune_refusal
from provisioner.core.plan.store import Snapshot
from tests.core.strategies import catalogues, databases, definition
from tests.store.memory import MemoryStore

ROUND = itertools.count()
CHANGED = [Permission.CHANGED]


def stored(database: dict[str, Document]) -> MemoryStore:
    store = MemoryStore()
    for id, document in database.items():
        store.put(id, document)
    return store


def signature(owner: str) -> Signature:
    return Signature(owner, f"2026-11-24T{next(ROUND)}", None, lambda: f"{next(ROUND):016x}")


def plan_for(store: MemoryStore, definitions: list[Definition], owner: str | None = "me") -> Plan:
    return make_plan(definitions, store.read_all(), PlanOptions(owner, whole=True))


def apply_all(
    store: MemoryStore, definitions: list[Definition], *, owner: str | None = "me", **options: Any
) -> tuple[Plan, list[Outcome]]:
    """One whole apply."""
    plan = plan_for(store, definitions, owner)
    signed = signature(owner) if owner else None
    desired = DefinedState({each.id: each for each in definitions}, signed)
    return plan, list(ApplyRun(plan, store, desired, ApplyOptions(**options)).outcomes())


def holds(store: MemoryStore, definitions: list[Definition]) -> bool:
    """Whether every definition's fields are live."""
    return all(
        same_value(name, store.documents[each.id].document.get(name), value)
        for each in definitions
        for name, value in each.document.items()
    )


@given(catalogues, databases, st.sampled_from(["me", None]))
def test_applying_a_plan_gives_what_the_definitions_say(
    definitions: list[Definition], database: dict[str, Document], owner: str | None
) -> None:
    store = stored(database)
    apply_all(store, definitions, owner=owner)
    assert holds(store, definitions)


@given(catalogues, databases, st.sampled_from(["me", None]))
def test_applying_again_writes_nothing(
    definitions: list[Definition], database: dict[str, Document], owner: str | None
) -> None:
    store = stored(database)
    apply_all(store, definitions, owner=owner)
    before = dict(store.documents)
    plan, outcomes = apply_all(store, definitions, owner=owner)
    assert not plan.writes
    assert not outcomes
    assert store.documents == before


@given(catalogues, databases)
def test_without_an_owner_documents_hold_nothing_but_what_is_defined(
    definitions: list[Definition], database: dict[str, Document]
) -> None:
    store = stored(database)
    apply_all(store, definitions, owner=None)
    assert all(live.ownership is None for live in store.documents.values())
    apply_all(store, [], owner=None)
    assert holds(store, definitions)


@given(catalogues, databases)
def test_what_nobody_defined_is_kept(definitions: list[Definition], database: dict[str, Document]) -> None:
    store = stored(database)
    apply_all(store, definitions, prune=True)
    wanted = {definition.id: definition.document for definition in definitions}
    for id, before in database.items():
        now = store.documents[id].document
        for name, value in before.items():
            if name not in wanted.get(id, {}):
                assert now[name] == value


@given(catalogues, catalogues, databases)
def test_what_we_set_and_no_longer_define_is_taken_away_and_nothing_else(
    first: list[Definition], second: list[Definition], database: dict[str, Document]
) -> None:
    store = stored(database)
    apply_all(store, first)
    between = {id: live.document for id, live in store.documents.items()}
    apply_all(store, second, prune=True)
    before = {each.id: each.document for each in first}
    after = {each.id: each.document for each in second}
    for id, live in between.items():
        if id in before and id not in after and live.keys() == before[id].keys():
            assert id not in store.documents
            continue
        for name, value in live.items():
            ours = name in before.get(id, {}) and name not in CREDENTIAL_FIELDS
            if name not in after.get(id, {}):
                now = store.documents[id].document.get(name)
                assert same_value(name, now, None) if ours and id in after else now == value


@given(catalogues, databases)
def test_a_plan_is_sorted_whatever_the_order_of_definitions(
    definitions: list[Definition], database: dict[str, Document]
) -> None:
    snapshot = Snapshot(stored(database).documents)
    assert make_plan(definitions, snapshot, PlanOptions()) == make_plan(definitions[::-1], snapshot, PlanOptions())
    ids = [change.id for change in make_plan(definitions, snapshot, PlanOptions()).changes]
    assert ids == sorted(ids)


@given(catalogues, databases)
def test_two_owners_do_not_touch_each_others(definitions: list[Definition], database: dict[str, Document]) -> None:
    store = stored(database)
    apply_all(store, definitions, owner="ours")
    documents = dict(store.documents)
    plan, _ = apply_all(store, [], prune=True, owner="theirs")
    assert not plan.removes
    assert store.documents == documents
    assert dict(plan_for(store, definitions, "theirs").foreign) == {each.id: "ours" for each in definitions}


@given(catalogues, catalogues)
def test_what_is_adopted_belongs_to_the_new_owner_whole(first: list[Definition], second: list[Definition]) -> None:
    store = stored({})
    apply_all(store, first, owner="old")
    apply_all(store, second, owner="new")
    taken = {each.id for each in second}
    for id, live in store.documents.items():
        assert isinstance(live.ownership, Ownership)
        assert live.ownership.owner == ("new" if id in taken else "old")
        gone = present(live.document) - {*live.ownership.fields}
        assert not gone
    for each in second:
        earlier = {other.id: other.document for other in first}.get(each.id, {})
        kept = present(earlier) & {*CREDENTIAL_FIELDS}
        assert present(store.documents[each.id].document) == present(each.document) | kept


def present(document: Document) -> set[str]:
    """The fields that the stack finds in a document: some count as missing if they are empty."""
    return {name for name, value in document.items() if not same_value(name, value, None)}


@given(catalogues)
def test_a_document_replaced_by_hand_belongs_to_nobody_and_is_adopted(definitions: list[Definition]) -> None:
    store = stored({})
    apply_all(store, definitions)
    for each in definitions:
        store.put(each.id, each.document)
    assert not apply_all(store, [], prune=True, allow=CHANGED)[1]
    plan = plan_for(store, definitions)
    assert all(change.action is Action.ADOPT and change.adopted_from == "" for change in plan.changes)
    _, outcomes = apply_all(store, definitions)
    assert all(outcome.kind is OutcomeKind.WRITTEN for outcome in outcomes)
    assert all(change.action is Action.UNCHANGED for change in plan_for(store, definitions).changes)


@given(st.integers(0, 12), st.integers(0, 12))
def test_a_prune_of_more_than_half_and_more_than_two_is_refused(kept: int, gone: int) -> None:
    store = stored({})
    everything = [definition(f"t{index:02}", conceal({"slug": "a"})) for index in range(kept + gone)]
    apply_all(store, everything)
    plan = plan_for(store, everything[:kept])
    assert len(plan.removes) == gone
    assert (prune_refusal(plan) is not None) == (gone > 2 and gone > kept)


WANTED = [definition("a", conceal({"slug": "a", "grant_mode": "secret", "secret": "x"}))]


def edited(store: MemoryStore, **fields: Any) -> None:
    """Change fields by hand, as somebody would who keeps the rest of the document."""
    live = store.documents["a"]
    document = {name: value for name, value in {**live.document, **conceal(fields)}.items() if value is not None}
    store.put("a", document, live.ownership)


def test_an_edit_is_told_with_its_fields_and_set_right() -> None:
    store = stored({})
    apply_all(store, WANTED)
    edited(store, grant_mode="token", secret="y", note=1)
    (change,) = plan_for(store, WANTED).changes
    assert change.edited == ("grant_mode", "secret")
    assert [field.name for field in change.fields] == ["grant_mode", "secret"]
    assert change.kept == ("note",)


def test_a_dropped_field_that_somebody_edited_is_kept_and_theirs_from_then_on() -> None:
    store = stored({})
    apply_all(store, WANTED)
    edited(store, slug="by hand")
    without = [definition("a", conceal({"grant_mode": "secret", "secret": "x"}))]
    (change,) = plan_for(store, without).changes
    assert change.action is Action.ADOPT
    assert change.released == ("slug",)
    apply_all(store, without)
    (change,) = plan_for(store, without).changes
    assert change.action is Action.UNCHANGED
    assert change.kept == ("slug",)
    assert change.released == ()


@pytest.mark.parametrize("fields", [{"slug": "by hand"}, {"note": 1}, {"slug": None}])
def test_a_prune_leaves_what_others_changed_unless_told(fields: dict[str, Any]) -> None:
    store = stored({})
    apply_all(store, WANTED)
    edited(store, **fields)
    _, (outcome,) = apply_all(store, [], prune=True)
    assert outcome.kind is OutcomeKind.SKIPPED
    assert "a" in store.documents
    _, (outcome,) = apply_all(store, [], prune=True, allow=CHANGED)
    assert outcome.kind is OutcomeKind.WRITTEN
    assert "a" not in store.documents


def test_a_prune_leaves_a_document_in_conflict_and_the_forced_one_deletes_every_leaf() -> None:
    store = stored({})
    apply_all(store, WANTED)
    live = store.documents["a"]
    store.put("a", live.document, live.ownership, losing=[conceal({"client_secret": "old"})])
    (change,) = plan_for(store, []).changes
    assert change.action is Action.REMOVE
    assert change.obstacles == ("it has conflicting revisions",)
    apply_all(store, [], prune=True, allow=CHANGED)
    assert not store.documents


def test_a_change_keeps_the_dates_of_the_credentials_that_it_does_not_change() -> None:
    store = stored({})
    first = definition("a", conceal({"client_id": "1", "client_secret": "x", "token_mode": "form"}))
    apply_all(store, [first])
    before = store.documents["a"].ownership
    apply_all(store, [definition("a", {**first.document, **conceal({"client_secret": "y"})})])
    after = store.documents["a"].ownership
    assert isinstance(before, Ownership)
    assert isinstance(after, Ownership)
    assert after.since["client_id"] == before.since["client_id"]
    assert after.since["client_secret"] == after.at > before.at
    assert {len(digest) for name, digest in after.fields.items() if name in CREDENTIAL_FIELDS} == {4}
    assert len(after.fields["token_mode"]) == 16


def test_the_digests_of_one_secret_differ_from_document_to_document() -> None:
    store = stored({})
    apply_all(store, [definition(f"t{index}", conceal({"client_secret": "same"})) for index in range(20)])
    keys = [
        ownership_json(live.ownership) for live in store.documents.values() if isinstance(live.ownership, Ownership)
    ]
    assert len({str(key["fields"]) for key in keys}) > 15


@pytest.mark.parametrize("owner", ["me", "other"])
def test_a_value_never_has_a_second_digest(owner: str) -> None:
    store = MemoryStore()
    seen: dict[str, set[str]] = {"client_secret": set(), "extras": set(), "secret": set()}
    writes = set()
    for step in "abcab":
        fields: dict[str, Any] = {
            "slug": step,
            "client_secret": "one",
            "extras": {"api_key": "two"},
            "secret": step == "b",
        }
        apply_all(store, [definition("google", conceal(fields))], owner=owner if step == "c" else "me")
        own = store.documents["google"].ownership
        assert isinstance(own, Ownership)
        writes.add(own.write)
        for name, digests in seen.items():
            digests.add(own.fields[name])
            assert len(own.fields[name]) == 4
    assert {name: len(digests) for name, digests in seen.items()} == {"client_secret": 1, "extras": 1, "secret": 2}
    assert len(writes) == 5


def test_no_digest_of_a_credential_is_long_enough_to_find_it() -> None:
    fields: dict[str, Any] = {
        "slug": "a",
        "client_id": "i",
        "client_secret": "s",
        "extras": {"key": "k"},
        "clientSecret": "s",
    }
    document = conceal(fields)
    own = signature("me").sign("a", document, document, document, None)
    assert own.fields.keys() == fields.keys()
    assert {name for name, digest in own.fields.items() if len(digest) > 4} == {"slug"}


def test_numbers_and_booleans_are_told_apart() -> None:
    assert same_value("secret", conceal({"secret": 1})["secret"], conceal({"secret": 1.0})["secret"])
    assert not same_value("secret", conceal({"secret": True})["secret"], conceal({"secret": 1})["secret"])
    assert not same_value("extras", {"a": False}, {"a": 0})


@pytest.mark.parametrize("value", [[], {}, 0, False])
def test_what_the_stack_cannot_read_is_not_absent(value: Any) -> None:
    assert not same_value("token_endpoint", value, "")
    assert not same_value("token_endpoint", value, None)


def test_only_an_empty_text_means_absent_and_only_where_the_stack_says_so() -> None:
    assert same_value("redirect_uri", "", None)
    assert same_value("token_endpoint", None, "")
    assert not same_value("client_id", "", None)
    assert not same_value("token_endpoint", 1, True)
