"""Documents and definitions as hypothesis makes them."""

from typing import Any

from hypothesis import strategies as st

from provisioner.core.definitions.account_type import FIELDS, SECRET_FIELDS, conceal
from provisioner.core.definitions.definition import Definition
from provisioner.core.secret import Json

MARK = "s3cr3t"
"""Stands in every secret, and can stand nowhere else."""

plain: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
marked: st.SearchStrategy[Any] = st.sampled_from([MARK, f"{MARK}\n", f"é{MARK}"]).flatmap(
    lambda text: st.sampled_from([text, [text], {text: 1}, {"key": {"deep": [text]}}])
)
names = st.sampled_from([*FIELDS[1:], "note", "android_api_key"])


def value(name: str) -> st.SearchStrategy[Json]:
    return marked if name in SECRET_FIELDS else plain


def fields(strategy: st.SearchStrategy[str] = names) -> st.SearchStrategy[dict[str, Json]]:
    return st.lists(strategy, unique=True, max_size=6).flatmap(
        lambda chosen: st.fixed_dictionaries({name: value(name) for name in chosen})
    )


documents = fields().map(conceal)
ids = st.sampled_from(["google", "foobar/google", "a b", "é", "zoom"])


def definition(id: str, document: object) -> Definition:
    assert isinstance(document, dict)
    return Definition(id, f"account_types/{id}.yaml", document)


catalogues = st.dictionaries(ids, documents, max_size=4).map(
    lambda rows: [definition(id, document) for id, document in rows.items()]
)
databases = st.dictionaries(ids, documents, max_size=4)
