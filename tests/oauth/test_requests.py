"""The requests are those of cozy-stack, byte for byte, with every token_mode; and its reading of the answers."""

import json
import shutil
import ssl
from base64 import b64encode
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import Run
from tests.live_server import Live
from tests.oauth.conftest import Konnector
from tests.oauth.session import expire, waiting
from tests.program import PATIENCE

ID, SECRET = "id with/signs", "s3cret marker+&=~"
ID_SENT, SECRET_SENT = "id+with%2Fsigns", "s3cret+marker%2B%26%3D~"
BASIC = "Basic " + b64encode(f"{ID}:{SECRET}".encode()).decode()
TOKEN = {"access_token": "access", "refresh_token": "refresh me", "token_type": "bearer", "expires_in": 3600}


def definition(httpserver: HTTPServer, **more: object) -> dict[str, object]:
    return {
        "grant_mode": "authorization_code",
        "client_id": ID,
        "auth_endpoint": httpserver.url_for("/authorize?kept=1&b=2"),
        "token_endpoint": httpserver.url_for("/token"),
        **more,
    }


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNT_TYPE_DEMO_CLIENT_SECRET", SECRET)


def connected(*arguments: object, code: str = "the code+&") -> tuple[int, str, str, str, str]:
    """Exit code, stdout and stderr of a run whose answer came, with the state and the redirect URI that it sent."""
    with waiting("demo", "--no-nonce", *arguments) as started:
        state, redirect_uri = started.query["state"], started.query.get("redirect_uri", "")
        place = redirect_uri or next(
            word for line in started.said for word in line.split() if "/oauth2callback" in word
        )
        httpx.get(place.rstrip(":"), params={"code": code, "state": state}, trust_env=False, timeout=PATIENCE)
        done = started.ended()
    return done.code, done.out, done.err, state, redirect_uri


def the_request(httpserver: HTTPServer) -> Request:
    ((request, _),) = httpserver.log
    return request


def quoted(text: str) -> str:
    return text.replace(":", "%3A").replace("/", "%2F")


@pytest.mark.parametrize("mode", [None, "form", "post"])
def test_form(konnector: Konnector, httpserver: HTTPServer, mode: str | None) -> None:
    httpserver.expect_request("/token").respond_with_json(TOKEN)
    konnector(definition(httpserver, **({"token_mode": mode} if mode == "form" else {})))
    code, _, err, state, redirect_uri = connected()
    assert code == 0, err
    request = the_request(httpserver)
    assert (request.method, request.full_path) == ("POST", "/token?")
    assert request.get_data().decode() == (
        f"client_id={ID_SENT}&client_secret={SECRET_SENT}&code=the+code%2B%26&grant_type=authorization_code"
        f"&redirect_uri={quoted(redirect_uri)}&state={state}"
    )
    assert dict(request.headers) == {
        "Host": urlsplit(httpserver.url_for("")).netloc,
        "User-Agent": "Go-http-client/1.1",
        "Accept-Encoding": "gzip",
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(request.get_data())),
    }


def test_a_nonce_goes_with_the_code_alone(konnector: Konnector, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_json(TOKEN)
    konnector(definition(httpserver))
    with waiting("demo") as started:
        assert "nonce" not in started.query
        parameters = {"code": "c", "state": started.query["state"]}
        httpx.get(started.redirect_uri, params=parameters, trust_env=False, timeout=PATIENCE)
        assert started.ended().code == 0
    sent = dict(parse_qsl(the_request(httpserver).get_data().decode()))
    assert len(sent["nonce"]) == 32
    assert sent["nonce"] != sent["state"]


def test_basic(konnector: Konnector, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_json(TOKEN)
    konnector(definition(httpserver, token_mode="basic"))
    code, _, err, state, redirect_uri = connected()
    assert code == 0, err
    request = the_request(httpserver)
    assert request.method == "POST"
    assert request.get_data().decode() == (
        f"code=the+code%2B%26&grant_type=authorization_code&redirect_uri={quoted(redirect_uri)}&state={state}"
    )
    assert request.headers["Authorization"] == BASIC
    assert request.headers["Accept"] == "application/json"


def test_get(konnector: Konnector, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_json(TOKEN)
    konnector(definition(httpserver, token_mode="get"))
    code, out, err, state, redirect_uri = connected("--verbose")
    assert code == 0, err
    request = the_request(httpserver)
    assert request.method == "GET"
    assert request.query_string.decode() == (
        f"client_id={ID_SENT}&client_secret={SECRET_SENT}&code=the+code%2B%26&grant_type=authorization_code"
        f"&redirect_uri={quoted(redirect_uri)}&state={state}"
    )
    assert not {"Accept", "Content-Type", "Authorization"} & set(dict(request.headers))
    assert "marker" not in out + err
    assert "GET " in err


@pytest.mark.parametrize("mode", ["form", "basic", "get"])
def test_a_refresh(konnector: Konnector, httpserver: HTTPServer, mode: str, run: Run) -> None:
    httpserver.expect_request("/token").respond_with_json(TOKEN)
    konnector(definition(httpserver, token_mode=mode))
    assert connected()[0] == 0
    httpserver.clear_log()
    expire()
    assert run("token", "demo").code == 0
    request = the_request(httpserver)
    fields = "grant_type=refresh_token&refresh_token=refresh+me"
    client = f"client_id={ID_SENT}&client_secret={SECRET_SENT}&"
    headers = dict(request.headers)
    if mode == "form":
        assert request.get_data().decode() == client + fields
        assert not {"Accept", "Authorization"} & set(headers)
    elif mode == "basic":
        assert request.get_data().decode() == fields
        assert (headers["Authorization"], headers["Accept"]) == (BASIC, "application/json")
    else:
        assert (request.method, request.query_string.decode()) == ("GET", client + fields)
        assert not {"Accept", "Authorization"} & set(headers)


def test_the_refresh_token_stays_where_no_new_one_comes(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_ordered_request("/token").respond_with_json(TOKEN)
    httpserver.expect_ordered_request("/token").respond_with_json({"access_token": "second"})
    httpserver.expect_ordered_request("/token").respond_with_json({"access_token": "third", "refresh_token": "new"})
    konnector(definition(httpserver))
    connected()
    for shown in (
        {"access_token": "second", "refresh_token": "refresh me"},
        {"access_token": "third", "refresh_token": "new"},
    ):
        expire()
        done = run("token", "demo", "--print", "json")
        assert json.loads(done.out).items() >= shown.items(), done.err
    assert all(b"refresh_token=refresh+me" in request.get_data() for request, _ in httpserver.log[1:])


def test_the_authorize_url_is_sorted_and_keeps_the_query_of_the_endpoint(
    konnector: Konnector, httpserver: HTTPServer
) -> None:
    konnector(definition(httpserver, extras={"prompt": "consent", "access_type": "off line"}))
    with waiting("demo", "--scope", "a b", "--port", "0") as started:
        query = urlsplit(started.url).query
        state, redirect_uri = started.query["state"], started.redirect_uri
    assert query == (
        f"access_type=off+line&b=2&client_id={ID_SENT}&kept=1&prompt=consent&redirect_uri={quoted(redirect_uri)}"
        f"&response_type=code&scope=a+b&state={state}"
    )
    assert len(state) == 32


def test_a_parameter_that_stands_twice_is_sent_twice(live: Live, httpserver: HTTPServer, folder: Path) -> None:
    live.put("demo", {**definition(httpserver), "extras": {"b": "3"}})
    with waiting("demo", "--couch", live.url, "--database", live.database) as started:
        assert "?b=2&b=3&client_id=" in started.url


def test_what_an_account_type_skips_is_skipped(konnector: Konnector, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_json(TOKEN)
    konnector(definition(httpserver, skip_redirect_uri_on_authorize=True, skip_state_on_token=True))
    code, _, err, _, redirect_uri = connected()
    assert (code, redirect_uri) == (0, ""), err
    sent = dict(parse_qsl(the_request(httpserver).get_data().decode()))
    assert sent.keys() == {"client_id", "client_secret", "code", "grant_type", "redirect_uri"}
    assert sent["redirect_uri"].endswith("/oauth2callback")


@pytest.mark.parametrize(
    ("mode", "names"),
    [
        ("token", {"kept", "b", "client_id", "redirect_uri", "response_type", "scope", "state"}),
        ("token_redirect_url", {"kept", "b", "redirect_url", "response_type", "scope", "state"}),
    ],
)
def test_the_implicit_modes(konnector: Konnector, httpserver: HTTPServer, mode: str, names: set[str]) -> None:
    konnector(definition(httpserver, grant_mode=mode))
    with waiting("demo", "--scope", "a") as started:
        assert started.query.keys() == names
        assert started.query["response_type"] == "token"


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (201, json.dumps(TOKEN), "a token came, but cozy-stack would not accept the answer of {url}: its status is 201, and not 200"),
        (200, "access_token=marker&token_type=bearer", "would not accept the answer of {url}: it is not a JSON object"),
        (401, json.dumps({"error": "invalid_client"}), "check client_id, client_secret and token_mode (form)"),
    ],
)  # fmt: skip
def test_what_the_stack_would_not_take_is_named_and_nothing_is_written(
    konnector: Konnector, httpserver: HTTPServer, status: int, content: str, message: str
) -> None:
    httpserver.expect_request("/token").respond_with_data(content, status)
    folder = konnector(definition(httpserver))
    code, out, err, *_ = connected()
    assert code == 1
    assert message.format(url=httpserver.url_for("/token")) in err
    assert "marker" not in out + err
    assert not (folder / "konnector-dev-config.json").exists()


def test_a_redirected_token_request_is_followed_as_go_does(konnector: Konnector, httpserver: HTTPServer) -> None:
    def moved(request: Request) -> Response:
        return Response(status=307, headers={"Location": "/new"})

    httpserver.expect_request("/token").respond_with_handler(moved)
    httpserver.expect_request("/new").respond_with_json(TOKEN)
    konnector(definition(httpserver))
    assert connected()[0] == 0
    first, second = (request for request, _ in httpserver.log)
    assert second.method == "POST"
    assert second.get_data() == first.get_data()


def test_a_token_endpoint_that_nobody_answers_at_is_told(konnector: Konnector, httpserver: HTTPServer) -> None:
    konnector(definition(httpserver, token_endpoint="http://127.0.0.1:1/token"))
    code, _, err, *_ = connected()
    assert code == 1
    assert "connection refused: nothing is listening at http://127.0.0.1:1/token" in err
    assert "marker" not in err


@pytest.mark.parametrize("trusted", [True, False])
def test_the_certificate_of_a_token_endpoint_is_checked(
    konnector: Konnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with HTTPServer("localhost", 0, ssl_context=context) as provider:
        provider.expect_request("/token").respond_with_json(TOKEN)
        konnector(definition(provider))
        code, _, err, *_ = connected()
        assert bool(provider.log) is trusted
    assert code == (0 if trusted else 1), err
    assert ("SSL_CERT_FILE" in err) is not trusted


def test_endless_answers_are_not_read_to_their_end(konnector: Konnector, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_data(b" " * (33 * 1024 * 1024))
    konnector(definition(httpserver))
    code, _, err, *_ = connected()
    assert code == 1
    assert "more than 32 MiB" in err


def test_nothing_is_kept_where_nothing_came(konnector: Konnector, httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request("/token").respond_with_data("", 500)
    folder: Path = konnector(definition(httpserver))
    connected()
    assert run("token", "--list").out == "no kept token found\n"
    shutil.rmtree(folder / "account_types")
    assert [path.name for path in folder.iterdir()] == []
