"""Traps around credentials, and what diff and apply say of them."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live

CODE = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
redirect_uri: https://oauthcallback.x.example/accounts/{id}/redirect
"""


@pytest.fixture
def target(folder: Path, live: Live) -> list[str]:
    row = {
        "couch": live.url,
        "database": live.database,
        "credentials": [{"file": "creds.yaml"}, {"env": "ACCOUNT_TYPE_"}],
    }
    write(folder / "provision.yaml", json.dumps({"targets": {"t": row}})).chmod(0o600)
    write(folder / "account_types/google.yaml", CODE.format(id="google"))
    write(folder / "creds.yaml", "google: {client_id: '1', client_secret: s3cr3t}\n")
    (folder / "creds.yaml").chmod(0o600)
    return ["--target", "t"]


def warnings(run: Run, *command: str, **env: str) -> list[str]:
    done = run(*command, env=env)
    assert "s3cr3t" not in done.out + done.err
    return [line.removeprefix("warning: ") for line in done.err.splitlines() if line.startswith("warning: ")]


@pytest.mark.parametrize("command", ["diff", "apply"])
def test_good_credentials_give_no_warning(target: list[str], run: Run, command: str) -> None:
    assert warnings(run, command, *target) == []


def test_an_id_that_no_account_type_has_is_told(folder: Path, target: list[str], run: Run) -> None:
    write(folder / "creds.yaml", "google: {client_id: '1', client_secret: s3cr3t}\ngogle: {client_id: x}\n")
    told = "creds.yaml has credentials for gogle, and no account type has this id: did you mean google?"
    assert warnings(run, "diff", *target) == [told]
    assert warnings(run, "diff", "google", *target) == [], "a selection does not know all ids"


def test_a_variable_that_no_account_type_takes_is_told(target: list[str], run: Run) -> None:
    (told,) = warnings(run, "diff", *target, ACCOUNT_TYPE_GOOGEL_CLIENT_ID="x", ACCOUNT_TYPE_OTHER="x")
    assert told == (
        "no account type uses the environment variable ACCOUNT_TYPE_GOOGEL_CLIENT_ID: "
        "did you mean ACCOUNT_TYPE_GOOGLE_CLIENT_ID?"
    )


def test_a_secret_that_the_grant_mode_does_not_use_is_told(folder: Path, target: list[str], run: Run) -> None:
    write(folder / "creds.yaml", "google: {client_id: '1'}\n")
    (told,) = warnings(run, "diff", *target, "--incomplete", "skip", ACCOUNT_TYPE_GOOGLE_SECRET="s3cr3t")
    assert told == (
        "google: the environment has a secret, and the grant mode authorization_code does not use one: "
        "did you mean client_secret?"
    )


@pytest.mark.parametrize("command", ["diff", "apply"])
def test_a_secret_beside_another_client_id_is_told_in_one_line(
    folder: Path, target: list[str], run: Run, command: str
) -> None:
    for id in ("google", "other"):
        write(folder / f"account_types/{id}.yaml", CODE.format(id=id) + "client_id: '7'\n")
    fields = "{client_id: '1', client_secret: s3cr3t}"
    write(folder / "creds.yaml", f"google: {fields}\nother: {fields}\n")
    (told,) = warnings(run, command, *target)
    assert told == (
        "google, other: client_secret comes from creds.yaml, which has another client_id than the one in use: make "
        "sure that both belong to the same client"
    )
    write(folder / "creds.yaml", f"google: {fields}\nother: {fields}\n".replace("'1'", "'7'"))
    assert warnings(run, command, *target) == []
    write(folder / "creds.yaml", "google: {client_secret: s3cr3t}\nother: {client_secret: s3cr3t}\n")
    assert warnings(run, command, *target) == []


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "CLIENT_ID and ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET"),
        ({"ACCOUNT_TYPE_GOOGLE_CLIENTID": "x"}, "CLIENT_ID"),
        ({"ACCOUNT_TYPES_GOOGLE_CLIENT_ID": "x"}, "CLIENT_ID"),
        ({"account_type_google_client_id": "x"}, "CLIENT_ID"),
    ],
)
def test_what_is_missing_is_named_with_its_variable(
    folder: Path, target: list[str], run: Run, given: dict[str, str], missing: str
) -> None:
    write(folder / "creds.yaml", "{}\n")
    secret = {"ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "s3cr3t"} if given else {}
    done = run("apply", "google", *target, env={**given, **secret})
    assert done.code == 1
    assert f"skipped   google: credentials are missing: set ACCOUNT_TYPE_GOOGLE_{missing} (" in done.out
    assert [line for line in done.err.splitlines() if line.startswith("warning: ")] == [
        f"warning: no account type uses the environment variable {name}: did you mean ACCOUNT_TYPE_GOOGLE_CLIENT_ID?"
        for name in given
    ]
    assert "error: none of the selected account types can be written\n" in done.err
    assert run("apply", *target).code == 0, "a catalogue may hold what has no credentials yet"


@pytest.mark.parametrize("padded", ["' 1'", "'1 '", '"1\\n"'])
def test_white_space_around_a_value_is_an_error(folder: Path, target: list[str], run: Run, padded: str) -> None:
    write(folder / "creds.yaml", f"google: {{client_id: {padded}, client_secret: s3cr3t}}\n")
    done = run("apply", *target)
    assert done.code == 1
    assert "\nfailed    google: " in done.out
    assert "the stack sends it as it is (from a credential source)" in done.out


def test_an_export_keeps_a_client_id_beside_its_secret(folder: Path, live: Live, run: Run) -> None:
    live.put("google", {"grant_mode": "authorization_code", "client_id": "7", "client_secret": "s3cr3t"})
    place = ["--couch", live.url, "--database", live.database]
    assert run("import", "--with-secrets", "--out", "with", *place).code == 0
    assert "client_id" not in (folder / "with/google.yaml").read_text("utf-8")
    assert (folder / "with/.credentials.yaml").read_text(
        "utf-8"
    ) == "google:\n  client_id: '7'\n  client_secret: s3cr3t\n"
    assert run("import", "--out", "without", *place).code == 0
    assert "client_id: '7'" in (folder / "without/google.yaml").read_text("utf-8")


def test_a_password_that_could_be_for_two_targets_is_refused(folder: Path, run: Run) -> None:
    rows = {name: {"couch": "http://127.0.0.1:9"} for name in ("team-a", "team_a", "other")}
    write(folder / "provision.yaml", json.dumps({"targets": rows}))
    write(folder / "account_types/google.yaml", CODE.format(id="google"))
    variables = {"COUCHDB_USER_TEAM_A": "ada", "COUCHDB_PASSWORD_TEAM_A": "s3cr3t"}
    done = run("diff", "--target", "team-a", env=variables)
    assert done.code == 2
    assert "COUCHDB_USER_TEAM_A would apply to several targets: team-a, team_a" in done.err
    assert run("diff", "--target", "other", env=variables).code == 1


def test_a_command_is_run_once_for_a_plan_with_removals(folder: Path, live: Live, run: Run) -> None:
    answer = {id: {"client_id": "1", "client_secret": "s3cr3t"} for id in ("a", "b")}
    program = write(folder / "vault.sh", f"echo asked >> asked\necho '{json.dumps(answer)}'\n")
    row = {"couch": live.url, "database": live.database, "credentials": [{"command": ["sh", str(program)]}]}
    write(folder / "provision.yaml", json.dumps({"owner": "me", "targets": {"t": row}})).chmod(0o600)
    for id in ("a", "b"):
        write(folder / f"account_types/{id}.yaml", CODE.format(id=id))
    assert run("apply", "--target", "t").code == 0
    (folder / "account_types/b.yaml").unlink()
    (folder / "asked").unlink()
    done = run("diff", "--target", "t")
    assert "the only copy" not in done.out
    assert (folder / "asked").read_text() == "asked\n"
