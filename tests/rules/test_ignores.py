"""Comments that silence a rule, and those that do not."""

from pathlib import Path

import pytest
import yaml

from provisioner.adapters.files import yaml_text
from tests.conftest import Run, write
from tests.rules.examples import CODE, SECRET

GET = f"{CODE}token_mode: get"
LEAKS = "token_mode get puts the client secret into URLs, so into access logs [get-leaks-secret]"


def problems(run: Run, folder: Path, text: str, *options: str) -> list[str]:
    path = write(folder / "a.yaml", text)
    return [line.removeprefix("a.yaml:") for line in run("validate", path.name, *options).out.splitlines()[:-1]]


@pytest.mark.parametrize(
    "text",
    [
        f"{GET}  # provision: ignore[get-leaks-secret]\n",
        f"{GET} # provision: ignore[get-leaks-secret] because the provider documents a GET\n",
        f"{GET} # provision:ignore [ get-leaks-secret ]\n",
        f"{GET} # a GET # provision: ignore[get-leaks-secret]\n",
        f"# yaml\n# provision: ignore[get-leaks-secret]\n\n{GET}\n",
        f"--- # provision: ignore[get-leaks-secret]\n{GET}\n",
        f"client_id: 'a # provision: ignore[get-leaks-secret]'\n# x\n{GET} # provision: ignore[get-leaks-secret]\n",
        f"# provision: ignore[get-leaks-secret, no-token-endpoint]\n{GET.replace('token_endpoint', 'x-token')}\n",
        f"{GET} # provision: ignore[get-leaks-secret]\r\n".replace("\n", "\r\n"),
    ],
)
def test_a_comment_silences_its_rule(text: str, folder: Path, run: Run) -> None:
    assert problems(run, folder, text, "--strict") == []


@pytest.mark.parametrize(
    "text",
    [
        f"client_id: 'a # provision: ignore[get-leaks-secret]'\n{GET}\n",
        f"client_id: |-\n  # provision: ignore[get-leaks-secret]\n{GET}\n",
        f"x-notes: >-\n  a\n\n  # provision: ignore[get-leaks-secret]\n{GET}\n",
        f"'x-# provision: ignore[get-leaks-secret]': 1\n{GET}\n",
        f"{GET}\nclient_id: a#provision:ignore[get-leaks-secret]\n",
    ],
)
def test_what_stands_in_a_value_is_no_comment(text: str, folder: Path, run: Run) -> None:
    found = problems(run, folder, text)
    assert [line.partition(": ")[2] for line in found] == [f"warning: {LEAKS}"]


def test_a_line_is_silenced_and_no_other(folder: Path, run: Run) -> None:
    assert problems(run, folder, f"{GET}\nclient_id: a # provision: ignore[get-leaks-secret]\n") == [
        f"4:13: warning: {LEAKS}",
        "5:14: warning: get-leaks-secret finds nothing in this line: remove the comment [unused-ignore]",
    ]


def test_a_rule_is_silenced_and_no_other(folder: Path, run: Run) -> None:
    text = f"# provision: ignore[get-leaks-secret]\n{GET.replace('token_endpoint', 'x-token')}\n"
    assert [line.rpartition(" ")[2] for line in problems(run, folder, text)] == ["[no-token-endpoint]"]


@pytest.mark.parametrize(
    ("ignore", "message"),
    [
        ("ignore[get-leaks-secret]", "get-leaks-secret finds nothing in this file: remove the comment"),
        ("ignore[get-leak-secret]", "there is no rule get-leak-secret: did you mean get-leaks-secret?"),
        ("ignore[]", "this comment has no rule: write # provision: ignore[rule-id]"),
        ("ignore get-leaks-secret", "this comment has no rule: write # provision: ignore[rule-id]"),
        ("ignore[unknown-key]", "unknown-key cannot be ignored"),
        ("ignore[unused-ignore]", "unused-ignore cannot be ignored"),
    ],
)
def test_a_comment_that_does_nothing_is_reported(ignore: str, message: str, folder: Path, run: Run) -> None:
    assert problems(run, folder, f"# provision: {ignore}\n{CODE}") == [f"1:1: warning: {message} [unused-ignore]"]


@pytest.mark.parametrize("rule", ["unknown-key", "wrong-type", "missing-key", "duplicate-key"])
def test_an_error_of_form_is_never_silenced(rule: str, folder: Path, run: Run) -> None:
    text = f"# provision: ignore[{rule}]\ngrant_mode: authorization_code\nzzz: 1\nclient_id: 1\nclient_id: 2\n"
    assert any(line.endswith(f"[{rule}]") and ": error: " in line for line in problems(run, folder, text))


def test_an_ignore_that_other_values_may_need_is_not_called_unused(folder: Path, run: Run) -> None:
    line = "token_endpoint: https://${host}/token # provision: ignore[foreign-endpoint]"
    text = CODE.replace("token_endpoint: https://provider.example/token", line)
    assert problems(run, folder, text) == []
    assert problems(run, folder, text, "--set", "host=elsewhere.example") == []
    assert "[unused-ignore]" in problems(run, folder, text, "--set", "host=provider.example")[0]


def test_an_ignore_of_a_rule_over_all_files_is_judged_in_a_whole_catalogue_only(folder: Path, run: Run) -> None:
    shared = SECRET.format(slug="s")
    write(folder / "account_types/a.yaml", shared)
    write(folder / "account_types/b.yaml", shared.replace("slug: s", "slug: s # provision: ignore[slug-not-unique]"))
    assert run("validate").out == "2 files, 0 errors, 0 warnings\n"
    assert run("validate", "account_types/b.yaml").out == "1 file, 0 errors, 0 warnings\n"
    (folder / "account_types/a.yaml").unlink()
    assert "[unused-ignore]" in run("validate").out


def test_comments_of_a_file_that_cannot_be_read_are_not_judged(folder: Path, run: Run) -> None:
    found = problems(run, folder, f"# provision: ignore[get-leaks-secret]\n{CODE}x: [\n")
    assert [line.rpartition(" ")[2] for line in found] == ["[syntax]"]


def test_comments_of_a_file_whose_id_is_not_known_are_not_judged(folder: Path, run: Run) -> None:
    assert problems(run, folder, f"# provision: ignore[get-leaks-secret]\n_id: ${{id}}\n{CODE}") == []


def test_both_parsers_find_the_same_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "# provision: ignore[a] é\n"
        'a: "éé # provision: ignore[no]" # provision: ignore[b, c]\n'
        "b: | # provision: ignore[d]\n  x # provision: ignore[no]\n# provision: ignore[e]\n"
        "c: 'x\n  # provision: ignore[no]\n  y' # provision: ignore[f]\n"
        "d: [x, # provision: ignore[g]\n  y]\n"
    )
    found = []
    for loader in ("CSafeLoader", "SafeLoader"):
        monkeypatch.setattr(yaml_text, "_LOADER", getattr(yaml, loader))
        found.append(yaml_text.read_yaml(text).ignores)
    assert found[0] == found[1]
    assert [rule for ignore in found[0] for rule in ignore.rules] == ["a", "b", "c", "d", "e", "f", "g"]
    assert [ignore.whole for ignore in found[0]] == [True, False, False, False, False, False]
