"""Who signs in to which CouchDB, and over what."""

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from provisioner.adapters.couchdb.address import read_address
from provisioner.core.errors import UsageError
from tests.conftest import Run, write

HOST = "https://couch.example.org"
ENVIRONMENT = {"COUCHDB_USER": "ada", "COUCHDB_PASSWORD": "hush"}
OF_TARGET = {"COUCHDB_USER_EU_WEST_1": "eve", "COUCHDB_PASSWORD_EU_WEST_1": "shh"}


def netrc(folder: Path, content: bytes, mode: int = 0o600) -> dict[str, str]:
    path = folder / "netrc"
    path.write_bytes(content)
    path.chmod(mode)
    return {"NETRC": str(path)}


def test_a_password_goes_in_clear_text_only_to_this_machine() -> None:
    with pytest.raises(UsageError) as refused:
        read_address("http://ada:hush@couch.example.org", {}, target="one")
    assert refused.value.what == "target one: the password would travel in clear text to couch.example.org"
    assert refused.value.next == "use https, or allow it with --insecure-http"
    assert read_address("http://ada:hush@couch.example.org", {}, insecure_http=True).in_clear
    assert not read_address("https://ada:hush@couch.example.org", {}).in_clear
    assert not read_address("http://couch.example.org", {}).in_clear
    for host in ("localhost:5984", "127.0.0.1", "[::1]:5984", "couch.localhost"):
        assert not read_address(f"http://ada:hush@{host}", {}).in_clear


def test_nobody_signs_in_if_nobody_is_to() -> None:
    address = read_address("http://ada:hush@couch.example.org", ENVIRONMENT, alone=False, sign_in=False)
    assert (address.url, address.user, address.password) == ("http://couch.example.org", None, None)


def test_the_environment_signs_in_to_the_only_target() -> None:
    assert read_address(HOST, ENVIRONMENT, target="eu-west.1").user == "ada"
    both = read_address(HOST, ENVIRONMENT | OF_TARGET, target="eu-west.1")
    assert both.user == "eve"
    assert both.password is not None
    assert both.password.reveal() == "shh"
    assert read_address(HOST, ENVIRONMENT | OF_TARGET, target="other").user == "ada"


def test_with_several_targets_the_environment_names_the_target() -> None:
    with pytest.raises(UsageError, match="COUCHDB_PASSWORD are for one server") as refused:
        read_address(HOST, ENVIRONMENT, target="eu-west.1", alone=False)
    assert "COUCHDB_USER_EU_WEST_1" in refused.value.next
    assert read_address(HOST, ENVIRONMENT | OF_TARGET, target="eu-west.1", alone=False).user == "eve"
    assert read_address("https://bob:x@h", ENVIRONMENT, target="eu-west.1", alone=False).user == "bob"


@pytest.mark.parametrize("several", [["--all-targets"], ["--target", "one", "--target", "two"]])
def test_a_run_on_several_targets_asks_no_server_with_a_password_of_another(
    folder: Path, httpserver: HTTPServer, run: Run, several: list[str]
) -> None:
    url = httpserver.url_for("")
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    write(folder / "provision.yaml", f"targets: {{one: {{couch: '{url}'}}, two: {{couch: '{url}'}}}}\n")
    done = run("diff", *several, env=ENVIRONMENT)
    assert done.code == 2
    assert "target one: COUCHDB_USER and COUCHDB_PASSWORD are for one server" in done.err
    assert httpserver.log == []
    run("diff", "--target", "one", env=ENVIRONMENT)
    assert "Authorization" in httpserver.log[0][0].headers


@pytest.mark.parametrize("command", ["diff", "apply", "import --out out", "list", "check"])
def test_the_command_line_refuses_a_password_in_clear_text(folder: Path, run: Run, command: str) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    address = ["--couch", "http://ada:hush@couch.invalid", "--timeout", "1"]
    refused = run(*command.split(), *address)
    assert refused.code == 2
    assert "--insecure-http" in refused.err
    allowed = run(*command.split(), *address, "--insecure-http")
    assert allowed.code == 1
    assert "the password travels in clear text to couch.invalid" in allowed.err


def test_a_netrc_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    content = b"machine couch.example.org login carl password hush\n"
    assert read_address(HOST, netrc(tmp_path, content)).warnings == ()
    address = read_address(HOST, netrc(tmp_path, content, 0o644))
    path = tmp_path / "netrc"
    assert address.user == "carl"
    assert address.warnings == (f"other users can read the passwords in {path}: run chmod 600 {path}",)
    assert read_address("https://other.example", netrc(tmp_path, content, 0o644)).warnings == ()


def test_the_warning_is_shown(folder: Path, httpserver: HTTPServer, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    environment = netrc(folder, b"machine 127.0.0.1 login carl password hush\n", 0o640)
    done = run("diff", "--couch", f"http://127.0.0.1:{httpserver.port}", env=environment)
    assert "warning: other users can read the passwords in" in done.err


@pytest.mark.parametrize("content", [b"machine \xff\xfe\n", b"machine h login \xe9\n", b"nonsense\n"])
def test_a_netrc_that_cannot_be_read_is_explained(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match="cannot be read as netrc"):
        read_address(HOST, netrc(tmp_path, content))


@pytest.mark.parametrize("host", ["a..b", "x" * 64, ".a"])
def test_a_host_that_is_no_host_name_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="is not a host name"):
        read_address(f"http://{host}:5984", {})


@pytest.mark.parametrize("path", ["secrets%2Fio-cozy-account_types", "couch/secrets%2Fio-cozy-account_types/"])
def test_a_url_that_names_the_database_is_refused_with_the_right_form(path: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_address(f"http://ada:hush@h:5984/{path}", {})
    assert "contains a database" in refused.value.what
    server = "http://h:5984/couch" if path.startswith("couch") else "http://h:5984"
    assert refused.value.next.startswith(f"write --couch {server} and")
    assert "--database secrets/io-cozy-account_types" in refused.value.next
    assert "hush" not in refused.value.next
