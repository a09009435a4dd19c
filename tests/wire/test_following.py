"""A look and a post end in time, and no answer ends the following, whatever a server does."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug import Response

from provisioner.adapters.couchdb import connection
from provisioner.adapters.monitoring import Webhook
from provisioner.core.errors import ProvisionError
from tests.conftest import write
from tests.live.following import following
from tests.talking import dripping, talking
from tests.wire.couch import Asked, Couch, answer

SLOW = 20.0
"""Seconds that a slow server would take; what ends in time ends long before."""


@pytest.fixture
def place(google: Path, url: str, couch: Couch) -> list[str]:
    couch.put("by-hand", grant_mode="token")
    return ["--couch", url, "--owner", "team", "--interval", "2", "--timeout", "2"]


def endless(status: int = 200) -> Response:
    """An answer that never ends, a byte at a time."""

    def drip() -> Iterator[bytes]:
        until = time.monotonic() + SLOW
        while time.monotonic() < until:
            yield b" "
            time.sleep(0.1)

    return Response(drip(), status, content_type="application/json")


ANSWERS: dict[str, Callable[[], Response]] = {
    "400": lambda: answer(400, {"error": "bad_request"}),
    "401": lambda: answer(401, {"error": "unauthorized"}),
    "403": lambda: answer(403, {"error": "forbidden"}),
    "404": lambda: Response("<html>", 404),
    "500": lambda: answer(500, {"error": "odd"}),
    "html": lambda: Response("<html>sign in</html>"),
    "empty": lambda: Response(""),
    "array": lambda: answer(200, []),
    "deep": lambda: Response("[" * 50_000),
    "rows": lambda: answer(200, {"rows": [1], "results": 1, "last_seq": {}}),
    "drip": endless,
}


@pytest.mark.parametrize("odd", ANSWERS)
def test_a_look_that_fails_is_an_event(folder: Path, couch: Couch, place: list[str], odd: str) -> None:
    broken = threading.Event()
    broken.set()
    couch.before = lambda asked: ANSWERS[odd]() if broken.is_set() and "_all_docs" in asked.path else None
    with following(folder, *place) as followed:
        assert followed.event()["event"] == "down"
        broken.clear()
        assert followed.events(2) == [("by-hand", "new", []), (None, "up", [])]
        broken.set()
        followed.until(None, "down")
        broken.clear()
        followed.until(None, "up")
        done = followed.stop()
        assert (done.code, "Traceback" in done.err) == (0, False), done


@pytest.mark.parametrize("odd", ["400", "404", "html", "rows", "drip"])  # the others are the same to a hint
def test_an_odd_answer_of_the_feed_loses_nothing(folder: Path, couch: Couch, place: list[str], odd: str) -> None:
    def before(asked: Asked) -> Response | None:
        of_feed = "_changes" in asked.path or asked.path.count("/") == 1
        return ANSWERS[odd]() if of_feed else None

    couch.before = before
    with following(folder, *place) as followed:
        followed.until("by-hand", "new")
        couch.put("later", grant_mode="token")
        followed.until("later", "new")


def test_a_dripping_webhook_is_given_up_in_time() -> None:
    talk = dripping(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x")
    with talking(talk) as url, pytest.raises(ProvisionError, match="it does not answer in time"):
        Webhook(f"{url}/hook", 0.5).post({})


def test_a_long_poll_waits_no_longer_than_proxies_do() -> None:
    assert connection.LONGEST_POLL < 30


def test_a_secret_is_in_no_event(folder: Path, couch: Couch, place: list[str]) -> None:
    couch.put("google", client_secret="hush-marker")
    with following(folder, *place) as followed:
        assert "hush" not in json.dumps([followed.event(), followed.event()])


def test_a_broken_catalogue_is_reported_with_its_problems(folder: Path, place: list[str], google: Path) -> None:
    write(google, "nonsense: 1\n")
    with following(folder, *place) as followed:
        assert followed.event()["event"] == "down"
        followed.said("unknown key nonsense")
