"""``provision apply --prove``: new credentials are proven at the provider before they are written."""

import json
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from provisioner.core.oauth.requests import Client, refresh_request
from tests.faults import FULL
from tests.faults.proxy import Fault, Trouble, in_front_of
from tests.live_server import Live, Team
from tests.program import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG = 100 if FULL else 6
"""Wrong secrets in one apply; a provider is asked slowly, so that it does not take this for an attack."""

REFRESHES = 3_400 if FULL else 150
"""Refreshes before, during and after a rotation, each."""

DEFINITION = """\
x-console: https://console.a.example/
grant_mode: authorization_code
auth_endpoint: {provider}/authorize
token_endpoint: {provider}/token
"""


class Provider:
    """A provider whose client has several valid secrets at a time; it counts what it answers to refreshes."""

    def __init__(self, server: HTTPServer) -> None:
        self.secrets = {"old-marker", "new-marker"}
        self.refused = 0
        self.refreshed = 0
        self.asked = 0
        self.accepts_until = 10**6
        self.meddle: Callable[[], object] | None = None
        server.expect_request("/token").respond_with_handler(self.answer)
        self.url = server.url_for("").rstrip("/")

    def answer(self, request: Request) -> Response:
        known = request.form.get("client_secret") in self.secrets
        self.asked += request.form["grant_type"] == "authorization_code"
        known = known and self.asked <= self.accepts_until
        if self.meddle:
            self.meddle()
            self.meddle = None
        if request.form["grant_type"] == "refresh_token":
            self.refused += not known
            self.refreshed += known
        error = "invalid_grant" if known else "invalid_client"
        refresh = known and request.form["grant_type"] == "refresh_token"
        return Response(json.dumps({"access_token": "t"} if refresh else {"error": error}), 200 if refresh else 400)


@pytest.fixture
def provider(httpserver: HTTPServer) -> Provider:
    return Provider(httpserver)


def env(secret: str, *ids: str) -> dict[str, str]:
    return {
        f"ACCOUNT_TYPE_{id.upper()}_{name}": value
        for id in ids or ("google",)
        for name, value in {"CLIENT_ID": "id", "CLIENT_SECRET": secret}.items()
    }


@pytest.fixture
def team(team: Team, provider: Provider) -> Team:
    """It has google live, with the old secret."""
    team.define("google", DEFINITION.format(provider=provider.url))
    done = team("apply", "--prove", env=env("old-marker"))
    assert done.code == 0, done.err
    assert "verified  google: the provider accepts client_id and client_secret" in done.err
    assert "revoke" not in done.err, "there was nothing before"
    return team


def secret(live: Live) -> str:
    return str(live.get("google")["client_secret"])


def test_a_new_secret_is_proven_before_and_after(team: Team, live: Live, httpserver: HTTPServer) -> None:
    httpserver.clear_log()
    assert team("apply", "--prove", env=env("old-marker")).code == 0
    assert httpserver.log == [], "what does not change is not sent"
    team.define("other", "grant_mode: secret\nslug: other\nsecret: ${S:-s}\n")
    wrong = team("apply", "google", "--prove", env=env("wrong-marker"))
    assert wrong.code == 1
    assert "not written: the provider does not accept client_id and client_secret" in wrong.out
    done = team("apply", "google", "--prove", env=env("new-marker"))
    assert (done.code, live.ids, secret(live)) == (0, {"google"}, "new-marker"), done.err
    assert "next: revoke the old credentials of google at https://console.a.example/\n" in done.err
    assert "marker" not in done.out + done.err


def test_wrong_secrets_are_not_written(team: Team, live: Live, provider: Provider) -> None:
    ids = [f"t{number}" for number in range(WRONG)]
    for id in (*ids, "good"):
        team.define(id, DEFINITION.format(provider=provider.url))
    done = team("apply", "--prove", env={**env("wrong-marker", *ids), **env("old-marker", "google", "good")})
    assert (done.code, live.ids) == (1, {"google", "good"})
    assert done.out.count("not written: the provider does not accept client_id and client_secret") == WRONG


def test_nothing_is_revoked_for_what_was_not_written(team: Team, live: Live) -> None:
    with in_front_of(live.url) as proxy:
        proxy.expect(Trouble(Fault.FORBIDDEN, onwards=True, number=3))
        done = team.run("apply", "--prove", "--couch", proxy.url, *team.options[2:], env=env("new-marker"))
    assert (done.code, "verified  google" in done.err, "revoke" in done.err) == (1, True, False), done
    assert secret(live) == "old-marker"


@pytest.mark.parametrize("reached", [True, False])
def test_where_nothing_is_proven_it_is_not_written_unless_told(
    team: Team, httpserver: HTTPServer, live: Live, provider: Provider, reached: bool
) -> None:
    httpserver.clear()
    httpserver.expect_request("/token").respond_with_json({"error": "slow_down"}, 429)
    if not reached:
        text = DEFINITION.format(provider=provider.url)
        team.define("google", text.replace(f"{provider.url}/token", "http://127.0.0.1:9/token"))
    done = team("apply", "--prove", env=env("new-marker"))
    assert (done.code, "--allow unproven writes it anyway" in done.out, secret(live)) == (1, True, "old-marker")
    assert team("apply", "google", "--prove", "--allow", "unproven", env=env("new-marker")).code == 0
    assert secret(live) == "new-marker"


def test_no_refresh_is_refused_during_a_rotation(team: Team, live: Live, provider: Provider) -> None:
    """Accounts refresh with what is live, as the stack does, while the secret is rotated and the old one is revoked."""
    stop = threading.Event()

    rounds = [0, 0]

    def refresh(account: int) -> None:
        with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
            while not stop.is_set():
                document = live.get("google")
                request = refresh_request(Client.of("google", document), "r")
                http.request(request.method, request.url, content=request.body, headers=dict(request.headers))
                rounds[account] += 1

    def more() -> None:
        """Wait until each account, which may have just read what was live, has refreshed often."""
        wanted = [before + REFRESHES // 2 for before in rounds]
        while any(now < enough for now, enough in zip(rounds, wanted, strict=True)):
            assert all(each.is_alive() for each in accounts)
            stop.wait(0.01)

    accounts = [threading.Thread(target=refresh, args=(account,)) for account in range(2)]
    for each in accounts:
        each.start()
    try:
        more()
        assert team("apply", "--prove", env=env("new-marker")).code == 0
        more()
        provider.secrets.remove("old-marker")
        more()
    finally:
        stop.set()
        for each in accounts:
            each.join()
    assert provider.refused == 0


def test_a_provider_that_changes_its_mind_after_the_write_fails_the_run_and_names_the_way_back(
    team: Team, live: Live, provider: Provider
) -> None:
    provider.accepts_until = provider.asked + 3
    done = team("apply", "--prove", env=env("new-marker"))
    assert (done.code, secret(live)) == (1, "new-marker")
    assert "error: google: the provider no longer accepts the new credentials: " in done.err
    assert "next: write the old credentials again: this target keeps no backups for provision undo" in done.err
    team.configure(backup={"folder": "backups"})
    provider.accepts_until = provider.asked + 3
    done = team("apply", "--prove", env=env("old-marker"))
    assert (done.code, "revoke" in done.err) == (1, False)
    assert "next: provision undo --target one undoes this run" in done.err


def test_what_others_wrote_meanwhile_is_proven_too(team: Team, live: Live, provider: Provider) -> None:
    """Between the proof and the write somebody names another client, to which our secret does not belong."""
    provider.meddle = lambda: live.put("google", {**live.get("google"), "client_id": "theirs"})
    done = team("apply", "--prove", "--set", "x=1", env={"ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "new-marker"})
    assert (done.code, secret(live)) == (1, "old-marker")
    assert "not written: its client_id differs, so the secret may not belong to it" in done.out


def test_what_is_no_credential_is_not_sent_to_the_provider(team: Team, live: Live, httpserver: HTTPServer) -> None:
    team.drop("google")
    provider = httpserver.url_for("").rstrip("/")
    team.define("a", DEFINITION.format(provider=provider) + "client_id: a-client\n")
    ends = {"auth_endpoint": f"{provider}/authorize", "token_endpoint": f"{provider}/token"}
    document = {"grant_mode": "authorization_code", **ends, "client_id": "older", "client_secret": "YOUR_SECRET"}
    live.delete("google")
    live.put("a", document)
    httpserver.clear_log()
    checked = team.ownerless("check", "--credentials", "--yes")
    assert (checked.code, "client_secret is a placeholder" in checked.out) == (1, True)
    written = team.ownerless("apply", "--prove", "--yes")
    assert (written.code, "failed    a: not written: client_secret is a placeholder" in written.out) == (1, True)
    assert httpserver.log == []
