"""Answers are read as strictly as cozy-stack reads them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from provisioner.core.http import Answer
from provisioner.core.oauth.answers import Refusal, Token, read_answer
from provisioner.core.secret import Secret

TOKEN: dict[str, Any] = {"access_token": "marker", "refresh_token": "r", "token_type": "bearer", "expires_in": 3600}
NO_TOKEN = "there is no access_token, and no id_token in its place"
NO_OBJECT = "it is not a JSON object"
SENT = "s3cret"


def read(status: int, content: object) -> Token | Refusal:
    text = content if isinstance(content, str) else json.dumps(content)
    return read_answer(Answer(status, body=text.encode()), [SENT, ""])


@pytest.mark.parametrize(
    ("status", "content", "refusal"),
    [
        (201, TOKEN, Refusal("its status is 201, and not 200", token_came=True)),
        (204, "", Refusal("its status is 204, and not 200")),
        (500, "", Refusal("its status is 500, and not 200")),
        (200, "access_token=x&token_type=bearer", Refusal(NO_OBJECT, token_came=True)),
        (200, "a=b", Refusal(NO_OBJECT)),
        (200, [TOKEN], Refusal(NO_OBJECT)),
        (200, "null", Refusal(NO_OBJECT)),
        (200, "<html>", Refusal(NO_OBJECT)),
        (200, "[" * 100_000, Refusal(NO_OBJECT)),
        (200, '{"access_token": "a", "x": NaN}', Refusal(NO_OBJECT)),
        (200, {**TOKEN, "expires_in": "3600"}, Refusal('expires_in is not an integer: "3600"', token_came=True)),
        (200, {**TOKEN, "expires_in": 3600.0}, Refusal("expires_in is not an integer: 3600.0", token_came=True)),
        (200, {**TOKEN, "expires_in": True}, Refusal("expires_in is not an integer: true", token_came=True)),
        (200, {**TOKEN, "expires_in": 2**63}, Refusal(f"expires_in is not an integer: {2**63}", token_came=True)),
        (200, {**TOKEN, "refresh_token": 1}, Refusal("refresh_token is not a string", token_came=True)),
        (200, {**TOKEN, "token_type": []}, Refusal("token_type is not a string", token_came=True)),
        (200, {"access_token": 1}, Refusal("access_token is not a string", token_came=True)),
        (200, {}, Refusal(NO_TOKEN)),
        (200, {"access_token": ""}, Refusal(NO_TOKEN)),
        (200, {**TOKEN, "error": "late"}, Refusal("late", error="late", token_came=True)),
        (200, {"error": "bad", "error_description": "why"}, Refusal("bad: why", error="bad")),
        (400, {"error": "bad", "error_description": "e\x1b[0m"}, Refusal("its status is 400, and not 200 (bad: e\\u001b[0m)", error="bad")),
        (401, {"error": "x", "error_description": f"{SENT} is wrong"}, Refusal("its status is 401, and not 200 (x: (secret) is wrong)", error="x")),
    ],
)  # fmt: skip
def test_what_the_stack_does_not_take_is_refused(status: int, content: object, refusal: Refusal) -> None:
    found = read(status, content)
    assert isinstance(found, Refusal)
    assert replace(found, said="") == replace(refusal, status=status)


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        ({"access_token": "a", "expires_in": None, "error": None}, None),
        ({"id_token": "a"}, None),
        ({"access_token": "a", "refresh_token": "\ud800"}, None),
        ({"Access_Token": "a", "EXPIRES_IN": 5}, 5),
        ({"access_token": "", "id_token": "a", "expires_in": 0, "error": ""}, None),
    ],
)
def test_what_the_stack_takes_is_taken(content: dict[str, Any], seconds: int | None) -> None:
    token = read(200, content)
    assert isinstance(token, Token)
    assert (token.access_token.reveal(), token.expires_in) == ("a", seconds)
    assert token.refresh_token in (None, Secret("\ufffd"))


def test_what_is_no_part_of_the_token_is_kept_as_the_stack_keeps_it() -> None:
    token = read(200, {**TOKEN, "id_token": "i", "user": {"id": 1}})
    assert isinstance(token, Token)
    assert token.extras.reveal() == {"id_token": "i", "user": {"id": 1}}
    assert "marker" not in repr(token)


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_is_too_odd_to_be_read(status: int, body: bytes) -> None:
    assert isinstance(read_answer(Answer(status, body=body)), Token | Refusal)
