"""What an undo leaves alone, and names; and how it counts runs."""

import json
from typing import Any

import pyrage
import pytest

from tests.faults.proxy import Fault, Trouble, in_front_of
from tests.live_server import Live, Team
from tests.outputs import only
from tests.program import Done

DEFINITION = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
client_id: {client_id}
token_mode: {mode}
"""
SECRET = "s3cr3t-value-1"


@pytest.fixture
def team(team: Team) -> Team:
    """It keeps backups, and has a, b and c, which nothing applied yet."""
    configure(team)
    secrets(team)
    for id in "abc":
        define(team, id)
    return team


def configure(team: Team, couch: str = "", **backup: object) -> None:
    sources = [{"file": "secrets.yaml"}]
    team.configure(couch=couch or team.live.url, credentials=sources, backup={"folder": "backups", **backup})


def encrypt(team: Team) -> None:
    """Keep backups that only a key can decrypt."""
    key = pyrage.x25519.Identity.generate()
    (team.folder / "key.txt").write_text(str(key))
    configure(team, recipients=[str(key.to_public())], identity="key.txt")


def secrets(team: Team, **rows: str) -> None:
    team.save("secrets.yaml", {id: {"client_secret": secret} for id, secret in rows.items()})


def define(team: Team, id: str, mode: str = "form", client_id: str = "id-1") -> None:
    team.define(id, DEFINITION.format(mode=mode, client_id=client_id))


def apply(team: Team, *more: str) -> None:
    done = team("apply", "--incomplete", "warn", "--yes", *more)
    assert done.code == 0, done


def undo(team: Team, *said: str) -> Done:
    """An undo that names what it leaves."""
    done = team("undo", "--yes")
    assert (done.code, [each for each in said if each not in done.err]) == (0, []), done
    return done


def modes(live: Live) -> dict[str, str]:
    return {id: each.get("token_mode", each["grant_mode"]) for id, each in live.documents().items()}


def runs(team: Team) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = only(team("undo", "--list", "--format", "json").out)["backups"]
    return listed


def forget_writes(team: Team) -> None:
    """Take the lines about writes out of the latest backup, as if its run had been killed before them."""
    path = max((team.folder / "backups").iterdir())
    rows = [line for line in path.read_text().splitlines() if "written" not in json.loads(line)]
    path.write_text("".join(f"{line}\n" for line in rows))


def lose(live: Live, **fields: str) -> None:
    """A revision of a that loses a conflict."""
    rev = f"{1:032x}"
    losing = {"_id": "a", "_rev": f"1-{rev}", "_revisions": {"start": 1, "ids": [rev]}, **fields}
    live.http.post(f"{live.path}/_bulk_docs", json={"docs": [losing], "new_edits": False}).raise_for_status()


def test_the_same_change_of_somebody_else_is_not_ours(team: Team, live: Live) -> None:
    apply(team)
    for id in ("a", "b"):
        define(team, id, mode="basic")
    apply(team)
    for changed in (2, 0):
        assert runs(team)[0]["summary"] == {"created": 0, "changed": changed, "removed": 0}
        forget_writes(team)
    live.put("a", {name: value for name, value in live.get("a").items() if name != "provision"})
    live.delete("b")
    undo(team, *(f"{id} is skipped: someone else may have written it" for id in ("a", "b")))
    assert modes(live) == {"a": "basic", "c": "form"}


def test_a_write_that_only_the_document_records_is_taken_back(team: Team, live: Live) -> None:
    apply(team)
    define(team, "a", mode="basic")
    team.drop("b")
    apply(team, "--prune")
    forget_writes(team)
    undo(team)
    assert modes(live) == dict.fromkeys("abc", "form")


def test_a_document_that_somebody_created_again_or_deleted_again_is_named(team: Team, live: Live) -> None:
    apply(team)
    for id in ("a", "b"):
        team.drop(id)
    apply(team, "--prune", "--allow", "mass-delete")
    for id in ("a", "b"):
        live.put(id, {"grant_mode": "token"})
    live.delete("b")
    undo(team, "a is skipped: someone created it again since", "b is skipped: someone created and deleted it since")
    assert modes(live) == {"a": "token", "c": "form"}


def test_a_document_that_somebody_wrote_anew_is_theirs_whatever_it_holds(team: Team, live: Live) -> None:
    team.drop("b")
    apply(team)
    define(team, "a", mode="basic")
    define(team, "b")
    apply(team)
    for id in ("a", "b"):
        same = {name: value for name, value in live.get(id).items() if name not in ("_rev", "provision")}
        live.delete(id)
        live.put(id, same)
    before = live.documents()
    undo(team, *(f"{id} is skipped: someone replaced it since" for id in ("a", "b")))
    assert live.documents() == before


@pytest.mark.parametrize("prunes", [True, False])
def test_what_lost_a_conflict_stays_removed_and_is_named(team: Team, live: Live, prunes: bool) -> None:
    encrypt(team)
    apply(team)
    document = {name: value for name, value in live.get("a").items() if not name.startswith("_")}
    lose(live, **document, client_secret=SECRET)
    if prunes:
        team.drop("a")
    apply(team, *(["--prune", "--allow", "changed"] if prunes else ["--resolve-conflicts"]))
    undo(team, "a: what lost a conflict stays removed, and is in the backup: 1-0000")
    assert modes(live)["a"] == "form"


def test_an_owner_that_cannot_be_read_and_another_one_are_left(team: Team, live: Live) -> None:
    apply(team)
    live.put("a", {**live.get("a"), "provision": {"owner": 1}})
    live.put("b", {**live.get("b"), "provision": {**live.get("b")["provision"], "owner": "other", "write": "00"}})
    undo(team, "a is skipped: this version cannot read its owner", "b is skipped: it belongs to the owner other")
    assert live.ids == {"a", "b"}


def test_a_document_with_conflicting_revisions_is_not_deleted(team: Team, live: Live) -> None:
    apply(team)
    lose(live, grant_mode="token")
    undo(team, "a is skipped: it has conflicting revisions")
    assert live.ids == {"a"}


def test_an_undone_rename_without_recipients_keeps_the_last_copy(team: Team, live: Live) -> None:
    team.drop("b")
    secrets(team, a=SECRET)
    apply(team)
    secrets(team)
    team.drop("a")
    define(team, "b")
    apply(team, "--prune")
    assert live.get("b")["client_secret"] == SECRET
    said = team("undo", "--dry-run").err
    assert "a: client_secret is missing: the backup was made without recipients" in said
    assert "b is skipped: it has the only copy of client_secret" in said
    undo(team)
    assert live.get("b")["client_secret"] == SECRET


def test_a_client_id_does_not_go_back_without_its_secret(team: Team, live: Live) -> None:
    secrets(team, a=SECRET)
    apply(team)
    secrets(team, a=f"{SECRET}-2")
    define(team, "a", "basic", "id-2")
    apply(team)
    undo(team, "a: client_id is kept: the other one of client_id and client_secret stays")
    now = {"client_id": "id-2", "client_secret": f"{SECRET}-2", "token_mode": "form"}
    assert live.get("a").items() >= now.items()
    assert team("drift").code == 0


def test_no_secret_goes_back_into_a_database_that_everyone_can_read(team: Team, live: Live) -> None:
    encrypt(team)
    for secret in (SECRET, f"{SECRET}-2"):
        secrets(team, a=secret)
        apply(team)
    live.http.put(f"{live.path}/_security", json={"members": {"roles": []}, "admins": {"roles": []}})
    done = team("undo", "--yes")
    assert (done.code, "error: everyone can read" in done.err, "failed" in done.out) == (1, True, False), done
    assert live.get("a")["client_secret"] == f"{SECRET}-2"


def test_runs_are_numbered_by_the_folder_and_not_by_the_clock(team: Team) -> None:
    for mode in ("form", "basic"):
        define(team, "a", mode)
        apply(team)
    (team.folder / "backups/one-000001.jsonl").rename(team.folder / "backups/one-000007.jsonl")
    define(team, "a", "get")
    apply(team)
    assert [row["file"] for row in runs(team)] == ["one-000008.jsonl", "one-000007.jsonl", "one-000002.jsonl"]


def test_a_run_that_wrote_nothing_leaves_no_backup(team: Team, live: Live) -> None:
    for id in ("b", "c"):
        team.drop(id)
    with in_front_of(live.url) as proxy:
        configure(team, proxy.url)
        apply(team)
        define(team, "a", "basic")
        for words in (("apply", "--incomplete", "warn"), ("undo", "--yes")):
            proxy.expect(Trouble(Fault.FORBIDDEN, onwards=True, number=3))
            done = team(*words)
            assert (done.code, "failed    a" in done.out, "to undo this run" in done.err) == (1, True, False), done
            assert [row["file"] for row in runs(team)] == ["one-000001.jsonl"]
