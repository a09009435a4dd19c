"""Credentials are checked wherever they come from, before anything is written."""

from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live
from tests.rules.examples import CODE, SECRET


@pytest.fixture
def options(live: Live) -> list[str]:
    return ["--couch", live.url, "--database", live.database]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("CLIENT_ID", "1\n", "client_id ends with a line break, and the stack sends it as it is"),
        ("CLIENT_SECRET", "\ufeffhush-marker", "client_secret starts with a byte order mark, and the stack sends it as it is"),
        ("CLIENT_SECRET", '"hush-marker"', "client_secret has quotes around it, and the stack sends it as it is"),
        ("CLIENT_SECRET", "hush-\u200bmarker", "client_secret has a zero width space (U+200B) at character 6"),
        ("CLIENT_ID", "a\udcff", "client_id contains half of a character (a lone surrogate): CouchDB would refuse the whole batch of documents"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["diff", "apply"])
def test_a_wrong_credential_stops_its_account_type_alone(
    command: str, field: str, value: str, expected: str, folder: Path, live: Live, options: list[str], run: Run
) -> None:
    write(folder / "account_types/a.yaml", CODE)
    write(folder / "account_types/b.yaml", SECRET.format(slug="s"))
    given = {f"ACCOUNT_TYPE_A_{field}": value, "ACCOUNT_TYPE_B_SECRET": "hush-marker"}
    done = run(command, *options, env=given)
    assert done.code == 1
    refused = "refused   a: " if command == "diff" else "failed    a: not written: "
    (line,) = [line for line in done.out.splitlines() if line.startswith(refused)]
    assert f"{expected} (from a credential source)" in line
    assert "marker" not in done.out + done.err
    assert command == "diff" or [*live.documents()] == ["b"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("{client_id: 4711}", "client_id is refused: credentials.yaml:1:16: a.client_id must be a string"),
        ("{client_id: [1]}", "a.client_id must be a string [wrong-type]"),
        ("{client_secret: 0123}", "a.client_secret: YAML can read this as a number: quote it [ambiguous-value]"),
        ("{secret: {marker: 9007199254740993}}", "quote it [number-loses-digits]"),
        ("{client_secrte: hush-marker}", "client_secret is refused: credentials.yaml:1:5: unknown key client_secrte"),
        ("hush-marker", "client_secret is refused: credentials.yaml:1:4: a must be a mapping of keys to values"),
    ],
)
def test_a_wrong_row_of_a_file_of_credentials_stops_its_account_type_alone(
    row: str, expected: str, folder: Path, live: Live, run: Run
) -> None:
    write(folder / "account_types/a.yaml", CODE)
    write(folder / "account_types/b.yaml", SECRET.format(slug="s"))
    write(folder / "credentials.yaml", f"a: {row}\nb: {{secret: hush}}\n").chmod(0o600)
    target = f"couch: '{live.url}', database: {live.database}, credentials: [{{file: credentials.yaml}}]"
    write(folder / "provision.yaml", f"targets: {{t: {{{target}}}}}\n")
    done = run("apply", "--target", "t")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("failed    a: not written: ")]
    assert f"{expected}" in line
    assert "marker" not in done.out + done.err
    assert [*live.documents()] == ["b"]


@pytest.mark.parametrize("place", ["client_id: ${v}", "extras: {a: '${v}'}", "client_secret: ${v}"])
def test_what_a_variable_gives_stops_its_account_type_alone(
    place: str, folder: Path, live: Live, options: list[str], run: Run
) -> None:
    write(folder / "account_types/a.yaml", f"{CODE}{place}\n")
    write(folder / "account_types/b.yaml", SECRET.format(slug="s"))
    given = {"ACCOUNT_TYPE_A_CLIENT_ID": "1", "ACCOUNT_TYPE_A_CLIENT_SECRET": "s-1"}
    done = run("apply", *options, "--set", "v=b\u200bc", env={**given, "ACCOUNT_TYPE_B_SECRET": "hush"})
    assert done.code == 1
    assert "has a zero width space (U+200B) at character 2 (from a variable)" in done.out
    assert [*live.documents()] == ["b"]


def test_a_comment_in_the_file_silences_it(folder: Path, options: list[str], run: Run) -> None:
    write(folder / "account_types/a.yaml", f"# provision: ignore[padded-credential]\n{CODE}")
    done = run("diff", *options, env={"ACCOUNT_TYPE_A_CLIENT_ID": "1 "})
    assert "[padded-credential]" not in done.err


def test_what_a_definition_states_itself_is_told_once(folder: Path, options: list[str], run: Run) -> None:
    write(folder / "account_types/a.yaml", f"{CODE}client_id: 'a '\n")
    done = run("diff", *options, env={"ACCOUNT_TYPE_A_CLIENT_ID": "b "})
    assert done.err.count("[padded-credential]") == 1
    assert "a.yaml:4:12: error: client_id ends with a space, and the stack sends it as it is [" in done.err


def test_a_warning_about_what_a_definition_states_is_told_once(folder: Path, options: list[str], run: Run) -> None:
    write(folder / "account_types/a.yaml", f"{CODE}token_mode: basic\nclient_id: a+b\n")
    done = run("diff", *options, env={"ACCOUNT_TYPE_A_CLIENT_SECRET": "hush-marker%"})
    assert done.code == 0
    places = [
        line.partition(": ")[2].partition(": ")[0] for line in done.err.splitlines() if "[basic-not-encoded]" in line
    ]
    assert places == ["account_types/a.yaml:1:1", "account_types/a.yaml:5:12"]


def test_a_token_is_not_asked_for_with_a_wrong_credential(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", CODE)
    done = run("token", "a", "--no-browser", env={"ACCOUNT_TYPE_A_CLIENT_ID": "1\n"})
    assert done.code == 1
    assert "client_id ends with a line break" in done.err
