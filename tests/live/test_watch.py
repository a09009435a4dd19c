"""``provision watch``: changes as they happen, after breaks and restarts, at a webhook, and as metrics."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from provisioner.adapters.files.watch_state import WatchState
from provisioner.core.plan.event import WORDS
from tests.conftest import Run, write
from tests.live.relay import relay
from tests.live_server import Live
from tests.wire.couch import Couch, answer, serve

PATIENCE = 30.0
SECRET = "grant_mode: secret\nslug: {id}\nsecret: ${{S:-s}}\n"


class Watcher:
    """A watch in a process of its own; what it prints can be waited for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._messages: queue.Queue[str] = queue.Queue()
        for stream, into in ((process.stdout, self._lines), (process.stderr, self._messages)):
            threading.Thread(target=_read, args=(stream, into), daemon=True).start()

    def event(self) -> dict[str, Any]:
        """The next event."""
        found: dict[str, Any] = json.loads(self._lines.get(timeout=PATIENCE))
        assert found["event"] in WORDS
        return found

    def events(self, number: int) -> list[tuple[str, str, list[str]]]:
        found = [self.event() for _ in range(number)]
        return sorted((each["id"], each["event"], each["fields"]) for each in found)

    def said(self, text: str) -> str:
        """Wait for a message that holds a text, and return it."""
        while True:
            line = self._messages.get(timeout=PATIENCE)
            if text in line:
                return line

    def rest(self) -> str:
        """All messages that nobody waited for."""
        return "".join(self._messages.get_nowait() for _ in range(self._messages.qsize()))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def _read(stream: Any, into: "queue.Queue[str]") -> None:
    for line in stream:
        into.put(line)


@contextmanager
def watching(folder: Path, *options: str) -> Iterator[Watcher]:
    command = [sys.executable, "-m", "provisioner", "watch", "--format", "json", "--state", "state.json", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=os.environ) as process:
        watcher = Watcher(process)
        try:
            yield watcher
        finally:
            process.kill()


@pytest.fixture
def place(folder: Path, live: Live, run: Run) -> list[str]:
    for id in ("a", "b"):
        write(folder / f"account_types/{id}.yaml", SECRET.format(id=id))
    options = ["--couch", live.url, "--database", live.database, "--owner", "team"]
    assert run("apply", *options).code == 0
    return options


def test_each_change_is_told_as_it_happens(place: list[str], folder: Path, live: Live, run: Run) -> None:
    (folder / "state.json").write_text(json.dumps({f"{live.shown_url} {live.database}": "0"}))
    with watching(folder, *place) as watcher:
        assert watcher.events(2) == [("a", "applied", []), ("b", "applied", [])], "since the sequence in the state"
        live.put("a", {**live.get("a"), "slug": "edited", "secret": "hush-marker"})
        event = watcher.event()
        assert (event["id"], event["event"], event["fields"]) == ("a", "edited", ["slug", "secret"])
        assert event["rev"] == live.get("a")["_rev"]
        live.put("b", {"grant_mode": "secret", "slug": "b", "secret": "hush-marker"})
        assert watcher.events(1) == [("b", "replaced", [])]
        live.delete("a")
        assert watcher.events(1) == [("a", "deleted", [])]
        run("apply", *place)
        assert watcher.events(2) == [("a", "applied", []), ("b", "applied", [])]
        run("apply", *place[:-1], "other", "--allow", "adopt")
        assert watcher.events(2) == [("a", "foreign", []), ("b", "foreign", [])]
        assert watcher.stop() == 0
        watcher.said("stopped")
        assert "hush" not in watcher.rest()


def test_a_restart_goes_on_where_it_was(place: list[str], folder: Path, live: Live) -> None:
    with watching(folder, *place) as watcher:
        watcher.said("watching ")
        assert watcher.stop() == 0
    live.put("a", {**live.get("a"), "slug": "edited"})
    with watching(folder, *place) as watcher:
        assert watcher.events(1) == [("a", "edited", ["slug"])]


def test_a_broken_connection_loses_nothing(place: list[str], folder: Path, live: Live) -> None:
    where = urlsplit(live.url)
    assert where.hostname
    assert where.port
    with relay(where.hostname, where.port) as wire:
        user = where.netloc.rpartition("@")[0]
        url = wire.url.replace("://", f"://{user}@") if user else wire.url
        with watching(folder, "--couch", url, *place[2:]) as watcher:
            watcher.said("watching ")
            wire.cut()
            watcher.said("it is tried again")
            live.put("a", {**live.get("a"), "slug": "edited"})
            wire.mend()
            assert watcher.events(1) == [("a", "edited", ["slug"])]
            watcher.said("connected again")


def test_a_database_that_comes_later_is_told_from_its_beginning(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="a"))
    options = ["--couch", live.url, "--database", live.database, "--owner", "team"]
    with watching(folder, *options) as watcher:
        watcher.said("does not exist")
        assert run("apply", *options).code == 0
        assert watcher.events(1) == [("a", "applied", [])]


def test_one_target_that_is_down_does_not_stop_the_others(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="a"))
    targets = {"up": {"couch": live.url, "database": live.database}, "down": {"couch": "http://127.0.0.1:9"}}
    write(folder / "provision.yaml", yaml.safe_dump({"owner": "team", "targets": targets}))
    assert run("apply", "--target", "up").code == 0
    with watching(folder, "--all-targets", "--metrics", "127.0.0.1:0") as watcher:
        watcher.said("watching ")
        live.put("a", {**live.get("a"), "slug": "edited"})
        event = watcher.event()
        assert (event["target"], event["id"], event["event"]) == ("up", "a", "edited")


@pytest.fixture
def couch(httpserver: HTTPServer) -> Couch:
    """A server in which a test decides every answer."""
    return serve(httpserver)


class TestWebhook:
    @pytest.fixture
    def hooked(
        self, place: list[str], folder: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> list[str]:
        write(folder / "provision.yaml", "webhook: ${WATCH_WEBHOOK}\n")
        monkeypatch.setenv("WATCH_WEBHOOK", httpserver.url_for("/hush-address"))
        return place

    def test_events_are_posted_and_tried_again(
        self, hooked: list[str], folder: Path, live: Live, httpserver: HTTPServer
    ) -> None:
        bodies: queue.Queue[Any] = queue.Queue()

        def answer(request: Request) -> Response:
            bodies.put(request.json)
            return Response(status=503 if bodies.qsize() == 1 else 200)

        httpserver.expect_request("/hush-address").respond_with_handler(answer)
        with watching(folder, *hooked) as watcher:
            watcher.said("watching ")
            live.put("<b>&", {"grant_mode": "secret", "slug": "x", "secret": "hush-marker"})
            first = bodies.get(timeout=PATIENCE)
            assert bodies.get(timeout=PATIENCE) == first, "it was not taken, so it is posted again"
            assert first["text"].endswith(": `&lt;b&gt;&amp;` is there, and no definition mentions it")
            (event,) = first["events"]
            assert (event["id"], event["event"]) == ("<b>&", "new")
            assert "hush-marker" not in json.dumps(first)
            assert watcher.stop() == 0

    def test_a_run_for_a_timer_tries_again_too(
        self, hooked: list[str], folder: Path, live: Live, httpserver: HTTPServer, run: Run
    ) -> None:
        answers = iter([503, 200])
        asked: list[Any] = []

        def answer(request: Request) -> Response:
            asked.append(request.json)
            return Response(status=next(answers))

        httpserver.expect_request("/hush-address").respond_with_handler(answer)
        options = ["--once", "--state", folder / "state.json", *hooked]
        run("watch", *options)
        live.put("new", {"grant_mode": "secret", "slug": "x", "secret": "s"})
        done = run("watch", *options)
        assert (done.code, len(asked)) == (0, 2)
        assert "could not be posted" not in done.err

    def test_an_address_that_is_none(self, hooked: list[str], folder: Path, run: Run) -> None:
        for address in ("", "example.org", "http://[::1"):
            done = run("watch", "--once", *hooked, env={"WATCH_WEBHOOK": address})
            assert (done.code, "error: webhook in provision.yaml is not a URL" in done.err) == (2, True)

    def test_a_refusal_is_told_without_the_address(
        self, hooked: list[str], folder: Path, live: Live, httpserver: HTTPServer
    ) -> None:
        httpserver.expect_request("/hush-address").respond_with_data("no", 404)
        with watching(folder, *hooked) as watcher:
            watcher.said("watching ")
            live.put("new", {"grant_mode": "secret", "slug": "x", "secret": "s"})
            said = watcher.said("could not be posted")
            assert "webhook at localhost: it answers 404" in said
            assert watcher.stop() == 0
            assert "hush" not in said + watcher.rest()

    def test_a_variable_without_a_value(self, place: list[str], folder: Path, run: Run) -> None:
        write(folder / "provision.yaml", "webhook: ${WATCH_WEBHOOK}\n")
        done = run("watch", "--once", *place)
        assert done.code == 1
        assert (
            "provision.yaml:1:10: variable WATCH_WEBHOOK has no value (set WATCH_WEBHOOK in the environment)"
            in done.err
        )


class TestMetrics:
    def test_prometheus_reads_them(self, place: list[str], folder: Path, live: Live) -> None:
        secrets = {"a": {"secret": "s", "client_secret_expires_at": "2030-01-31"}}
        write(folder / "secrets.yaml", yaml.safe_dump(secrets)).chmod(0o600)
        target = {"couch": live.url, "database": live.database, "credentials": [{"file": "secrets.yaml"}]}
        write(folder / "provision.yaml", yaml.safe_dump({"owner": "team", "targets": {"one": target}}))
        with watching(folder, "--target", "one", "--metrics", "127.0.0.1:0") as watcher:
            url = watcher.said("metrics: ").split()[1]
            watcher.said("watching one: 0 account types changed by others")
            live.put("b", {**live.get("b"), "slug": "edited"})
            watcher.event()
            answer = httpx.get(url, trust_env=False)
            open_answer = httpx.get(url, headers={"Accept": "application/openmetrics-text"}, trust_env=False)
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in read_text(answer.text)
            for sample in family.samples
        }
        assert samples["provision_up", "one"] == 1
        assert [key for key in samples if key[0] == "provision_drift"] == [("provision_drift", "b", "one")]
        assert samples["provision_last_apply_timestamp_seconds", "one"] > 1_700_000_000
        assert samples["provision_credential_expiry_timestamp_seconds", "a", "one"] == 1_896_048_000
        assert samples["provision_check_failed", "admin-only", "one"] in (0, 1)
        names = {family.name for family in read_openmetrics(open_answer.text)}  # type: ignore[no-untyped-call]
        assert {"provision_up", "provision_drift", "provision_check_failed"} <= names

    def test_a_timer_writes_a_file_and_tells_what_changed_since(
        self, place: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        options = ["--once", "--state", folder / "state.json", "--textfile", folder / "provision.prom", *place]
        assert (run("watch", *options).out, self.drifted(folder)) == ("", [])
        live.put("a", {**live.get("a"), "slug": "edited"})
        done = run("watch", *options)
        assert done.code == 0
        assert done.out.split()[1:] == ["edited", "a:", "slug"]
        assert self.drifted(folder) == ["a"]
        assert run("watch", *options).out == "", "it was told"
        live.put("a", {**live.get("a"), "slug": "a"})
        assert json.loads(run("watch", "--format", "json", *options).out)["event"] == "applied"
        assert self.drifted(folder) == []

    def drifted(self, folder: Path) -> list[str]:
        families = read_text((folder / "provision.prom").read_text())
        return [
            sample.labels["id"]
            for family in families
            for sample in family.samples
            if sample.name == "provision_drift" and sample.value == 1
        ]

    def test_a_server_that_does_not_answer(self, place: list[str], folder: Path, run: Run) -> None:
        textfile = folder / "provision.prom"
        options = ["--owner", "team", "--textfile", textfile, "--state", folder / "state.json"]
        done = run("watch", "--once", "--couch", "http://127.0.0.1:9", *options)
        assert done.code == 1
        assert "connection refused" in done.err
        assert 'provision_up{target="http://127.0.0.1:9 secrets/io-cozy-account_types"} 0.0' in textfile.read_text()

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (["--metrics", "0.0.0.0:9187"], "--metrics 0.0.0.0:9187 is not an address of this machine alone"),
            (["--metrics", "example.org:80"], "is not an address of this machine alone"),
            (["--metrics", "localhost"], "--metrics localhost has no port"),
            (["--metrics", "127.0.0.1:0", "--once"], "--once ends before anybody could ask for --metrics"),
            (["--once", "--textfile", "/nowhere/x.prom"], "/nowhere/x.prom cannot be written"),
        ],
    )
    def test_mistakes(self, place: list[str], folder: Path, run: Run, options: list[str], expected: str) -> None:
        done = run("watch", "--state", folder / "state.json", *options, *place)
        assert (done.code, expected in done.err) == (2, True), done.err


def test_several_watches_share_a_file(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="a"))
    targets = {name: {"couch": live.url, "database": live.database} for name in ("one", "two")}
    write(folder / "provision.yaml", yaml.safe_dump({"owner": "team", "targets": targets}))
    assert run("apply", "--target", "one").code == 0
    first, second = WatchState(folder / "state.json"), WatchState(folder / "state.json")
    first.put("one", "1")
    second.put("two", "2")
    first.put("one", "3")
    assert json.loads((folder / "state.json").read_text()) == {"one": "3", "two": "2"}
    for name in ("one", "two"):
        assert run("watch", "--once", "--state", "state2.json", "--target", name).out == ""
    live.put("a", {**live.get("a"), "slug": "edited"})
    for name in ("one", "two"):
        told = run("watch", "--once", "--state", "state2.json", "--target", name).out
        assert told.split()[1:] == [name, "edited", "a:", "slug"], "each tells it, though it is the same database"


def test_a_sequence_that_the_database_does_not_know_is_told(
    place: list[str], folder: Path, couch: Couch, httpserver: HTTPServer, run: Run
) -> None:
    url = httpserver.url_for("").rstrip("/")
    couch.before = lambda asked: (
        answer(400, {"error": "bad_request"})
        if "since=old" in asked.path
        else (answer(200, {"results": [], "last_seq": "new"}) if "_changes" in asked.path else None)
    )
    write(folder / "state.json", json.dumps({f"{url} secrets/io-cozy-account_types": "old"}))
    done = run("watch", "--once", "--state", "state.json", "--owner", "team", "--couch", url)
    assert "does not know what was seen last: what changed since is not told" in done.err


def test_a_file_of_somebody_else_is_not_taken_for_a_state(place: list[str], folder: Path, run: Run) -> None:
    write(folder / "provision.yaml", "owner: team\n")
    done = run("watch", "--once", "--state", "provision.yaml", *place)
    assert done.code == 2
    assert "error: provision.yaml is not the state of a watch" in done.err
    assert (folder / "provision.yaml").read_text() == "owner: team\n"


def test_it_needs_an_owner(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="a"))
    done = run("watch", "--once", "--couch", live.url, "--database", live.database)
    assert done.code == 2
    assert "error: drift needs an owner" in done.err
