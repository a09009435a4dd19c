"""``provision check`` asks real providers: whether their endpoints and they themselves accept a client."""

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import trustme
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live
from tests.oauth.conftest import code_type
from tests.outputs import only

Rows = dict[tuple[str | None, str], tuple[str, str]]


def found(run: Run, live: Live, *arguments: object) -> Rows:
    """Result and message of each check of account types."""
    done = run("check", "--couch", live.url, "--database", live.database, *arguments, "--format", "json")
    assert "marker" not in done.out + done.err
    rows = [row for row in only(done.out)["checks"] if row["account_type"]]
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


REDIRECT = "https://oauthcallback.cozy.example/accounts/demo/redirect"


class TestEndpoints:
    def test_a_provider_with_discovery_is_as_it_publishes(self, live: Live, oidc: str, run: Run) -> None:
        live.put("good", openid(oidc, "post", "form", extras={"scope": "openid"}))
        live.put("old", openid(oidc, "post", "form", token_endpoint=f"{oidc}/old-token"))
        rows = found(run, live, "--endpoints")
        assert rows["good", "auth_endpoint"] == ("ok", "answers with a page; no TLS")
        assert rows["good", "token_endpoint"] == ("ok", "answers 400 if no code is sent; no TLS")
        assert rows["good", "discovery"] == ("ok", "the endpoints are those that the provider publishes")
        assert rows["old", "token_endpoint"] == ("failed", "answers 404")
        assert rows["old", "discovery"] == ("warning", f"the provider publishes token_endpoint {oidc}/token")

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"client_id": "nobody"}, "does not accept client_id: "),
            ({"redirect_uri": "http://localhost/other"}, "does not accept the redirect URI http://localhost/other: "),
        ],
    )
    def test_a_certified_provider_does_not_accept_another_client(
        self, live: Live, oidc: str, run: Run, more: dict[str, str], words: str
    ) -> None:
        live.put("a", openid(oidc, "post", "form", extras={"scope": "openid"}) | more)
        result, message = found(run, live, "--endpoints")["a", "auth_endpoint"]
        assert result == "failed"
        assert words in message

    @pytest.mark.parametrize(
        ("status", "kind", "result"),
        [
            (200, "text/html", ("ok", "answers with a page; no TLS")),
            (302, "text/plain", ("failed", "answers 302 without a Location: a browser shows an empty page")),
            (200, "application/json", ("warning", "answers 200: neither a redirect nor a page to sign in")),
            (400, "text/html", ("warning", "answers 400: neither a redirect nor a page to sign in")),
            (404, "text/html", ("failed", "answers 404: neither a redirect nor a page to sign in")),
            (405, "text/html", ("failed", "answers 405: it does not accept GET, which a browser sends")),
            (429, "text/html", ("undecided", "the provider limits the number of requests (429)")),
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

    @pytest.mark.parametrize("place", ["page", "title", "back", "location", "discovery"])
    def test_what_a_provider_throws_back_is_shown_without_secrets(
        self, live: Live, httpserver: HTTPServer, run: Run, place: str
    ) -> None:
        forms = [
            form
            for secret in ("hush/marker-1", "hush/marker-2")
            for form in (secret, quote(secret, safe=""), b64encode(secret.encode()).decode(), secret.encode().hex())
        ]
        words = f"invalid_client: {' '.join(forms)}"
        here = httpserver.url_for("").rstrip("/")
        answers = {
            "page": (f"<p>{words}</p>", 400, {}),
            "title": (f"<title>Error: {words}</title>", 200, {}),
            "back": ("", 302, {"Location": f"{REDIRECT}?{urlencode({'error': 'x', 'error_description': words})}"}),
            "location": ("", 302, {"Location": f"http://[{quote(words)}"}),
            "discovery": ("", 200, {}),
        }
        text, status, headers = answers[place]
        httpserver.expect_request("/authorize").respond_with_data(text, status, headers, content_type="text/html")
        published = {
            "issuer": here,
            "authorization_endpoint": f"{here}/{quote(words)}",
            "token_endpoint": f"{here}/{words}",
        }
        httpserver.expect_request("/.well-known/openid-configuration").respond_with_json(published)
        live.put("a", code_type(here, client_secret="hush/marker-1", extras={"api_key": "hush/marker-2"}))
        done = run("check", "--couch", live.url, "--database", live.database, "--endpoints", "--verbose")
        assert "(secret)" in done.out
        assert not any(form in done.out + done.err for form in forms), done.out

    def test_without_a_redirect_uri_a_refusal_of_it_decides_nothing(
        self, live: Live, httpserver: HTTPServer, run: Run
    ) -> None:
        httpserver.expect_request("/authorize").respond_with_data("redirect_uri_mismatch", 400)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), redirect_uri=""))
        assert found(run, live, "--endpoints")["a", "auth_endpoint"][0] == "undecided"

    def test_the_scope_is_the_one_given_or_that_of_the_catalogue(
        self, folder: Path, live: Live, httpserver: HTTPServer, run: Run
    ) -> None:
        back = {"Location": f"{REDIRECT}?error=invalid_scope"}
        httpserver.expect_request("/authorize").respond_with_data("", 302, back)
        definition = code_type(httpserver.url_for("").rstrip("/"))
        live.put("a", definition)
        write(folder / "account_types/a.yaml", json.dumps({**definition, "x-scopes": "noted all"}))
        for arguments, scope in (((), "noted all"), (("--scope", "given"), "given")):
            httpserver.clear_log()
            result, message = found(run, live, "--endpoints", *arguments)["a", "auth_endpoint"]
            assert (result, f"but not the scope '{scope}'" in message) == ("warning", True)
            assert httpserver.log[0][0].args["scope"] == scope

    @pytest.mark.parametrize(
        ("issuer", "metadata", "authorize", "token"),
        [
            ("/realms/x", "/realms/x/.well-known/openid-configuration", "/realms/x/protocol/openid-connect/auth", "/realms/x/protocol/openid-connect/token"),
            ("/dex", "/dex/.well-known/openid-configuration", "/dex/auth", "/dex/token"),
            ("/o", "/.well-known/oauth-authorization-server/o", "/o/authorize/", "/o/token/"),
            ("", "/.well-known/oauth-authorization-server", "/login/oauth/authorize", "/login/oauth/token"),
        ],
    )  # fmt: skip
    def test_issuers_with_a_path_are_found(
        self, live: Live, httpserver: HTTPServer, run: Run, issuer: str, metadata: str, authorize: str, token: str
    ) -> None:
        here = httpserver.url_for("").rstrip("/")
        published = {
            "issuer": here + issuer,
            "authorization_endpoint": here + authorize,
            "token_endpoint": f"{here}/new/token",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }
        httpserver.expect_request(metadata).respond_with_json(published)
        if issuer:
            other = {**published, "issuer": here, "authorization_endpoint": f"{here}/other"}
            httpserver.expect_request("/.well-known/openid-configuration").respond_with_json(other)
        live.put("a", code_type(here, auth_endpoint=here + authorize, token_endpoint=here + token))
        result, message = found(run, live, "--endpoints")["a", "discovery"]
        assert result == "warning"
        assert message == (
            f"the provider publishes token_endpoint {here}/new/token; "
            "the provider accepts client_secret_basic, and token_mode form is client_secret_post"
        )

    def test_metadata_of_another_issuer_is_not_believed(self, live: Live, httpserver: HTTPServer, run: Run) -> None:
        elsewhere = {"issuer": "https://evil.example", "token_endpoint": "https://evil.example/token"}
        httpserver.expect_request("/.well-known/openid-configuration").respond_with_json(elsewhere)
        live.put("a", code_type(httpserver.url_for("").rstrip("/")))
        assert ("a", "discovery") not in found(run, live, "--endpoints")

    def test_an_answer_without_end_is_cut(self, live: Live, httpserver: HTTPServer, run: Run) -> None:
        def endless(request: Request) -> Response:
            return Response((b"<p>a</p>" * 8192 for _ in range(10_000)), 200, content_type="text/html")

        httpserver.expect_request("/authorize").respond_with_handler(endless)
        live.put("a", code_type(httpserver.url_for("").rstrip("/")))
        assert found(run, live, "--endpoints")["a", "auth_endpoint"] == ("ok", "answers with a page; no TLS")

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
        server.expect_request("/authorize").respond_with_data("", 200, content_type="text/html")
        server.expect_request("/token").respond_with_json({"error": "invalid_request"}, 400)
        yield server


def faulty(authority: trustme.CA, fault: str) -> trustme.LeafCert:
    """A certificate that nobody should accept."""
    now = datetime.now(UTC)
    match fault:
        case "expired":
            return authority.issue_cert("localhost", not_before=now - timedelta(9), not_after=now - timedelta(1))
        case "of another host":
            return authority.issue_cert("elsewhere.example")
        case _:
            return trustme.CA().issue_cert("localhost")


class TestCertificates:
    @pytest.mark.parametrize(("days", "result", "left"), [(100, "ok", 99), (5, "warning", 4)])
    def test_the_days_left_are_told(
        self, live: Live, authority: trustme.CA, run: Run, days: int, result: str, left: int
    ) -> None:
        end = datetime.now(UTC) + timedelta(days=days)
        for server in secured(authority.issue_cert("localhost", not_after=end)):
            live.put("a", code_type(server.url_for("").rstrip("/")))
            rows = found(run, live, "--endpoints")
        assert rows["a", "auth_endpoint"] == (result, f"answers with a page; certificate: {left} days left")
        assert rows["a", "token_endpoint"][1].endswith(f"certificate: {left} days left")

    @pytest.mark.parametrize("fault", ["expired", "of another host", "of another authority"])
    def test_a_certificate_that_is_not_valid_fails(
        self, live: Live, authority: trustme.CA, run: Run, fault: str
    ) -> None:
        for server in secured(faulty(authority, fault)):
            live.put("a", code_type(server.url_for("").rstrip("/")))
            rows = found(run, live, "--endpoints")
        assert rows["a", "auth_endpoint"][0] == rows["a", "token_endpoint"][0] == "failed"
        assert "the certificate of localhost is not trusted: " in rows["a", "auth_endpoint"][1]

    @pytest.mark.parametrize(
        ("fault", "whose"),
        [
            ("expired", "ask the provider to renew it"),
            ("of another host", "ask the provider to fix it"),
            ("of another authority", "set SSL_CERT_FILE to its certificate"),
        ],
    )
    def test_who_can_fix_a_certificate_is_said(
        self, live: Live, authority: trustme.CA, run: Run, fault: str, whose: str
    ) -> None:
        for server in secured(faulty(authority, fault)):
            live.put("a", code_type(server.url_for("").rstrip("/")))
            done = run("check", "--couch", live.url, "--database", live.database, "--endpoints")
        assert any(whose in line for line in done.out.splitlines() if line.startswith("a, auth_endpoint: "))


class TestCredentials:
    @pytest.mark.parametrize(("client", "mode"), [("post", "form"), ("basic", "basic")])
    def test_a_certified_provider_says_whether_it_accepts_them(
        self, live: Live, oidc: str, run: Run, client: str, mode: str
    ) -> None:
        live.put("a", openid(oidc, client, mode))
        live.put("wrong", openid(oidc, client, mode, client_secret="wrong-marker"))
        rows = found(run, live, "--credentials", "--yes")
        accepted = f"the provider accepts client_id and client_secret, with token_mode {mode}"
        assert rows["a", "client"] == ("ok", accepted)
        result, message = rows["wrong", "client"]
        assert result == "failed"
        assert f"does not accept client_id and client_secret with token_mode {mode}: 401 invalid_client" in message

    @pytest.mark.parametrize(("ours", "theirs"), [("form", "basic"), ("basic", "form"), ("get", "basic")])
    def test_the_token_mode_that_the_provider_accepts_is_named(
        self, live: Live, httpserver: HTTPServer, run: Run, ours: str, theirs: str
    ) -> None:
        def token(request: Request) -> Response:
            pair = request.authorization and request.authorization.password
            given = {"basic": pair, "form": request.form.get("client_secret")}[theirs]
            return Response(json.dumps({"error": "invalid_grant" if given == "marker" else "invalid_client"}), 400)

        httpserver.expect_request("/token").respond_with_handler(token)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker", token_mode=ours))
        assert found(run, live, "--credentials", "--yes", "--try-token-modes")["a", "client"] == (
            "failed",
            f"the provider accepts the credentials with token_mode {theirs}, and not with {ours}",
        )
        assert all(request.method == "POST" for request, _ in httpserver.log[2:])
        httpserver.clear_log()
        assert found(run, live, "--credentials", "--yes")["a", "client"][0] == "failed"
        assert len(httpserver.log) == 2

    def test_modes_are_tried_only_with_credentials(self, run: Run) -> None:
        done = run("check", "--try-token-modes")
        assert done.code == 2
        assert "add --credentials" in done.err

    def test_a_redirect_within_the_origin_is_followed_and_to_another_host_is_not(
        self, live: Live, httpserver: HTTPServer, run: Run
    ) -> None:
        httpserver.expect_request("/token").respond_with_data("", 307, {"Location": "/token/"})
        httpserver.expect_request("/token/").respond_with_json({"error": "invalid_client"}, 401)
        with HTTPServer("localhost", 0) as other:
            httpserver.expect_request("/away").respond_with_data("", 307, {"Location": other.url_for("/token")})
            here = httpserver.url_for("").rstrip("/")
            live.put("near", code_type(here, client_secret="marker"))
            live.put("away", code_type(here, client_secret="marker", token_endpoint=f"{here}/away"))
            rows = found(run, live, "--credentials", "--yes")
            assert rows["near", "client"][0] == "failed"
            assert rows["away", "client"][0] == "warning"
            assert f"{other.url_for('/token')}, another scheme, host or port" in rows["away", "client"][1]
            assert other.log == []

    def test_what_is_sent_to_whom_is_said_and_somebody_must_agree(
        self, live: Live, httpserver: HTTPServer, run: Run
    ) -> None:
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker"))
        done = run("check", "--couch", live.url, "--database", live.database, "--credentials")
        assert done.code == 1
        assert f"sends client_id and client_secret of a to {httpserver.url_for('/token')}" in done.err
        assert "again with a scrambled secret" in done.err
        assert "there is no terminal to ask on" in done.err
        assert httpserver.log == []

    @pytest.mark.parametrize(("answer", "requests"), [("y\n", 2), ("n\n", 0)])
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

    def test_what_is_undecided_is_no_defect(self, live: Live, httpserver: HTTPServer, run: Run) -> None:
        httpserver.expect_request("/token").respond_with_json({"error": "invalid_grant"}, 400)
        live.put("a", code_type(httpserver.url_for("").rstrip("/"), client_secret="marker"))
        arguments = ("check", "--couch", live.url, "--database", live.database, "--credentials", "--yes")
        done = run(*arguments)
        assert "1 undecided" in done.out
        annotations = run(*arguments, "--format", "github").out
        assert "::notice title=a client::the provider answers the same to a wrong secret" in annotations
