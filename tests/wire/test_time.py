"""The time limit bounds a whole run, whatever a server does; and what is unclear after it is told as unclear."""

import json
import socket
import threading
from pathlib import Path

import pytest

from provisioner.adapters.couchdb.address import read_address
from provisioner.adapters.couchdb.connection import Connection
from provisioner.core.errors import StoreError, UsageError
from tests.conftest import Run, write
from tests.live_server import Live
from tests.talking import Talk, answering, dripping, hang, reset, talking
from tests.wire.conftest import GOOGLE
from tests.wire.couch import connected

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


TALKS: dict[str, Talk] = {
    "hangs": hang,
    "drips headers": dripping(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"a"),
    "drips its body": dripping(HEAD, b" "),
}

LONGER = (0.4, 4.0, 40.0)
"""Time limits: a busy machine may use up a short one before a request is sent, or others have their answers."""


@pytest.mark.parametrize("how", TALKS)
def test_a_request_ends_at_the_limit_and_may_have_acted(how: str) -> None:
    lost = []
    for limit in LONGER:
        with (
            talking(TALKS[how]) as url,
            connected(url, limit) as connection,
            pytest.raises(StoreError, match="within") as error,
        ):
            connection.send("PUT", "x/a", {})
        lost.append(error.value.lost)
        if lost[-1]:
            break
    assert lost[-1], f"nothing was sent within {limit} s"


def test_a_stop_shortens_what_is_under_way() -> None:
    with talking(TALKS["hangs"]) as url, connected(url, 3600) as connection:
        stop = threading.Timer(0.1, connection.stop, [0.1])
        stop.start()
        with pytest.raises(StoreError, match="within"):
            connection.send("GET", "x")
        stop.join()
        assert connection.stopped


def test_two_connections_end_together() -> None:
    """As those of one look: the second one has what the first one left, and no more."""
    now = 0.0
    with connected("http://localhost:1", 10, clock=lambda: now) as connection:
        connection.end_within(10)
        now = 11.0
        with pytest.raises(StoreError, match="within"):
            connection.send("GET", "x")
        assert not connection.stopped


def test_beside_a_server_that_hangs_another_gets_its_time(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/google.yaml", GOOGLE)
    with talking(TALKS["hangs"]) as url:
        config = {"targets": {"bad": {"couch": url}, "good": {"couch": live.url, "database": live.database}}}
        write(folder / "provision.yaml", json.dumps(config))
        for limit in LONGER[1:]:
            done = run("apply", "--all-targets", "--timeout", limit)
            assert done.code == 1
            assert "error: bad: no answer from" in done.err
            if live.exists and live.documents():
                break
    assert live.get("google")


def test_the_limit_counts_only_while_requests_are_under_way() -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += 6

    with (
        talking(answering("503 Busy", "200 OK", "503 Busy", "200 OK")) as url,
        connected(url, 10, clock=lambda: now, sleep=sleep) as connection,
    ):
        now = 100.0
        assert connection.send("GET", "x").status == 200
        now = 1000.0
        with pytest.raises(StoreError, match="within"):
            connection.send("GET", "x")


@pytest.mark.parametrize(
    "talk",
    [
        reset,
        lambda connection, over: connection.sendall(HEAD + b"{"),
        lambda connection, over: connection.sendall(b"?"),
    ],
)
def test_a_connection_that_breaks_after_the_request_may_have_acted(talk: Talk) -> None:
    with (
        talking(talk) as url,
        connected(url, sleep=lambda seconds: None) as connection,
        pytest.raises(StoreError) as error,
    ):
        connection.send("PUT", "x/a", {})
    assert error.value.lost


def test_a_refused_connection_has_sent_nothing() -> None:
    with connected("http://127.0.0.1:9") as connection, pytest.raises(StoreError) as error:
        connection.send("PUT", "x/a", {})
    assert not error.value.lost


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_busy_answer_may_come_after_the_server_acted(status: int) -> None:
    with (
        talking(answering(f"{status} Busy", "409 Conflict")) as url,
        connected(url, sleep=lambda seconds: None) as connection,
    ):
        answer = connection.send("PUT", "x/a", {})
    assert (answer.status, answer.lost) == (409, True)


@pytest.mark.parametrize("asked", ["nan", "inf", "-1", "soon", "Wed, 99 Foo 2026", ""])
def test_an_odd_retry_after_is_no_harm(asked: str) -> None:
    slept: list[float] = []
    with (
        talking(answering(f"503 Busy\r\nRetry-After: {asked}", "200 OK")) as url,
        connected(url, sleep=slept.append) as connection,
    ):
        try:
            assert connection.send("GET", "x").status == 200
        except StoreError as error:
            assert asked == "inf"
            assert "busy" in str(error)  # noqa: PT017  # both ways are right
    assert all(0 <= seconds <= 10 for seconds in slept)


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while not over.is_set():
            connection.sendall(b" " * 1_000_000)

    with talking(talk) as url, connected(url) as connection, pytest.raises(StoreError, match="more than 24 MiB"):
        connection.send("GET", "x")


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(UsageError, match="proxy in the environment cannot be used"):
        Connection(read_address("http://couch.example", {}), 60).send("GET", "x")


def test_half_a_character_in_a_password_is_explained() -> None:
    with pytest.raises(UsageError, match="lone surrogate"):
        Connection(read_address("http://127.0.0.1:9", {"COUCHDB_USER": "a", "COUCHDB_PASSWORD": "\ud800"}), 60)


@pytest.mark.parametrize("host", ["a..b", "x" * 70, f"{'x' * 70}.example"])
def test_a_host_that_no_name_server_knows_is_explained(host: str, run: Run, folder: Path) -> None:
    write(folder / "account_types/google.yaml", GOOGLE)
    done = run("diff", "--couch", f"http://{host}:5984")
    assert done.code in (1, 2)
    assert "Traceback" not in done.err
    assert "[Errno" not in done.err
    assert "next: " in done.err


def test_a_locked_account_is_told_to_wait(folder: Path, run: Run) -> None:
    body = json.dumps(
        {"error": "forbidden", "reason": "Account is temporarily locked due to multiple authentication failures"}
    )
    write(folder / "account_types/google.yaml", GOOGLE)
    with talking(answering("403 Forbidden", body=body.encode())) as url:
        done = run("diff", "--couch", url)
    assert "has locked this account" in done.err
    assert "next: wait five minutes" in done.err
