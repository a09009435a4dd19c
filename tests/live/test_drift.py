"""``provision drift``: what others changed since the last apply."""

from collections.abc import Callable

import pytest

from tests.live_server import Live, Team
from tests.outputs import only

SECRET = "grant_mode: secret\nslug: {}\nsecret: ${{S:-s}}\n"
NOTHING = ["0 account types changed by someone else"]
ONE_EDITED = ["edited    {}: slug", "1 account type changed by someone else"]
GONE = "the database does not exist: someone deleted it, or nothing was applied yet"


@pytest.fixture
def team(team: Team) -> Team:
    for id in "abc":
        team.define(id, SECRET.format(id))
    assert team("apply").code == 0
    return team


def found(team: Team, *options: str) -> tuple[int, list[str]]:
    """The exit code, and the lines but the first."""
    done = team("drift", "--exit-code", *options)
    return done.code, done.out.splitlines()[1:]


def test_nothing_that_is_pending_is_told(team: Team) -> None:
    team.define("a", SECRET.format("other"))
    team.define("new", SECRET.format("new"))
    team.drop("b")
    assert found(team) == (0, NOTHING)


def test_all_that_others_did_is_told(team: Team, live: Live) -> None:
    live.put("a", {**live.get("a"), "slug": "edited", "secret": "hush-marker"})
    live.put("by-hand", {"grant_mode": "secret", "slug": "by-hand", "secret": "hush-marker"})
    live.delete("b")
    live.put("c", {"_rev": live.get("c")["_rev"], "grant_mode": "secret", "slug": "c"})
    code, (edited, deleted, *others) = found(team)
    assert (code, team("drift").code) == (3, 0)
    assert edited == "edited    a: slug, secret"
    assert deleted.startswith("deleted   b: last written by this owner at 20")
    assert others == ["new       by-hand", "replaced  c", "4 account types changed by someone else"]
    rows = only(team("drift", "--format", "json").out)["drift"]
    assert [(row["id"], row["kind"], row["fields"]) for row in rows] == [
        ("a", "edited", ["slug", "secret"]),
        ("b", "deleted", []),
        ("by-hand", "new", []),
        ("c", "replaced", []),
    ]
    said = team("drift", "--format", "markdown").out
    assert "**Changed by someone else:** 4 account types" in said
    assert "- edited `a`: `slug, secret`\n" in said
    assert "hush" not in team("drift").out + said
    assert live.get("a")["slug"] == "edited", "drift writes nothing"


def test_what_may_change_is_ignored(team: Team, live: Live) -> None:
    live.put("a", {**live.get("a"), "slug": "edited"})
    live.put("b", {**live.get("b"), "slug": "edited", "secret": "other"})
    live.put("by-hand-1", {"grant_mode": "secret", "slug": "x", "secret": "x"})
    team.save("provision.yaml", {"ignore": ["by-hand-*", "a.slug", "b.secret"]})
    assert found(team)[1] == [ONE_EDITED[0].format("b"), ONE_EDITED[1]]


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
    team: Team, live: Live, delete: Callable[[Live, str], None]
) -> None:
    for id in "abc":
        delete(live, id)
    done = team("drift", "--exit-code", "--format", "json")
    assert [(row["id"], row["kind"]) for row in only(done.out)["drift"]] == [(id, "deleted") for id in "abc"]
    assert done.code == 3


def test_a_deletion_of_this_owner_is_none_of_others(team: Team) -> None:
    team.drop("a")
    assert team("apply", "--prune", "--yes").code == 0
    team.define("a", SECRET.format("a"))
    assert found(team) == (0, NOTHING)


def test_an_owner_and_a_key_that_changed(team: Team, live: Live) -> None:
    assert team.ownerless("apply", "account_types/a.yaml", "--owner", "other", "--allow", "adopt").code == 0
    live.put("b", {**live.get("b"), "provision": {"owner": "team", "hush-marker": True}})
    live.put("theirs", {name: value for name, value in live.get("a").items() if not name.startswith("_")})
    assert found(team) == (
        3,
        [
            "foreign   a: another owner owns it",
            "broken    b: its key provision cannot be read: this version does not support its form",
            "2 account types changed by someone else",
        ],
    )


def test_a_database_that_is_gone(team: Team, live: Live) -> None:
    live.http.delete(live.path).raise_for_status()
    assert found(team) == (3, ["gone      the database", GONE])
    rows = only(team("drift", "--format", "json").out)["drift"]
    assert rows == [{"id": None, "kind": "gone", "fields": [], "at": None}]
    assert team("drift", "--format", "markdown").out == f"**Changed by someone else:** {GONE}\n"


def test_it_works_without_a_catalogue_for_what_is_live(team: Team, live: Live) -> None:
    for id in "abc":
        team.drop(id)
    (team.folder / "account_types").rmdir()
    live.put("a", {**live.get("a"), "slug": "edited"})
    assert found(team)[1] == [ONE_EDITED[0].format("a"), ONE_EDITED[1]]


def test_some_account_types_are_chosen(team: Team, live: Live) -> None:
    for id in "abc":
        live.put(id, {**live.get(id), "slug": "edited"})
    for options, expected in ((["a", "c"], "ac"), (["--only", "[bc]"], "bc"), (["--exclude", "b", "a", "b"], "a")):
        rows = only(team("drift", *options, "--format", "json").out)["drift"]
        assert "".join(row["id"] for row in rows) == expected, options
    done = team("drift", "googel")
    assert (done.code, "error: there is no account type googel\n" in done.err) == (1, True)


def test_it_never_guesses_the_database_of_a_repository_with_targets(team: Team) -> None:
    targets = {"one": {"couch": "http://127.0.0.1:9"}, "two": {"couch": "http://127.0.0.1:9"}}
    team.save("provision.yaml", {"owner": "team", "targets": targets})
    for options in ([], ["--follow"], ["--state", "state.json"]):
        done = team.run("drift", *options)
        assert (done.code, "one" in done.err, "--target" in done.err) == (2, True, True), done.err


def test_it_needs_an_owner(team: Team) -> None:
    done = team.ownerless("drift")
    assert (done.code, "error: drift needs an owner" in done.err) == (2, True)
