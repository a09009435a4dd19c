"""Which target a command works on, and what it says of several."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live

DEFINITION = """\
grant_mode: authorization_code
client_id: "7"
client_secret: s3cr3t
auth_endpoint: https://a.example/auth
token_endpoint: https://a.example/token
token_mode: ${mode}
redirect_uri: https://oauthcallback.${domain}/accounts/ID/redirect
"""


@pytest.fixture
def targets(folder: Path, live: Live, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two targets on one server, whose databases are not there, and three definitions."""
    url = urlsplit(live.url)
    for name in ("ALPHA", "BETA"):
        monkeypatch.setenv(f"COUCHDB_USER_{name}", url.username or "")
        monkeypatch.setenv(f"COUCHDB_PASSWORD_{name}", url.password or "")
    row = {"couch": live.shown_url, "vars": {"mode": "form"}}
    both = {"alpha": {**row, "database": live.database}, "beta": {**row, "database": f"{live.database}2"}}
    for id in "abc":
        write(folder / f"account_types/{id}.yaml", DEFINITION.replace("ID", id))
    return write(folder / "provision.yaml", json.dumps({"owner": "me", "targets": both}))


@pytest.mark.parametrize("command", ["diff", "apply", "drift", "list", "check", "undo"])
def test_a_command_goes_to_no_server_that_nothing_names(targets: Path, run: Run, command: str) -> None:
    done = run(command)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: provision.yaml has several targets, and none is selected: alpha, beta\n"
        "next: pass --target NAME or --all-targets\n"
    )


def test_a_person_is_asked_for_the_target(targets: Path, folder: Path, live: Live) -> None:
    said, code = on_a_terminal(["list"], folder, typed="beta\n")
    assert "Which target (alpha, beta):" in said
    assert f"target beta: {live.shown_url}, database {live.database}2" in said
    assert code == 0


def test_a_missing_variable_is_one_message_that_names_the_target(targets: Path, run: Run) -> None:
    for name in ("alpha", "beta"):
        done = run("diff", "--target", name)
        assert done.code == 1
        assert done.err.startswith(f"error: target {name}: account_types/a.yaml:7:15: variable domain has no value")
        assert done.err.count("\n") == 2
        assert "; also in 2 other places\n" in done.err
    (said,) = [line for line in run("validate", "--target", "alpha").out.splitlines() if "missing-variable" in line]
    assert said.endswith("; also in 2 other places [missing-variable]")


@pytest.mark.parametrize(("given", "told"), [("DOMAIN", 1), ("domian", 1), ("other", 0)])
def test_a_variable_of_almost_that_name_is_told_once(targets: Path, run: Run, given: str, told: int) -> None:
    done = run("diff", "--all-targets", env={f"PROVISION_VAR_{given}": "a.example"})
    warning = f"PROVISION_VAR_domain is not in the environment, and PROVISION_VAR_{given} is: did you mean that?"
    assert (done.code, done.err.count(warning)) == (1, told)


def test_what_is_not_known_is_not_the_same(targets: Path, run: Run) -> None:
    assert run("apply", "--target", "alpha", "--set", "domain=a.example").code == 0
    states = [line.split()[-1] for line in run("list", "--target", "alpha").out.splitlines()[2:5]]
    assert states == ["known"] * 3
    write(targets, targets.read_text().replace('"form"', '"basic"'))
    assert run("list", "--target", "alpha").out.count("changed") == 3
    assert run("list", "--target", "alpha", "--set", "domain=b.example").out.count("changed") == 3


def test_a_warning_of_a_definition_is_printed_once(targets: Path, folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "extras: {scope: x}\n" + DEFINITION.replace("ID", "a"))
    done = run("diff", "--all-targets", "--set", "domain=a.example")
    assert done.code == 0
    assert done.err.count("account_types/a.yaml:1:") == 1


@pytest.mark.parametrize(("where", "suffix"), [(["--target", "alpha"], "_ALPHA"), ([], "")])
def test_a_refused_sign_in_says_which_variables_would_sign_in(
    targets: Path, live: Live, run: Run, monkeypatch: pytest.MonkeyPatch, where: list[str], suffix: str
) -> None:
    for name in ("COUCHDB_USER", "COUCHDB_PASSWORD"):
        monkeypatch.delenv(f"{name}_ALPHA")
    live.put("a", {"grant_mode": "secret", "slug": "a"})
    where = where or ["--couch", live.shown_url, "--database", live.database]
    named = f"COUCHDB_USER{suffix}", f"COUCHDB_PASSWORD{suffix}"
    nobody, wrong = run("list", *where), run("list", *where, env=dict.fromkeys(named, "wrong"))
    next = f"next: set {named[0]} and {named[1]}, or put them into the URL or netrc\n"
    refused = f"error: {live.shown_url} refuses the user or password (401)"
    assert nobody.err == f"{refused}: {named[0]} is missing\n{next}"
    assert wrong.err == f"{refused}\n{next}"


def test_a_server_that_is_not_reached_says_which_variable_is_missing(
    targets: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUCHDB_USER_ALPHA")
    write(targets, targets.read_text().replace('}, "beta"', ', "tls": {"ca_cert": "${CA_ALPHA}"}}, "beta"', 1))
    done = run("check", "--all-targets")
    assert done.code == 1
    assert "error: target alpha: provision.yaml:1:" in done.err
    assert "variable CA_ALPHA has no value (set CA_ALPHA in the environment)\nnext: set a value" in done.err
    done = run("check", "--all-targets", env={"CA_ALPHA": "x.pem", "COUCHDB_USER": "a"})
    assert "next: set COUCHDB_USER_ALPHA and COUCHDB_PASSWORD_ALPHA, or work on one target" in done.err
