"""What stands between the program and CouchDB: proxies that decode %2F, a path, the wrong scheme, a missing password."""

import http.server
import re
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from pytest_httpserver import HTTPServer

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.http.client import basic
from provisioner.core.errors import UsageError
from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.listening import listening

MISSING = {"error": "not_found", "reason": "Database does not exist."}
WELCOME = {"couchdb": "Welcome", "version": "3.5.0"}
SESSION = {"ok": True, "userCtx": {"name": None, "roles": []}}


@pytest.fixture(autouse=True)
def _catalogue(folder: Path) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\nsecret: x\n")


def answering(httpserver: HTTPServer, root: object, session: object, status: int = 404) -> str:
    """A server on which no database is."""
    httpserver.expect_request("/").respond_with_json(root, 404 if root is MISSING else 200)
    httpserver.expect_request("/_session/").respond_with_json(session, status)
    if root is WELCOME:
        httpserver.expect_request("/_all_dbs").respond_with_json([])
    httpserver.expect_request(re.compile("/.*")).respond_with_json(MISSING, 404)
    return httpserver.url_for("")


@pytest.mark.parametrize("command", ["diff", "apply", "list", "check", "drift --owner me"])
@pytest.mark.parametrize(
    ("root", "session", "said"),
    [
        (WELCOME, SESSION, ["decodes %2F in paths", "proxy_pass without a path", "AllowEncodedSlashes NoDecode", "nocanon"]),
        (MISSING, MISSING, ["is not a CouchDB, but a path on one", "remove the path from --couch"]),
        ({"db_name": "foo"}, MISSING, ["is not a CouchDB, but a path on one"]),
    ],
)  # fmt: skip
def test_a_database_that_only_seems_to_be_missing(
    httpserver: HTTPServer, run: Run, command: str, root: object, session: object, said: list[str]
) -> None:
    done = run(*command.split(), "--couch", answering(httpserver, root, session, 200 if session is SESSION else 404))
    assert done.code == 1
    everything = done.out + done.err
    assert [each for each in said if each not in everything] == []
    assert "apply creates it" not in everything


def test_a_database_that_is_missing_is_created(httpserver: HTTPServer, run: Run) -> None:
    done = run("diff", "--couch", answering(httpserver, WELCOME, MISSING))
    assert (done.code, "does not exist: apply creates it" in done.err) == (0, True)


def test_a_proxy_that_refuses_encoded_slashes_is_named(httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request(re.compile("/.*")).respond_with_data("<h1>Not Found</h1>", 404)
    assert "AllowEncodedSlashes NoDecode" in run("diff", "--couch", httpserver.url_for("")).err


@pytest.mark.parametrize(
    "answer",
    [
        bytes.fromhex("15030300020246"),
        b"HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>",
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"",
    ],
    ids=["an alert", "nginx", "Go", "nothing"],
)
def test_http_on_a_port_of_https_is_told_at_once(run: Run, answer: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    class SpeaksTls(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    context.wrap_socket(self.connection, server_side=True).close()
                else:
                    self.connection.recv(65536)
                    self.connection.sendall(answer)
                    self.connection.shutdown(socket.SHUT_WR)

    with listening(SpeaksTls) as port:
        done = run("diff", "--couch", f"http://127.0.0.1:{port}")
    assert "this port speaks https, and not http\nnext: write https:// in --couch" in done.err


@pytest.mark.parametrize(
    ("url", "environment", "what"),
    [
        ("https://h", {"COUCHDB_USER": "ada"}, "the password of ada at https://h is missing"),
        ("https://ada@h", {}, "the password of ada at https://h is missing"),
        ("https://h", {"COUCHDB_USER_ONE": "ada"}, "the password of ada at https://h is missing"),
        ("https://h", {"COUCHDB_USER": "ada", "COUCHDB_PASSWORD": ""}, "the password of ada at https://h is missing"),
        ("https://h", {"COUCHDB_PASSWORD": "x"}, "COUCHDB_PASSWORD is set, and COUCHDB_USER is not"),
        ("https://h", {"COUCHDB_PASSWORD_ONE": "x"}, "COUCHDB_PASSWORD_ONE is set, and COUCHDB_USER_ONE is not"),
    ],
)
def test_half_of_user_and_password_is_named(url: str, environment: dict[str, str], what: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_address(url, environment, target="one")
    assert refused.value.what == f"target one: {what}"
    name = next(iter(environment), "COUCHDB_USER_ONE")
    other = name.replace("USER", "PASSWORD") if "USER" in name else name.replace("PASSWORD", "USER")
    assert other in refused.value.next


def test_with_several_targets_half_of_a_sign_in_names_the_variables_of_the_target() -> None:
    with pytest.raises(UsageError) as refused:
        read_address("https://h", {"COUCHDB_PASSWORD": "x"}, target="one", alone=False)
    assert refused.value.what == "target one: COUCHDB_PASSWORD is set, and COUCHDB_USER_ONE is not"
    assert "COUCHDB_USER_ONE and COUCHDB_PASSWORD_ONE" in refused.value.next


def test_a_password_may_be_empty_or_stand_apart_from_the_user() -> None:
    for url, environment, password in (
        ("https://ada:@h", {}, ""),
        ("https://ada@h", {"COUCHDB_PASSWORD": "hush"}, "hush"),
    ):
        found = read_address(url, environment).password
        assert found is not None
        assert found.reveal() == password


def test_a_missing_password_is_asked_for_on_a_terminal(folder: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request(re.compile("/.*")).respond_with_json({"error": "unauthorized", "reason": "no"}, 401)
    url = httpserver.url_for("").rstrip("/")
    arguments = ["apply", "--couch", url.replace("//", "//ada@")]
    said, code = on_a_terminal(arguments, folder, "hush\n", question=f"Password of ada at {url}: ")
    assert code == 1
    assert "hush" not in said
    assert httpserver.log[0][0].headers["Authorization"] == basic("ada", "hush").decode()
