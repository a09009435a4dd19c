"""A stop holds from the moment it is asked for, and small answers that unpack to large ones are not kept."""

import errno
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from pytest_httpserver import HTTPServer

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.couchdb.connection import Connection
from provisioner.adapters.couchdb.store import CouchStore
from provisioner.core.errors import StoreError
from provisioner.core.targets.target import Tls
from tests.talking import answering, reset, talking
from tests.wire.couch import connected


def test_a_request_after_the_grace_fails_at_once_though_none_was_under_way() -> None:
    now = 0.0
    with talking(answering("200 OK")) as url, connected(url, 3600, clock=lambda: now) as connection:
        assert connection.send("GET", "x").status == 200
        now = 100.0
        connection.stop(2)
        now = 103.0
        with pytest.raises(StoreError, match="within") as error:
            connection.send("PUT", "x/a", {})
    assert not error.value.lost


def test_a_stop_ends_a_pause() -> None:
    started = time.monotonic()
    with talking(answering("503 Busy\r\nRetry-After: 50")) as url, connected(url, 3600) as connection:
        stop = threading.Timer(0.2, connection.stop, [1])
        stop.start()
        with pytest.raises(StoreError, match="busy"):
            connection.send("GET", "x")
        stop.join()
    assert time.monotonic() - started < 25


HOSTILE: dict[str, Callable[[], tuple[str, bytes]]] = {
    "one coding": lambda: ("gzip", gzip.compress(b" " * 40_000_000)),
    "two codings": lambda: ("gzip, gzip", gzip.compress(gzip.compress(b" " * 40_000_000))),
    "empty parts": lambda: ("gzip", gzip.compress(b"") * 500_000),
    "empty blocks": lambda: ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\0\0\0\xff\xff" * 6_000_000),
    "lists": lambda: ("identity", b"[" + b"[]," * 5_000_000 + b"[]]"),
    "levels": lambda: ("identity", b"[" * 500 + b"]" * 500),
    "endless levels": lambda: ("identity", b"[" * 1_000_000),
    "chunks with extensions": lambda: (
        "identity\r\nTransfer-Encoding: chunked",
        (b"1;" + b"x" * 60_000 + b"\r\n \r\n") * 1_000,
    ),
    "many headers": lambda: ("identity\r\n" + "\r\n".join(f"A{number}: b" for number in range(5_000)), b"{}"),
    "a long header": lambda: ("identity\r\nA: " + "b" * 2_000_000, b"{}"),
    "not a number": lambda: ("identity", b'{"rows": NaN}'),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_an_answer_that_costs_a_lot_is_refused_at_once(how: str) -> None:
    coding, body = HOSTILE[how]()
    with talking(answering(f"200 OK\r\nContent-Encoding: {coding}", body=body)) as url:
        connection = Connection(read_address(url, {}), 60)
        tracemalloc.start()
        began = time.process_time()
        try:
            with pytest.raises(StoreError):
                CouchStore(connection, "db").read_all()
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            connection.close()
    assert most < 150_000_000
    assert time.process_time() - began < 30


def test_no_number_of_the_system_is_shown() -> None:
    with (
        talking(reset) as url,
        connected(url, sleep=lambda seconds: None) as connection,
        pytest.raises(StoreError, match="broke: Connection reset by peer"),
    ):
        connection.send("GET", "x")


def test_a_network_that_cannot_be_reached_is_not_called_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with connected("http://127.0.0.1:9") as connection, pytest.raises(StoreError) as error:
        connection.send("PUT", "x/a", {})
    assert str(error.value) == "cannot connect to http://127.0.0.1:9: Network is unreachable"
    assert not error.value.lost


def test_a_proxy_that_refuses_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with talking(answering("403 Forbidden")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with connected("https://couch.example") as connection, pytest.raises(StoreError, match="refuses: 403") as error:
            connection.send("PUT", "x/a", {})
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
    with (
        HTTPServer(host="localhost", ssl_context=context) as server,
        connected(server.url_for(""), 60, Tls(ca_cert=str(tmp_path / "ca.pem"))) as connection,
        pytest.raises(StoreError) as error,
    ):
        connection.send("PUT", "x/a", {})
    assert advice in error.value.next
    assert not error.value.lost
