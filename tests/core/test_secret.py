"""A secret is never in a text."""

import pprint

import pytest
from hypothesis import given

from provisioner.core.secret import Json, Secret
from tests.core.strategies import MARK, marked


@given(marked)
def test_no_text_of_a_secret_holds_it(value: Json) -> None:
    secret = Secret(value)
    texts = [repr(secret), str(secret), f"{secret}", f"{secret!r:>30}", "%s" % secret, pprint.pformat({"a": [secret]})]  # noqa: UP031
    assert not any(MARK in text for text in texts)
    assert secret.reveal() == value


def test_a_secret_has_no_attributes_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(Secret(MARK))
    with pytest.raises(TypeError):
        hash(Secret(MARK))


def test_secrets_compare_by_value() -> None:
    assert Secret({"a": [1]}) == Secret({"a": [1.0]})
    assert Secret("1") != Secret(1)
    assert Secret("a") != "a"
