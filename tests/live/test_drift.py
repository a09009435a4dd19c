"""``provision drift``: what others changed since the last apply."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only

SECRET = "grant_mode: secret\nslug: {id}\nsecret: ${{S:-s}}\n"


@pytest.fixture
def place(folder: Path, live: Live, run: Run) -> list[str]:
    for id in ("a", "b", "c"):
        write(folder / f"account_types/{id}.yaml", SECRET.format(id=id))
    options = ["--couch", live.url, "--database", live.database, "--owner", "team"]
    assert run("apply", *options).code == 0
    return options


def test_nothing_that_is_pending_is_told(place: list[str], folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="other"))
    write(folder / "account_types/new.yaml", SECRET.format(id="new"))
    (folder / "account_types/b.yaml").unlink()
    done = run("drift", "--exit-code", *place)
    assert (done.code, done.out.splitlines()[1:]) == (0, ["0 account types changed by someone else"])


def test_all_that_others_did_is_told(place: list[str], live: Live, run: Run) -> None:
    live.put("a", {**live.get("a"), "slug": "edited", "secret": "hush-marker"})
    live.put("by-hand", {"grant_mode": "secret", "slug": "by-hand", "secret": "hush-marker"})
    live.http.delete(f"{live.path}/b", params={"rev": live.get("b")["_rev"]}).raise_for_status()
    live.put("c", {"_rev": live.get("c")["_rev"], "grant_mode": "secret", "slug": "c"})
    done = run("drift", *place)
    assert done.code == 0
    edited, deleted, new, replaced, summary = done.out.splitlines()[1:]
    assert edited == "edited    a: slug, secret"
    assert deleted.startswith("deleted   b: last written by this owner at 20")
    assert new == "new       by-hand"
    assert replaced == "replaced  c"
    assert summary == "4 account types changed by someone else"
    assert run("drift", "--exit-code", *place).code == 3
    rows = only(run("drift", "--format", "json", *place).out)["drift"]
    assert [(row["id"], row["kind"], row["fields"]) for row in rows] == [
        ("a", "edited", ["slug", "secret"]),
        ("b", "deleted", []),
        ("by-hand", "new", []),
        ("c", "replaced", []),
    ]
    said = run("drift", "--format", "markdown", *place).out
    assert "**Changed by someone else:** 4 account types" in said
    assert "- edited `a`: `slug, secret`\n" in said
    assert "hush" not in done.out + said
    assert live.get("a")["slug"] == "edited", "drift writes nothing"


def test_what_may_change_is_ignored(place: list[str], folder: Path, live: Live, run: Run) -> None:
    live.put("a", {**live.get("a"), "slug": "edited"})
    live.put("b", {**live.get("b"), "slug": "edited", "secret": "other"})
    live.put("by-hand-1", {"grant_mode": "secret", "slug": "x", "secret": "x"})
    write(folder / "provision.yaml", yaml.safe_dump({"ignore": ["by-hand-*", "a.slug", "b.secret"]}))
    assert run("drift", *place).out.splitlines()[1:] == ["edited    b: slug", "1 account type changed by someone else"]


def deleted_by_put(live: Live, id: str) -> None:
    """A deletion that keeps the body, our key too."""
    live.put(id, {**live.get(id), "_deleted": True})


def deleted_twice(live: Live, id: str) -> None:
    live.delete(id)
    live.put(id, {"grant_mode": "token"})
    live.delete(id)


def deleted_after_a_branch(live: Live, id: str) -> None:
    """Another branch, which nobody here wrote, has the longest life, and is deleted too."""
    live.delete(id)
    branch = {"_id": id, "_rev": "9-b", "_deleted": True, "_revisions": {"start": 9, "ids": ["b", "a"]}}
    live.http.post(f"{live.path}/_bulk_docs", json={"new_edits": False, "docs": [branch]}).raise_for_status()


def deleted_and_compacted(live: Live, id: str) -> None:
    live.delete(id)
    live.http.post(f"{live.path}/_compact", headers={"Content-Type": "application/json"}).raise_for_status()
    for _ in range(200):
        if not live.http.get(live.path).json().get("compact_running"):
            break


@pytest.mark.parametrize("delete", [deleted_by_put, deleted_twice, deleted_after_a_branch, deleted_and_compacted])
def test_a_deletion_that_this_owner_did_not_sign_is_somebody_elses(
    place: list[str], live: Live, run: Run, delete: Callable[[Live, str], None]
) -> None:
    for id in ("a", "b", "c"):
        delete(live, id)
    done = run("drift", "--exit-code", "--format", "json", *place)
    assert [(row["id"], row["kind"]) for row in only(done.out)["drift"]] == [(id, "deleted") for id in "abc"]
    assert done.code == 3


def test_a_deletion_of_this_owner_is_none_of_others(place: list[str], folder: Path, live: Live, run: Run) -> None:
    text = (folder / "account_types/a.yaml").read_text()
    (folder / "account_types/a.yaml").unlink()
    assert run("apply", "--prune", "--yes", *place).code == 0
    write(folder / "account_types/a.yaml", text)
    assert run("drift", *place).out.splitlines()[1:] == ["0 account types changed by someone else"]


def test_an_owner_and_a_key_that_changed(place: list[str], live: Live, run: Run) -> None:
    assert run("apply", "account_types/a.yaml", *place[:-1], "other", "--allow", "adopt").code == 0
    live.put("b", {**live.get("b"), "provision": {"owner": "team", "hush-marker": True}})
    live.put("theirs", {name: value for name, value in live.get("a").items() if not name.startswith("_")})
    done = run("drift", "--exit-code", *place)
    assert done.out.splitlines()[1:] == [
        "foreign   a: another owner owns it",
        "broken    b: its key provision cannot be read: this version does not support its form",
        "2 account types changed by someone else",
    ]
    assert done.code == 3


def test_a_database_that_is_gone(place: list[str], live: Live, run: Run) -> None:
    live.http.delete(live.path).raise_for_status()
    done = run("drift", "--exit-code", *place)
    gone = "the database does not exist: someone deleted it, or nothing was applied yet"
    assert (done.code, done.out.splitlines()[1:]) == (3, ["gone      the database", gone])
    rows = only(run("drift", "--format", "json", *place).out)["drift"]
    assert rows == [{"id": None, "kind": "gone", "fields": [], "at": None}]
    assert run("drift", "--format", "markdown", *place).out == f"**Changed by someone else:** {gone}\n"


def test_it_works_without_a_catalogue_for_what_is_live(place: list[str], folder: Path, live: Live, run: Run) -> None:
    for path in (folder / "account_types").iterdir():
        path.unlink()
    (folder / "account_types").rmdir()
    live.put("a", {**live.get("a"), "slug": "edited"})
    assert run("drift", *place).out.splitlines()[1:] == ["edited    a: slug", "1 account type changed by someone else"]


def test_some_account_types_are_chosen(place: list[str], live: Live, run: Run) -> None:
    for id in "abc":
        live.put(id, {**live.get(id), "slug": "edited"})
    for options, expected in ((["a", "c"], "ac"), (["--only", "[bc]"], "bc"), (["--exclude", "b", "a", "b"], "a")):
        rows = only(run("drift", *options, "--format", "json", *place).out)["drift"]
        assert "".join(row["id"] for row in rows) == expected, options
    done = run("drift", "googel", *place)
    assert (done.code, "error: there is no account type googel\n" in done.err) == (1, True)


def test_it_never_guesses_the_database_of_a_repository_with_targets(folder: Path, run: Run) -> None:
    targets = {"one": {"couch": "http://127.0.0.1:9"}, "two": {"couch": "http://127.0.0.1:9"}}
    write(folder / "provision.yaml", yaml.safe_dump({"owner": "team", "targets": targets}))
    for options in ([], ["--follow"], ["--state", "state.json"]):
        done = run("drift", *options)
        assert done.code == 2
        assert "one" in done.err
        assert "--target" in done.err


def test_it_needs_an_owner(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="a"))
    done = run("drift", "--couch", live.url, "--database", live.database)
    assert done.code == 2
    assert "error: drift needs an owner" in done.err
