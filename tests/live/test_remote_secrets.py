"""The second kind of document goes the way of the first, in a database of its own, and no output shows a value."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pyrage
import pytest
import yaml
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.couchdb.answers import live_of
from provisioner.adapters.couchdb.connection import Connection
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.core.definitions.kinds import REMOTE_SECRET
from provisioner.core.masking import Mask
from provisioner.core.plan.store import NotAccepted, Write
from provisioner.core.secret import Json, Secret
from tests.conftest import write
from tests.live.following import following
from tests.live_server import Live, Team
from tests.outputs import only
from tests.program import Done

DACC = "cc.cozycloud.dacc"
HUSH = "hush-marker-1"
TOKEN = {"REMOTE_SECRET_CC_COZYCLOUD_DACC_TOKEN": HUSH}


@pytest.fixture
def remote(live: Live) -> Iterator[Live]:
    """The database of remote secrets beside that of account types."""
    beside = replace(live, database=live.database.replace("account_types", "remote-secrets"))
    yield beside
    live.http.delete(beside.path)


@pytest.fixture
def team(team: Team, remote: Live) -> Team:
    """It has both kinds of definitions, a target for both databases, and backups."""
    team.define("a", "grant_mode: secret\nslug: a\n")
    write(team.folder / f"remote_secrets/{DACC}.yaml", "secrets: [token]\nx-notes: a note\n")
    change(team)
    return team


def change(team: Team, **settings: object) -> None:
    """Set keys of the target."""
    remote = team.live.database.replace("account_types", "remote-secrets")
    team.configure(owner="me", **{"remote_database": remote, "backup": {"folder": "backups"}, **settings})


def told(team: Team, *arguments: object, env: dict[str, str] | None = None) -> Done:
    """A run with the values in the environment, of which its output shows none."""
    done = team(*arguments, env={**TOKEN, "ACCOUNT_TYPE_A_SECRET": "hush-marker-2", **(env or {})})
    assert "marker" not in done.out + done.err
    return done


def content(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if not name.startswith("_") and name != "provision"}


def test_one_apply_brings_both_databases_to_what_the_files_say(team: Team, live: Live, remote: Live) -> None:
    both = told(team, "diff")
    assert f"database {live.database}" in both.out
    assert f"database {remote.database}" in both.out
    done = told(team, "apply")
    assert (done.code, done.out.count("database created")) == (0, 2)
    assert content(remote.get(DACC)) == {"token": HUSH}
    assert content(live.get("a")) == {"grant_mode": "secret", "slug": "a", "secret": "hush-marker-2"}
    assert remote.get(DACC)["provision"]["owner"] == "me"
    before = remote.revisions()
    assert told(team, "apply").code == told(team, "diff", "--exit-code").code == 0
    assert remote.revisions() == before
    assert "cc.cozycloud.dacc" not in told(team, "list", "--kind", "account_type").out
    row = only(told(team, "list", DACC, "--kind", "remote_secret", "--format", "json").out)
    assert row["remote_secrets"][0]["live"] == {"token": {"secret": True}}
    assert "client_secret_since" not in row["remote_secrets"][0]
    head = told(team, "list", "--kind", "remote_secret").out.splitlines()[1]
    assert head.split() == ["ID", "CREDENTIALS", "OWNER", "STATE"]
    assert told(team, "check").code == 0
    assert "1 account type" not in told(team, "check", "--kind", "remote_secret").out


def test_an_undo_takes_both_back_and_a_second_one_brings_the_names(team: Team, live: Live, remote: Live) -> None:
    remote.put(DACC, {"token": "old", "other": "theirs"})
    assert told(team, "apply").code == 0
    assert content(remote.get(DACC)) == {"token": HUSH, "other": "theirs"}
    assert "hush" not in "".join(path.read_text() for path in (team.folder / "backups").iterdir())
    listed = only(told(team, "undo", "--list", "--format", "json").out)
    assert {row["kind"] for row in listed["backups"]} == {"account_type", "remote_secret"}
    done = told(team, "undo", "--yes")
    assert "token is kept: the backup was made without recipients" in done.err
    assert "provision" not in remote.get(DACC)
    assert not live.documents()


def test_what_age_encrypts_is_read_and_an_undo_brings_the_values_back(team: Team, remote: Live) -> None:
    key = pyrage.x25519.Identity.generate()
    write(team.folder / "key.txt", f"{key}\n").chmod(0o600)
    sealed = pyrage.encrypt(f"{DACC}: {{token: {HUSH}}}\n".encode(), [key.to_public()])
    (team.folder / "c.age").write_bytes(sealed)
    backup = {"folder": "backups", "recipients": [str(key.to_public())], "identity": "key.txt"}
    change(team, credentials=[{"age": "c.age", "identity": "key.txt"}], backup=backup)
    remote.put(DACC, {"token": "old-marker"})
    said = ""
    for arguments, token in ((("apply",), HUSH), (("undo", "--yes"), "old-marker"), (("undo", "--yes"), HUSH)):
        done = team(*arguments, *(["--kind", "remote_secret"] if "apply" in arguments else []))
        assert (done.code, content(remote.get(DACC))) == (0, {"token": token}), done.err
        said += done.out + done.err
    assert "marker" not in said + "".join(path.read_text() for path in (team.folder / "backups").iterdir())


def test_drift_names_the_field_and_a_prune_deletes_what_no_file_defines(team: Team, remote: Live) -> None:
    write(team.folder / "remote_secrets/org.mps.store.yaml", "secrets: [token, other]\n")
    others = {"REMOTE_SECRET_ORG_MPS_STORE_TOKEN": "hush-marker-3", "REMOTE_SECRET_ORG_MPS_STORE_OTHER": "marker-4"}
    assert told(team, "apply", env=others).code == 0
    remote.put(DACC, {**remote.get(DACC), "token": "by-hand"})
    done = told(team, "drift", "--exit-code")
    assert (done.code, f"edited    {DACC}: token" in done.out) == (3, True)
    assert "1 remote secret changed by someone else" in done.out
    kept = told(team, "apply", env=others)
    assert remote.get(DACC)["token"] == "by-hand", kept.out
    assert told(team, "apply", "--allow", "rotated", env=others).code == 0
    write(team.folder / "remote_secrets/org.mps.store.yaml", "secrets: [token]\n")
    before = remote.revisions()
    for command in ("diff", "apply"):
        assert "org.mps.store keeps other, which its definition does not ask for" in told(team, command, env=others).err
    assert remote.revisions() == before, "it may be the only copy"
    (team.folder / "remote_secrets/org.mps.store.yaml").unlink()
    assert told(team, "apply", "--prune", "--yes").code == 0
    assert [*remote.documents()] == [DACC]


def test_an_event_names_the_target_and_the_database(team: Team, live: Live, remote: Live) -> None:
    assert told(team, "apply").code == 0
    live.put("a", {**live.get("a"), "slug": "b"})
    remote.put(DACC, {**remote.get(DACC), "token": "marker-by-hand"})
    with following(team.folder, "--target", "one") as followed:
        found = [followed.event() for _ in range(2)]
        done = followed.stop()
    assert "marker" not in json.dumps(found) + done.out + done.err
    edited = {each["database"]: (each["target"], each["id"], each["event"], each["fields"]) for each in found}
    assert edited == {
        live.database: ("one", "a", "edited", ["slug"]),
        remote.database: ("one", DACC, "edited", ["token"]),
    }


def test_a_saved_plan_holds_both_and_is_written_for_both(team: Team, live: Live, remote: Live) -> None:
    assert told(team, "diff", "--out", "plan.json").code == 0
    assert "marker" not in (team.folder / "plan.json").read_text()
    done = told(team, "apply", "--plan", "plan.json", "--kind", "account_type")
    assert (done.code, "a saved plan says which kinds it has" in done.err) == (2, True)
    assert "### remote secrets\n" in team.run("diff", "--from", "plan.json", "--format", "markdown").out
    shown = team.run("diff", "--from", "plan.json")
    assert remote.database in shown.out
    assert live.database in shown.out
    write(team.folder / "remote_secrets/com.inokufu.yaml", "secrets: [token]\n")
    late = {"REMOTE_SECRET_COM_INOKUFU_TOKEN": "hush-marker-3"}
    done = told(team, "apply", "--plan", "plan.json", env=late)
    assert (done.code, [*live.documents()], [*remote.documents()]) == (1, ["a"], [DACC])


SOURCES = {
    "file": ("c.yaml", f"{DACC}: {{token: {HUSH}}}\na: {{secret: hush-marker-2}}\n", {"file": "c.yaml"}),
    "folder": (f"c/{DACC}.token", f"{HUSH}\n", {"directory": "c"}),
    "command": ("c.json", json.dumps({DACC: {"token": HUSH}}), {"command": ["cat", "c.json"]}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_of_credentials_gives_values(team: Team, name: str, remote: Live) -> None:
    file, text, source = SOURCES[name]
    write(team.folder / file, text).chmod(0o600)
    change(team, credentials=[source])
    done = team("apply", "--kind", "remote_secret")
    assert (done.code, content(remote.get(DACC))) == (0, {"token": HUSH}), done.err
    assert "marker" not in done.out + done.err


NO_SECRETS = {
    "changeme": "token is a placeholder",
    "vault:secret/data/dacc#token": "token is a reference that nothing resolved",
    "hush-marker\n": "token ends with a line break",
    "hush\r\nmarker": "token has a line break at character 5",
    " hush-marker": "token starts with a space",
}


@pytest.mark.parametrize("value", NO_SECRETS)
def test_what_cannot_be_a_secret_is_not_written(team: Team, value: str, remote: Live) -> None:
    done = told(team, "apply", "--kind", "remote_secret", env=dict.fromkeys(TOKEN, value))
    assert (done.code, NO_SECRETS[value] in done.out, remote.documents()) == (1, True, {}), done.out


def test_rules_look_at_what_is_live(team: Team, remote: Live) -> None:
    remote.put("a/b", {"token": 5, "a b": "x", "ok": "hush\nmarker"})
    out = told(team, "check", "--kind", "remote_secret", "--format", "json").out
    found = {row["check"]: row["message"] for row in json.loads(out)["targets"][0]["checks"] if row["account_type"]}
    assert found["document"] == "present"
    assert {"remote-doctype", "remote-secret-name", "remote-secret-no-text", "unseen-character"} <= found.keys()


def test_an_open_database_is_seen_in_both(team: Team, live: Live, remote: Live) -> None:
    for each in (live, remote):
        each.put("there", {"slug": "x"})
        each.http.put(f"{each.path}/_security", json={"admins": {}, "members": {}}).raise_for_status()
    done = told(team, "apply")
    assert done.code == 1
    assert done.err.count("everyone can read") >= 2
    assert ([*live.documents()], [*remote.documents()]) == (["there"], ["there"])
    assert told(team, "check").out.count("security") >= 2
    assert told(team, "apply", "--make-private").code == 0
    assert remote.http.get(f"{remote.path}/_security").json()["members"]["roles"] == ["_admin"]


def test_an_import_writes_names_and_keeps_values_apart(team: Team, live: Live, remote: Live) -> None:
    live.put("a", {"grant_mode": "secret", "slug": "a"})
    remote.put(DACC, {"token": HUSH, "count": 5})
    done = told(team, "import", "--out", "got/account_types", "--with-secrets")
    assert done.code == 0
    assert "left out: the value of count is empty, or no text" in done.err
    assert "kept in the database only" not in done.err
    assert yaml.safe_load((team.folder / f"got/remote_secrets/{DACC}.yaml").read_text()) == {
        "secrets": ["token", "count"]
    }
    kept = yaml.safe_load((team.folder / "got/remote_secrets/.credentials.yaml").read_text())
    assert kept == {DACC: {"token": HUSH}}
    (team.folder / "got/account_types/a.yaml").unlink()
    again = told(team, "import", "--out", "got/account_types")
    assert (again.code, (team.folder / "got/account_types/a.yaml").exists()) == (1, False), again.err
    script = f'curl -X PUT -d \'{{"token": "{HUSH}"}}\' $COUCH/secrets%2Fio-cozy-remote-secrets/{DACC}\n'
    write(team.folder / "put.sh", script)
    assert team.run("import", "put.sh", "--out", "from_script").code == 0
    assert yaml.safe_load((team.folder / f"from_script/{DACC}.yaml").read_text()) == {"secrets": ["token"]}


BROKEN: dict[str, dict[str, str | None]] = {
    "a remote secret": {"remote_secrets/x.yaml": "secrets: token\n"},
    "an account type": {"account_types/x.yaml": "grant_mode: nonsense\n"},
    "an empty folder": {f"remote_secrets/{DACC}.yaml": None, "remote_secrets/.keep": ""},
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_in_one_kind_keeps_both_databases_as_they_are(team: Team, name: str, live: Live, remote: Live) -> None:
    for path, text in BROKEN[name].items():
        (team.folder / path).unlink() if text is None else write(team.folder / path, text)
    for arguments in (["apply", "--prune", "--yes"], ["diff", "--out", "plan.json"]):
        done = told(team, *arguments)
        assert (done.code, live.documents(), remote.documents()) == (1, {}, {}), done.out
        assert "of the same target have an error" in done.err
    assert not (team.folder / "plan.json").exists()


def test_a_prune_keeps_the_only_copy_that_a_new_name_may_need(team: Team, remote: Live) -> None:
    old = write(team.folder / "remote_secrets/r3.doc.yaml", "secrets: [token]\n")
    only = {"REMOTE_SECRET_R3_DOC_TOKEN": "hush-marker-3"}
    assert told(team, "apply", env=only).code == 0
    new = old.rename(team.folder / "remote_secrets/r4.doc.yaml")
    done = told(team, "apply", "--prune", "--yes")
    assert (done.code, "r4.doc may be its new name" in done.out) == (1, True), done.out
    assert content(remote.get("r3.doc")) == {"token": "hush-marker-3"}
    new.unlink()
    assert "r3.doc has the only copy of token" in told(team, "apply", "--prune", "--yes").err
    assert [*remote.documents()] == [DACC]


def test_an_import_that_cannot_read_one_database_fails(team: Team, live: Live, httpserver: HTTPServer) -> None:
    live.put("a", {"grant_mode": "secret", "slug": "a"})

    def answer(request: Request) -> Response:
        """That of the live server; the other database is closed to this user."""
        if "remote" in request.path:
            return Response('{"error": "forbidden", "reason": "no"}', 403)
        found = live.http.request(request.method, request.environ["RAW_URI"], content=request.data)
        return Response(found.content, found.status_code, content_type="application/json")

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    change(team, couch=httpserver.url_for("").rstrip("/"))
    done = told(team, "import", "--out", "half", env={"COUCHDB_USER": "a", "COUCHDB_PASSWORD": "b"})
    assert (done.code, (team.folder / "half/a.yaml").exists()) == (1, True), done
    assert "nothing was imported from" in done.err


def test_an_id_of_both_kinds_has_one_row_in_a_file(team: Team, live: Live, remote: Live) -> None:
    (team.folder / f"remote_secrets/{DACC}.yaml").rename(team.folder / "remote_secrets/a.yaml")
    write(team.folder / "c.yaml", "a: {secret: {hush: marker-2}, token: hush-marker-1}\n").chmod(0o600)
    change(team, credentials=[{"file": "c.yaml"}])
    done = told(team, "apply")
    assert (done.code, content(live.get("a"))["secret"], content(remote.get("a"))) == (
        0,
        {"hush": "marker-2"},
        {"token": HUSH},
    ), done
    for kind in ("account_type", "remote_secret"):
        assert "token" not in told(team, "diff", "--kind", kind).err
    write(team.folder / "c.yaml", "a: {secret: hush-marker-2, token: hush-marker-1, tokem: hush-marker-3}\n")
    assert "tokem" in told(team, "diff").err, "no definition asks for it"


def test_a_database_is_of_one_kind(team: Team, live: Live, remote: Live) -> None:
    for each, other in ((live, remote), (remote, live)):
        out = told(team, "diff", "--database", each.database).out
        assert (each.database in out, other.database in out) == (True, False), out
    assert told(team, "diff", "account_types", "--database", f"{live.database}-x").code == 0
    done = told(team, "diff", "--database", f"{live.database}-x")
    assert done.code == 2
    assert "choose one with --kind" in done.err


def test_what_is_named_is_looked_for_where_it_is_defined(team: Team, live: Live, remote: Live) -> None:
    assert told(team, "apply").code == 0
    for command in ("list", "check", "diff"):
        assert (told(team, command, "a").code, remote.database in told(team, command, "a").out) == (0, False), command
        assert (told(team, command, DACC).code, live.database in told(team, command, DACC).out) == (0, False), command


def test_a_database_that_no_folder_defines_is_seen(team: Team, remote: Live) -> None:
    remote.put(DACC, {"token": HUSH})
    (team.folder / f"remote_secrets/{DACC}.yaml").unlink()
    (team.folder / "remote_secrets").rmdir()
    for command in ("list", "check"):
        assert remote.database in told(team, command).out, command
    named = told(team, "check", DACC, "--format", "json")
    checks = [row for each in json.loads(named.out)["targets"] for row in each["checks"] if row["account_type"]]
    assert {row["account_type"]: row["result"] for row in checks} == {DACC: "ok"}, checks
    rows = json.loads(told(team, "list", DACC, "--format", "json").out)["targets"]
    assert [(row["database"], row["remote_secrets"][0]["id"]) for row in rows] == [(remote.database, DACC)]
    assert told(team, "list", "nowhere").code == 1
    assert "there is no such account type" in told(team, "check", "nowhere").out
    assert remote.database not in told(team, "check", "nowhere").out
    for command in ("diff", "drift"):
        assert remote.database not in told(team, command).out, "nothing there is of this owner"


def test_drift_tells_of_what_its_owner_wrote_and_no_folder_defines(team: Team, remote: Live) -> None:
    assert told(team, "apply").code == 0
    assert remote.database not in told(team, "drift", "a").out
    (team.folder / f"remote_secrets/{DACC}.yaml").unlink()
    (team.folder / "remote_secrets").rmdir()
    assert remote.database in told(team, "drift").out
    for arguments in (["diff"], ["apply", "--prune", "--yes"]):
        assert f"no folder remote_secrets defines these remote secrets of me: {DACC}" in told(team, *arguments).err
    assert "no folder" not in told(team, "diff", "a").err
    remote.put(DACC, {**remote.get(DACC), "token": "marker-by-hand"})
    for options in ([], ["--state", "state.json"]):
        done = told(team, "drift", "--exit-code", *options)
        assert (done.code, f"edited    {DACC}: token" in done.out) == (3, True), options
    assert told(team, "drift", "--state", "state.json").out == ""


def test_a_command_is_asked_once_for_both(team: Team, remote: Live) -> None:
    script = write(team.folder / "vault", f"#!/bin/sh\necho asked >> asked\necho '{{{DACC}: {{token: {HUSH}}}}}'\n")
    script.chmod(0o700)
    change(team, credentials=[{"command": ["./vault"]}])
    done = team("apply")
    assert content(remote.get(DACC)) == {"token": HUSH}
    assert (team.folder / "asked").read_text() == "asked\n"
    assert "has this id" not in team("diff", "--kind", "account_type").err + done.err


NAMES = ("extras", "grant_mode", "client_id", "client_secret", "auth_endpoint", "token_endpoint")


def test_a_secret_with_the_name_of_a_field_of_oauth_is_a_secret(
    team: Team, live: Live, remote: Live, httpserver: HTTPServer
) -> None:
    endpoint = httpserver.url_for("/marker")
    values = dict.fromkeys(NAMES, "hush-marker-5") | {"auth_endpoint": endpoint, "token_endpoint": endpoint}
    values["grant_mode"] = "authorization_code"
    write(team.folder / f"remote_secrets/{DACC}.yaml", f"secrets: [{', '.join(NAMES)}]\n")
    given = {f"REMOTE_SECRET_CC_COZYCLOUD_DACC_{name.upper()}": value for name, value in values.items()}
    done = told(team, "apply", env=given)
    assert done.code == 0, done.out
    assert content(remote.get(DACC)) == values
    changed = given | {"REMOTE_SECRET_CC_COZYCLOUD_DACC_CLIENT_ID": "hush-marker-6"}
    assert told(team, "apply", "--prove", "--allow", "rotated", "--yes", env=changed).code == 0
    remote.put("a", {**values, "extras": 5})
    live.put("broken", {"grant_mode": "authorization_code", "slug": "broken", "extras": "text"})
    for arguments in (
        ("check", "--credentials", "--endpoints", "--yes", "--format", "json"),
        ("drift", "--state", "state.json", "--textfile", "metrics.prom"),
    ):
        done = told(team, *arguments, env=given)
        assert (done.code < 2, "rejected" in done.out, "cannot decode the account type" in done.err) == (
            True,
            False,
            False,
        ), done.err
        assert endpoint not in done.out + done.err
    found = json.loads(told(team, "check", "--format", "json").out)["targets"]
    subjects = {each["database"]: {row["account_type"] for row in each["checks"]} for each in found}
    assert subjects == {live.database: {None, "a", "broken"}, remote.database: {None, "a", DACC}}
    assert not httpserver.log


def test_an_import_of_the_database_of_the_other_kind_shows_no_value(team: Team, remote: Live) -> None:
    remote.put(DACC, {"extra": "marker-1", "Slug": "marker-2", "redirect_url": "marker-3"})
    done = team.run("import", "--couch", remote.url, "--database", remote.database, "--out", "out")
    assert f"{DACC} is not an account type" in done.err
    assert "marker" not in done.out + done.err + "".join(path.read_text() for path in team.folder.rglob("*.yaml"))


MORE = {"apply": ("--prune", "--yes"), "import": ("--out", "out")}


@pytest.mark.parametrize("command", ["diff", "apply", "drift", "undo", "import"])
def test_the_database_of_one_kind_is_not_that_of_the_other(team: Team, command: str, remote: Live) -> None:
    remote.put("by.hand", {"token": HUSH})
    options = ("--kind", "account_type", "--database", remote.database)
    done = told(team, command, *options, *MORE.get(command, ()))
    assert f"{remote.database} is the database of remote secrets" in done.err, done
    assert done.code == 2
    assert content(remote.get("by.hand")) == {"token": HUSH}


def test_an_undo_that_failed_in_one_database_is_continued_there(team: Team, live: Live, remote: Live) -> None:
    told(team, "apply")
    team.define("a", "grant_mode: secret\nslug: b\n")
    write(team.folder / f"remote_secrets/{DACC}.yaml", "secrets: [token, more]\n")
    told(team, "apply", env={"REMOTE_SECRET_CC_COZYCLOUD_DACC_MORE": "hush-marker-3"})
    design = {"validate_doc_update": "function () { throw({forbidden: 'no'}); }"}
    remote.put("_design/refuse", design)
    failed = told(team, "undo", "--yes")
    assert (failed.code, live.get("a")["slug"]) == (1, "a"), failed
    remote.delete("_design/refuse")
    done = told(team, "undo", "--yes")
    assert (done.code, live.get("a")["slug"]) == (0, "a"), done
    assert "did not finish; this run continues it" in done.err
    assert f"changed   {DACC}" in done.out


@pytest.mark.parametrize("written", [False, True], ids=["read", "written"])
def test_no_server_repeats_what_a_value_holds(httpserver: HTTPServer, *, written: bool) -> None:
    nested: Json = {"marker-key-1": ["marker-item", {"marker-key-2": True, "sm": False}]}
    said = json.dumps({"token": nested})
    if written:
        httpserver.expect_request(re.compile(".*")).respond_with_json({"reason": said}, status=400)
        with closing(Connection(read_address(httpserver.url_for(""), {}), 60)) as connection:
            store = CouchStore(connection, "db", REMOTE_SECRET)
            (result,) = store.write([Write(DACC, None, {"token": Secret(nested)})])
        assert isinstance(result, NotAccepted)
        said = result.reason
    else:
        known = Mask()
        live_of({"_id": DACC, "_rev": "1-a", "token": nested}, [], known, REMOTE_SECRET)
        said = known.clean(said)
    assert "token" in said
    assert not [each for each in ("marker", "true", "false", "sm") if each in said], said


@pytest.mark.parametrize("command", ["diff", "check", "list", "apply", "drift", "import"])
def test_no_server_repeats_what_a_source_has(team: Team, command: str, httpserver: HTTPServer) -> None:
    write(team.folder / "c.yaml", f"{DACC}: {{token: hush-marker-3}}\n").chmod(0o600)
    write(team.folder / f"c/{DACC}.token", "hush-marker-4")
    file = [{"file": "c.yaml"}, {"directory": "c"}] if command in ("diff", "check", "list", "apply") else []
    change(team, couch=httpserver.url_for(""), credentials=[*file, {"env": "ACCOUNT_TYPE_"}])
    said = " ".join([HUSH, "hush-marker-2", *(["hush-marker-3", "hush-marker-4"] if file else [])])
    httpserver.expect_request(re.compile(".*")).respond_with_json({"error": "x", "reason": f"no: {said}"}, status=400)
    done = told(team, command, *(["--out", "got"] if command == "import" else []))
    assert done.code != 0
    assert "(secret)" in done.out + done.err


def test_a_source_says_what_is_wrong_with_it(team: Team) -> None:
    write(team.folder / f"remote_secrets/{DACC}.yaml", "secrets: [token, Token]\n")
    same = told(team, "diff", "--kind", "remote_secret")
    assert "REMOTE_SECRET_CC_COZYCLOUD_DACC_TOKEN would belong to several remote secrets: Token, token of" in same.err
    assert same.code == 2
    write(team.folder / "c.yaml", "- broken\n").chmod(0o600)
    change(team, credentials=[{"file": "c.yaml"}])
    assert "for a remote secret, with the names in its definition" in told(team, "diff").err
