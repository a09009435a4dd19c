"""A plain scalar is a value of JSON or text; what other readers of YAML make of it is known."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.definitions.content import Misread, plain

TRUE = ["y", "Y", "yes", "Yes", "YES", "True", "TRUE", "on", "On", "ON"]
FALSE = ["n", "N", "no", "No", "NO", "False", "FALSE", "off", "Off", "OFF"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("0", 0),
        ("-1", -1),
        ("1.1", 1.1),
        ("0.000001", 0.000001),
        ("9007199254740991", 9007199254740991),
        *[(text, text) for text in ("abc", "-", "+", ".", "..", "1-2", "0x", "0xg", "1.2.3", "127.0.0.1", "0b2", "1:60", "nope", "1e", "e5")],
        *[(text, text) for text in ("<=", "==", "~a", "yes!", "Null!", "01:30", "2026-1-2", "12:", ":12", "0o8", "1e5x", "é")],
    ],
)  # fmt: skip
def test_what_is_the_same_to_everybody(text: str, value: object) -> None:
    assert plain(text) == (value, None)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        *[(text, "the boolean true") for text in TRUE],
        *[(text, "the boolean false") for text in FALSE],
        ("0123", "the number 83"),
        ("-0_17", "the number -15"),
        ("0o17", "the number 15"),
        ("089", "the number 89"),
        ("0x1F", "the number 31"),
        ("+0xff", "the number 255"),
        ("0b1_01", "the number 5"),
        ("1_000", "the number 1000"),
        ("+5", "the number 5"),
        ("12:30", "the number 750"),
        ("-1:00:00", "the number -3600"),
        ("190:20:30.15", "the number 685230.15"),
        ("1:" * 80_000 + "1", "a number"),
        ("1:59:" + "1:" * 80_000 + "1.5", "a number"),
        ("0x" + "f" * 100_000, "a number"),
        (".5", "the number 0.5"),
        ("5.", "the number 5"),
        ("1_0.5e+3", "the number 10500"),
        ("1.e3", "the number 1000"),
        ("2026-01-31", "the date 2026-01-31"),
        ("2026-01-31T10:00:00Z", "the date 2026-01-31"),
        ("2026-01-31 10:00:00.5 +02:00", "the date 2026-01-31"),
        ("2026-99-99", "a date"),
        ("=", "a default value"),
        ("<<", "a merge key"),
        (".inf", "a number that JSON does not have"),
        ("-.INF", "a number that JSON does not have"),
        (".NaN", "a number that JSON does not have"),
        ("1e400", "a number that JSON does not have"),
        ("9" * 5000, "a number that JSON does not have"),
    ],
)
def test_what_is_text_to_json_alone_stays_as_it_is_written(text: str, becomes: str) -> None:
    value, otherwise = plain(text)
    assert value == text
    assert otherwise is not None
    assert otherwise.exactly == becomes


@pytest.mark.parametrize(
    ("text", "value", "becomes"),
    [
        ("", None, ""),
        ("~", None, ""),
        ("Null", None, ""),
        ("1.10", 1.1, "1.1"),
        ("1.0", 1.0, "1"),
        ("1e3", 1000.0, "1000"),
        ("1E-2", 0.01, "0.01"),
        ("-0", 0, "0"),
        ("-0.0", 0, "0"),
        ("0.1000000000000000055511151231257827", 0.1, "0.1"),
        ("9007199254740992", 2**53, "9007199254740992"),
        ("9007199254740993", 2**53 + 1, "9007199254740992"),
        ("-9007199254740993", -(2**53) - 1, "-9007199254740992"),
        ("1e21", 1e21, "1e+21"),
        ("1e-7", 1e-7, None),
    ],
)
def test_what_does_not_stay_as_it_is_written(text: str, value: object, becomes: str | None) -> None:
    found, otherwise = plain(text)
    assert found == value
    assert (otherwise.value if otherwise else None) == becomes


RESOLVER: Any = yaml.resolver.Resolver()
SHAPES = st.text(alphabet="0123456789abefoxXyYnN_.:+-eE~=<TtZ ", max_size=12)


@given(SHAPES)
def test_nothing_that_pyyaml_reads_as_more_than_text_is_text_to_us(text: str) -> None:
    tag = RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    value, otherwise = plain(text)
    if tag != "tag:yaml.org,2002:str" and isinstance(value, str):
        assert otherwise is not None
        kinds = {"int": Misread.NUMBER, "bool": Misread.BOOLEAN, "timestamp": Misread.DATE}
        assert kinds.get(tag.rpartition(":")[2], otherwise.kind) is otherwise.kind


@given(SHAPES)
def test_a_number_that_is_the_same_to_everybody_is_what_pyyaml_reads(text: str) -> None:
    value, otherwise = plain(text)
    if otherwise is None and isinstance(value, int | float) and "e" not in text.lower():
        assert yaml.safe_load(text) == value
    if otherwise is not None and otherwise.kind is Misread.NUMBER and isinstance(value, str) and otherwise.value:
        tag = RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
        if tag.endswith((":int", ":float")) and "e" not in text.lower():
            assert yaml.safe_load(text) == pytest.approx(float(otherwise.value))
