"""``provision validate`` through its front door."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner import __version__
from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, make_pipe, write

GOOD = "grant_mode: secret\nslug: a\n"
PROGRAM = [sys.executable, "-m", "provisioner"]


def test_all_problems_of_all_files_come_in_one_run_sorted(folder: Path, run: Run) -> None:
    write(folder / "account_types/b.yaml", "grant_mode: secret\nslug: 1\nfoo: 2\n")
    write(folder / "account_types/a.yaml", "\t\n- broken: [\n")
    write(folder / "account_types/c.yaml", GOOD)
    done = run("validate")
    lines = done.out.splitlines()
    assert [line.split(": ")[0] for line in lines[:-1]] == [
        "account_types/a.yaml:1:1",
        "account_types/b.yaml:2:7",
        "account_types/b.yaml:3:1",
    ]
    assert lines[-1] == "3 files, 3 errors, 0 warnings"
    assert done.code == 1
    assert not done.err


def test_the_default_folder_that_is_missing_is_a_problem(folder: Path, run: Run) -> None:
    done = run("validate")
    assert done.out.startswith("account_types:1:1: error: there is no such folder: begin one with provision init")
    assert done.code == 1
    write(folder / "google.yaml", GOOD)
    assert "there is no such folder: change to the folder above this one" in run("validate").out


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("account_type", "no file, folder or account type has this name: did you mean account_types?"),
        ("nowhere", "no file, folder or account type has this name: the ids begin with Strava, foobar/a"),
        ("account_types/foobar/b.yaml", "there is no such file: did you mean account_types/foobar/a.yaml?"),
    ],
)
def test_a_wrong_name_names_what_is_there(folder: Path, run: Run, path: str, said: str) -> None:
    write(folder / "account_types/Strava.YAML", GOOD)
    write(folder / "account_types/foobar/a.yaml", GOOD)
    assert "\n2 files, " in run("validate").out
    done = run("validate", path)
    assert (done.code, f"{path}:1:1: error: {said}" in done.out) == (1, True)


def test_a_folder_without_definitions_is_a_problem(folder: Path, run: Run) -> None:
    (folder / "account_types").mkdir()
    write(folder / "account_types/README.md", "nothing")
    assert "account_types:1:1: error: no definitions in this folder" in run("validate").out


def test_two_files_with_one_id_are_both_named(folder: Path, run: Run) -> None:
    write(folder / "account_types/google.yaml", GOOD)
    write(folder / "account_types/other.json", '{"_id": "google", "grant_mode": "secret", "slug": "b"}')
    out = run("validate").out
    assert "account_types/other.json:1:9: error: the id google is already defined in account_types/google.yaml" in out


def test_a_file_named_twice_is_read_once(folder: Path, run: Run) -> None:
    write(folder / "account_types/google.yaml", GOOD)
    done = run("validate", "account_types", "account_types/google.yaml")
    assert done.out == "1 file, 0 errors, 0 warnings\n"


def test_a_definition_too_deep_in_its_folder_is_a_problem(folder: Path, run: Run) -> None:
    write(folder / "account_types/a/b/c.yaml", GOOD)
    assert "account_types/a/b/c.yaml:1:1: error: too deep in its folder" in run("validate").out


def test_a_file_with_another_ending_is_a_problem_only_where_it_is_named(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", GOOD)
    write(folder / "account_types/a.txt", GOOD)
    assert run("validate").code == 0
    assert "its name must end in .yaml, .yml, .json [file-name]" in run("validate", "account_types/a.txt").out


def test_hidden_files_are_no_definitions(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", GOOD)
    write(folder / "account_types/.credentials.yaml", "google: {}\n")
    assert run("validate").out == "1 file, 0 errors, 0 warnings\n"


def test_a_file_that_is_too_large_is_a_problem(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", GOOD + "#" * 1024 * 1024)
    assert "account_types/a.yaml:1:1: error: larger than 1 MiB" in run("validate").out


@pytest.mark.parametrize("make", [make_pipe, lambda path: os.symlink("nowhere", path)])
def test_what_cannot_be_read_is_a_problem_and_hides_no_other(folder: Path, run: Run, make: object) -> None:
    write(folder / "account_types/b.yaml", "grant_mode: secret\n")
    assert callable(make)
    make(folder / "account_types/a.yaml")
    out = run("validate").out
    assert "account_types/a.yaml:1:1: error: cannot be read" in out
    assert "account_types/b.yaml:1:13: error" in out


def test_a_variable_without_a_value_is_a_placeholder(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: ${MODE}\nauth_endpoint: ${URL:?the URL}\nslug: 1\n")
    done = run("validate")
    assert done.out.splitlines()[0].startswith("account_types/a.yaml:3:7: error: slug must be a string")
    assert done.out.endswith("1 file, 1 error, 0 warnings\n")


def test_a_variable_with_a_value_is_checked(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: ${MODE}\nslug: a\n")
    assert run("validate").code == 0
    assert "grant_mode must be one of" in run("validate", "--set", "MODE=nonsense").out


def test_json_holds_the_same_problems(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: 1\n")
    report = json.loads(run("validate", "--format", "json").out)
    assert report["problems"] == [
        {
            "path": "account_types/a.yaml",
            "line": 2,
            "column": 7,
            "severity": "error",
            "rule": "wrong-type",
            "message": "slug must be a string, and this is a number: quote it",
        }
    ]
    assert report["summary"] == {"files": 1, "errors": 1, "warnings": 0}


def test_github_annotations_escape_what_would_end_them(folder: Path, run: Run) -> None:
    write(folder / "account_types/a,b:c.yaml", 'grant_mode: secret\nslug: a\n"50%\\nx": 1\n')
    said = "::error file=account_types/a%2Cb%3Ac.yaml,line=3,col=1,title=unknown-key::unknown key 50%25\\nx"
    lines = run("validate", "--format", "github").out.splitlines()
    assert [line for line in lines if line.startswith(said)]


def test_strict_makes_warnings_errors(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", GOOD + "secret: hush\n")
    assert run("validate").code == 0
    strict = run("validate", "--strict")
    assert "error: secret is written in the definition" in strict.out
    assert strict.code == 1


def test_a_key_with_control_characters_stays_on_its_line(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", GOOD + '"\\e[31m\\n": 1\n')
    done = run("validate")
    assert "\x1b" not in done.out
    assert [line.rpartition(" [")[2] for line in done.out.splitlines()[:-1]] == ["unknown-key]", "unseen-character]"]


def test_an_unknown_option_is_wrong_usage(folder: Path, run: Run) -> None:
    done = run("validate", "--formt", "json")
    assert done.code == 2
    assert "--format" in done.err


@pytest.mark.parametrize("value", ["domain", "1a=b", "=x"])
def test_a_malformed_set_is_wrong_usage(folder: Path, run: Run, value: str) -> None:
    done = run("validate", "--set", value)
    assert done.code == 2
    assert done.err.startswith("error: --set number 1 is not NAME=VALUE\nnext: ")


def test_the_schema_is_printed_as_it_is_shipped(run: Run) -> None:
    shipped = Path(__file__).parents[2] / "schemas/account_type.schema.json"
    assert run("schema").out == shipped.read_text(encoding="utf-8")


def test_the_version() -> None:
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"provision {__version__}\n"


def test_colours_are_for_terminals_whose_user_wants_them(folder: Path) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\n")
    assert "\x1b[31merror" in on_a_terminal(["validate"], folder)[0]
    assert "\x1b" not in on_a_terminal(["validate"], folder, env={"NO_COLOR": "1"})[0]
    assert "\x1b" not in on_a_terminal(["validate"], folder, env={"TERM": "dumb"})[0]


def test_an_alias_bomb_needs_no_memory(folder: Path) -> None:
    lines = ["x-a: &a [" + ",".join(["1"] * 10) + "]"]
    lines += [
        f"x-{name}: &{name} [{','.join(['*' + before] * 10)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    write(folder / "account_types/a.yaml", "\n".join(lines))
    limit = 256 * 1024 * 1024
    if sys.platform == "win32":
        raise NotImplementedError
    done = subprocess.run(
        [*PROGRAM, "validate"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert "[too-large]" in done.stdout
    assert not done.stderr


@settings(max_examples=60)
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(alphabet="{}[]\"':,-&*!?|>#%@ \n\taé0.$\\", max_size=60).map(str.encode)
    )
)
@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_no_content_gives_a_traceback(folder: Path, run: Run, name: str, content: bytes) -> None:
    path = folder / name
    path.write_bytes(content)
    done = run("validate", path.name)
    assert done.code in (0, 1)
    assert done.out.splitlines()[-1].startswith("1 file, ")


def test_a_key_of_couchdb_is_explained(folder: Path, run: Run) -> None:
    write(folder / "a.json", '{"_id": "a", "_rev": "1-a", "grant_mode": "secret", "slug": "a"}')
    assert "unknown key _rev: it belongs to CouchDB, and apply uses the live one: remove it" in (
        run("validate", "a.json").out
    )
