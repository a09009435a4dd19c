"""What every `Store` promises: the one in memory and the one over HTTP."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.couchdb.connection import Connection
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.adapters.couchdb.writing import MAX_SINGLE_WRITES
from provisioner.core.definitions.account_type import conceal
from provisioner.core.errors import StoreError
from provisioner.core.plan.ownership import Signature
from provisioner.core.plan.store import Conflict, NotAccepted, Store, Write, Written
from tests.store.memory import MemoryStore

if TYPE_CHECKING:
    from tests.live_server import Live

GOOGLE = conceal({"grant_mode": "authorization_code", "client_secret": "hush", "extras": {"a": "b"}})
SIGNATURE = Signature("me", "2026-11-24T17:00:00Z", None, lambda: "00ff00ff00ff00ff")
MANY = MAX_SINGLE_WRITES + 8


@pytest.fixture(params=["memory", "couchdb"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    live: Live = request.getfixturevalue("live")
    connection = Connection(read_address(live.url, {}), 60)
    yield CouchStore(connection, live.database)
    connection.close()


@pytest.fixture
def prepared(store: Store) -> Store:
    store.prepare()
    return store


def test_a_missing_database_reads_as_empty_and_not_ready(store: Store) -> None:
    snapshot = store.survey(["google"])
    assert not snapshot.documents
    assert not snapshot.ready
    assert not store.read(["google"]).documents


def test_a_missing_database_has_no_list_of_documents(store: Store) -> None:
    assert store.read_all().missing
    with pytest.raises(StoreError):
        store.read_all().existing()


def test_a_prepared_database_is_ready_and_prepared_again_without_harm(prepared: Store) -> None:
    assert prepared.survey(["google"]).ready
    list(prepared.write([Write("google", None, GOOGLE)]))
    prepared.prepare()
    assert prepared.read(["google"]).documents


def test_what_is_written_is_read(prepared: Store) -> None:
    (result,) = prepared.write([Write("google", None, GOOGLE)])
    assert isinstance(result, Written)
    live = prepared.read(["google", "facebook"]).documents
    assert live.keys() == {"google"}
    assert live["google"].document == GOOGLE
    assert live["google"].rev == result.rev


@pytest.mark.parametrize("id", ["foobar/google", "a b", "é€", "a+b&c=d?e#f", "100%", "x" * 200])
def test_any_id_is_written_and_read(prepared: Store, id: str) -> None:
    assert [type(result) for result in prepared.write([Write(id, None, GOOGLE)])] == [Written]
    assert prepared.read([id]).documents[id].document == GOOGLE
    assert prepared.read_all().documents.keys() == {id}


def test_all_documents_are_read_without_those_of_a_design(prepared: Store) -> None:
    list(prepared.write([Write("google", None, GOOGLE), Write("ctx/google", None, GOOGLE)]))
    assert prepared.read_all().documents.keys() == {"google", "ctx/google"}


@pytest.mark.parametrize("number", [1, MANY])
def test_a_stale_revision_is_a_conflict_and_changes_nothing(prepared: Store, number: int) -> None:
    ids = [f"type{index}" for index in range(number)]
    first = {result.id: result for result in prepared.write([Write(id, None, GOOGLE) for id in ids])}
    assert all(isinstance(result, Written) for result in first.values())
    again = list(prepared.write([Write(id, None, {"slug": "other"}) for id in ids]))
    assert sorted(result.id for result in again if isinstance(result, Conflict)) == sorted(ids)
    assert all(live.document == GOOGLE for live in prepared.read(ids).documents.values())


@pytest.mark.parametrize("number", [1, MANY])
def test_the_revision_that_was_read_may_be_replaced(prepared: Store, number: int) -> None:
    ids = [f"type{index}" for index in range(number)]
    first = [
        result for result in prepared.write([Write(id, None, GOOGLE) for id in ids]) if isinstance(result, Written)
    ]
    second = list(prepared.write([Write(result.id, result.rev, {"slug": "new"}) for result in first]))
    assert all(isinstance(result, Written) for result in second)
    assert all(live.document == {"slug": "new"} for live in prepared.read(ids).documents.values())


@pytest.mark.parametrize("number", [1, MANY])
def test_a_document_is_deleted_and_may_come_back(prepared: Store, number: int) -> None:
    ids = [f"type{index}" for index in range(number)]
    first = [
        result for result in prepared.write([Write(id, None, GOOGLE) for id in ids]) if isinstance(result, Written)
    ]
    list(prepared.write([Write(result.id, result.rev, None) for result in first]))
    assert not prepared.read(ids).documents
    assert not prepared.read_all().documents
    assert all(isinstance(result, Written) for result in prepared.write([Write(id, None, GOOGLE) for id in ids]))


def test_more_documents_than_one_request_reads(prepared: Store) -> None:
    ids = [f"type{index:04}" for index in range(1001)]
    results = list(prepared.write([Write(id, None, {"slug": id}) for id in ids]))
    assert {result.id for result in results if isinstance(result, Written)} == set(ids)
    assert prepared.survey(ids).documents.keys() == set(ids)


def test_who_can_read_is_seen_with_the_documents(prepared: Store) -> None:
    survey = prepared.survey(None)
    assert survey.security is not None
    assert not survey.security.public
    assert survey.security.readers == ()


def test_a_missing_database_has_no_security(store: Store) -> None:
    assert store.survey(["google"]).security is None
    assert store.survey(None).missing


def test_the_owner_travels_with_the_document_and_is_no_field(prepared: Store) -> None:
    ownership = SIGNATURE.sign("google", GOOGLE, GOOGLE, GOOGLE, None)
    list(prepared.write([Write("google", None, GOOGLE, ownership)]))
    (live,) = prepared.read_all().documents.values()
    assert live.ownership == ownership
    assert live.document == GOOGLE


def test_after_a_stop_nothing_is_written(prepared: Store) -> None:
    prepared.stop(5)
    (result,) = prepared.write([Write("google", None, GOOGLE)])
    assert isinstance(result, NotAccepted)


def test_tombstones_tell_who_signed_a_deletion_and_whose_the_document_was(prepared: Store) -> None:
    signed = SIGNATURE.sign("google", GOOGLE, ["grant_mode"], [], None)
    ids = ["theirs", "ours", "nobodys", "live", "never"]
    written = {
        result.id: result.rev
        for result in prepared.write([Write(id, None, GOOGLE, None if id == "nobodys" else signed) for id in ids[:4]])
        if isinstance(result, Written)
    }
    tombstone = SIGNATURE.sign("ours", {}, (), (), None)
    list(prepared.write([Write(id, written[id], None) for id in ("theirs", "nobodys")]))
    list(prepared.write([Write("ours", written["ours"], None, tombstone)]))
    found = prepared.deleted(ids)
    assert {id: (each.signers, each.before) for id, each in found.items()} == {
        "theirs": ({None}, signed),
        "ours": ({tombstone.owner}, None),
        "nobodys": ({None}, None),
    }
    assert [id for id, each in found.items() if each.is_signed_by(tombstone.owner)] == ["ours"]


def test_preparing_says_whether_the_database_was_missing(store: Store) -> None:
    assert store.prepare()
    assert not store.prepare()


FORGED = (
    "_security",
    "_design/by-slug",
    "_local/a",
    "_all_docs",
    ".",
    "..",
    "",
    "a/..",
    "../a",
    "a/",
    "a/b/c",
    "a\0b",
    "\ud800",
)


@pytest.mark.parametrize("others", [0, MANY])
@pytest.mark.parametrize("id", FORGED)
def test_nothing_is_written_under_an_id_that_no_account_type_can_have(prepared: Store, id: str, others: int) -> None:
    before = prepared.survey(None).security
    writes = [Write(id, rev, document) for rev in (None, "1-a") for document in (GOOGLE, None)]
    for write in writes:
        results = list(prepared.write([write, *(Write(f"other{number}", None, GOOGLE) for number in range(others))]))
        assert next(result for result in results if isinstance(result, NotAccepted)).id == id
    survey = prepared.survey(None)
    assert survey.security == before
    assert survey.documents.keys() == {f"other{number}" for number in range(others)}


@pytest.mark.parametrize("id", ["/google", "foobar/google", "a b", "é", "%2F", "a.b", "..."])
def test_an_odd_id_is_still_an_id(prepared: Store, id: str) -> None:
    assert [type(result) for result in prepared.write([Write(id, None, GOOGLE)])] == [Written]
    assert prepared.read_all().documents.keys() == {id}
