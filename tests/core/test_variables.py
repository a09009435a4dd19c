"""Variables by the rules of Compose files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.definitions.content import Content
from provisioner.core.definitions.variables import Expansion

VALUES = {"NAME": "value", "EMPTY": "", "OTHER": "other"}


def expand(text: str) -> tuple[object, Expansion]:
    expansion = Expansion(VALUES.get)
    return expansion.value(text), expansion


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${NAME}", "value"),
        ("a${NAME}b${OTHER}c", "avaluebotherc"),
        ("${EMPTY}", ""),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY-default}", ""),
        ("${NO:-default}", "default"),
        ("${NO-default}", "default"),
        ("${NO:-}", ""),
        ("${NO:-${NAME}/${NO:-x}}", "value/x"),
        ("${NAME:-${MISSING}}", "value"),
        ("${NAME:?message}", "value"),
        ("${EMPTY?message}", ""),
        ("${NAME:+set}", "set"),
        ("${EMPTY:+set}", ""),
        ("${EMPTY+set}", "set"),
        ("${NO+set}", ""),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$$$${NAME}", "$${NAME}"),
        ("100$$ ${NAME}", "100$ value"),
    ],
)
def test_a_variable_is_replaced(text: str, expected: str) -> None:
    value, expansion = expand(text)
    assert value == expected
    assert not expansion.missing
    assert not expansion.malformed


@pytest.mark.parametrize(
    "text", ["$", "a$b", "$NAME", "${}", "${1}", "${NAME", "${NAME!x}", "${NA ME}", "${NAME:}", "${NO:-${NAME}"]
)
def test_a_dollar_that_starts_nothing_is_malformed(text: str) -> None:
    value, expansion = expand(text)
    assert value == text
    assert len(expansion.malformed) == 1


def test_all_missing_variables_are_told_and_the_text_becomes_a_gap() -> None:
    text = "${ONE}/${TWO:?ask ${NAME}}/${EMPTY:?is empty}"
    value, expansion = expand(text)
    assert value == text
    assert expansion.gaps == {()}
    assert [fault.message.partition(" (")[0] for fault in expansion.missing] == [
        "variable ONE has no value",
        "variable TWO has no value: ask ${NAME}",
        "variable EMPTY has no value: is empty",
    ]


def test_notes_are_left_as_they_are() -> None:
    expansion = Expansion(VALUES.get)
    content = Content({"x-note": "${MISSING} costs $5"})
    assert expansion.definition(content) is content
    assert not expansion.missing


@given(st.text())
def test_a_text_whose_dollars_are_doubled_comes_back(text: str) -> None:
    value, expansion = expand(text.replace("$", "$$"))
    assert value == text
    assert not expansion.malformed
