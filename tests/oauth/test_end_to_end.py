"""From a definition to an API call with a refreshed token, by a real OpenID provider and a real browser."""

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Run, write
from tests.live_server import Live
from tests.oauth.session import expire, waiting
from tests.program import PATIENCE


@pytest.fixture
def local_page(page: Page) -> Page:
    """A page that loads nothing from elsewhere: the provider's own pages want a font from the network."""
    page.route(lambda url: "localhost" not in url and "127.0.0.1" not in url, lambda route: route.abort())
    return page


def sign_in(page: Page, url: str) -> None:
    """Log in and consent on the provider's own pages."""
    page.goto(url)
    page.get_by_placeholder("Enter any login").fill("alice")
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def configuration(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "konnector-dev-config.json").read_text())
    return content


def who_am_i(oidc: str, token: str) -> httpx.Response:
    return httpx.get(f"{oidc}/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=PATIENCE)


@pytest.mark.parametrize(("client", "mode"), [("post", "form"), ("basic", "basic")])
def test_a_provisioned_account_type_gives_a_token_that_works_and_is_refreshed(
    folder: Path, live: Live, oidc: str, local_page: Page, run: Run, client: str, mode: str
) -> None:
    write(
        folder / "account_types/demo.yaml",
        f"""\
grant_mode: authorization_code+secret
slug: demo
auth_endpoint: {oidc}/auth
token_endpoint: {oidc}/token
token_mode: {mode}
redirect_uri: https://oauthcallback.${{domain}}/accounts/demo/redirect
extras: {{prompt: consent}}
""",
    )
    manifest = {"slug": "demo", "oauth": {"scope": ["openid+offline_access"]}, "fields": {"refresh_token": {}}}
    write(folder / "manifest.konnector", json.dumps(manifest))
    write(folder / "konnector-dev-config.json", '{"COZY_URL": "http://here", "fields": {"folder": "x"}, /* mine */}')
    where = ["--couch", live.url, "--database", live.database]
    credentials = {
        "ACCOUNT_TYPE_DEMO_CLIENT_ID": client,
        "ACCOUNT_TYPE_DEMO_CLIENT_SECRET": f"{client}-secret-marker",
        "ACCOUNT_TYPE_DEMO_SECRET": "konnector-secret-marker",
    }
    applied = run("apply", *where, "--set", "domain=cozy.example", env=credentials)
    assert applied.code == 0, applied.err

    with waiting("demo", *where) as started:
        assert started.query["scope"] == "openid offline_access"
        sign_in(local_page, started.url)
        expect(local_page.get_by_role("heading", name="Connected")).to_be_visible()
        assert "code=" not in local_page.url
        done = started.ended()
    assert done.code == 0, done.err
    assert "marker" not in done.out + done.err
    assert done.out == "konnector-dev-config.json: fields.access_token, fields.refresh_token, COZY_PARAMETERS.secret\n"
    assert "konnector-dev-config.json.bak is a copy with the comments" in done.err
    written = configuration(folder)
    assert written["COZY_URL"] == "http://here"
    assert written["fields"]["folder"] == "x"
    assert written["COZY_PARAMETERS"] == {"secret": "konnector-secret-marker"}
    assert stat.S_IMODE((folder / "konnector-dev-config.json").stat().st_mode) == 0o600
    first = written["fields"]["access_token"]
    assert who_am_i(oidc, first).json() == {"sub": "alice"}

    expire()
    done = run("token", "demo", *where)
    assert done.code == 0, done.err
    second = configuration(folder)["fields"]["access_token"]
    assert second != first
    assert who_am_i(oidc, second).json() == {"sub": "alice"}
    assert who_am_i(oidc, "made-up").status_code == 401


def test_a_person_who_declines_is_told_in_the_browser_and_in_the_terminal(
    folder: Path, oidc: str, local_page: Page
) -> None:
    write(
        folder / "account_types/demo.yaml",
        f"grant_mode: authorization_code\nauth_endpoint: {oidc}/auth\ntoken_endpoint: {oidc}/token\nclient_id: post\n",
    )
    with waiting("demo", "--scope", "openid") as started:
        local_page.goto(started.url)
        local_page.get_by_role("link", name="Cancel").click()
        expect(local_page.get_by_role("heading", name="demo is not connected")).to_be_visible()
        expect(local_page.get_by_text("access_denied")).to_be_visible()
        done = started.ended()
    assert done.code == 1
    assert "error: the provider refused: access_denied" in done.err
    assert not (folder / "konnector-dev-config.json").exists()
