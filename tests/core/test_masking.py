"""What a server says is shown without the secrets of the run, in whatever encoding it repeats them."""

import html
import json
import time
from base64 import b64encode, encodebytes
from urllib.parse import quote, quote_plus

import pytest

from provisioner.core.masking import MAX_SHOWN, Mask
from provisioner.core.secret import Secret

SECRET = 'a b+c/d%é"\\&'
PAIR = b64encode(f"the-client:{SECRET}".encode()).decode()
DOCUMENT = json.dumps({"slug": "a", "client_secret": SECRET})


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote_plus(SECRET).lower(),
        quote(quote(SECRET)),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(DOCUMENT),
        html.escape(SECRET),
        html.escape(json.dumps(SECRET)),
        "".join(f"\\u{ord(char):04x}" for char in SECRET),
        b64encode(SECRET.encode()).decode(),
        b64encode(DOCUMENT.encode()).decode(),
        b64encode(json.dumps({"client_secret": SECRET}, ensure_ascii=False).encode()).decode().rstrip("="),
        "token=" + b64encode(f"xy{SECRET}".encode()).decode(),
        f"Basic {PAIR}",
        PAIR.rstrip("="),
        quote_plus(PAIR),
        b64encode(PAIR.encode()).decode(),
        encodebytes(f"{'x' * 50}{SECRET}".encode()).decode().strip(),
        SECRET.encode().hex(),
        SECRET.encode().hex(":").upper(),
        "".join(f"\\x{byte:02x}" for byte in SECRET.encode()),
        "".join(f"\\{byte:03o}" for byte in SECRET.encode()),
        "".join(f"\\u{{{ord(char):x}}}" for char in SECRET),
        "".join(f"%u{ord(char):04x}" for char in SECRET),
        "".join(f"&#x{ord(char):x};" for char in SECRET),
        "".join(f"%{byte:02x}" for byte in SECRET.encode()),
        f"{SECRET[:5]}\n  {SECRET[5:]}",
        f"{SECRET[:5]}\\r\\n{SECRET[5:]}",
        f"{SECRET[:5]}\u200b{SECRET[5:]}",
        "Bearer abcdefghij0123456789.klm",
    ],
)
def test_a_secret_is_masked_in_every_encoding(form: str) -> None:
    said = Mask([SECRET]).clean(f"client the-client sent {form}, which is wrong")
    assert form not in said
    assert SECRET not in said
    assert "(secret)" in said
    assert said.startswith("client the-client sent ")
    assert said.endswith(", which is wrong")


def test_a_pair_that_is_not_ours_is_masked_too_and_other_words_are_not() -> None:
    other = b64encode(b"somebody:else").decode()
    assert Mask().clean(f"Authorization: Basic {other}") == "Authorization: Basic (secret)"
    assert Mask([SECRET]).clean("Basic authentication is required") == "Basic authentication is required"
    assert (
        Mask([""]).clean("nothing to hide: 100 % of it, \\u0041 &amp; %20")
        == "nothing to hide: 100 % of it, \\u0041 &amp; %20"
    )


def test_a_short_secret_is_masked_as_a_whole_word() -> None:
    said = Mask(["abc", 4711, " "]).clean("abc: abcd, xabc, 'abc', 4711, 14711, user:YWJj, a b c")
    assert said == "(secret): abcd, xabc, '(secret)', (secret), 14711, user:(secret), a b c"


def test_each_line_of_a_key_is_a_secret() -> None:
    lines = [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG9w0B",
        "ggSjAgEAAoIBAQC7VJTUt9Us",
        "-----END PRIVATE KEY-----",
    ]
    known = Mask([{"private_key": "\n".join(lines)}])
    for joint in ("\n", "\r\n", " ", "", "\\n", "\n> "):
        said = known.clean(f"bad key: {joint.join(lines)}")
        assert not any(line in said for line in lines[1:3]), said
    assert known.clean(f"bad line {lines[2]}, on line 3") == "bad line (secret), on line 3"


def test_each_text_of_a_value_is_a_secret() -> None:
    known = Mask([Secret({"a": ["first secret"], "b": {"c": "second secret", "d": True}})])
    assert known.clean("not first secret, nor second secret; True") == "not (secret), nor (secret); True"


def test_what_is_said_is_cut_and_no_half_of_a_secret_stays() -> None:
    secret = "".join(chr(97 + number % 26) for number in range(200))
    said = Mask([secret]).clean("no " * 90 + secret + " yes" * 1000)
    assert len(said) == MAX_SHOWN + 1
    assert secret[:12] not in said
    assert Mask([secret]).clean(f"it begins with {secret[:40]}…") == "it begins with (secret)…"
    for length in range(2020, 2060):
        assert secret[:12] not in Mask([secret]).clean("x" * length + secret + "x" * 5000, 4000)


@pytest.mark.parametrize("unit", ["%41", "\\u0041", "&amp;", "QUJD", "common-prefix-0", "a", "Basic ", "%25"])
def test_many_secrets_and_a_long_text_take_no_time(unit: str) -> None:
    known = Mask([f"common-prefix-{number:09}" for number in range(100_000)])
    began = time.process_time()
    known.clean(unit * 100_000)
    assert time.process_time() - began < 10
