"""The one HTTP client: a port that speaks http says so at once, and a proxy is spoken to as its address says."""

import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from provisioner.adapters.http.client import Call, HttpClient
from provisioner.adapters.http.client import _proxy as proxy_of
from provisioner.adapters.http.network import countdown
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.adapters.oauth.providers import fetch
from provisioner.core.definitions.domains import is_loopback
from tests.listening import listening
from tests.program import PATIENCE
from tests.talking import answering, talking


class Patient(http.server.BaseHTTPRequestHandler):
    """Waits for the end of a line, as CouchDB does: a TLS handshake has none for it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def handle(self) -> None:
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            self.connection.recv(65536)
            with suppress(OSError):
                self.connection.recv(1)
        else:
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_port_that_waits_for_http_is_noticed_long_before_the_time_is_over() -> None:
    began = time.monotonic()
    with listening(Patient) as port, pytest.raises(NoAnswer) as error:
        fetch("GET", f"https://localhost:{port}/", {}, 60)
    assert error.value.trouble is Trouble.SPEAKS_HTTP
    assert time.monotonic() - began < 30


@contextmanager
def proxy_over_tls(
    folder: Path, monkeypatch: pytest.MonkeyPatch, talk: Callable[[ssl.SSLSocket], None], *names: str
) -> Iterator[str]:
    """The host and port of a proxy that is spoken to with TLS, one connection long; `names`: more of its certificate."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", *names).configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))

    def serve() -> None:
        with suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True) as connection:
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"localhost:{server.getsockname()[1]}"
        finally:
            thread.join()


def test_a_proxy_over_tls_is_spoken_to_with_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def talk(connection: ssl.SSLSocket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with proxy_over_tls(tmp_path, monkeypatch, talk) as address:
        monkeypatch.setenv("HTTP_PROXY", f"https://ada:hush-marker@{address}")
        assert fetch("GET", "http://provider.example/x", {}, PATIENCE).body == b"ok"
    assert asked[0].startswith(b"GET http://provider.example/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in asked[0]


@contextmanager
def tunnel(folder: Path, monkeypatch: pytest.MonkeyPatch, talk: Callable[[ssl.SSLSocket], None]) -> Iterator[None]:
    """Such a proxy for a request to an https server, whose side of the tunnel `talk` has."""

    def connect(outer: ssl.SSLSocket) -> None:
        if outer.recv(65536).startswith(b"CONNECT provider.example:443 "):  # nothing: it gave up before
            outer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            talk(outer)

    with proxy_over_tls(folder, monkeypatch, connect, "provider.example") as address:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{address}")
        yield


def test_a_server_behind_a_proxy_over_tls_is_spoken_to_with_tls_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def talk(outer: ssl.SSLSocket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("provider.example").configure_cert(context)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = context.wrap_bio(incoming, outgoing, server_side=True)
        with suppress(ssl.SSLError):  # its certificate is not trusted
            while not asked:
                try:
                    inner.do_handshake()
                    asked.append(inner.read(65536))
                except ssl.SSLWantReadError:
                    outer.sendall(outgoing.read())
                    if not (piece := outer.recv(65536)):
                        return
                    incoming.write(piece)

    with tunnel(tmp_path, monkeypatch, talk), pytest.raises(NoAnswer) as error:
        fetch("GET", "https://provider.example/x", {}, PATIENCE)
    assert (error.value.trouble, error.value.sent, asked) == (Trouble.UNKNOWN_AUTHORITY, False, [])


@pytest.mark.parametrize("begun", [b"\x16\x03\x03\x40\0", b""], ids=["a slow handshake", "none at all"])
def test_a_handshake_through_a_proxy_has_the_time_of_its_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    over = threading.Event()

    def drip(outer: ssl.SSLSocket) -> None:
        outer.sendall(begun)
        while not over.wait(0.05):
            outer.sendall(begun and b"\2")

    with tunnel(tmp_path, monkeypatch, drip):
        try:
            with pytest.raises(NoAnswer) as error:
                fetch("GET", "https://provider.example/x", {}, 1)
        finally:
            over.set()
    assert (error.value.trouble, error.value.sent) == (Trouble.TIME, False)


def test_no_error_shows_the_password_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with talking(answering("407 not hush-marker", body=b"")) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.replace("//", "//ada:hush-marker@"))
        with pytest.raises(NoAnswer) as error:
            fetch("GET", "https://provider.example/", {}, PATIENCE)
    assert (error.value.trouble, error.value.detail) == (Trouble.PROXY, "407 not (secret)")


def test_a_look_up_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: over.wait() and [])
    with pytest.raises(NoAnswer) as error:
        fetch("GET", "http://slow.example/", {}, 0.3)
    over.set()
    assert (error.value.trouble, error.value.sent) == (Trouble.TIME, False)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("alice.localhost", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("::1", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost\n.example", False),
        ("notlocalhost", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_one_function_says_what_is_this_machine(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours


def test_two_threads_that_begin_at_once_share_their_connections() -> None:
    """Of two sets of connections, one would never be closed."""
    asked, second = [], threading.Event()

    def context() -> ssl.SSLContext:
        asked.append(threading.get_ident())
        if len(asked) > 1:
            second.set()
        second.wait(0.2)
        return ssl.create_default_context()

    def send() -> None:
        with suppress(NoAnswer):
            client.send(Call("GET", "https", "localhost", 1, b"/", []), countdown(30))

    with HttpClient(context, 2) as client:
        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(asked) == 1


def test_a_client_is_closed_with_its_connections() -> None:
    with HttpClient() as client, suppress(NoAnswer):
        assert countdown(1)() > 0
        assert client.secrets.clean("nothing") == "nothing"


NO_PROXY = "2001:db8::1, [2001:db8::2],.corp,couch.local:5984,10.0.0.0/8,2001:db8:1::/48,*.lan"
DIRECT = ["2001:db8::1", "2001:db8::2", "a.corp", "couch.local", "10.1.2.3", "2001:db8:1::5", "127.0.0.2", "::1"]
DIRECT += ["::ffff:127.0.0.1", "a.localhost", "LOCALHOST."]
BY_PROXY = ["2001:db8::3", "corp.example", "11.1.2.3", "localhost.example", "10.0.0.0.example", "0.0.0.0"]


@pytest.mark.parametrize(
    ("host", "direct"), [*((each, True) for each in DIRECT), *((each, False) for each in BY_PROXY)]
)
def test_what_no_proxy_names_and_this_machine_are_spoken_to_directly(
    monkeypatch: pytest.MonkeyPatch, host: str, direct: bool
) -> None:
    for name, value in (("http_proxy", "http://proxy.example:1"), ("no_proxy", NO_PROXY), ("NO_PROXY", NO_PROXY)):
        monkeypatch.setenv(name, value)
    assert proxy_of("http", host, 5984) == (None if direct else "http://proxy.example:1")
