"""A konnector is given what the stack was seen to give it."""

import json
from typing import Any

import pytest

from provisioner.core.definitions.konnector_secrets import LookUp, look_up
from provisioner.core.secret import same_json
from tests.golden.records import records

CONTEXTS = {"(none)": "", "ctx": "ctx"}
FROM_MANIFEST = "from-manifest"
"""The secret that the konnector of the records has in its own manifest."""


def given(record: dict[str, Any], context: str) -> LookUp:
    return look_up(record["documents"], CONTEXTS[context], record["slug"])


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("record", records("konnector_secrets"), ids=lambda record: record["name"])
def test_a_konnector_is_given_what_the_stack_gives(record: dict[str, Any], context: str) -> None:
    seen, result = record["given"][context], given(record, context)
    parameters = json.loads(seen["COZY_PARAMETERS"], parse_int=float)
    expected = FROM_MANIFEST if result.secret is None else result.secret.reveal()
    assert same_json(parameters["secret"], expected)
    assert (list(result.left), result.error or None) == (seen["left"], seen["error"])


def test_of_more_than_a_hundred_documents_the_rest_is_not_seen() -> None:
    secret = {"grant_mode": "secret", "slug": "s", "secret": "x"}
    others = {f"z/{number:03}": {"slug": "s"} for number in range(100)}
    assert look_up({"a": secret, **others}, "", "s").secret is not None
    assert look_up({"zz": secret, **others}, "", "s") == LookUp(())
