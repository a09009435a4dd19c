"""A stop holds from the moment it is asked for, and small answers that unpack to large ones are not kept."""

import errno
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from pytest_httpserver import HTTPServer

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.couchdb.http import Connection
from provisioner.core.errors import StoreError, TimedOut, UnavailableProxy, UnreadableAnswer
from provisioner.core.targets.target import Tls
from tests.wire.test_time import reset, talking


def answering(head: str, body: bytes = b"{}") -> Callable[[socket.socket, threading.Event], None]:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        length = f"Content-Length: {len(body)}\r\nConnection: close"
        connection.sendall(f"HTTP/1.1 {head}\r\n{length}\r\n\r\n".encode() + body)

    return talk


def test_a_request_after_the_grace_fails_at_once_though_none_was_under_way() -> None:
    now = 0.0
    with talking(answering("200 OK")) as url:
        connection = Connection(read_address(url, {}), 3600, clock=lambda: now)
        assert connection.send("GET", "x").status == 200
        now = 100.0
        connection.stop(2)
        now = 103.0
        with pytest.raises(TimedOut) as error:
            connection.send("PUT", "x/a", {})
        connection.close()
    assert not error.value.lost


def test_a_stop_ends_a_pause() -> None:
    started = time.monotonic()
    with talking(answering("503 Busy\r\nRetry-After: 50")) as url:
        connection = Connection(read_address(url, {}), 3600)
        threading.Timer(0.2, connection.stop, [1]).start()
        with pytest.raises(StoreError, match="busy"):
            connection.send("GET", "x")
        connection.close()
    assert time.monotonic() - started < 25


@pytest.mark.parametrize(
    ("encoding", "expected"), [("gzip", "more than 16 MiB"), ("gzip, gzip", "something other than the JSON")]
)
def test_an_answer_that_unpacks_to_too_much_is_refused(encoding: str, expected: str) -> None:
    body = gzip.compress(b" " * 20_000_000)
    packed = gzip.compress(body) if "," in encoding else body
    with talking(answering(f"200 OK\r\nContent-Encoding: {encoding}", packed)) as url:
        connection = Connection(read_address(url, {}), 60)
        with pytest.raises(UnreadableAnswer, match=expected) as error:
            connection.send("GET", "x")
        connection.close()
    assert error.value.lost


def test_no_number_of_the_system_is_shown() -> None:
    with talking(reset) as url:
        connection = Connection(read_address(url, {}), 60, sleep=lambda seconds: None)
        with pytest.raises(StoreError, match="broke: Connection reset by peer"):
            connection.send("GET", "x")
        connection.close()


def test_a_network_that_cannot_be_reached_is_not_called_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    connection = Connection(read_address("http://127.0.0.1:9", {}), 60)
    with pytest.raises(StoreError) as error:
        connection.send("PUT", "x/a", {})
    connection.close()
    assert str(error.value) == "cannot connect to http://127.0.0.1:9: Network is unreachable"
    assert not error.value.lost


def test_a_proxy_that_refuses_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with talking(answering("403 Forbidden")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        connection = Connection(read_address("https://couch.example", {}), 60)
        with pytest.raises(UnavailableProxy) as error:
            connection.send("PUT", "x/a", {})
        connection.close()
    assert not error.value.lost


@pytest.mark.parametrize(
    ("name", "expires", "advice"),
    [
        ("localhost", datetime(2020, 1, 1, tzinfo=UTC), "renew the certificate"),
        ("other.example", None, "use a host name that the certificate has"),
    ],
)
def test_a_certificate_that_is_no_good_is_explained(
    tmp_path: Path, name: str, expires: datetime | None, advice: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=expires).configure_cert(context)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        connection = Connection(read_address(server.url_for(""), {}), 60, Tls(ca_cert=str(tmp_path / "ca.pem")))
        with pytest.raises(StoreError) as error:
            connection.send("PUT", "x/a", {})
        connection.close()
    assert advice in error.value.next
    assert not error.value.lost
