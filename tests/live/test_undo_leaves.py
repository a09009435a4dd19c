"""What an undo leaves alone, and names; and how it counts runs."""

import json
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from tests.conftest import Run, write
from tests.faults.proxy import Fault, Trouble, in_front_of
from tests.live_server import Live
from tests.outputs import only
from tests.program import Done

DEFINITION = """\
grant_mode: authorization_code
auth_endpoint: https://{host}.example/authorize
token_endpoint: https://{host}.example/token
client_id: id-1
token_mode: {mode}
"""
TARGET = ["--target", "one"]
SECRET = "s3cr3t-value-1"


@pytest.fixture
def folder(folder: Path, live: Live) -> Path:
    configure(folder, live, {"folder": "backups"})
    return folder


def configure(folder: Path, live: Live, backup: dict[str, Any], couch: str = "") -> None:
    credentials = [{"file": "secrets.yaml"}]
    target = {"couch": couch or live.url, "database": live.database, "backup": backup, "credentials": credentials}
    write(folder / "provision.yaml", yaml.safe_dump({"owner": "team", "targets": {"one": target}})).chmod(0o600)
    secrets({})


def encrypt(folder: Path, live: Live) -> None:
    """Keep backups that only a key can decrypt."""
    key = pyrage.x25519.Identity.generate()
    write(folder / "key.txt", str(key))
    configure(folder, live, {"folder": "backups", "recipients": [str(key.to_public())], "identity": "key.txt"})


def secrets(rows: dict[str, str]) -> None:
    rows_yaml = yaml.safe_dump({id: {"client_secret": secret} for id, secret in rows.items()})
    write(Path("secrets.yaml"), rows_yaml).chmod(0o600)


def define(id: str, mode: str = "form", host: str = "a") -> None:
    write(Path(f"account_types/{id}.yaml"), DEFINITION.format(mode=mode, host=host))


def apply(run: Run, *more: str) -> Done:
    done = run("apply", *TARGET, "--incomplete", "warn", "--yes", *more)
    assert done.code == 0, done
    return done


def runs(run: Run) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = only(run("undo", "--list", "--format", "json", *TARGET).out)["backups"]
    return listed


def rewrite(folder: Path, *, without: str) -> None:
    """Take the lines with a key out of the latest backup, as if its run had been killed before them."""
    path = max((folder / "backups").iterdir())
    rows = [line for line in path.read_text().splitlines() if without not in json.loads(line)]
    path.write_text("".join(f"{line}\n" for line in rows))


def test_the_same_change_of_somebody_else_is_not_ours(folder: Path, live: Live, run: Run) -> None:
    define("a")
    define("b")
    apply(run)
    for id in ("a", "b"):
        define(id, mode="basic")
    apply(run)
    assert runs(run)[0]["summary"] == {"created": 0, "changed": 2, "removed": 0}
    rewrite(folder, without="written")
    assert runs(run)[0]["summary"] == {"created": 0, "changed": 0, "removed": 0}
    live.put("a", {name: value for name, value in live.get("a").items() if name != "provision"})
    live.delete("b")
    done = run("undo", *TARGET, "--yes")
    for id in ("a", "b"):
        assert f"{id} is skipped: someone else may have written it" in done.err
    assert (done.code, live.get("a")["token_mode"], [*live.documents()]) == (0, "basic", ["a"])


def test_a_write_that_only_the_document_records_is_taken_back(folder: Path, live: Live, run: Run) -> None:
    define("a")
    define("b")
    apply(run)
    define("a", mode="basic")
    Path("account_types/b.yaml").unlink()
    apply(run, "--prune")
    rewrite(folder, without="written")
    assert run("undo", *TARGET, "--yes").code == 0
    assert {id: each["token_mode"] for id, each in live.documents().items()} == {"a": "form", "b": "form"}


def test_a_document_that_somebody_created_again_or_deleted_again_is_named(folder: Path, live: Live, run: Run) -> None:
    for id in ("a", "b", "c"):
        define(id)
    apply(run)
    for id in ("a", "b"):
        Path(f"account_types/{id}.yaml").unlink()
    apply(run, "--prune")
    live.put("a", {"grant_mode": "token"})
    live.put("b", {"grant_mode": "token"})
    live.delete("b")
    done = run("undo", *TARGET, "--yes")
    assert "a is skipped: someone created it again since" in done.err
    assert "b is skipped: someone created and deleted it since" in done.err
    assert {id: each["grant_mode"] for id, each in live.documents().items()} == {
        "a": "token",
        "c": "authorization_code",
    }


def test_a_document_that_somebody_wrote_anew_is_theirs_whatever_it_holds(folder: Path, live: Live, run: Run) -> None:
    define("a")
    apply(run)
    define("a", mode="basic")
    define("b")
    apply(run)
    for id in ("a", "b"):
        same = {name: value for name, value in live.get(id).items() if name not in ("_rev", "provision")}
        live.delete(id)
        live.put(id, same)
    before = live.documents()
    done = run("undo", *TARGET, "--yes")
    for id in ("a", "b"):
        assert f"{id} is skipped: someone replaced it since" in done.err
    assert live.documents() == before


@pytest.mark.parametrize("prunes", [True, False])
def test_what_lost_a_conflict_stays_removed_and_is_named(folder: Path, live: Live, run: Run, prunes: bool) -> None:
    encrypt(folder, live)
    define("a")
    define("b")
    apply(run)
    losing = {**live.get("a"), "client_secret": SECRET, "_rev": f"1-{1:032x}"}
    live.http.post(f"{live.path}/_bulk_docs", json={"docs": [losing], "new_edits": False}).raise_for_status()
    if prunes:
        Path("account_types/a.yaml").unlink()
    apply(run, *(["--prune", "--allow", "changed"] if prunes else ["--resolve-conflicts"]))
    done = run("undo", *TARGET, "--yes")
    assert "a: what lost a conflict stays removed, and is in the backup: 1-0000" in done.err
    assert (done.code, live.get("a")["token_mode"]) == (0, "form")


def test_an_owner_that_cannot_be_read_and_another_one_are_left(folder: Path, live: Live, run: Run) -> None:
    for id in ("a", "b"):
        define(id)
    apply(run)
    live.put("a", {**live.get("a"), "provision": {"owner": 1}})
    live.put("b", {**live.get("b"), "provision": {**live.get("b")["provision"], "owner": "other", "write": "00"}})
    done = run("undo", *TARGET, "--yes")
    assert "a is skipped: this version cannot read its owner" in done.err
    assert "b is skipped: it belongs to the owner other" in done.err
    assert [*live.documents()] == ["a", "b"]


def test_a_document_with_conflicting_revisions_is_not_deleted(folder: Path, live: Live, run: Run) -> None:
    define("a")
    apply(run)
    losing = {
        "_id": "a",
        "_rev": f"1-{1:032x}",
        "_revisions": {"start": 1, "ids": [f"{1:032x}"]},
        "grant_mode": "token",
    }
    live.http.post(f"{live.path}/_bulk_docs", json={"docs": [losing], "new_edits": False}).raise_for_status()
    done = run("undo", *TARGET, "--yes")
    assert "a is skipped: it has conflicting revisions" in done.err
    assert [*live.documents()] == ["a"]


def test_an_undone_rename_without_recipients_keeps_the_last_copy(folder: Path, live: Live, run: Run) -> None:
    define("a")
    secrets({"a": SECRET})
    apply(run)
    secrets({})
    Path("account_types/a.yaml").rename("account_types/b.yaml")
    apply(run, "--prune")
    assert live.get("b")["client_secret"] == SECRET
    done = run("undo", *TARGET, "--dry-run")
    assert "a: client_secret is missing: the backup was made without recipients" in done.err
    assert "b is skipped: it has the only copy of client_secret" in done.err
    assert run("undo", *TARGET, "--yes").code == 0
    assert live.get("b")["client_secret"] == SECRET


def test_a_client_id_does_not_go_back_without_its_secret(folder: Path, live: Live, run: Run) -> None:
    define("a")
    secrets({"a": SECRET})
    apply(run)
    secrets({"a": f"{SECRET}-2"})
    path = Path("account_types/a.yaml")
    path.write_text(path.read_text().replace("id-1", "id-2").replace("form", "basic"))
    apply(run)
    done = run("undo", *TARGET, "--yes")
    assert "a: client_id is kept: the other one of client_id and client_secret stays" in done.err
    now = live.get("a")
    assert (now["client_id"], now["client_secret"], now["token_mode"]) == ("id-2", f"{SECRET}-2", "form")
    assert "0 account types changed" in run("drift", *TARGET).out or run("drift", *TARGET).code == 0


def test_no_secret_goes_back_into_a_database_that_everyone_can_read(folder: Path, live: Live, run: Run) -> None:
    encrypt(folder, live)
    define("a")
    secrets({"a": SECRET})
    apply(run)
    secrets({"a": f"{SECRET}-2"})
    apply(run)
    live.http.put(f"{live.path}/_security", json={"members": {"roles": []}, "admins": {"roles": []}})
    done = run("undo", *TARGET, "--yes")
    assert (done.code, "error: everyone can read" in done.err, "failed" in done.out) == (1, True, False), done
    assert live.get("a")["client_secret"] == f"{SECRET}-2"


def test_runs_are_numbered_by_the_folder_and_not_by_the_clock(folder: Path, live: Live, run: Run) -> None:
    for mode in ("form", "basic"):
        define("a", mode=mode)
        apply(run)
    (folder / "backups/one-000001.jsonl").rename(folder / "backups/one-000007.jsonl")
    define("a", mode="get")
    apply(run)
    assert [row["file"] for row in runs(run)] == ["one-000008.jsonl", "one-000007.jsonl", "one-000002.jsonl"]


def test_a_run_that_wrote_nothing_leaves_no_backup(folder: Path, live: Live, run: Run) -> None:
    with in_front_of(live.url) as proxy:
        configure(folder, live, {"folder": "backups"}, proxy.url)
        define("a")
        apply(run)
        define("a", mode="basic")
        proxy.expect(Trouble(Fault.FORBIDDEN, onwards=True, number=3))
        refused = run("apply", *TARGET, "--incomplete", "warn")
        assert refused.code == 1
        assert "to undo this run" not in refused.err
        assert [row["file"] for row in runs(run)] == ["one-000001.jsonl"]
        proxy.expect(Trouble(Fault.FORBIDDEN, onwards=True, number=3))
        failed = run("undo", *TARGET, "--yes")
        assert (failed.code, "failed    a" in failed.out) == (1, True)
        assert [row["file"] for row in runs(run)] == ["one-000001.jsonl"]
