"""``provision check`` looks into real databases: closed and open ones, with good documents and bad ones."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Run, write
from tests.couchdb import server
from tests.live_server import Live
from tests.outputs import only
from tests.program import PATIENCE

CODE = {
    "grant_mode": "authorization_code",
    "client_id": "1",
    "client_secret": "marker",
    "auth_endpoint": "https://a.example/authorize",
    "token_endpoint": "https://a.example/token",
}
PATH = "/secrets%2Fio-cozy-account_types"


@pytest.fixture(scope="session")
def closed() -> Iterator[str]:
    """A server of its own, whose default database is free."""
    with server.running() as url:
        yield url


@pytest.fixture
def admin(closed: str) -> Iterator[httpx.Client]:
    """Signed in at it as its admin; the database is gone in the end."""
    with httpx.Client(base_url=closed, trust_env=False, timeout=PATIENCE) as client:
        yield client
        client.delete(PATH)


def found(run: Run, *arguments: object) -> dict[tuple[str | None, str], tuple[str, str]]:
    """Result and message of each check, by account type and check."""
    done = run("check", *arguments, "--format", "json")
    assert "marker" not in done.out + done.err
    rows = only(done.out)["checks"]
    return {(row["account_type"], row["check"]): (row["result"], row["message"]) for row in rows}


def test_what_apply_prepared_is_all_right(folder: Path, closed: str, admin: httpx.Client, run: Run) -> None:
    write(folder / "account_types/a.yaml", json.dumps({**CODE, "client_secret": "${S}"}))
    assert run("apply", "--couch", closed, env={"PROVISION_VAR_S": "marker"}).code == 0
    done = run("check", "--couch", closed)
    assert done.code == 0
    assert "password" not in done.out
    assert [line.split()[:3] for line in done.out.splitlines()] == [
        [f"{closed.replace('admin:password@', '')},", "database", "secrets/io-cozy-account_types"],
        ["ID", "CHECK", "RESULT"],
        ["(database)", "reachable", "ok"],
        ["(database)", "signed-in", "ok"],
        ["(database)", "admin-only", "ok"],
        ["(database)", "security", "ok"],
        ["(database)", "by-slug", "ok"],
        ["a", "document", "ok"],
        ["a", "credentials", "ok"],
        ["7", "checks,", "0"],
    ]
    assert "requests without credentials are refused (401)" in done.out


def test_a_database_that_everybody_reads_is_told_in_capitals(live: Live, run: Run) -> None:
    live.put("a", CODE)
    live.http.put(f"{live.path}/_security", json={})
    done = run("check", "--couch", live.url, "--database", live.database)
    assert done.code == 1
    assert "EVERYONE CAN READ THE CLIENT SECRETS" in done.out
    assert "_security lists no member" in done.out
    assert "the index by-slug is missing" in done.out
    assert "What to do next:" in done.out


def test_the_server_of_the_tests_refuses_strangers_as_couchdb_does(live: Live) -> None:
    live.create()
    refused = [("GET", "/_all_dbs"), ("GET", live.path), ("GET", f"{live.path}/_all_docs"), ("PUT", f"{live.path}/a"),
               ("GET", f"{live.path}/_security"), ("PUT", f"{live.path}-2"), ("DELETE", live.path)]  # fmt: skip
    with httpx.Client(base_url=live.shown_url, trust_env=False, timeout=PATIENCE) as stranger:
        for method, path in refused:
            assert stranger.request(method, path, content="{}").status_code == 401, (method, path)
        assert stranger.get("/").status_code == 200
        assert stranger.get(f"{live.path}-missing").status_code == 404
        assert stranger.get("/", auth=("admin", "wrong")).status_code == 401


@pytest.mark.parametrize(
    ("members", "state", "message"),
    [
        ({"roles": ["_admin"]}, "ok", "only the admins of CouchDB can read it"),
        ({"roles": ["_admin", "staff"], "names": ["bob"]}, "warning", "not only the admins of CouchDB can read the client secrets, but also bob, everyone with the role staff"),
        ({"roles": [], "names": []}, "failed", "_security lists no member: everyone who can sign in can read the client secrets"),
    ],
)  # fmt: skip
def test_who_may_read_the_database(
    closed: str, admin: httpx.Client, run: Run, members: dict[str, Any], state: str, message: str
) -> None:
    admin.put(PATH)
    admin.put(f"{PATH}/_security", json={"admins": {"roles": ["_admin"]}, "members": members})
    assert found(run, "--couch", closed)[None, "security"] == (state, message)


@pytest.mark.parametrize(
    ("index", "state", "message"),
    [
        ({"ddoc": "by-slug", "index": {"fields": ["slug"]}}, "ok", "the index is as the stack defines it"),
        ({"ddoc": "by-slug", "index": {"fields": ["name"]}}, "failed", 'the index by-slug is over [{"name": "asc"}], and not over slug'),
        ({"ddoc": "other", "index": {"fields": ["slug"]}}, "failed", "the index by-slug is missing: no konnector gets its secret"),
    ],
)  # fmt: skip
def test_the_index_of_the_stack(live: Live, run: Run, index: dict[str, Any], state: str, message: str) -> None:
    live.put("a", CODE)
    live.http.post(f"{live.path}/_index", json=index).raise_for_status()
    rows = found(run, "--couch", live.url, "--database", live.database)
    assert rows[None, "by-slug"] == (state, message)


def test_documents_that_cannot_work_are_told(live: Live, run: Run) -> None:
    live.put("good", CODE)
    live.put("odd", {**CODE, "client_id": 1})
    live.put("poor", {"grant_mode": "authorization_code"})
    live.put("half", {**CODE, "client_secret": ""})
    live.put("push", {"slug": "push", "fcm_credentials": {"marker": 1}})
    rows = found(run, "--couch", live.url, "--database", live.database)
    assert rows["good", "document"][0] == rows["good", "credentials"][0] == "ok"
    assert rows["odd", "document"] == (
        "failed",
        "the stack cannot decode this document: client_id is a number, and must be text: logins and refreshes fail in each context without an override of it",
    )
    assert rows["poor", "credentials"] == ("failed", "without client_id, client_secret")
    assert rows["half", "credentials"] == ("warning", "without client_secret")
    assert rows["push", "credentials"] == ("ok", "present")
    assert ("push", "document") in rows


def test_only_the_account_types_named_are_checked(live: Live, run: Run) -> None:
    live.put("a", CODE)
    live.put("google", CODE)
    rows = found(run, "gogle", "a", "--couch", live.url, "--database", live.database)
    assert {id for id, _ in rows} == {None, "a", "gogle"}
    assert rows["gogle", "document"] == ("failed", "there is no such account type: did you mean google?")


def test_a_missing_database_and_a_missing_server_are_findings(live: Live, run: Run) -> None:
    rows = found(run, "--couch", live.url, "--database", live.database)
    assert rows[None, "exists"][0] == "failed"
    rows = found(run, "--couch", "localhost:1")
    assert rows == {(None, "reachable"): ("failed", "connection refused: nothing is listening at http://localhost:1")}


def test_warnings_count_where_they_shall(live: Live, closed: str, admin: httpx.Client, run: Run) -> None:
    admin.put(PATH)
    admin.put(f"{PATH}/_security", json={"members": {"roles": ["_admin"], "names": ["bob"]}})
    admin.post(f"{PATH}/_index", json={"ddoc": "by-slug", "index": {"fields": ["slug"]}})
    assert run("check", "--couch", closed).code == 0
    assert run("check", "--couch", closed, "--strict").code == 1


def test_annotations_name_what_is_wrong(live: Live, run: Run) -> None:
    live.put("poor", {"grant_mode": "secret", "slug": "poor"})
    done = run("check", "--couch", live.url, "--database", live.database, "--format", "github")
    assert (
        "::error title=poor credentials::without secret (next: set them in a credential source, and run provision apply)"
        in done.out.splitlines()
    )


def test_all_targets_are_checked_each_for_itself(folder: Path, live: Live, run: Run) -> None:
    live.put("a", CODE)
    config = (
        f"targets: {{good: {{couch: '{live.url}', database: {live.database}}}, bad: {{couch: 'http://localhost:1'}}}}"
    )
    write(folder / "provision.yaml", config)
    done = run("check", "--all-targets")
    assert done.code == 1
    assert f"target good: {live.shown_url}, database {live.database}\nID " in done.out
    assert "target bad: http://localhost:1, database secrets/io-cozy-account_types\nID " in done.out
    assert "connection refused: nothing is listening at http://localhost:1" in done.out
