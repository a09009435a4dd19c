"""A secret is never in a text."""

import pprint

import pytest
from hypothesis import given

from provisioner.core.definitions.account_type import conceal, secrets_of
from provisioner.core.secret import Json, Secret, is_secret_key, redacted, secrets_in
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


@pytest.mark.parametrize(
    "key",
    ["secret", "client_secret", "api_key", "apiKey", "X-API-KEYS_2", "passwd", "client_assertion", "tokens", "id.jwt"],
)
def test_a_key_tells_that_its_value_is_secret(key: str) -> None:
    assert is_secret_key(key)
    document = conceal({"slug": "a", "extras": {key: MARK, "prompt": "consent"}})
    assert secrets_of(document) == {("extras", key): Secret(MARK)}
    assert MARK not in str(redacted(document["extras"]))  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["prompt", "token_access_type", "keyword", "secretary", "access_type", "hd", ""])
def test_other_keys_do_not(key: str) -> None:
    assert not is_secret_key(key)


def test_what_is_shown_tells_which_secret_is_new() -> None:
    before: Json = {"api_key": "a", "token": "b", "prompt": "consent"}
    after: Json = {"api_key": "a", "token": "c", "prompt": "login"}
    assert redacted(after, before) == {"api_key": "(secret)", "token": "(new secret)", "prompt": "login"}
    assert redacted(redacted(after, before)) == redacted(after, before)


@pytest.mark.parametrize(
    "url", ["https://u:{}@a.example/x", "redis://:{}@a.example", "ftp://{}@a.example/", "a https://u:{}@b"]
)
def test_a_sign_in_in_a_url_is_a_secret_wherever_it_lies(url: str) -> None:
    old, new = url.format("old-" + MARK), url.format("new-" + MARK)
    document = conceal({"auth_endpoint": old, "extras": {"hook": old, "prompt": "consent"}})
    assert secrets_of(document).keys() == {("auth_endpoint",), ("extras", "hook")}
    assert [*secrets_in({**document})] == ["old-" + MARK, "old-" + MARK]
    shown = redacted({"hook": new}, {"hook": old})
    assert MARK not in str(shown)
    assert "(new secret)@" in str(shown)
    assert redacted(old, old) == url.format("").replace("u:@", "(secret)@").replace("//:@", "//(secret)@").replace(
        "//@", "//(secret)@"
    )
