"""A secret is masked in whatever encoding a provider repeats it."""

from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest

from provisioner.core.oauth.redaction import redacted

SECRET = "a b+c/d%é"
PAIR = b64encode(f"the-client:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote_plus(SECRET).lower(),
        quote(quote(SECRET)),
        b64encode(SECRET.encode()).decode(),
        f"Basic {PAIR}",
        PAIR.rstrip("="),
        quote_plus(PAIR),
    ],
)
def test_a_secret_is_masked_in_every_encoding(form: str) -> None:
    said = redacted(f"client the-client sent {form}, which is wrong", [SECRET], "the-client")
    assert form not in said
    assert "(secret)" in said
    assert said.startswith("client the-client sent ")


def test_a_pair_that_is_not_ours_is_masked_too_and_other_words_are_not() -> None:
    other = b64encode(b"somebody:else").decode()
    assert redacted(f"Authorization: Basic {other}", [], "") == "Authorization: Basic (secret)"
    assert redacted("Basic authentication is required", [], "") == "Basic authentication is required"
    assert redacted("nothing to hide", [""], "") == "nothing to hide"
