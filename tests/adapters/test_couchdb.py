"""Whatever JSON a server answers, the store reads it or says that it cannot be read."""

from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from provisioner.adapters.couchdb.connection import Connection, CouchAnswer
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.core.definitions.account_type import conceal
from provisioner.core.errors import StoreError
from provisioner.core.plan.store import Write
from provisioner.core.secret import Json

KEYS = st.sampled_from(["rows", "doc", "total_rows", "_id", "_rev", "id", "rev", "error", "name", "indexes"])
BODIES: st.SearchStrategy[Json] = st.recursive(
    st.sampled_from([None, True, 0, "a", "conflict"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
)
ROWS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["a0", "a1"]) | BODIES,
        "doc": BODIES,
        "rev": BODIES,
        "error": st.just(True) | BODIES,
        "name": BODIES,
    },
)
LISTS: st.SearchStrategy[Any] = st.lists(ROWS, max_size=3)
ANSWERS = st.sampled_from([200, 201, 404, 409, 500])


class Odd:
    """A connection whose server answers always the same."""

    url = "http://odd.example"
    stopped = False

    def __init__(self, status: int, body: Json) -> None:
        self.answer = CouchAnswer(status, body, lost=False)

    def send(self, method: str, path: str, body: object = None) -> CouchAnswer:
        return self.answer


def odd_store(status: int, body: Json) -> CouchStore:
    return CouchStore(cast("Connection", Odd(status, body)), "secrets/io-cozy-account_types")


@given(ANSWERS, BODIES | LISTS.map(lambda rows: {"rows": rows}))
def test_a_store_reads_an_answer_or_says_that_it_cannot(status: int, body: Json) -> None:
    store = odd_store(status, body)
    for action in (
        lambda: store.read(["a"]),
        store.read_all,
        lambda: store.survey(None),
        store.prepare,
        lambda: store.inspect(cast("Connection", Odd(status, body))),
    ):
        try:
            action()
        except StoreError as error:
            assert error.next  # noqa: PT017  # both ways are right


@example(201, [{"id": "a0", "error": True}], 40)
@given(st.sampled_from([201, 500]), LISTS | BODIES, st.sampled_from([40, 1]))
def test_a_write_has_one_result_whatever_is_answered(status: int, body: Json, number: int) -> None:
    ids = {f"a{index}" for index in range(number)}
    results = [*odd_store(status, body).write([Write(id, None, conceal({"slug": "a"})) for id in ids])]
    assert sorted(result.id for result in results) == sorted(ids)
