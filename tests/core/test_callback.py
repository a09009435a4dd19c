"""What the parameters of a redirect mean."""

import pytest

from provisioner.core.oauth.answer import Token
from provisioner.core.oauth.callback import Callback, Code, Denied, Granted, Stray, read_callback
from provisioner.core.secret import Secret

STATE = "the-state"
CODE, IMPLICIT, REDIRECT_URL = "authorization_code", "token", "token_redirect_url"
NO_STATE = Stray("it has no state")
OTHER_STATE = Stray("its state is not the one that was sent")


@pytest.mark.parametrize(
    ("mode", "parameters", "meaning"),
    [
        (CODE, {"code": "c", "state": STATE}, Code(Secret("c"))),
        (CODE, {"code": "c", "state": "the-stat"}, OTHER_STATE),
        (CODE, {"code": "c", "state": "é"}, OTHER_STATE),
        (CODE, {"code": "c", "state": ""}, OTHER_STATE),
        (CODE, {"code": "c"}, NO_STATE),
        (CODE, {"error": "access_denied"}, NO_STATE),
        (CODE, {"state": STATE}, Stray("it has neither a code nor a token")),
        (CODE, {}, Stray("it has neither a code nor a token")),
        (CODE, {"code": "", "state": STATE}, Stray("it has no code in its query")),
        (CODE, {"access_token": "t", "state": STATE}, Stray("it has no code in its query")),
        (CODE, {"error": "e", "state": STATE}, Denied("e")),
        (CODE, {"error": "e", "error_description": "why\n", "code": "c", "state": STATE}, Denied("e: why\\n")),
        (IMPLICIT, {"access_token": "t", "state": STATE}, Granted(Token(Secret("t")), fragment=False)),
        (IMPLICIT, {"access_token": "t"}, NO_STATE),
        (IMPLICIT, {"code": "c", "state": STATE}, Stray("it has no access_token")),
        (IMPLICIT, {"access_token": "t", "expires_in": "60", "state": STATE}, Granted(Token(Secret("t"), expires_in=60), fragment=False)),
        (IMPLICIT, {"access_token": "t", "expires_in": "٣", "state": STATE}, Granted(Token(Secret("t")), fragment=False)),
        (REDIRECT_URL, {"access_token": "t"}, Granted(Token(Secret("t")), fragment=False)),
        (REDIRECT_URL, {"access_token": "t", "state": "other"}, OTHER_STATE),
        (REDIRECT_URL, {"error": "access_denied"}, NO_STATE),
    ],
)  # fmt: skip
def test_only_the_answer_to_our_request_counts(mode: str, parameters: dict[str, str], meaning: Callback) -> None:
    assert read_callback(parameters, STATE, mode) == meaning


def test_a_fragment_gives_a_token_but_no_code() -> None:
    token = read_callback({"access_token": "t", "state": STATE}, STATE, IMPLICIT, fragment=True)
    assert token == Granted(Token(Secret("t")), fragment=True)
    assert isinstance(read_callback({"code": "c", "state": STATE}, STATE, CODE, fragment=True), Stray)
