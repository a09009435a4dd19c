"""Plans: what applying one gives, and what it never takes away."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.commands import apply, diff, ownership
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document, conceal, same_value
from provisioner.core.definitions.definition import Definition
from provisioner.core.plan.changes import Plan, make_plan, prune_refusal
from provisioner.core.plan.outcome import Applied, next_record
from provisioner.core.plan.store import Snapshot
from tests.core.strategies import catalogues, databases, definition
from tests.store.memory import MemoryStore

KEY = "11" * 32


def stored(database: dict[str, Document]) -> MemoryStore:
    store = MemoryStore()
    for id, document in database.items():
        store.put(id, document)
    return store


def apply_all(store: MemoryStore, definitions: list[Definition], *, prune: bool = False, owner: str = "me") -> Plan:
    """One whole apply, with its record."""
    owned = ownership.read(store, owner, KEY)
    plan = diff.run(definitions, store, owned, whole=True)
    outcomes = list(apply.run(plan, definitions, store, owned.own, prune=prune))
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    ownership.write(store, owned, next_record(owned.own, plan, outcomes, definitions, whole=True))
    return plan


@given(catalogues, databases)
def test_applying_a_plan_gives_what_the_definitions_say(
    definitions: list[Definition], database: dict[str, Document]
) -> None:
    store = stored(database)
    apply_all(store, definitions)
    for wanted in definitions:
        live = store.documents[wanted.id].document
        assert all(same_value(name, live.get(name), value) for name, value in wanted.document.items())


@given(catalogues, databases)
def test_planning_again_gives_no_change(definitions: list[Definition], database: dict[str, Document]) -> None:
    store = stored(database)
    apply_all(store, definitions)
    revisions = {id: live.rev for id, live in store.documents.items()}
    assert not apply_all(store, definitions).differs
    assert {id: live.rev for id, live in store.documents.items()} == revisions


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
def test_what_we_set_and_no_longer_define_is_taken_away(
    first: list[Definition], second: list[Definition], database: dict[str, Document]
) -> None:
    store = stored(database)
    apply_all(store, first)
    between = {id: live.document for id, live in store.documents.items()}
    apply_all(store, second, prune=True)
    before = {each.id: each.document for each in first}
    after = {each.id: each.document for each in second}
    for id, live in between.items():
        if id in before and id not in after:
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
    assert make_plan(definitions, snapshot) == make_plan(definitions[::-1], snapshot)
    ids = [change.id for change in make_plan(definitions, snapshot).changes]
    assert ids == sorted(ids)


@given(catalogues, databases)
def test_two_owners_do_not_touch_each_others(definitions: list[Definition], database: dict[str, Document]) -> None:
    store = stored(database)
    apply_all(store, definitions, owner="ours")
    documents = dict(store.documents)
    record = store.locals.get("provision.ours")
    plan = apply_all(store, [], prune=True, owner="theirs")
    assert not plan.removes
    assert store.documents == documents
    assert store.locals.get("provision.ours") == record
    theirs = ownership.read(store, "theirs", KEY)
    assert dict(make_plan(definitions, Snapshot({}), theirs).foreign) == {each.id: "ours" for each in definitions}


@given(catalogues)
def test_a_lost_record_removes_nothing_and_is_made_again(definitions: list[Definition]) -> None:
    store = stored({})
    apply_all(store, definitions)
    record = store.locals.get("provision.me")
    documents = dict(store.documents)
    store.locals.clear()
    apply_all(store, definitions, prune=True)
    assert store.documents == documents
    again = store.locals.get("provision.me")
    assert (again and again.body) == (record and record.body)


@given(st.integers(0, 12), st.integers(0, 12))
def test_a_prune_of_more_than_half_and_more_than_two_is_refused(kept: int, gone: int) -> None:
    store = stored({})
    everything = [definition(f"t{index:02}", conceal({"slug": "a"})) for index in range(kept + gone)]
    apply_all(store, everything)
    owned = ownership.read(store, "me", KEY)
    plan = diff.run(everything[:kept], store, owned, whole=True)
    assert len(plan.removes) == gone
    assert (prune_refusal(plan, owned.own) is not None) == (gone > 2 and gone > kept)


def test_a_change_made_outside_is_told_with_its_fields() -> None:
    store = stored({})
    wanted = [definition("a", conceal({"slug": "a", "grant_mode": "secret", "secret": "x"}))]
    apply_all(store, wanted)
    store.put("a", conceal({"slug": "a", "grant_mode": "token", "secret": "y", "note": 1}))
    (change,) = diff.run(wanted, store, ownership.read(store, "me", KEY)).changes
    assert change.outside == ("grant_mode", "secret")
    assert [field.name for field in change.fields] == ["grant_mode", "secret"]


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
