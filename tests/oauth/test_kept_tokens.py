"""Tokens that are kept: refreshed by one run at a time, given to nobody else, and shown as they are wanted."""

import json
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import Run, make_pipe, write
from tests.oauth.conftest import Konnector, code_type
from tests.oauth.session import expire, waiting
from tests.program import PATIENCE, Done, Program

FILE = "konnector-dev-config.json"
TOKEN = {"access_token": "first-marker", "refresh_token": "r0", "token_type": "bearer", "expires_in": 3600}
SECRET = {"ACCOUNT_TYPE_DEMO_CLIENT_SECRET": "the-secret-marker"}


def demo(server: HTTPServer, **more: object) -> dict[str, object]:
    return code_type(server.url_for("").rstrip("/"), **more)


def connect(*arguments: object) -> Done:
    with waiting("demo", *arguments) as started:
        parameters = {"code": "the-code-marker", "state": started.query["state"]}
        httpx.get(started.redirect_uri, params=parameters, trust_env=False, timeout=PATIENCE)
        return started.ended()


def connected(server: HTTPServer, *arguments: object, **token: object) -> Done:
    """A first token, after which the provider has forgotten what it was told to answer."""
    server.expect_request("/token").respond_with_json({**TOKEN, **token})
    done = connect(*arguments)
    assert done.code == 0, done.err
    server.clear()
    return done


def fields(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / FILE).read_text())["fields"]
    return found


def kept() -> dict[str, Any]:
    (path,) = Path.home().rglob("tokens/*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


class Rotating:
    """A provider that takes each refresh token once, and takes a second use for theft."""

    def __init__(self) -> None:
        self.number = 0
        self.used: list[str] = []
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def __call__(self, request: Request) -> Response:
        self.used.append(request.form["refresh_token"])
        self.asked.set()
        assert self.may_answer.wait(PATIENCE)
        if self.used[-1] != f"r{self.number}":
            return Response(json.dumps({"error": "invalid_grant"}), 400)
        self.number += 1
        token = {"access_token": f"new-{self.number}", "refresh_token": f"r{self.number}", "expires_in": 3600}
        return Response(json.dumps(token))


def test_two_runs_at_once_refresh_once_and_both_get_the_token(konnector: Konnector, httpserver: HTTPServer) -> None:
    konnector(demo(httpserver))
    connected(httpserver)
    expire()
    provider = Rotating()
    httpserver.expect_request("/token").respond_with_handler(provider)
    command = ["token", "demo", "--print", "json", "--verbose"]
    with Program(*command) as first:
        assert provider.asked.wait(PATIENCE)
        with Program(*command) as second:
            assert "another run that is refreshing" in second.err.next()
            provider.may_answer.set()
            outputs = [json.loads(each.ended().out) for each in (first, second)]
    assert provider.used == ["r0"]
    assert [each["access_token"] for each in outputs] == ["new-1", "new-1"]
    assert kept()["refresh_token"] == "r1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token_endpoint": "http://localhost:1/token"}, "and token_endpoint is at http://localhost:1 now"),
        ({"client_id": "other"}, "was given to another client_id"),
    ],
)
def test_a_changed_definition_does_not_get_the_refresh_token(
    konnector: Konnector, httpserver: HTTPServer, change: dict[str, object], message: str
) -> None:
    konnector(demo(httpserver))
    connected(httpserver)
    expire()
    httpserver.clear_log()
    konnector(demo(httpserver, **change))
    with waiting("demo") as started:
        assert message in "".join(started.said)
    assert httpserver.log == []


def test_another_scope_does_not_get_this_ones_token(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    konnector(demo(httpserver))
    connected(httpserver, "--scope", "a")
    for scope in ("b", ""):
        with waiting("demo", "--scope", scope) as started:
            assert f"has the scope a, and this run requests {scope or '(none)'}" in "".join(started.said)
    for arguments in (["--scope", "a"], []):
        assert "nothing had to be refreshed" in run("token", "demo", *arguments).err


def test_what_a_refresh_does_not_give_stays(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    konnector(demo(httpserver))
    connected(httpserver, user="alice")
    expire()
    before = kept()
    httpserver.expect_request("/token").respond_with_json({"id_token": "i", "scope": "b"})
    assert run("token", "demo").code == 0
    assert kept() == before


def test_print_updates_the_file_that_holds_the_old_token(
    konnector: Konnector, httpserver: HTTPServer, run: Run
) -> None:
    folder = konnector(demo(httpserver))
    connected(httpserver)
    expire()
    httpserver.expect_request("/token").respond_with_json({"access_token": "second"})
    done = run("token", "demo", "--print", "token")
    assert done.out == "second\n"
    assert "refreshed the kept token, which had expired" in done.err
    assert fields(folder)["access_token"] == "second"
    write(folder / FILE, '{"fields": {"access_token": "another"}}')
    expire()
    httpserver.expect_request("/token").respond_with_json({"access_token": "third"})
    assert run("token", "demo", "--print", "token").code == 0
    assert fields(folder)["access_token"] == "another"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"error": "invalid_grant", "error_description": "Token is not active"}),
        (400, {"error": "invalid_request", "error_description": "Refresh token is invalid or has already been claimed by another client."}),
        (200, {"error": "bad_refresh_token", "error_description": "The refresh token passed is incorrect or expired."}),
        (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}),
    ],
)  # fmt: skip
def test_a_dead_refresh_token_means_sign_in_again_in_the_words_of_providers(
    konnector: Konnector, httpserver: HTTPServer, status: int, answer: dict[str, str]
) -> None:
    folder = konnector(demo(httpserver))
    connected(httpserver)
    expire()
    httpserver.expect_oneshot_request("/token").respond_with_json(answer, status)
    assert "the provider no longer accepts the refresh token" in connected(httpserver, access_token="second").err
    assert fields(folder)["access_token"] == kept()["access_token"] == "second"


def test_a_token_of_use_is_taken_and_a_new_one_comes_only_if_asked_for(
    konnector: Konnector, httpserver: HTTPServer, run: Run
) -> None:
    folder = konnector(demo(httpserver))
    connected(httpserver)
    (folder / FILE).unlink()
    httpserver.clear_log()
    done = run("token", "demo")
    assert (done.code, httpserver.log) == (0, [])
    assert "the kept token has not expired, so nothing had to be refreshed" in done.err
    assert fields(folder)["access_token"] == "first-marker"
    assert "kept token" not in connected(httpserver, "--new", access_token="second").err
    assert fields(folder)["access_token"] == "second"


def test_a_limited_provider_is_no_defect(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    konnector(demo(httpserver))
    connected(httpserver)
    expire()
    httpserver.expect_request("/token").respond_with_json({"error": "slow_down"}, 429)
    assert "the provider limits the number of requests: wait, and try again" in run("token", "demo").err


def test_a_missing_verifier_is_named(konnector: Konnector, httpserver: HTTPServer) -> None:
    konnector(demo(httpserver))
    answer = {"error": "invalid_grant", "error_description": "PKCE code_verifier is required"}
    httpserver.expect_request("/token").respond_with_json(answer, 400)
    assert "without PKCE: the stack does not support PKCE" in connect().err


def test_a_token_endpoint_that_sends_on_to_another_host_is_announced(
    konnector: Konnector, httpserver: HTTPServer
) -> None:
    konnector(demo(httpserver))
    elsewhere = httpserver.url_for("/else").replace("localhost", "127.0.0.1")
    httpserver.expect_request("/token").respond_with_data("", 307, headers={"Location": elsewhere})
    httpserver.expect_request("/else").respond_with_json(TOKEN)
    done = connect()
    assert "redirects the token request to http://127.0.0.1" in done.err


def test_several_accounts_are_kept_and_listed(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    folder = konnector(demo(httpserver))
    connected(httpserver)
    connected(httpserver, "--account", "work", "--scope", "mail", access_token="work-marker", expires_in=1)
    done = run("token", "--list")
    assert [line.split()[0] for line in done.out.splitlines()] == ["ID", "demo", "demo"]
    assert "mail" in done.out
    assert "(expired)" in done.out
    assert str(folder) in done.out
    assert "marker" not in done.out
    refused = run("token", "--account", "work", "--forget")
    assert refused.code == 2
    assert "requires an account type" in refused.err
    assert "work" in run("token", "--list").out
    shown = run("token", "demo", "--account", "work", "--forget")
    assert shown.out.endswith("demo@work.json\n")
    Path(shown.out.removeprefix("deleted ").strip()).mkdir()
    done = run("token", "demo", "--account", "work", "--forget")
    assert (done.code, "demo@work.json cannot be deleted: " in done.err) == (1, True)
    assert len(run("token", "--list").out.splitlines()) == 2


def test_the_token_as_a_header_and_in_a_command(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    folder = konnector(demo(httpserver))
    connected(httpserver, access_token="it's")
    (folder / FILE).unlink()
    assert run("token", "demo", "--print", "token").out == "it's\n"
    assert run("token", "demo", "--print", "header").out == "Authorization: Bearer it's\n"
    url = httpserver.url_for("/me")
    httpserver.expect_request("/me", headers={"Authorization": "Bearer it's"}).respond_with_data("alice")
    command = run("token", "demo", "--print", "curl").out
    done = subprocess.run(["sh", "-c", f"{command.strip()} --silent {url}"], capture_output=True, text=True, check=True)
    assert done.stdout == "alice"
    assert not (folder / FILE).exists()


def test_an_expired_token_is_refreshed_before_it_is_shown(
    konnector: Konnector, httpserver: HTTPServer, run: Run
) -> None:
    konnector(demo(httpserver))
    connected(httpserver, expires_in=1)
    httpserver.expect_request("/token").respond_with_json({"access_token": "second"})
    assert run("token", "demo", "--print", "header").out == "Authorization: Bearer second\n"


def test_a_token_that_is_printed_is_kept_for_the_next_time(
    konnector: Konnector, httpserver: HTTPServer, run: Run
) -> None:
    folder = konnector(demo(httpserver))
    assert connected(httpserver, "--print", "header").out == "Authorization: Bearer first-marker\n"
    assert run("token", "demo", "--print", "header").out == "Authorization: Bearer first-marker\n"
    assert not (folder / FILE).exists()
    run("token", "demo", "--forget")
    (path,) = Path.home().rglob("tokens")
    path.rmdir()
    write(path, "")
    done = connected(httpserver, "--print", "token")
    assert (done.out, "warning: the token cannot be kept in" in done.err) == ("first-marker\n", True)


def test_a_scope_that_was_not_granted_is_told(konnector: Konnector, httpserver: HTTPServer) -> None:
    konnector(demo(httpserver))
    done = connected(httpserver, "--scope", "a b c", scope="a c")
    assert "warning: the provider did not grant b" in done.err


def test_a_scope_that_is_required_is_missed(konnector: Konnector, httpserver: HTTPServer) -> None:
    konnector({**demo(httpserver), "x-scope-required": True})
    with waiting("demo") as started:
        assert "warning: demo requires a scope, and none is sent: pass one with --scope\n" in started.said


@pytest.mark.parametrize(
    ("delimiter", "scope", "said"),
    [
        (None, ["a", "b"], "the provider receives “a+b” for this array: write one string"),
        (",", "a b", "the provider separates scopes by commas, and this has spaces"),
    ],
)
def test_a_scope_that_manifest_finds_wrong_is_warned_of(
    konnector: Konnector, httpserver: HTTPServer, run: Run, delimiter: str | None, scope: object, said: str
) -> None:
    konnector({**demo(httpserver), "x-scope-delimiter": delimiter}, oauth={"scope": scope})
    assert f": {said} [" in run("manifest", ".").out
    with waiting("demo") as started:
        (warning,) = [line for line in started.said if line.startswith("warning: ")]
        assert warning.startswith("warning: manifest.konnector:1:")
        assert warning.endswith(f": {said}\n")
    if delimiter:
        with waiting("demo", "--scope", scope) as started:
            assert f"warning: {said}\n" in started.said


def test_a_trace_shows_what_is_sent_without_secrets(
    konnector: Konnector, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    konnector(demo(httpserver))
    answer = {**TOKEN, "refresh_token": "refresh-marker", "echo": "the-secret-marker", "user": "alice"}
    httpserver.expect_request("/token").respond_with_json(answer)
    done = connect("--trace")
    assert "marker" not in done.out + done.err
    for line in ("> Content-Type: application/x-www-form-urlencoded", ">   client_id=demo-client", "< status 200", "<   user: alice"):  # fmt: skip
        assert line in done.err.splitlines()


def test_the_configuration_goes_to_stdout(konnector: Konnector, httpserver: HTTPServer) -> None:
    folder = konnector(demo(httpserver))
    done = connected(httpserver, "--out", "-")
    assert json.loads(done.out)["fields"] == {"access_token": "first-marker"}
    done = connected(httpserver, "--new", "--out", "/dev/stdout")
    assert json.loads(done.out)["fields"] == {"access_token": "first-marker"}
    assert [path.name for path in folder.iterdir()] == ["account_types"]


def test_the_configuration_goes_into_a_fifo(konnector: Konnector, httpserver: HTTPServer) -> None:
    folder = konnector(demo(httpserver))
    fifo = folder / "fifo"
    make_pipe(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()), daemon=True)
    reader.start()
    connected(httpserver, "--out", fifo)
    reader.join()
    assert json.loads(read[0])["fields"] == {"access_token": "first-marker"}
    assert fifo.is_fifo()


def test_values_of_any_size_are_printed_as_json(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    konnector(demo(httpserver))
    content = json.dumps(TOKEN)[:-1] + ', "x": 1e999, "y": ' + "[" * 3000 + "]" * 3000 + "}"
    httpserver.expect_request("/token").respond_with_data(content)
    done = connect("--print", "json")
    assert done.code == 0, done.err
    assert '"x": null' in done.out
    assert "[" * 3000 in done.out
    assert "[" * 3000 in run("token", "demo", "--print", "json").out


def test_an_address_with_a_variable_is_not_printed(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    konnector(demo(httpserver, redirect_uri="https://oauthcallback.${nowhere}/accounts/demo/redirect"))
    done = run("token", "demo", "--paste", "--no-browser")
    assert (done.code, "contains a variable without a value" in done.err) == (2, True)
    assert "Open this address" not in done.err


def test_an_expiry_in_decades_is_kept(konnector: Konnector, httpserver: HTTPServer) -> None:
    konnector(demo(httpserver))
    connected(httpserver, expires_in=10**9)
    assert datetime.fromisoformat(kept()["expires_at"]) > datetime.now(UTC) + timedelta(days=365)


def published(server: HTTPServer, **more: str) -> None:
    """The provider publishes its metadata, as Keycloak does below the path of a realm."""
    origin = server.url_for("").rstrip("/")
    metadata = {"issuer": origin, "authorization_endpoint": f"{origin}/authorize", "token_endpoint": f"{origin}/token"}
    server.expect_request("/.well-known/openid-configuration").respond_with_json({**metadata, **more})


def test_a_token_is_tried_at_the_userinfo_of_the_provider(
    konnector: Konnector, httpserver: HTTPServer, run: Run
) -> None:
    konnector(demo(httpserver))
    connected(httpserver)
    assert "publishes no userinfo_endpoint" in run("token", "demo", "--test").err
    published(httpserver, userinfo_endpoint=httpserver.url_for("/me"))
    bearer = {"Authorization": "Bearer first-marker"}
    httpserver.expect_request("/me", headers=bearer).respond_with_json({"sub": "alice"})
    done = run("token", "demo", "--test")
    assert json.loads(done.out) == {"sub": "alice"}, done.err
    httpserver.clear()
    published(httpserver, userinfo_endpoint=httpserver.url_for("/me"))
    httpserver.expect_request("/me").respond_with_data("", 401)
    done = run("token", "demo", "--test")
    assert (done.code, "rejects the token: it answers 401" in done.err) == (1, True)
    assert "marker" not in done.out + done.err


@pytest.mark.parametrize("mode", ["form", "basic"])
def test_a_token_is_ended_at_the_provider(konnector: Konnector, httpserver: HTTPServer, run: Run, mode: str) -> None:
    konnector(demo(httpserver, token_mode=mode))
    connected(httpserver)
    published(httpserver, revocation_endpoint=httpserver.url_for("/revoke"))
    httpserver.expect_oneshot_request("/revoke").respond_with_data("", 503)
    done = run("token", "demo", "--forget", "--revoke", env=SECRET)
    assert (done.code, "it answers 503" in done.err) == (1, True)
    assert kept()
    httpserver.expect_request("/revoke").respond_with_data("", 200)
    done = run("token", "demo", "--forget", "--revoke", env=SECRET)
    assert done.code == 0, done.err
    (request,) = [
        request for request, answer in httpserver.log if request.path == "/revoke" and answer.status_code == 200
    ]
    assert (request.form["token"], request.form["token_type_hint"]) == ("r0", "refresh_token")
    assert ("client_secret" in request.form) is (mode == "form")
    assert ("Authorization" in request.headers) is (mode == "basic")
    assert run("token", "--list").out == "no kept token found\n"


def test_a_secret_goes_to_no_endpoint_that_is_published_beside_another_token_endpoint(
    konnector: Konnector, httpserver: HTTPServer, run: Run
) -> None:
    konnector(demo(httpserver))
    connected(httpserver)
    published(
        httpserver, token_endpoint="https://else.example/token", revocation_endpoint=httpserver.url_for("/revoke")
    )
    done = run("token", "demo", "--forget", "--revoke")
    assert (done.code, "publishes another token_endpoint" in done.err) == (1, True)
    assert not [request for request, _ in httpserver.log if request.path == "/revoke"]
