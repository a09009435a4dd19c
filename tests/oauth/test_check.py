"""``provision check`` asks real providers: whether their endpoints answer, and whether they take the credentials."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run
from tests.live_server import Live
from tests.oauth.conftest import code_type

Rows = dict[tuple[str | None, str], tuple[str, str]]


def found(run: Run, live: Live, *arguments: object) -> Rows:
    """Result and message of each check of account types."""
    done = run("check", "--couch", live.url, "--database", live.database, *arguments, "--format", "json")
    assert "marker" not in done.out + done.err
    rows = [row for row in json.loads(done.out) if row["account_type"]]
    return {(row["account_type"], row["check"]): (row["result"], row["message"]) for row in rows}


def openid(oidc: str, client: str, mode: str, **more: object) -> dict[str, Any]:
    return {
        "grant_mode": "authorization_code",
        "client_id": client,
        "client_secret": f"{client}-secret-marker",
        "auth_endpoint": f"{oidc}/auth",
        "token_endpoint": f"{oidc}/token",
        "token_mode": mode,
        "redirect_uri": "http://localhost/oauth2callback",
        **more,
    }


class TestEndpoints:
    def test_a_provider_with_discovery_is_as_it_publishes(self, live: Live, oidc: str, run: Run) -> None:
        live.put("good", openid(oidc, "post", "form", extras={"scope": "openid"}))
        live.put("old", openid(oidc, "post", "form", token_endpoint=f"{oidc}/old-token"))
        rows = found(run, live, "--endpoints")
        assert rows["good", "auth_endpoint"] == ("ok", "redirects; no TLS")
        assert rows["good", "token_endpoint"] == ("ok", "answers 400 where no code is sent; no TLS")
        assert rows["good", "discovery"] == ("ok", "the endpoints are those that the provider publishes")
        assert rows["old", "token_endpoint"] == ("failed", "answers 404")
        assert rows["old", "discovery"] == ("warning", f"the provider publishes token_endpoint {oidc}/token")

    @pytest.mark.parametrize(
        ("status", "kind", "result"),
        [
            (200, "text/html", ("ok", "answers with a page; no TLS")),
            (302, "text/plain", ("ok", "redirects; no TLS")),
            (200, "application/json", ("warning", "answers 200: neither a redirect nor a page to sign in")),
            (400, "text/html", ("warning", "answers 400: neither a redirect nor a page to sign in")),
            (404, "text/html", ("failed", "answers 404: neither a redirect nor a page to sign in")),
            (503, "text/html", ("failed", "answers 503: neither a redirect nor a page to sign in")),
        ],
    )
    def test_an_authorization_endpoint(
        self, live: Live, httpserver: HTTPServer, run: Run, status: int, kind: str, result: tuple[str, str]
    ) -> None:
        httpserver.expect_request("/authorize").respond_with_data("", status, content_type=kind)
        live.put("a", code_type(httpserver.url_for("").rstrip("/")))
        assert found(run, live, "--endpoints")["a", "auth_endpoint"] == result
        (asked,) = [request for request, _ in httpserver.log if request.path == "/authorize"]
        assert asked.args["client_id"] == "demo-client"
        assert asked.args["response_type"] == "code"

    def test_nobody_is_asked_unless_wanted(self, live: Live, httpserver: HTTPServer, run: Run) -> None:
        live.put("a", code_type(httpserver.url_for("").rstrip("/")))
        found(run, live)
        assert httpserver.log == []

    def test_hosts_that_do_not_answer_do_not_stop_the_others(self, live: Live, oidc: str, run: Run) -> None:
        live.put("dead", code_type("http://127.0.0.1:1"))
        live.put("good", openid(oidc, "post", "form", extras={"scope": "openid"}))
        rows = found(run, live, "--endpoints")
        assert rows["dead", "auth_endpoint"][0] == rows["dead", "token_endpoint"][0] == "failed"
        assert ("dead", "discovery") not in rows
        assert rows["good", "auth_endpoint"][0] == "ok"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that the program trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def secured(certificate: trustme.LeafCert) -> Iterator[HTTPServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    with HTTPServer("localhost", 0, ssl_context=context) as server:
        server.expect_request("/authorize").respond_with_data("", 302)
        server.expect_request("/token").respond_with_json({"error": "invalid_request"}, 400)
        yield server


class TestCertificates:
    @pytest.mark.parametrize(("days", "result", "left"), [(100, "ok", 99), (5, "warning", 4)])
    def test_the_days_left_are_told(
        self, live: Live, authority: trustme.CA, run: Run, days: int, result: str, left: int
    ) -> None:
        end = datetime.now(UTC) + timedelta(days=days)
        for server in secured(authority.issue_cert("localhost", not_after=end)):
            live.put("a", code_type(server.url_for("").rstrip("/")))
            rows = found(run, live, "--endpoints")
        assert rows["a", "auth_endpoint"] == (result, f"redirects; certificate: {left} days left")
        assert rows["a", "token_endpoint"][1].endswith(f"certificate: {left} days left")

    @pytest.mark.parametrize("fault", ["expired", "of another host", "of another authority"])
    def test_a_certificate_that_is_not_valid_fails(
        self, live: Live, authority: trustme.CA, run: Run, fault: str
    ) -> None:
        now = datetime.now(UTC)
        certificate = {
            "expired": lambda: authority.issue_cert(
                "localhost", not_before=now - timedelta(9), not_after=now - timedelta(1)
            ),
            "of another host": lambda: authority.issue_cert("elsewhere.example"),
            "of another authority": lambda: trustme.CA().issue_cert("localhost"),
        }[fault]()
        for server in secured(certificate):
            live.put("a", code_type(server.url_for("").rstrip("/")))
            rows = found(run, live, "--endpoints")
        assert rows["a", "auth_endpoint"][0] == rows["a", "token_endpoint"][0] == "failed"
        assert "its certificate is not valid" in rows["a", "auth_endpoint"][1]


class TestCredentials:
    @pytest.mark.parametrize(
        ("client", "mode", "result"),
        [
            ("post", "form", ("ok", "the provider takes client_id and client_secret, with token_mode form")),
            ("basic", "basic", ("ok", "the provider takes client_id and client_secret, with token_mode basic")),
        ],
    )
    def test_a_certified_provider_says_whether_it_takes_them(
        self, live: Live, oidc: str, run: Run, client: str, mode: str, result: tuple[str, str]
    ) -> None:
        live.put("a", openid(oidc, client, mode))
        assert found(run, live, "--credentials", "--yes")["a", "client"] == result

    @pytest.mark.parametrize(
        ("ours", "theirs"), [("form", "basic"), ("basic", "form"), ("form", "get"), ("get", "basic")]
    )
    def test_the_token_mode_that_the_provider_takes_is_named(
        self, live: Live, httpserver: HTTPServer, run: Run, ours: str, theirs: str
    ) -> None:
        def token(request: Request) -> Response:
            given = request.authorization, request.form.get("client_secret"), request.args.get("client_secret")
            mode = [name for name, value in zip(("basic", "form", "get"), given, strict=True) if value]
            error = "invalid_grant" if mode == [theirs] else "invalid_client"
            return Response(json.dumps({"error": error}), 400)

        httpserver.expect_request("/token").respond_with_handler(token)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker", token_mode=ours))
        assert found(run, live, "--credentials", "--yes")["a", "client"] == (
            "failed",
            f"the provider takes the credentials with token_mode {theirs}, and not with {ours}",
        )

    def test_a_wrong_secret_is_taken_with_no_token_mode(self, live: Live, oidc: str, run: Run) -> None:
        live.put("a", openid(oidc, "post", "form", client_secret="wrong-marker"))
        result, message = found(run, live, "--credentials", "--yes")["a", "client"]
        assert result == "failed"
        assert message.startswith("the provider takes client_id and client_secret with no token_mode")

    @pytest.mark.parametrize(
        ("status", "answer", "result"),
        [
            (200, {"error": "bad_verification_code"}, "ok"),
            (200, {"error": "incorrect_client_credentials"}, "failed"),
            (401, {"error": {"message": "odd"}}, "failed"),
            (400, {"error": {"message": "Invalid verification code format."}}, "warning"),
            (200, {"access_token": "marker"}, "warning"),
            (500, {}, "warning"),
        ],
    )
    def test_answers_of_other_kinds(
        self, live: Live, httpserver: HTTPServer, run: Run, status: int, answer: dict[str, Any], result: str
    ) -> None:
        httpserver.expect_request("/token").respond_with_json(answer, status)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker"))
        assert found(run, live, "--credentials", "--yes")["a", "client"][0] == result

    def test_only_a_refused_client_is_tried_otherwise(self, live: Live, httpserver: HTTPServer, run: Run) -> None:
        httpserver.expect_request("/token").respond_with_json({"error": "invalid_grant"}, 400)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker"))
        found(run, live, "--credentials", "--yes")
        assert [request.method for request, _ in httpserver.log] == ["POST"]

    def test_a_refused_client_is_tried_once_with_each_token_mode(
        self, live: Live, httpserver: HTTPServer, run: Run
    ) -> None:
        httpserver.expect_request("/token").respond_with_json({"error": "invalid_client"}, 401)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker", token_mode="basic"))
        found(run, live, "--credentials", "--yes")
        sent = [(request.method, bool(request.authorization)) for request, _ in httpserver.log]
        assert sent == [("POST", True), ("POST", False), ("GET", False)]

    def test_what_is_sent_to_whom_is_said_and_somebody_must_agree(
        self, live: Live, httpserver: HTTPServer, run: Run
    ) -> None:
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker"))
        done = run("check", "--couch", live.url, "--database", live.database, "--credentials")
        assert done.code == 1
        assert f"sends client_id and client_secret of a to {httpserver.url_for('/token')}" in done.err
        assert "nobody can be asked here" in done.err
        assert httpserver.log == []

    @pytest.mark.parametrize(("answer", "requests"), [("y\n", 1), ("n\n", 0)])
    def test_a_person_is_asked(
        self, folder: Path, live: Live, httpserver: HTTPServer, answer: str, requests: int
    ) -> None:
        httpserver.expect_request("/token").respond_with_json({"error": "invalid_grant"}, 400)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker"))
        arguments = ["check", "--couch", live.url, "--database", live.database, "--credentials"]
        said, _ = on_a_terminal(arguments, folder, answer)
        assert "Send them?" in said
        assert "marker" not in said
        assert len(httpserver.log) == requests
