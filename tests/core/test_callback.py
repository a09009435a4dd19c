"""What the parameters of a redirect mean; `tests/golden` compares that with the stack."""

import pytest

from provisioner.core.oauth.answers import (
    Callback,
    Code,
    Denied,
    Granted,
    Host,
    Stray,
    Token,
    Unexchanged,
    read_callback,
)
from provisioner.core.oauth.requests import Client
from provisioner.core.secret import Secret

STATE = "the-state"
CLIENT = Client.of("a", {"grant_mode": "authorization_code", "token_endpoint": "https://a.example/token"})
NO_STATE = Stray("it has no state")
OTHER_STATE = Stray("its state is not the one that was sent")
NO_CODE = "the answer has no code, and the stack exchanges an empty one"
LOOKED_PAST = "the provider answers e: why\\n, but the stack exchanges the code unless it is access_denied"
STATELESS = "the answer has no state, but the stack accepts a token without one, from anyone"
ANOTHER = "the state of the answer is not the one that was sent, but the stack accepts the token anyway"


def granted(*notes: str) -> Granted:
    return Granted(Token(Secret("t")), notes=notes)


@pytest.mark.parametrize(
    ("parameters", "meaning"),
    [
        ({"code": "c", "state": STATE}, Code(Secret("c"))),
        ({"code": "c", "state": "the-stat"}, OTHER_STATE),
        ({"code": "c", "state": "é"}, OTHER_STATE),
        ({"code": "c", "state": ""}, NO_STATE),
        ({"code": "c"}, NO_STATE),
        ({"error": "access_denied"}, NO_STATE),
        ({"error": "access_denied", "code": "c", "state": STATE}, Denied("access_denied")),
        ({"state": STATE}, Code(Secret(""), (NO_CODE,))),
        ({}, NO_STATE),
        ({"error": "e", "error_description": "why\n", "code": "c", "state": STATE}, Code(Secret("c"), (LOOKED_PAST,), "e: why\\n")),
        ({"access_token": "t", "state": STATE}, granted()),
        ({"access_token": "t"}, granted(STATELESS)),
        ({"access_token": "t", "state": "x"}, granted(ANOTHER)),
        ({"access_token": "t", "expires_in": "60", "state": STATE}, granted("the stack keeps the access_token alone, and not expires_in")),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_the_stack_reads_it(parameters: dict[str, str], meaning: Callback) -> None:
    assert read_callback([*parameters.items()], STATE, CLIENT) == meaning


def awaited(given: list[tuple[str, str]], client: Client, *, fragment: bool) -> Callback:
    return read_callback(given, STATE, client, fragment=fragment, awaited=True)


@pytest.mark.parametrize("mode", ["authorization_code", "token", "bi_webauth", "token_redirect_url", "unheard-of"])
@pytest.mark.parametrize("fragment", [False, True])
def test_whoever_waits_takes_no_token_without_the_right_state(mode: str, fragment: bool) -> None:
    client = Client.of("a", {"grant_mode": mode, "token_endpoint": "https://a.example/token"})
    for state in ({}, {"state": ""}, {"state": "x"}):
        callback = awaited([("access_token", "t"), *state.items()], client, fragment=fragment)
        stateless = mode == "token_redirect_url" and not fragment and not state
        assert isinstance(callback, Granted if stateless else Stray), state
    assert isinstance(awaited([("access_token", "t"), ("state", STATE)], client, fragment=fragment), Granted)
    twice = [("access_token", "t"), ("state", "x"), ("state", STATE)]
    assert isinstance(awaited(twice, client, fragment=fragment), Stray)


def test_without_a_token_endpoint_the_query_is_kept() -> None:
    client = Client.of("a", {"grant_mode": "authorization_code"})
    given = [("code", "c"), ("a", "1"), ("state", STATE), ("a", "2")]
    assert read_callback(given, STATE, client) == Unexchanged(Secret({"code": ["c"], "a": ["1", "2"]}))


@pytest.mark.parametrize("host", [Host.ELSEWHERE, Host.APP])
def test_a_token_counts_only_at_an_instance(host: Host) -> None:
    assert isinstance(read_callback([("access_token", "t"), ("state", STATE)], STATE, CLIENT, host=host), Stray)


def test_a_fragment_gives_a_token_but_no_code() -> None:
    given = [("access_token", "t"), ("expires_in", "60"), ("state", STATE)]
    token = read_callback(given, STATE, CLIENT, fragment=True)
    assert token == Granted(Token(Secret("t"), expires_in=60), fragment=True)
    for odd in ({"code": "c", "state": STATE}, {"access_token": "t"}):
        assert isinstance(read_callback([*odd.items()], STATE, CLIENT, fragment=True), Stray)
    denied = read_callback([("error", "access_denied"), ("state", STATE)], STATE, CLIENT, fragment=True)
    assert denied == Denied("access_denied")
