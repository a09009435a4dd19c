"""``provision drift --follow`` and ``--state``: what happens, after breaks and restarts, at a webhook, and as metrics."""

import json
import os
import queue
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import write
from tests.live.following import following
from tests.live.relay import relay
from tests.live_server import Live, Team
from tests.program import PATIENCE, Done, Lines, start

SECRET = "grant_mode: secret\nslug: {id}\nsecret: ${{S:-s}}\n"
STATE = ["--state", "state.json"]


@pytest.fixture
def team(team: Team) -> Team:
    """It has a and b live."""
    for id in ("a", "b"):
        team.define(id, SECRET.format(id=id))
    assert team("apply").code == 0
    return team


def events(done: Done) -> list[tuple[str | None, str]]:
    return [(event["id"], event["event"]) for event in map(json.loads, done.out.splitlines())]


@contextmanager
def deleting(live: Live) -> Iterator[None]:
    """Delete the database again and again: a look that is under way can open the one of the tests anew."""
    over = threading.Event()

    def delete() -> None:
        while not over.wait(0.3):
            live.http.delete(live.path)

    thread = threading.Thread(target=delete)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class TestFollow:
    def test_each_change_is_reported_as_it_happens(self, team: Team, live: Live) -> None:
        with following(team.folder, *team.options, "--interval", 600) as followed:
            followed.said("following ")
            live.put("a", {**live.get("a"), "slug": "edited", "secret": "hush-marker"})
            event = followed.event()
            assert (event["id"], event["event"], event["fields"]) == ("a", "edited", ["slug", "secret"])
            assert event["rev"] == live.get("a")["_rev"]
            live.put("b", {"grant_mode": "secret", "slug": "b", "secret": "hush-marker"})
            assert followed.events(1) == [("b", "replaced", [])]
            live.delete("a")
            assert followed.events(1) == [("a", "deleted", [])]
            assert team("apply", "--allow", "adopt").code == 0
            followed.until("b", "applied")
            assert team.run("apply", *team.options[:-1], "other", "--allow", "adopt").code == 0
            followed.until("b", "foreign")
            done = followed.stop()
            assert (done.code, "stopped" in done.err, "hush" in done.err) == (0, True, False), done

    def test_it_begins_with_what_others_changed_before(self, team: Team, live: Live) -> None:
        live.put("a", {**live.get("a"), "slug": "edited"})
        with following(team.folder, *team.options) as followed:
            assert followed.events(1) == [("a", "edited", ["slug"])]
            followed.said("1 account type changed by someone else")

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_a_restart_goes_on_where_it_was(self, team: Team, live: Live, end: str) -> None:
        with following(team.folder, *team.options, *STATE) as followed:
            live.put("b", {**live.get("b"), "slug": "edited"})
            followed.until("b", "edited")
            followed.said("following ")
            live.put("a", {**live.get("a"), "slug": "edited"})
            followed.until("a", "edited")
            live.put("a", {**live.get("a"), "slug": "a"})
            followed.until("a", "applied")
            if end == "stop":
                assert followed.stop().code == 0
        live.put("a", {**live.get("a"), "slug": "edited"})
        with following(team.folder, *team.options, *STATE) as followed:
            followed.until("a", "edited")

    def test_a_broken_connection_loses_nothing(self, team: Team, live: Live) -> None:
        where = urlsplit(live.url)
        assert where.hostname
        assert where.port
        with relay(where.hostname, where.port) as wire:
            user = where.netloc.rpartition("@")[0]
            url = wire.url.replace("://", f"://{user}@") if user else wire.url
            with following(team.folder, "--couch", url, *team.options[2:], "--interval", 2) as followed:
                followed.said("following ")
                wire.cut()
                down = followed.until(None, "down")
                assert wire.url in down["reason"]
                followed.said("retrying")
                live.put("a", {**live.get("a"), "slug": "edited"})
                wire.mend()
                assert followed.events(2) == [("a", "edited", ["slug"]), (None, "up", [])]

    def test_a_database_that_is_deleted_and_created_again(self, team: Team, live: Live) -> None:
        with following(team.folder, *team.options, "--interval", 2) as followed:
            followed.said("following ")
            seen: list[tuple[str | None, str]] = []
            with deleting(live):
                while (None, "gone") not in seen:
                    seen.append(followed.next())
            live.create()
            live.put("new", {"grant_mode": "secret", "slug": "x", "secret": "s"})
            while ("b", "deleted") not in seen:
                seen.append(followed.next())
            assert team("apply").code == 0
            followed.until("b", "applied")

    def test_one_target_that_is_down_does_not_stop_the_others(self, team: Team, live: Live) -> None:
        targets = {"up": {"couch": live.url, "database": live.database}, "down": {"couch": "http://127.0.0.1:9"}}
        team.save("provision.yaml", {"owner": "team", "targets": targets})
        assert team.run("apply", "--target", "up").code == 0
        with following(team.folder, "--all-targets") as followed:
            followed.said("following up")
            live.put("a", {**live.get("a"), "slug": "edited"})
            event = followed.until("a", "edited")
            assert event["target"] == "up"

    def test_definitions_with_errors_are_trouble_that_passes(self, team: Team) -> None:
        with following(team.folder, *team.options, "--interval", 2) as followed:
            followed.said("following ")
            team.define("c", "nonsense: 1\n")
            assert followed.until(None, "down")["reason"] == "1 definition with errors: account_types/c.yaml"
            followed.said("c.yaml:1:1: error: unknown key nonsense")
            team.define("c", SECRET.format(id="c"))
            followed.until(None, "up")

    def test_it_ends_if_nobody_reads(self, team: Team, live: Live) -> None:
        out, err = os.pipe(), os.pipe()
        command = ["drift", "--follow", "--interval", "2", *team.options]
        process = start(command, (os.open(os.devnull, os.O_RDONLY), out[1], err[1]), team.folder)
        messages = Lines(err[0])
        try:
            assert "following" in messages.next()
            os.close(out[0])
            live.put("a", {**live.get("a"), "slug": "edited"})
            assert process.wait() != 0
        finally:
            process.kill()
            assert "Traceback" not in messages.rest()


class TestState:
    def test_a_timer_reports_what_happened_since(self, team: Team, live: Live) -> None:
        options = [*STATE, "--format", "json"]
        live.put("a", {**live.get("a"), "slug": "edited"})
        assert events(team("drift", *options)) == [("a", "edited")], "the first time, all that others changed"
        assert team("drift", *options).out == "", "it was reported"
        assert team("drift", "--exit-code", *options).code == 3, "and it still is so"
        live.put("a", {**live.get("a"), "slug": "a"})
        assert events(team("drift", *options)) == [("a", "applied")]
        assert team("drift", "--exit-code", *options).code == 0
        live.delete("a")
        assert team("drift", *STATE).out.split()[1:] == ["deleted", "a"]

    def test_a_failure_is_reported_once_and_fails_each_run(self, team: Team, live: Live) -> None:
        down = ["--owner", "team", *STATE, "--format", "json", "--database", live.database]
        nobody = "http://127.0.0.1:9"
        first = team.run("drift", "--couch", nobody, *down, "--exit-code")
        assert (first.code, events(first)) == (1, [(None, "down")])
        second = team.run("drift", "--couch", nobody, *down)
        assert (second.code, second.out) == (1, "")
        assert nobody in second.err

    def test_the_file_holds_nothing_that_tells_a_secret(self, team: Team, live: Live) -> None:
        live.put("a", {**live.get("a"), "secret": "hush-marker", "slug": "value-marker"})
        live.put("new", {"slug": "value-marker", "client_secret": "word"})
        team("drift", *STATE)
        text = (team.folder / "state.json").read_text()
        assert stat.S_IMODE((team.folder / "state.json").stat().st_mode) == 0o600
        assert "marker" not in text
        assert "word" not in text
        for document in live.documents().values():
            assert document["_rev"].partition("-")[2] not in text, "a revision is a digest of all values"
            for digest in document.get("provision", {}).get("fields", {}).values():
                assert f'"{digest}"' not in text
                assert digest not in text or len(digest) == 4, "four digits stand in other texts by chance"
        assert not [word for word in text.split('"') if len(word) > 12 and set(word) <= set("0123456789abcdef")]

    @pytest.mark.parametrize(
        "content",
        [
            "owner: team\n",
            '{"http://a secrets": "12-seq"}',
            "[]",
            '{"form": "provision drift 1", "looks": {"x": {}}}',
            '{"form": "provision drift 2", "looks": {}}',
            '{"form": "provision drift 1", "looks": {"x": {"documents": {"a": 1}, "gone": false, "trouble": ""}}}',
            '{"form": "provision drift 1", "looks": {"x": {"documents": {"a": {"kind": "odd"}}, "gone": 0, "trouble": ""}}}',
            '{"form": "provision drift 1", "looks": {"x": {"documents": {"_design/a": {"kind": "new", "fields": [], "at": null, "mark": ""}}, "gone": false, "trouble": ""}}}',
            "[" * 100_000,
            "\x00",
        ],
    )
    def test_a_file_that_is_no_state(self, team: Team, content: str) -> None:
        write(team.folder / "state.json", content)
        done = team("drift", *STATE)
        assert done.code == 2
        assert "error: state.json is not a state file that this version of drift can read" in done.err
        assert "next: pass another --state, or delete the file to start over" in done.err
        assert (team.folder / "state.json").read_text() == content

    @pytest.mark.parametrize(
        ("path", "why"), [(".", "cannot be read: it is a folder"), ("/proc/state.json", "cannot be written")]
    )
    def test_a_file_that_cannot_be(self, team: Team, path: str, why: str) -> None:
        done = team("drift", "--state", path)
        assert (done.code, why in done.err) == (2, True), done.err

    def test_targets_and_owners_share_a_file(self, team: Team, live: Live) -> None:
        team.drop("b")
        targets = {name: {"couch": live.url, "database": live.database} for name in ("one", "two")}
        team.save("provision.yaml", {"owner": "team", "targets": targets})
        assert team.run("apply", "--target", "one").code == 0
        live.put("a", {**live.get("a"), "slug": "edited"})
        for name in ("one", "two"):
            told = team.run("drift", *STATE, "--target", name).out
            assert told.split()[1:] == [name, "edited", "a:", "slug"], "each reports it, though it is the same database"
        assert team.run("drift", *STATE, "--target", "one").out == ""
        assert team.run("drift", *STATE, "--target", "one", "--owner", "other").out.split()[2:] == ["foreign", "a"]
        assert team.run("drift", *STATE, "--all-targets").out == ""


class TestWebhook:
    @pytest.fixture
    def team(self, team: Team, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Team:
        """It has a webhook."""
        team.save("provision.yaml", {"webhook": "${DRIFT_WEBHOOK}"})
        monkeypatch.setenv("DRIFT_WEBHOOK", httpserver.url_for("/hush-address"))
        return team

    def test_events_are_posted_until_they_are_accepted(self, team: Team, live: Live, httpserver: HTTPServer) -> None:
        bodies: queue.Queue[Any] = queue.Queue()
        statuses = iter((503, 200))

        def answer(request: Request) -> Response:
            bodies.put(request.json)
            return Response(status=next(statuses))

        httpserver.expect_request("/hush-address").respond_with_handler(answer)
        with following(team.folder, *team.options) as followed:
            followed.said("following ")
            live.put("<b>&", {"grant_mode": "secret", "slug": "x", "secret": "hush-marker"})
            first = bodies.get(timeout=PATIENCE)
            assert bodies.get(timeout=PATIENCE)["text"] == first["text"]
            assert first["text"].endswith(": `&lt;b&gt;&amp;` is unmanaged: no definition mentions it")
            (event,) = first["events"]
            assert (event["id"], event["event"]) == ("<b>&", "new")
            assert "hush-marker" not in json.dumps(first)
            assert followed.stop().code == 0

    def test_a_look_is_kept_only_after_everybody_accepted_its_report(
        self, team: Team, live: Live, httpserver: HTTPServer
    ) -> None:
        status, posted = [404], []

        def answer(request: Request) -> Response:
            posted.append([event["id"] for event in request.json["events"]])
            return Response(status=status[0])

        httpserver.expect_request("/hush-address").respond_with_handler(answer)
        options = [*STATE, "--format", "json"]
        live.put("a", {**live.get("a"), "slug": "edited"})
        refused = team("drift", *options)
        assert (refused.code, events(refused)) == (1, [("a", "edited")])
        assert "a message could not be posted to the webhook at localhost: it answers 404" in refused.err
        assert "hush" not in refused.err
        assert not (team.folder / "state.json").exists()
        live.put("b", {**live.get("b"), "slug": "edited"})
        status[0] = 200
        accepted = team("drift", *options)
        assert (accepted.code, events(accepted)) == (0, [("a", "edited"), ("b", "edited")])
        assert team("drift", *options).out == ""
        assert posted == [["a"], ["a", "b"]]

    def test_nothing_is_posted_if_nothing_happened_or_if_one_only_looks(self, team: Team, live: Live) -> None:
        assert team("drift", *STATE).code == 0
        live.put("a", {**live.get("a"), "slug": "edited"})
        assert team("drift").code == 0, "no handler is there: a post would fail"

    def test_a_refusal_is_told_once_without_the_address(self, team: Team, live: Live, httpserver: HTTPServer) -> None:
        posted: queue.Queue[Any] = queue.Queue()

        def answer(request: Request) -> Response:
            posted.put(request.json)
            return Response(status=404)

        httpserver.expect_request("/hush-address").respond_with_handler(answer)
        with following(team.folder, *team.options, "--interval", 2) as followed:
            followed.said("following ")
            live.put("new", {"grant_mode": "secret", "slug": "x", "secret": "s"})
            said = followed.said("could not be posted")
            assert "webhook at localhost: it answers 404" in said
            for _ in range(3):
                posted.get(timeout=PATIENCE)
            done = followed.stop()
            assert done.code == 0
            assert "hush" not in said + done.err
            assert "could not be posted" not in done.err

    def test_an_address_that_is_none(self, team: Team) -> None:
        for address in ("", "example.org", "http://[::1"):
            done = team("drift", *STATE, env={"DRIFT_WEBHOOK": address})
            assert (done.code, "error: webhook in provision.yaml is not a URL" in done.err) == (2, True)

    def test_a_variable_without_a_value(self, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DRIFT_WEBHOOK")
        done = team("drift", *STATE)
        assert done.code == 1
        assert (
            "provision.yaml:1:10: variable DRIFT_WEBHOOK has no value (set DRIFT_WEBHOOK in the environment)"
            in done.err
        )


class TestMetrics:
    def test_prometheus_reads_them(self, team: Team, live: Live) -> None:
        secrets = {"a": {"secret": "s", "client_secret_expires_at": "2030-01-31"}}
        team.save("secrets.yaml", secrets)
        team.configure(credentials=[{"file": "secrets.yaml"}])
        with following(team.folder, *team.options, "--metrics", "127.0.0.1:0") as followed:
            url = followed.said("metrics: ").split()[1]
            followed.said("following one: 0 account types changed by someone else")
            live.put("b", {**live.get("b"), "slug": "edited"})
            followed.event()
            answer = httpx.get(url, trust_env=False, timeout=PATIENCE)
            accept = {"Accept": "application/openmetrics-text"}
            open_answer = httpx.get(url, headers=accept, trust_env=False, timeout=PATIENCE)
        samples = _samples(answer.text)
        assert samples["provision_up", "one"] == 1
        assert [key for key in samples if key[0] == "provision_drift"] == [("provision_drift", "b", "one")]
        assert samples["provision_last_apply_timestamp_seconds", "one"] > 1_700_000_000
        assert samples["provision_credential_expiry_timestamp_seconds", "a", "one"] == 1_896_048_000
        assert samples["provision_check_failed", "admin-only", "one"] in (0, 1)
        names = {family.name for family in read_openmetrics(open_answer.text)}  # type: ignore[no-untyped-call]
        assert {"provision_up", "provision_drift", "provision_check_failed"} <= names

    def test_a_timer_writes_a_file(self, team: Team, live: Live) -> None:
        options = [*STATE, "--textfile", team.folder / "provision.prom"]
        team("drift", *options)
        assert _drifted(team.folder) == []
        live.put("a", {**live.get("a"), "slug": "edited"})
        team("drift", *options)
        assert _drifted(team.folder) == ["a"]
        team("drift", *options)
        assert _drifted(team.folder) == ["a"]
        live.put("a", {**live.get("a"), "slug": "a"})
        team("drift", *options)
        assert _drifted(team.folder) == []
        live.http.delete(live.path)
        team("drift", *options)
        assert _drifted(team.folder) == [""], "the database itself"

    def test_one_target_never_deletes_what_another_one_has(self, team: Team, live: Live) -> None:
        other = f"{live.database}2"
        targets = {
            "one": {"couch": live.url, "database": live.database},
            "two": {"couch": live.url, "database": other},
        }
        team.save("provision.yaml", {"owner": "team", "targets": targets})
        assert team.run("apply", "--all-targets", "--yes", "--allow", "new-database").code == 0
        try:
            live.put("a", {**live.get("a"), "slug": "edited"})
            options = ["--textfile", team.folder / "provision.prom", "--interval", 2]
            with following(team.folder, "--all-targets", *options) as followed:
                followed.until("a", "edited")
                twin = Live(live.url, live.http, other)
                twin.put("new", {"slug": "x"})
                assert followed.until("new", "new")["target"] == "two"
                twin.delete("new")
                followed.until("new", "removed")
            samples = _samples((team.folder / "provision.prom").read_text())
            assert samples["provision_drift", "a", "one"] == 1
            assert ("provision_check_failed", "admin-only", "one") in samples
            assert ("provision_check_failed", "admin-only", "two") in samples
        finally:
            live.http.delete(f"/{other.replace('/', '%2F')}")

    def test_a_server_that_does_not_answer(self, team: Team) -> None:
        textfile = team.folder / "provision.prom"
        options = ["--owner", "team", "--textfile", textfile, *STATE]
        done = team.run("drift", "--couch", "http://127.0.0.1:9", *options)
        assert done.code == 1
        assert "connection refused" in done.err
        assert 'provision_up{target="http://127.0.0.1:9 secrets/io-cozy-account_types"} 0.0' in textfile.read_text()

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (
                ["--follow", "--metrics", "0.0.0.0:9187"],
                "--metrics 0.0.0.0:9187 is not a loopback address",
            ),
            (["--follow", "--metrics", "example.org:80"], "is not a loopback address"),
            (["--follow", "--metrics", "localhost"], "--metrics localhost has no port"),
            ([*STATE, "--metrics", "127.0.0.1:0"], "--metrics requires --follow"),
            ([*STATE, "--textfile", "/nowhere/x.prom"], "/nowhere/x.prom cannot be written"),
            (["--textfile", "x.prom"], "--textfile requires --follow or --state"),
            ([*STATE, "--format", "markdown"], "--format markdown is for all drift"),
            (["--follow", "--interval", "nan"], "--interval nan is not a number of seconds"),
            (["--follow", "--couch", "nonsense://x"], "the URL of CouchDB must start with http:// or https://"),
        ],
    )
    def test_mistakes(self, team: Team, options: list[str], expected: str) -> None:
        done = team.run("drift", *team.options, *options)
        assert (done.code, expected in done.err) == (2, True), done.err


def _samples(text: str) -> dict[tuple[str, ...], float]:
    found = (sample for family in read_text(text) for sample in family.samples)
    return {(sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value for sample in found}


def _drifted(folder: Path) -> list[str]:
    samples = _samples((folder / "provision.prom").read_text())
    return [key[1] for key, value in samples.items() if key[0] == "provision_drift" and value == 1]


def test_it_needs_an_owner(team: Team, live: Live) -> None:
    for options in ([], STATE, ["--follow"]):
        done = team.run("drift", *options, "--couch", live.url, "--database", live.database)
        assert done.code == 2
        assert "error: drift needs an owner, to tell your changes from other people's" in done.err
        assert "next: set owner: in provision.yaml, or pass --owner NAME" in done.err
