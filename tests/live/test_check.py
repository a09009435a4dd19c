"""``provision check`` looks into real databases: closed and open ones, with good documents and bad ones."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import Run
from tests.couchdb import server
from tests.live_server import Live, Team
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


def test_what_apply_prepared_is_all_right(team: Team, closed: str, admin: httpx.Client) -> None:
    team.define("a", yaml.safe_dump({**CODE, "client_secret": "${S}"}))
    assert team.run("apply", "--couch", closed, env={"PROVISION_VAR_S": "marker"}).code == 0
    done = team.run("check", "--couch", closed)
    assert (done.code, "password" in done.out) == (0, False)
    place, head, *checks, summary = (line.split()[:3] for line in done.out.splitlines())
    assert place == [f"{closed.replace('admin:password@', '')},", "database", "secrets/io-cozy-account_types"]
    assert (head, summary) == (["ID", "CHECK", "RESULT"], ["7", "checks,", "0"])
    of_database = ("reachable", "signed-in", "admin-only", "security", "by-slug")
    assert checks == [
        *(["(database)", check, "ok"] for check in of_database),
        ["a", "document", "ok"],
        ["a", "credentials", "ok"],
    ]
    assert "requests without credentials are refused (401)" in done.out


def test_a_database_that_everybody_reads_is_told_in_capitals(team: Team, live: Live) -> None:
    live.put("a", CODE)
    live.http.put(f"{live.path}/_security", json={})
    done = team.ownerless("check")
    told = ("EVERYONE CAN READ THE CLIENT SECRETS", "_security lists no member", "the index by-slug is missing")
    assert (done.code, [each for each in (*told, "What to do next:") if each not in done.out]) == (1, [])


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
    admin.post(f"{PATH}/_index", json={"ddoc": "by-slug", "index": {"fields": ["slug"]}})
    assert found(run, "--couch", closed)[None, "security"] == (state, message)
    codes = [run("check", "--couch", closed, *options).code for options in ([], ["--strict"])]
    assert codes == {"ok": [0, 0], "warning": [0, 1], "failed": [1, 1]}[state]


@pytest.mark.parametrize(
    ("index", "state", "message"),
    [
        ({"ddoc": "by-slug", "index": {"fields": ["slug"]}}, "ok", "the index is as the stack defines it"),
        ({"ddoc": "by-slug", "index": {"fields": ["name"]}}, "failed", 'the index by-slug is over [{"name": "asc"}], and not over slug'),
        ({"ddoc": "other", "index": {"fields": ["slug"]}}, "failed", "the index by-slug is missing: no konnector gets its secret"),
    ],
)  # fmt: skip
def test_the_index_of_the_stack(team: Team, live: Live, index: dict[str, Any], state: str, message: str) -> None:
    live.put("a", CODE)
    live.http.post(f"{live.path}/_index", json=index).raise_for_status()
    assert found(team.ownerless)[None, "by-slug"] == (state, message)


def test_documents_that_cannot_work_are_told(team: Team, live: Live) -> None:
    live.put("good", CODE)
    live.put("odd", {**CODE, "client_id": 1})
    live.put("poor", {"grant_mode": "authorization_code"})
    live.put("half", {**CODE, "client_secret": ""})
    live.put("push", {"slug": "push", "fcm_credentials": {"marker": 1}})
    rows = found(team.ownerless)
    assert rows["good", "document"][0] == rows["good", "credentials"][0] == "ok"
    assert rows["odd", "document"] == (
        "failed",
        "the stack cannot decode this document: client_id is a number, and must be text: logins and refreshes fail in each context without an override of it",
    )
    assert rows["poor", "credentials"] == ("failed", "without client_id, client_secret")
    assert rows["half", "credentials"] == ("warning", "without client_secret")
    assert rows["push", "credentials"] == ("ok", "present")
    assert ("push", "document") in rows
    next = "(next: set them in a credential source, and run provision apply)"
    said = team.ownerless("check", "--format", "github").out.splitlines()
    assert f"::error title=poor credentials::without client_id, client_secret {next}" in said


def test_only_the_account_types_named_are_checked(team: Team, live: Live) -> None:
    for id in ("a", "google"):
        live.put(id, CODE)
    rows = found(team.ownerless, "gogle", "a")
    assert {id for id, _ in rows} == {None, "a", "gogle"}
    assert rows["gogle", "document"] == ("failed", "there is no such account type: did you mean google?")


def test_a_missing_database_and_a_missing_server_are_findings(team: Team, live: Live) -> None:
    assert found(team.ownerless)[None, "exists"][0] == "failed"
    nobody = "connection refused: nothing is listening at http://localhost:1"
    assert found(team.run, "--couch", "localhost:1") == {(None, "reachable"): ("failed", nobody)}
    live.put("a", CODE)
    good = {"couch": live.url, "database": live.database}
    team.save("provision.yaml", {"targets": {"good": good, "bad": {"couch": "http://localhost:1"}}})
    done = team.run("check", "--all-targets")
    assert (done.code, nobody in done.out) == (1, True)
    assert f"target good: {live.shown_url}, database {live.database}\nID " in done.out
    assert "target bad: http://localhost:1, database secrets/io-cozy-account_types\nID " in done.out
