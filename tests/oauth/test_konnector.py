"""What ``provision token`` takes from a konnector's folder and writes into it, and the token that it keeps."""

import json
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Run, write
from tests.live_server import Live
from tests.oauth.conftest import Konnector, code_type
from tests.oauth.session import expire, waiting
from tests.program import PATIENCE, Done

FILE = "konnector-dev-config.json"


def connect(*arguments: object) -> Done:
    """A whole run, signed in by a provider that asks nothing."""
    with waiting("demo", *arguments) as started:
        httpx.get(started.url, follow_redirects=True, trust_env=False, timeout=PATIENCE)
        return started.ended()


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def kept() -> list[Path]:
    return [path for path in Path.home().rglob("*") if path.is_file()]


def test_a_new_configuration_is_what_the_konnectors_tools_expect(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    assert connect().code == 0
    written = read(folder / FILE)
    assert written == {
        "COZY_URL": "http://cozy.tools:8080",
        "fields": {"access_token": written["fields"]["access_token"]},
    }


def test_every_other_key_is_kept_and_comments_are_read(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock), oauth={"scope": "a"}, fields={"refresh_token": {"type": "hidden"}})
    text = """\
// how I run it
{
  "COZY_URL": "http://mine", /* here */
  'fields': {"login": "é", "access_token": "old",},
  "COZY_PARAMETERS": {"other": 1},
}
"""
    write(folder / FILE, text).chmod(0o644)
    done = connect()
    assert done.code == 0, done.err
    written = read(folder / FILE)
    assert list(written) == ["COZY_URL", "fields", "COZY_PARAMETERS"]
    assert written["COZY_URL"] == "http://mine"
    assert written["COZY_PARAMETERS"] == {"other": 1}
    assert written["fields"].keys() == {"login", "access_token", "refresh_token"}
    assert written["fields"]["login"] == "é"
    assert written["fields"]["access_token"] != "old"
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert f"warning: {FILE} was rewritten as plain JSON; {FILE}.bak is a copy with the comments" in done.err
    assert (folder / f"{FILE}.bak").read_text() == text
    assert stat.S_IMODE((folder / f"{FILE}.bak").stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [
        "account_types",
        FILE,
        f"{FILE}.bak",
        "manifest.konnector",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", f"error: {FILE} is not JSON: line 1"),
        ("[]", f"error: {FILE} does not contain a JSON object"),
        ("", f"error: {FILE} is not JSON"),
        (b"\xff", f"error: {FILE} is not UTF-8"),
        ('{"fields": []}', f"error: {FILE}: fields is not an object"),
        ('{"x": NaN}', f"error: {FILE} has a number that JSON does not have"),
    ],
)
def test_a_configuration_of_another_shape_is_told_before_anybody_signs_in(
    konnector: Konnector, mock: str, run: Run, text: str | bytes, message: str
) -> None:
    folder = konnector(code_type(mock))
    (folder / FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run("token", "demo", "--no-browser", "--timeout", "0.1")
    assert (done.code, done.err.splitlines()[0].partition(": line")[0]) == (1, message.partition(": line")[0])
    assert "Open this address" not in done.err


def test_text_of_any_kind_is_kept(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    write(folder / FILE, r'{"half": "\ud800", "whole": "é"}')
    assert connect().code == 0
    written = read(folder / FILE)
    assert (written["half"], written["whole"]) == ("\ud800", "é")


def test_a_linked_configuration_stays_a_link(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    real = write(folder / "elsewhere/real.json", "{}")
    (folder / FILE).symlink_to(real)
    assert connect().code == 0
    assert (folder / FILE).is_symlink()
    assert read(real)["fields"]["access_token"]


def test_the_scope_comes_from_the_manifest_as_the_provider_would_receive_it(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock), oauth={"scope": ["a", "b+c"]})
    with waiting("demo") as started:
        assert started.query["scope"] == "a+b c"
    with waiting("demo", "--scope", "d e") as started:
        assert started.query["scope"] == "d e"


def test_the_manifest_of_another_account_type_is_not_taken(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock), oauth={"scope": "a", "account_type": "other"})
    with waiting("demo") as started:
        assert "scope" not in started.query
    assert "manifest.konnector is for the account type other" in "".join(started.said)


def test_a_broken_manifest_is_told(konnector: Konnector, mock: str, run: Run) -> None:
    folder = konnector(code_type(mock))
    write(folder / "manifest.konnector", "{")
    done = run("token", "demo", "--no-browser")
    assert done.code == 1
    assert "manifest.konnector:1:2: not JSON" in done.err


@pytest.mark.parametrize(("ignored", "warned"), [("", True), (FILE, False)])
def test_a_file_that_would_end_in_git_is_warned_of(konnector: Konnector, mock: str, ignored: str, warned: bool) -> None:
    folder = konnector(code_type(mock))
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    write(folder / ".gitignore", f"{ignored}\n")
    done = connect()
    assert (f"warning: {FILE} contains secrets, and git does not ignore it: add it to .gitignore" in done.err) is warned


def test_imported_data_takes_the_token_too(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    assert connect("--imported-data").code == 0
    written = read(folder / "data/importedData.json")
    (account,) = written["io.cozy.accounts"]
    assert account["_id"] == "default_account_id"
    assert account["oauth"].keys() == {"access_token", "refresh_token", "token_type", "expires_in", "expires_at"}
    assert account["oauth"]["access_token"] == read(folder / FILE)["fields"]["access_token"]
    assert stat.S_IMODE((folder / "data/importedData.json").stat().st_mode) == 0o600


def test_imported_data_of_others_is_kept(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    data = {
        "io.cozy.bills": [{"_id": "b"}],
        "io.cozy.accounts": [{"_id": "mine", "auth": {"login": "x"}, "oauth": {"scope": "s"}}, {"_id": "other"}],
    }
    write(folder / "data/importedData.json", json.dumps(data))
    assert connect("--imported-data").code == 0
    written = read(folder / "data/importedData.json")
    first, second = written["io.cozy.accounts"]
    assert written["io.cozy.bills"] == [{"_id": "b"}]
    assert (first["_id"], first["auth"], first["oauth"]["scope"]) == ("mine", {"login": "x"}, "s")
    assert first["oauth"]["access_token"]
    assert second == {"_id": "other"}


def test_imported_data_of_another_shape_is_told_before_anybody_signs_in(
    konnector: Konnector, mock: str, run: Run
) -> None:
    folder = konnector(code_type(mock))
    write(folder / "data/importedData.json", '{"io.cozy.accounts": {}}')
    done = run("token", "demo", "--no-browser", "--imported-data", "--timeout", "0.1")
    assert "data/importedData.json: io.cozy.accounts is not a list of documents" in done.err
    assert "Open this address" not in done.err


def test_print_writes_nothing_into_the_konnector(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    done = connect("--print", "json")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert shown.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "extras", "expires_at"}
    assert shown["access_token"]
    assert [path.name for path in folder.iterdir()] == ["account_types"]


def test_the_token_is_kept_for_its_owner_alone(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock))
    connect()
    (path,) = kept()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_refresh_brings_a_new_token_into_the_files(konnector: Konnector, mock: str, run: Run) -> None:
    folder = konnector(code_type(mock))
    connect()
    first = read(folder / FILE)["fields"]["access_token"]
    (folder / FILE).unlink()
    expire()
    done = run("token", "demo", "--imported-data")
    assert done.code == 0, done.err
    second = read(folder / FILE)["fields"]["access_token"]
    assert second
    assert read(folder / "data/importedData.json")["io.cozy.accounts"][0]["oauth"]["access_token"] == second
    expire()
    shown = json.loads(run("token", "demo", "--print", "json").out)
    assert read(folder / FILE)["fields"]["access_token"] == shown["access_token"]
    assert first


@pytest.mark.parametrize(("client", "again"), [("demo-client", False), ("short-lived", True)])
def test_a_token_is_refreshed_only_if_it_has_expired(
    konnector: Konnector, mock: str, run: Run, client: str, again: bool
) -> None:
    folder = konnector(code_type(mock, client_id=client))
    connect()
    (path,) = kept()
    before = path.read_text()
    write(folder / FILE, "{}")
    done = run("token", "demo")
    assert done.code == 0, done.err
    assert read(folder / FILE)["fields"]["access_token"]
    assert (path.read_text() != before) is again


def test_a_refresh_token_that_was_revoked_means_sign_in_again(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock))
    connect()
    expire()
    (path,) = Path.home().rglob("tokens/*.json")
    path.write_text(json.dumps({**read(path), "refresh_token": "revoked"}))
    done = connect()
    assert done.code == 0
    assert "the provider no longer accepts the refresh token" in done.err
    assert read(path)["refresh_token"] != "revoked"


def test_without_a_refresh_token_it_is_said_what_the_stack_does(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock, client_id="no-refresh-token"))
    said = connect().err
    assert "the provider sent no refresh token" in said
    assert "the stack passes client_id and client_secret to the konnector" in said
    expire()
    assert "has expired, and came without a refresh token" in connect().err


@pytest.mark.parametrize(
    ("change", "message"),
    [({"token_endpoint": ""}, "and token_endpoint is empty now"), ({"client_id": "other"}, "to another client_id")],
)
def test_the_token_of_another_client_is_not_taken(
    konnector: Konnector, mock: str, change: dict[str, object], message: str
) -> None:
    konnector(code_type(mock))
    connect()
    konnector(code_type(mock, **change))
    with waiting("demo") as started:
        assert message in "".join(started.said)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"id": 1}'])
def test_a_kept_token_that_cannot_be_read_is_told_and_replaced(konnector: Konnector, mock: str, content: str) -> None:
    konnector(code_type(mock))
    connect()
    (path,) = kept()
    path.write_text(content)
    done = connect()
    assert (done.code, "is not a kept token" in done.err) == (0, True)
    assert read(path)["access_token"]


def test_tokens_are_forgotten_one_or_all(konnector: Konnector, mock: str, run: Run) -> None:
    konnector(code_type(mock))
    assert run("token", "--forget").out == "no kept token found\n"
    connect()
    (path,) = kept()
    assert run("token", "other", "--forget").out == "no kept token found\n"
    assert run("token", "demo", "--forget").out == f"deleted {path}\n"
    connect()
    assert run("token", "--forget").out == f"deleted {path}\n"
    assert kept() == []


def test_the_live_account_type_is_taken_where_a_database_is_named(
    konnector: Konnector, mock: str, live: Live, run: Run
) -> None:
    konnector(code_type("http://localhost:1"))
    where = ["--couch", live.url, "--database", live.database]
    done = run("token", "demo", *where)
    assert "has no account type demo" in done.err
    live.put("demo", code_type(mock, client_secret="live-marker"))
    done = connect(*where)
    assert done.code == 0, done.err
    live.put("demo", code_type(mock, extras={"a": 1}))
    done = run("token", "demo", *where)
    assert "the stack cannot decode the account type demo: extras has the wrong JSON type" in done.err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grant_mode": "bi_webview", "reconnect_endpoint": "https://a.example/r", "manage_endpoint": "https://a.example/m"}, "only an instance has the token of Budget Insight"),
        ({"grant_mode": "secret", "slug": "demo"}, "the konnector gets the secret itself"),
        ({"client_id": ""}, "grant_mode authorization_code needs client_id"),
        ({"grant_mode": "refresh_token"}, "grant_mode"),
        ({"client_id": "${nowhere}"}, "account_types/demo.yaml has variables without a value: in client_id"),
        ({"auth_endpoint": "here"}, "auth_endpoint"),
        ({"extras": {"state": "x"}}, "[reserved-parameter]"),
    ],
)  # fmt: skip
def test_what_starts_no_flow_is_told(konnector: Konnector, run: Run, changes: dict[str, object], message: str) -> None:
    konnector(code_type("https://a.example", **changes))
    done = run("token", "demo", "--no-browser", "--timeout", "0.1")
    assert done.code == 1
    assert message in done.err
    assert "Open this address" not in done.err


def test_without_a_token_endpoint_the_konnector_gets_the_code(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock, token_endpoint=""))
    done = connect()
    assert done.code == 1
    assert "the stack exchanges nothing, and keeps the code for the konnector" in done.err


@pytest.mark.parametrize(
    "url", ["http://[bad", "//x", "https://", "https://a:99999/x", "ftp://x/y", "a", "", "http://user:marker@[bad"]
)
def test_live_endpoints_that_are_no_urls_are_told(
    konnector: Konnector, mock: str, live: Live, run: Run, url: str
) -> None:
    konnector(code_type(mock))
    where = ["--couch", live.url, "--database", live.database]
    live.put("demo", code_type(mock, auth_endpoint=url, client_secret="x"))
    done = run("token", "demo", *where, "--no-browser", "--timeout", "0.1")
    assert done.code == 1
    assert "auth_endpoint" in done.err.splitlines()[-2]
    live.put("demo", code_type(mock, token_endpoint=url, client_secret="x"))
    done = connect(*where)
    assert done.code == 1
    assert "token_endpoint" in done.err.splitlines()[-2]
    done = run("check", *where, "--endpoints", "--credentials", "--yes")
    assert done.code == 1
    assert "marker" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no account type given"),
        (["demo", "--new", "--forget"], "cannot be combined"),
        (["demo", "--print", "json", "--test"], "cannot be combined"),
        (["demo", "--revoke"], "--revoke requires --forget"),
        (["demo", "--couch", "x", "--target", "y"], "--couch, --target and --cozy-config each select a server"),
        (["demo", "--database", "x"], "--database needs a CouchDB"),
        (["demo", "--port", "70000"], "70000"),
    ],
)
def test_options_that_cannot_be_meant_are_wrong_usage(
    konnector: Konnector, run: Run, arguments: list[str], message: str
) -> None:
    konnector(code_type("https://a.example"))
    done = run("token", *arguments)
    assert done.code == 2
    assert message in done.err


def test_an_unknown_account_type_is_told_with_the_nearest(folder: Path, run: Run) -> None:
    done = run("token", "gogle")
    assert done.code == 1
    assert "no definition for gogle: did you mean google?" in done.err


def test_a_place_that_cannot_be_written_to_is_told(konnector: Konnector, mock: str, run: Run) -> None:
    folder = konnector(code_type(mock))
    (folder / FILE).mkdir()
    done = run("token", "demo", "--no-browser")
    assert (done.code, f"{FILE} cannot be written" in done.err) == (2, True)
    (folder / FILE).rmdir()
    write(Path.home() / ".local", "")
    done = run("token", "demo", "--no-browser")
    assert "Open this address" not in done.err
    assert done.code == 1
    assert "the token cannot be kept in" in done.err
    assert not (folder / FILE).exists()


def test_the_redirect_uri_can_be_registered_because_its_port_is_fixed(
    konnector: Konnector, mock: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    konnector(code_type(mock))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("PROVISION_PORT", str(port))
    with waiting("demo") as started:
        assert started.redirect_uri == f"http://localhost:{port}/oauth2callback"
        assert f"Register this redirect URI with the provider: {started.redirect_uri}\n" in started.said
        done = run("token", "demo")
        assert f"error: the port {port} is in use\n" in done.err
    monkeypatch.setenv("PROVISION_PORT", "http")
    assert "error: PROVISION_PORT is not a port\n" in run("token", "demo").err
    monkeypatch.delenv("PROVISION_PORT")
    assert "PROVISION_PORT, or 8484" in " ".join(run("token", "--help").out.split())
