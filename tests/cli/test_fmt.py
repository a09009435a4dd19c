"""``provision fmt`` and ``provision fmt --fix``: edits of definition files."""

import random
import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner.adapters.files.yaml_text import read_yaml
from provisioner.core.definitions.editing import certain_edits, edited, formatted
from tests.conftest import Run, write

ROOT = Path(__file__).parents[2]
CATALOGUE = sorted((ROOT / "account_types").glob("*.yaml"))
MESSY = """\
# yaml-language-server: $schema=x\r
token_mode: basic  \r
# the id of our client
client_id: 0123 # from the console
grant_mode: authorization_code

x-notes: |
  two blanks at the end\x20\x20
extras: {a: 1, b: true}
auth_endpoint: https://a.example/

"""
TIDY = """\
# yaml-language-server: $schema=x
x-notes: |
  two blanks at the end\x20\x20
grant_mode: authorization_code
# the id of our client
client_id: "0123" # from the console
auth_endpoint: https://a.example/
token_mode: basic
extras: {a: "1", b: "true"}
"""


def test_a_definition_is_put_into_its_usual_form(folder: Path, run: Run) -> None:
    path = write(folder / "account_types/a.yaml", "")
    path.write_bytes(MESSY.encode())
    path.chmod(0o640)
    checked = run("fmt", "--check")
    assert (checked.code, checked.out) == (1, "not formatted account_types/a.yaml\n")
    assert path.read_bytes() == MESSY.encode()
    done = run("fmt")
    assert (done.code, done.out, done.err) == (0, "formatted account_types/a.yaml\n", "1 file, 1 formatted\n")
    assert path.read_bytes().decode() == TIDY
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    again = run("fmt", "--check")
    assert (again.code, again.out, again.err) == (0, "", "1 file, 0 not formatted\n")


def test_what_cannot_be_read_is_told_and_left(folder: Path, run: Run) -> None:
    broken = write(folder / "account_types/broken.yaml", "token_mode: form\ngrant_mode: [\n")
    write(folder / "account_types/good.yaml", "slug: a\ngrant_mode: secret\n")
    write(folder / "account_types/other.json", '{"slug": "a", "grant_mode": "secret"}')
    done = run("fmt")
    assert done.code == 1
    assert "account_types/broken.yaml:3:1: error: " in done.err
    assert broken.read_text() == "token_mode: form\ngrant_mode: [\n"
    assert done.out == ""


@pytest.mark.parametrize(
    "text",
    [
        "token_mode: &a form\ngrant_mode: *a\n",
        "{token_mode: form, grant_mode: secret}\n",
        "token_mode: form\ngrant_mode: |+\n  secret\n\n\n",
        "",
        "# only a comment\n",
    ],
)
def test_a_text_that_would_mean_something_else_stays(text: str) -> None:
    assert formatted(text, read_yaml) == text


WORDS = st.sampled_from(
    ["grant_mode", "slug", "client_id", "extras", "secret", ": ", ":", " ", "\n", "\n", "\n  ", "\r", "\r\n", "\x85", "\u2028", "0123", "on", "a", "1.10", "{", "}", "[", "]", ",", "# c", " #", "|", ">-", "'", '"', "&a ", "*a", "- ", "{}", "~", "\t", "# provision: ignore[get-leaks-secret]", "x-a", "---\n", "\ufeff", "2026-01-31"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=20).map("".join))
@example("{}")
@example("slug: a\rgrant_mode: secret\r")
@example("slug: a\x85grant_mode: secret")
@example("slug: a\u2028grant_mode: secret\u2028")
@example("slug: 0123\rclient_id: on")
@example("slug: b\x85client_id: 0123\u2029")
def test_any_text_is_formatted_once_and_for_all(text: str) -> None:
    once = formatted(text, read_yaml)
    assert formatted(once, read_yaml) == once
    before, after = read_yaml(text), read_yaml(once)
    assert (before.content is None) == (after.content is None)
    assert sorted(fault.rule for fault in before.faults) == sorted(fault.rule for fault in after.faults)
    if before.content and after.content:
        assert before.content.values.keys() == after.content.values.keys()
        edits = certain_edits(text, before.content)
        assert len(edited(text, edits)) >= len(text) or not edits or any("→" in edit.what for edit in edits)


def test_the_shipped_catalogue_is_formatted(run: Run) -> None:
    assert run("fmt", "--check", ROOT / "account_types").code == 0


@given(st.sampled_from(CATALOGUE), st.randoms(use_true_random=False))
def test_any_order_of_a_definition_gives_the_same_and_loses_nothing(path: Path, order: random.Random) -> None:
    shipped = path.read_text(encoding="utf-8")
    values = yaml.safe_load(shipped)
    keys = list(values)
    order.shuffle(keys)
    text = "".join(f"# above {key}\n{yaml.safe_dump({key: values[key]}, width=1000)}" for key in keys)
    once = formatted(text, read_yaml)
    assert yaml.safe_load(once) == values
    assert [key for key in yaml.safe_load(once) if not key.startswith("x-")] == [
        key for key in values if not key.startswith("x-")
    ]
    assert formatted(once, read_yaml) == once
    lines = once.splitlines()
    assert sorted(lines) == sorted(text.splitlines())
    assert all(lines[lines.index(f"# above {key}") + 1].startswith(f"{key}:") for key in keys[1:])


class TestFix:
    def test_what_is_certain_is_fixed_and_the_rest_is_left(self, folder: Path, run: Run) -> None:
        path = write(
            folder / "account_types/a.yaml",
            "'slugg': 12\ngrant_mode: secret # why\nsecret: ${S}\nunheard_of: 1\nextras:\n  a: 1.50\n",
        )
        done = run("fmt", "--fix")
        assert done.code == 0
        text = path.read_text()
        assert "'slug': \"12\"\ngrant_mode: secret # why\n" in text
        assert 'extras:\n  a: "1.50"\n' in text
        assert "unheard_of: 1" in text
        assert done.err.splitlines()[:3] == [
            "fixed account_types/a.yaml:1: slugg → slug",
            "fixed account_types/a.yaml:1: slug is quoted",
            "fixed account_types/a.yaml:6: extras.a is quoted",
        ]
        checked = run("validate").out
        assert [line.split("[")[-1] for line in checked.splitlines()[:-1]] == ["unknown-key]"]

    def test_check_and_fix_contradict_each_other(self, folder: Path, run: Run) -> None:
        assert run("fmt", "--check", "--fix").code == 2

    def test_json_is_fixed_too(self, folder: Path, run: Run) -> None:
        path = write(folder / "account_types/a.json", '{"grant_mode": "secret", "slugg": 12, "secret": "${S}"}')
        assert run("fmt", "--fix").code == 0
        assert path.read_text() == '{"grant_mode": "secret", "slug": "12", "secret": "${S}"}'

    @pytest.mark.parametrize(
        "text",
        [
            "grant_mode: secret\nslug: a\nslugg: b\nsecret: ${S}\n",  # the other one is there
            "grant_mode: secret\nslug: a\nma_endpoint: b\nsecret: ${S}\n",  # two come into question
            "grant_mode: secret\nslug: a\nsecret: 12\n",  # any value is possible
        ],
    )
    def test_what_is_not_certain_is_left(self, folder: Path, run: Run, text: str) -> None:
        path = write(folder / "account_types/a.yaml", text)
        run("fmt")
        in_form = path.read_text()
        run("fmt", "--fix")
        assert path.read_text() == in_form

    def test_no_secret_is_printed(self, folder: Path, run: Run) -> None:
        write(folder / "account_types/a.yaml", "grant_mode: authorization_code\nclient_secret: 4711471147\n")
        done = run("fmt", "--fix")
        assert "fixed account_types/a.yaml:2: client_secret is quoted" in done.err
        assert "4711471147" not in done.err + done.out
