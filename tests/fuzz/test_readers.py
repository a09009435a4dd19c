"""The readers of YAML, JSON and variables: no traceback, bounded time and memory, whatever the text."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.adapters.files import shipped
from provisioner.adapters.files.text_files import parse
from provisioner.core.definitions.content import MAX_BYTES, walk
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.definitions.variables import Expansion
from provisioner.core.errors import InvalidFile
from provisioner.core.targets.target import config_of, named_target
from provisioner.core.text import printable
from tests.fuzz.costs import all_the_way

BUDGET = settings(max_examples=150)

CHECKS = {name: schema_check(shipped.schema(name)) for name in ("account_type", "provision", "credentials")}

WORDS = st.sampled_from([
    "a", "x-n", "catalogue", "targets", "vars", "extras", "env", "slug", ": ", ":\n  ", "\n", "\n  ", "- ", "[", "]", "{", "}",
    "&a ", "*a", "<<", "!!int ", "!x ", "? ", "| ", ">", "#", '"', "'", "\\ud800", "\\x00", "${", "}", ":-", "$", "1e999",
    "0x" + "f" * 4000, "1:" * 50, "~", "true", ".inf", "2001-01-01", ",", "\t", "%YAML 1.1", "---", "...", "\ufeff", "é",
    "\x85", "\u2028",
])  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=3), max_size=25).map("".join)


def reads(text: str, *, is_json: bool) -> None:
    """Take a text all the way: read, checked, its variables replaced, and every message made printable."""
    reading = parse(text.encode(errors="surrogatepass"), json=is_json)
    messages = [fault.message for fault in reading.faults]
    if reading.content is not None:
        expansion = Expansion({"a": "1"}.get)
        content = expansion.definition(reading.content)
        for check in CHECKS.values():
            messages += [fault.message for fault in check(content)]
        if not reading.faults:
            json.dumps(content.values, ensure_ascii=False).encode()
    assert all(messages)
    printable("\n".join(messages)).encode()


@BUDGET
@given(TEXTS)
def test_any_text_as_yaml(text: str) -> None:
    reads(text, is_json=False)


@BUDGET
@given(TEXTS.map("a: 1\n".__add__))
def test_the_quick_and_the_careful_reading_agree(text: str) -> None:
    quick, careful = (parse(each.encode(errors="surrogatepass")) for each in (text, f"# * asks for care\n{text}"))
    assert [fault.rule for fault in quick.faults] == [fault.rule for fault in careful.faults]
    assert json.dumps(quick.content and quick.content.values) == json.dumps(careful.content and careful.content.values)
    if quick.content and careful.content:
        assert quick.content.odd == careful.content.odd
        assert {*quick.content.places} == {*careful.content.places} == {path for path, _ in walk(quick.content.values)}


@BUDGET
@given(TEXTS)
def test_any_text_as_json(text: str) -> None:
    reads(text, is_json=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@BUDGET
@given(st.dictionaries(st.sampled_from(["env", "catalogue", "targets", "slug", "extras", "_id"]) | st.text(), JSON))
def test_any_json_is_read_by_both_readers(content: dict[str, object]) -> None:
    text = json.dumps(content)
    reads(text, is_json=True)
    reads(text, is_json=False)


@BUDGET
@given(st.fixed_dictionaries({}, optional={"couch": TEXTS, "vars": st.dictionaries(st.text(), TEXTS, max_size=2)}))
def test_a_target_that_fits_the_schema_is_understood(row: dict[str, object]) -> None:
    reading = parse(json.dumps({"targets": {"t": row}}).encode(), json=True)
    if reading.content is not None and not reading.faults and not CHECKS["provision"](reading.content):
        with suppress(InvalidFile):
            assert named_target("t", config_of(reading.content, "provision.yaml"), {"a": "1"}.get).name == "t"


@BUDGET
@given(
    st.lists(st.sampled_from(["${", "}", "a", ":-", ":?", "-", "?", "+", "$", "$$", "é", ":"]), max_size=60).map(
        "".join
    )
)
def test_any_text_with_variables(text: str) -> None:
    expansion = Expansion({"a": "1"}.get)
    expansion.value(text)
    assert all(fault.message for fault in [*expansion.missing, *expansion.malformed])


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(10))}]" for n in range(1, 9)]
    return "\n".join(lines)


def heavy_aliases() -> str:
    """A long text that is repeated thousands of times: few values, gigabytes once they are written out."""
    return f"a: &a '{'${a}' * 50_000}'\nb: [{', '.join(['*a'] * 5000)}]"


@pytest.mark.parametrize(
    ("name", "make", "rule"),
    [
        ("an alias bomb", bomb, "too-large"),
        ("heavy aliases", heavy_aliases, "too-large"),
        ("an alias within its own anchor", lambda: "a: &a [*a]", "syntax"),
        ("deep flow sequences", lambda: "a: " + "[" * 3000, "too-deep"),
        ("deep flow mappings", lambda: "a: " + "{a: " * 3000, "too-deep"),
        ("many values", lambda: "\n".join(f"k{n}: v" for n in range(10_000)), "too-large"),
        ("an integer of 4,000 digits", lambda: "a: " + "9" * 4000, "not-json"),
        ("an integer of 5,000 digits", lambda: "a: " + "9" * 5000, "not-json"),
        ("a list", lambda: "- a", "not-a-mapping"),
        ("a file over 1 MiB", lambda: "a: " + "x" * MAX_BYTES, "too-large"),
    ],
)
def test_a_hostile_yaml_text_is_a_problem(name: str, make: Callable[[], str], rule: str) -> None:
    reading = parse(make().encode())
    assert rule in {fault.rule for fault in reading.faults}, name


@pytest.mark.parametrize("text", [r'a: "\ud800"', r'"\ud800": a', "a: \ud800"])
def test_a_lone_surrogate_in_yaml_is_a_problem(text: str) -> None:
    reading = parse(text.encode(errors="surrogatepass"))
    assert {fault.rule for fault in reading.faults} <= {"syntax", "not-json", "not-utf-8"}
    assert reading.faults


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("deep lists", '{"a": ' + "[" * 101 + "]" * 101 + "}", "too-deep"),
        ("very deep lists", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "too-deep"),
        ("many keys", json.dumps({f"k{n}": 1 for n in range(10_000)}), "too-large"),
        ("an integer of 4,000 digits", '{"a": ' + "9" * 4000 + "}", "not-json"),
        ("an integer of 5,000 digits", '{"a": ' + "9" * 5000 + "}", "not-json"),
        ("a lone surrogate", r'{"a": "\ud800"}', "not-json"),
        ("a lone surrogate in a key", r'{"\ud800": 1}', "not-json"),
        ("NaN", '{"a": NaN}', "not-json"),
    ],
)
def test_a_hostile_json_text_is_a_problem(name: str, text: str, rule: str) -> None:
    reading = parse(text.encode(), json=True)
    assert rule in {fault.rule for fault in reading.faults}, name


def test_a_pair_of_surrogates_is_a_whole_character() -> None:
    reading = parse(rb'{"a": "\ud83d\ude00"}', json=True)
    assert reading.content is not None
    assert not reading.faults
    assert reading.content.values == {"a": "\U0001f600"}


@pytest.mark.parametrize("depth", [400, 100_000])
def test_variables_nested_too_deep_are_malformed(depth: int) -> None:
    expansion = Expansion(dict[str, str]().get)
    expansion.value("${a:-" * depth + "}" * depth)
    assert [fault.message for fault in expansion.malformed] == ["variables nested more than 20 levels deep"]


@pytest.mark.parametrize(
    "name", ["auth_endpoint", "token_endpoint", "redirect_uri", "client_id", "slug", "_id", "secret", "extras", "x-a"]
)
@pytest.mark.parametrize(
    "text",
    ["https://a\ud800.example/x", "https://a.example/\udc00?a=\ud800#\ud800", "https://\ud800:x@a.example/", "\udc80"],
)
def test_half_a_character_is_a_problem_wherever_it_stands(name: str, text: str) -> None:
    content = {"grant_mode": "authorization_code", "auth_endpoint": "https://a.example/", name: text}
    all_the_way(json.dumps(content), "a.json")
    all_the_way(json.dumps({**content, name: {text: [text]}}), "a.json")
