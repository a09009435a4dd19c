"""What an endpoint answers says whether people can sign in, and something else than an error page must be seen for that."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioner.commands.check import ask_endpoints
from provisioner.core.definitions.account_type import conceal
from provisioner.core.http import Answer
from provisioner.core.oauth.complaints import complaint_in
from provisioner.core.oauth.endpoints import SignIn, sign_in_result
from provisioner.core.oauth.requests import Client, Request
from provisioner.core.plan.health import CheckResult, Verdict
from tests.oauth.conftest import code_type
from tests.oauth.servers import answered

REDIRECT = "https://oauthcallback.cozy.example/accounts/demo/redirect"
HERE = "https://provider.example"


@dataclass
class Provider:
    """Answers from memory, by path; ``/sign-in`` wants the cookie that ``/authorize`` sets."""

    answers: dict[str, Answer]
    asked: list[str] = field(default_factory=list)

    def page(self, url: str, cookies: dict[str, str]) -> Answer:
        self.asked.append(url)
        path = url.removeprefix(HERE).partition("?")[0]
        if path == "/sign-in" and cookies.get("seen") != "1":
            return answered(404)
        cookies["seen"] = "1"
        return self.answers[path]

    def probe(self, method: str, url: str) -> Answer:
        return self.answers.get(url.removeprefix(HERE), answered(400, "application/json"))

    def exchange(self, request: Request) -> Answer:
        raise AssertionError

    def metadata(self, url: str) -> None:
        return None


def result_of(provider: Provider, check: str, **more: object) -> tuple[str, str]:
    document: Any = code_type(HERE, client_secret="marker", **more)
    client = Client.of("a", conceal(document))
    results = ask_endpoints(client, "", provider)
    (found,) = [result for result in results if result.check == check]
    return found.verdict, found.message


@pytest.mark.parametrize(
    ("location", "result", "words"),
    [
        ("https://login.example/sign-in?x=1", "ok", "redirects to login.example to sign in"),
        (f"{REDIRECT}?error=unauthorized_client&state=s", "failed", "refuses before anyone signs in: unauthorized_client"),
        (f"{REDIRECT}#error=unauthorized_client&state=s", "failed", "refuses before anyone signs in: unauthorized_client"),
        (f"{REDIRECT}?error=invalid_request&error_description=code_challenge+is+missing", "failed", "requires PKCE, and the stack does not support PKCE"),
        (f"{REDIRECT}?error=invalid_request&error_description=Missing+parameter%3A+code_challenge_method", "failed", "requires PKCE"),
        (f"{REDIRECT}?error=unsupported_response_type", "failed", "unsupported_response_type"),
        (f"{REDIRECT}?error=invalid_scope", "ok", "accepts client_id and redirect_uri, and requires a scope"),
        (f"{REDIRECT}?error=login_required", "ok", "accepts client_id and redirect_uri (login_required)"),
        (f"{REDIRECT}?error=temporarily_unavailable", "undecided", "a server error"),
        (f"{REDIRECT}?code=1", "ok", "accepts client_id and redirect_uri"),
        (REDIRECT, "warning", "neither a code nor an error"),
        ("https://other.example/cb?error=unauthorized_client&state=provision-check", "failed", "unauthorized_client"),
        ("https://a.example/oauth/error?error=redirect_uri_mismatch", "failed", "does not accept the redirect URI"),
        ("/signin/oauth/error?authError=Cg5pbnZhbGlkX2NsaWVudBIfVGhlIE9BdXRoIGNsaWVudCB3YXMgbm90IGZvdW5kLg", "failed", "does not accept client_id"),
        ("/oauth/error", "failed", "refuses before anyone signs in: /oauth/error"),
        ("/sign-in", "ok", "answers with a page"),
        ("/moved", "ok", "answers with a page"),
        ("javascript:x", "failed", "a Location that is no address"),
        ("https://[::1", "failed", "a Location that is no address"),
        ("\\\\login.example\\sign-in", "ok", "redirects to login.example to sign in"),
        ("/loop", "warning", "redirects more than 5 times within provider.example"),
    ],
)  # fmt: skip
def test_where_an_authorization_endpoint_redirects_to(location: str, result: str, words: str) -> None:
    page = answered(200, "text/html")
    answers = {
        "/authorize": answered(302, location=location),
        "/moved": answered(302, location="sign-in"),
        "/loop": answered(302, location="/loop"),
        "/sign-in": page,
    }
    provider = Provider(answers)
    got, message = result_of(provider, "auth_endpoint")
    assert (got, words in message) == (result, True), message
    assert len(provider.asked) <= 6


@pytest.mark.parametrize(
    ("status", "page", "result", "words"),
    [
        (200, "<title>Error</title><body>Something odd", "failed", "an error page, 'Error'"),
        (200, "<title>Sign in</title><input type='password'>Invalid client? Ask us.", "ok", "answers with a page"),
        (200, "<title>Login</title><script>var errors = ['invalid_client']</script>", "ok", "answers with a page"),
        (200, "<title>Sign in to your account</title><script>{'m':'AADSTS700016: Application with identifier x was not found'}</script>", "failed", "does not accept client_id: AADSTS700016"),
        (200, "<h1>Access blocked</h1><p>Error 400: redirect_uri_mismatch</p>", "failed", "does not accept the redirect URI"),
        (200, "<h2>Error:</h2><p>invalid_request</p><p>Mismatching redirect URI.</p>", "failed", "does not accept the redirect URI"),
        (400, "<p>We are sorry...</p><p>Invalid parameter: redirect_uri</p>", "failed", "does not accept the redirect URI"),
        (400, "<p>Client not found.</p>", "failed", "does not accept client_id"),
        (400, "<p>Invalid client_id (&quot;x&quot;).</p>", "failed", "does not accept client_id"),
        (400, "<p>Unregistered redirect_uri (&quot;x&quot;).</p>", "failed", "does not accept the redirect URI"),
        (400, "INVALID_CLIENT: Invalid redirect URI", "failed", "does not accept the redirect URI"),
        (400, "<p>Missing required parameter: scope</p>", "undecided", "without another scope"),
        (400, "<p>code_challenge is required</p>", "failed", "requires PKCE, and the stack does not support PKCE"),
        (401, "<p>Oops!</p><p>Unknown client: x</p>", "failed", "does not accept client_id"),
        (403, "<p>Callback URL mismatch.</p>", "failed", "does not accept the redirect URI"),
    ],
)  # fmt: skip
def test_a_page_of_an_authorization_endpoint(status: int, page: str, result: str, words: str) -> None:
    answer = answered(status, "text/html; charset=utf-8", page.encode())
    got, message = result_of(Provider({"/authorize": answer}), "auth_endpoint")
    assert (got, words in message) == (result, True), message


@pytest.mark.parametrize(
    ("status", "headers", "result", "words"),
    [
        (405, {}, "failed", "does not accept POST"),
        (200, {"Content-Type": "text/html"}, "warning", "with a web page"),
        (307, {"Location": "https://b.example/token"}, "warning", "redirects to https://b.example/token, another scheme, host or port"),
        (301, {"Location": "/token/"}, "warning", "/token/"),
        (302, {}, "failed", "without a Location"),
        (302, {"Location": "https://[::1"}, "failed", "a Location that is no address"),
        (302, {"Location": "..//x"}, "warning", "redirects to https://provider.example/x"),
        (429, {}, "undecided", "429"),
        (401, {}, "ok", "answers 401 if no code is sent"),
    ],
)  # fmt: skip
def test_a_token_endpoint(status: int, headers: dict[str, str], result: str, words: str) -> None:
    answer = answered(status, headers.get("Content-Type", ""), location=headers.get("Location"))
    answers = {"/authorize": answered(200, "text/html"), "/token": answer}
    got, message = result_of(Provider(answers), "token_endpoint")
    assert (got, words in message) == (result, True), message


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (
            "Redirect URI https://oauthcallback.x.example/accounts/a/redirect is not supported by client.",
            "redirect_uri",
        ),
        ("unable to retrieve client by id", "client_id"),
        ("Code challenge required.", "pkce"),
        ("Missing required parameter: scope", "scope"),
        ("The scope is missing", "scope"),
    ],
)
def test_words_of_servers_that_nobody_here_wrote_are_known(words: str, refused: str) -> None:
    complaint = complaint_in(words)
    assert complaint is not None
    assert complaint.about.value == refused


def test_a_page_that_signs_in_before_it_looks_at_anything_is_no_verdict() -> None:
    asked = SignIn("https://oauthcallback.x.example/accounts/a/redirect", "state")
    page = answered(200, "text/html", b"<html><form><input type='password'></form></html>")
    url = "https://a.example/accounts/login/?next=/o/authorize/%3Fclient_id%3D1%26state%3Dstate"
    for at, verdict in ((url, Verdict.UNDECIDED), ("https://a.example/login", Verdict.OK)):
        result = sign_in_result(asked, at, page)
        assert isinstance(result, CheckResult)
        assert result.verdict is verdict
