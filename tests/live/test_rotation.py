"""Credentials that somebody rotated by hand, and what a change means for connected accounts."""

import pytest

from tests.live_server import Live, Team
from tests.outputs import only

GOOGLE = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
redirect_uri: https://oauthcallback.one.example/accounts/google/redirect
"""
OLD = {"ACCOUNT_TYPE_GOOGLE_CLIENT_ID": "id-1", "ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "old-marker"}
NEW = {**OLD, "ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "source-marker"}
KEPT = "    replaced by someone else, and kept: client_secret (the source still has the old value)\n"
UNCHANGED = "0 created, 0 changed, 1 unchanged\n"


@pytest.fixture
def team(team: Team) -> Team:
    """It has google live, with the old credentials."""
    team.define("google", GOOGLE)
    assert team("apply", env=OLD).code == 0
    return team


def rotate(live: Live, **fields: str) -> None:
    live.put("google", {**live.get("google"), **fields})


class TestRotatedByHand:
    def test_it_survives_every_apply(self, team: Team, live: Live) -> None:
        rotate(live, client_secret="by-hand-marker")
        shown = team("diff", "--exit-code", env=OLD)
        assert (shown.code, KEPT in shown.out) == (0, True)
        assert team("apply", env=OLD).out.endswith(UNCHANGED)
        team.define("google", GOOGLE + "token_mode: basic\n")
        for _ in range(2):
            assert team("apply", env=OLD).code == 0
            assert live.get("google").items() >= {"client_secret": "by-hand-marker", "token_mode": "basic"}.items()
        assert KEPT in team("diff", env=OLD).out
        assert "marker" not in team("diff", "--format", "json", env=OLD).out

    def test_a_client_id_goes_with_its_secret(self, team: Team, live: Live) -> None:
        rotate(live, client_secret="by-hand-marker", client_id="id-2")
        team("apply", env=OLD)
        assert (live.get("google")["client_id"], live.get("google")["client_secret"]) == ("id-2", "by-hand-marker")
        rotate(live, client_secret="old-marker")
        team("apply", env=OLD)
        assert live.get("google")["client_id"] == "id-1"

    def test_a_source_that_changed_too_is_written(self, team: Team, live: Live) -> None:
        rotate(live, client_secret="by-hand-marker")
        team("apply", env=OLD)
        assert team("apply", env=NEW).code == 0
        assert live.get("google")["client_secret"] == "source-marker"
        assert team("apply", env=NEW).out.endswith(UNCHANGED)

    def test_allow_rotated_writes_the_old_one(self, team: Team, live: Live) -> None:
        rotate(live, client_secret="by-hand-marker")
        assert team("diff", "--exit-code", "--allow", "rotated", env=OLD).code == 3
        assert team("apply", "--allow", "rotated", env=OLD).code == 0
        assert live.get("google")["client_secret"] == "old-marker"

    def test_a_deleted_secret_comes_back(self, team: Team, live: Live) -> None:
        live.put("google", {name: value for name, value in live.get("google").items() if name != "client_secret"})
        team("apply", env=OLD)
        assert live.get("google")["client_secret"] == "old-marker"

    def test_without_an_owner_the_source_wins(self, team: Team, live: Live) -> None:
        live.http.delete(live.path)
        team.ownerless("apply", env=OLD)
        rotate(live, client_secret="by-hand-marker")
        team.ownerless("apply", env=OLD)
        assert live.get("google")["client_secret"] == "old-marker"


@pytest.mark.parametrize(
    ("changes", "environment", "said"),
    [
        ({}, {**OLD, "ACCOUNT_TYPE_GOOGLE_CLIENT_ID": "id-3"}, "connected again (until then the stack answers 401 oauth_refresh_invalid_token"),
        ({}, NEW, "client_secret changes: connected accounts stay connected"),
        ({"one.example": "two.example"}, OLD, 'redirect_uri changes: register "https://oauthcallback.two.example/'),
        ({"a.example/token": "a.example/t"}, OLD, "token_endpoint changes: connected accounts are refreshed at another"),
        ({"authorization_code": "token", "oauthcallback.": ""}, OLD, 'grant_mode changes: new accounts are connected with "token"'),
    ],
)  # fmt: skip
def test_what_a_change_means(team: Team, changes: dict[str, str], environment: dict[str, str], said: str) -> None:
    text = GOOGLE
    for old, new in changes.items():
        text = text.replace(old, new)
    team.define("google", text)
    assert said in team("diff", env=environment).out
    assert said.partition(chr(34))[0] in team("diff", "--format", "markdown", env=environment).out
    (row,) = only(team("diff", "--format", "json", env=environment).out)["changes"]
    assert any(said in sentence for sentence in row["meaning"])


def test_copies_of_a_secret_are_told(team: Team, live: Live) -> None:
    live.http.delete(live.path)
    team.define("google", GOOGLE.replace("token_endpoint: https://a.example/token\n", ""))
    team.ownerless("apply", env=OLD)
    said = team.ownerless("diff", env=NEW).out
    assert "there was no token_endpoint: each connected account keeps a copy of the old client_secret" in said
