"""What whoever can write a backup can do with it: nothing but what a definition can."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.adapters.files.backups import BackupFolder
from provisioner.core.errors import ProvisionError
from provisioner.core.targets.target import BackupSettings
from tests.conftest import make_pipe, write
from tests.live_server import Live, Team
from tests.outputs import only

DEFINITION = "grant_mode: token\nclient_id: '1'\nauth_endpoint: https://a.example/authorize\n"
OLD, NEW = {"grant_mode": "token"}, {"grant_mode": "secret"}


@pytest.fixture
def team(team: Team, live: Live) -> Team:
    """It keeps backups, and has no owner."""
    team.configure(owner=None, backup={"folder": "backups"})
    live.create()
    (team.folder / "backups").mkdir(mode=0o700)
    return team


def lines(live: Live, *rows: dict[str, Any], **changed: Any) -> list[dict[str, Any]]:
    place = f"{live.shown_url} {live.database}"
    run = {"version": 2, "command": "apply", "place": place, "at": "2026-11-26T12:00:00Z"}
    return [run | {"owner": None, "source": None, "undoes": None} | changed, *rows]


def entry(id: str, before: object = None, after: object = None, **more: Any) -> dict[str, Any]:
    return {"id": id, "rev": "1-a", "before": before, "after": after or NEW, "left_out": [], "losing": {}} | more


def forge(team: Team, rows: list[Any], name: str = "one-000009.jsonl") -> Path:
    path = write(team.folder / "backups" / name, "".join(f"{json.dumps(row)}\n" for row in rows))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("id", ["_security", "_design/x", "_local/x", ".", "..", "a/b/c", "", "_all_docs"])
def test_an_id_that_no_account_type_can_have(team: Team, live: Live, id: str) -> None:
    before = live.http.get(f"{live.path}/_security").json()
    forge(team, lines(live, entry(id, {"members": {}}, {"_deleted": True}), {"written": id, "rev": "2-b"}))
    done = team("undo", "--yes")
    assert (done.code, "backups/one-000009.jsonl:2:1: " in done.err) == (2, True), done
    assert "Traceback" not in done.err
    assert live.http.get(f"{live.path}/_security").json() == before
    assert live.documents() == {}


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ([entry("a", {"_id": "_security"})], "2:1: "),
        ([entry("a", 7)], "2:1: before must be object or null"),
        ([entry("a", {"provision": {"owner": 4}})], "2:1: the key provision has a form"),
        ([entry("a", rev=5)], "2:1: rev must be string or null"),
        ([entry("a", OLD) | {"then": 1}], "2:1: "),
        ([{"written": "a"}], "2:1: this is not a line of a backup"),
        ([{"id": "a", "sealed": "x"}], "is encrypted, and the target has no key"),
        ([[]], "2:1: expected a mapping of keys to values"),
    ],
)
def test_a_line_that_no_run_wrote(team: Team, live: Live, rows: list[Any], where: str) -> None:
    forge(team, lines(live, *rows))
    for arguments in (("undo", "--yes"), ("undo", "one-000009.jsonl", "--yes")):
        done = team(*arguments)
        assert (done.code, where in done.err) == (2, True), done.err
    assert where in team("undo", "--list").out
    assert live.documents() == {}


def test_user_and_password_are_never_in_a_place(team: Team, live: Live) -> None:
    forge(team, lines(live, place=f"http://admin:hush@localhost:5984 {live.database}"))
    done, shown = team("undo", "one-000009.jsonl", "--yes"), team("undo", "--list")
    assert "1:1: place must match pattern" in done.err
    assert "hush" not in done.err + shown.out


def test_values_that_the_stack_cannot_decode_or_that_are_no_credentials_stay(team: Team, live: Live) -> None:
    live.put("typed", NEW)
    live.put("filled", {**NEW, "client_secret": "s3cr3t-value-1"})
    rows = [
        entry("typed", {"grant_mode": 7}, NEW),
        entry("filled", {**OLD, "client_secret": "${SECRET}"}, {**NEW, "client_secret": "s3cr3t-value-1"}),
        {"written": "typed", "rev": "1-a"},
        {"written": "filled", "rev": "1-a"},
    ]
    forge(team, lines(live, *rows))
    done = team("undo", "--yes")
    assert "typed is skipped: the stack cannot decode the previous document" in done.err
    assert "filled: client_secret is kept: it was a template that nothing filled in" in done.err
    assert live.get("typed")["grant_mode"] == "secret"
    assert (live.get("filled")["grant_mode"], live.get("filled")["client_secret"]) == ("token", "s3cr3t-value-1")


class TestOthersCanWrite:
    @pytest.mark.parametrize("mode", [0o777, 0o1777])
    def test_the_folder(self, team: Team, live: Live, mode: int) -> None:
        forge(team, lines(live, entry("a", OLD, {"_deleted": True}), {"written": "a", "rev": "2-b"}))
        (team.folder / "backups").chmod(mode)
        team.define("b", DEFINITION)
        for arguments in (("undo", "--yes"), ("apply", "--incomplete", "warn")):
            done = team(*arguments)
            assert done.code == 1
            assert "other users can write to it" in done.err
        assert live.documents() == {}

    @pytest.mark.parametrize("mode", [0o666, 0o620])
    def test_a_file(self, team: Team, live: Live, mode: int) -> None:
        forge(team, lines(live, entry("a", OLD, {"_deleted": True}), {"written": "a", "rev": "2-b"})).chmod(mode)
        done = team("undo", "--yes")
        assert (done.code, "cannot be read: other users can write to it" in done.err) == (2, True)

    def test_a_link_and_a_pipe(self, team: Team, live: Live) -> None:
        path = forge(team, lines(live, entry("a", OLD, {"_deleted": True}), {"written": "a", "rev": "2-b"}))
        path.rename(team.folder / "elsewhere")
        path.symlink_to(team.folder / "elsewhere")
        assert team("undo", "--yes").code == 2
        path.unlink()
        make_pipe(path)
        done = team("undo", "one-000009.jsonl", "--yes")
        assert (done.code, "it is not a regular file" in done.err) == (2, True)
        assert live.documents() == {}

    def test_backups_are_ours_alone(self, team: Team) -> None:
        team.define("b", DEFINITION)
        (team.folder / "backups").rmdir()
        assert team("apply").code == 0
        (path,) = (team.folder / "backups").iterdir()
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    ["version", "id", "rev", "before", "after", "left_out", "losing", "written", "complete", "sealed"]
)
rows = st.dictionaries(keys, json_values, max_size=8).map(json.dumps) | st.text(max_size=20)


@given(st.lists(rows, max_size=3), st.integers(0, 400), st.binary(max_size=4))
@settings(max_examples=200)
def test_whatever_a_file_holds_is_read_or_refused(tmp_path: Path, rows: list[str], at: int, noise: bytes) -> None:
    run = {"version": 2, "command": "apply", "place": "http://localhost:5984 db", "at": "2026-11-26T12:00:00Z"}
    good = [run | {"owner": None, "source": None, "undoes": None}, entry("a", OLD), {"written": "a", "rev": "2-b"}]
    content = "\n".join([*map(json.dumps, good), *rows, ""]).encode(errors="replace")
    content = content[:at] + noise + content[at:]
    (tmp_path / "one-000001.jsonl").write_bytes(content)
    (tmp_path / "one-000001.jsonl").chmod(0o600)
    folder = BackupFolder(BackupSettings(str(tmp_path)), "one")
    refused = ""
    try:
        folder.read(tmp_path / "one-000001.jsonl")
    except ProvisionError as error:
        refused = error.what
    assert not refused or refused.startswith(str(tmp_path))


def test_a_file_that_is_cut_at_any_byte_tells_what_it_knew(team: Team) -> None:
    team.define("b", DEFINITION)
    assert team("apply").code == 0
    (path,) = (team.folder / "backups").iterdir()
    whole = path.read_bytes()
    ends = [number for number, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        listed = team("undo", "--list", "--format", "json")
        assert listed.code == 0
        for row in only(listed.out)["backups"]:
            assert row["error"] if size <= ends[0] else row["documents"] == (["b"] if size > ends[2] else [])
