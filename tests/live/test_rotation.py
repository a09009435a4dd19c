"""Credentials that somebody rotated by hand, and what a change means for connected accounts."""

from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live
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


@pytest.fixture
def place(folder: Path, live: Live, run: Run) -> list[str]:
    """Where google is live, by the owner team, with the old credentials."""
    write(folder / "account_types/google.yaml", GOOGLE)
    options = ["--couch", live.url, "--database", live.database, "--owner", "team"]
    assert run("apply", *options, env=OLD).code == 0
    return options


def rotate(live: Live, **fields: str) -> None:
    live.put("google", {**live.get("google"), **fields})


class TestRotatedByHand:
    def test_it_survives_every_apply(self, place: list[str], folder: Path, live: Live, run: Run) -> None:
        rotate(live, client_secret="by-hand-marker")
        shown = run("diff", "--exit-code", *place, env=OLD)
        assert (shown.code, KEPT in shown.out) == (0, True)
        assert run("apply", *place, env=OLD).out.endswith("0 created, 0 changed, 1 unchanged\n")
        write(folder / "account_types/google.yaml", GOOGLE + "token_mode: basic\n")
        for _ in range(2):
            assert run("apply", *place, env=OLD).code == 0
            assert live.get("google")["client_secret"] == "by-hand-marker"
        assert live.get("google")["token_mode"] == "basic"
        assert KEPT in run("diff", *place, env=OLD).out
        assert "marker" not in run("diff", "--format", "json", *place, env=OLD).out

    def test_a_client_id_goes_with_its_secret(self, place: list[str], live: Live, run: Run) -> None:
        rotate(live, client_secret="by-hand-marker", client_id="id-2")
        run("apply", *place, env=OLD)
        assert (live.get("google")["client_id"], live.get("google")["client_secret"]) == ("id-2", "by-hand-marker")
        rotate(live, client_secret="old-marker")
        run("apply", *place, env=OLD)
        assert live.get("google")["client_id"] == "id-1"

    def test_a_source_that_changed_too_is_written(self, place: list[str], live: Live, run: Run) -> None:
        rotate(live, client_secret="by-hand-marker")
        run("apply", *place, env=OLD)
        assert run("apply", *place, env=NEW).code == 0
        assert live.get("google")["client_secret"] == "source-marker"
        assert run("apply", *place, env=NEW).out.endswith("0 created, 0 changed, 1 unchanged\n")

    def test_force_credentials_writes_the_old_one(self, place: list[str], live: Live, run: Run) -> None:
        rotate(live, client_secret="by-hand-marker")
        assert run("diff", "--exit-code", "--allow", "rotated", *place, env=OLD).code == 3
        assert run("apply", "--allow", "rotated", *place, env=OLD).code == 0
        assert live.get("google")["client_secret"] == "old-marker"

    def test_a_deleted_secret_comes_back(self, place: list[str], live: Live, run: Run) -> None:
        document = live.get("google")
        live.put("google", {name: value for name, value in document.items() if name != "client_secret"})
        run("apply", *place, env=OLD)
        assert live.get("google")["client_secret"] == "old-marker"

    def test_without_an_owner_the_source_wins(self, place: list[str], live: Live, run: Run) -> None:
        live.http.delete(live.path)
        options = place[:4]
        run("apply", *options, env=OLD)
        rotate(live, client_secret="by-hand-marker")
        run("apply", *options, env=OLD)
        assert live.get("google")["client_secret"] == "old-marker"


@pytest.mark.parametrize(
    ("change", "environment", "said"),
    [
        (
            {},
            {**OLD, "ACCOUNT_TYPE_GOOGLE_CLIENT_ID": "id-3"},
            "connected again (until then the stack answers 401 oauth_refresh_invalid_token",
        ),
        ({}, NEW, "client_secret changes: connected accounts stay connected"),
        ({"one.example": "two.example"}, OLD, 'redirect_uri changes: register "https://oauthcallback.two.example/'),
        (
            {"a.example/token": "a.example/t"},
            OLD,
            "token_endpoint changes: connected accounts are refreshed at another",
        ),
        (
            {"authorization_code": "token", "oauthcallback.": ""},
            OLD,
            'grant_mode changes: new accounts are connected with "token"',
        ),
    ],
)
def test_what_a_change_means(
    place: list[str], folder: Path, run: Run, change: dict[str, str], environment: dict[str, str], said: str
) -> None:
    text = GOOGLE
    for old, new in change.items():
        text = text.replace(old, new)
    write(folder / "account_types/google.yaml", text)
    assert said in run("diff", *place, env=environment).out
    assert said.partition(chr(34))[0] in run("diff", "--format", "markdown", *place, env=environment).out
    (row,) = only(run("diff", "--format", "json", *place, env=environment).out)["changes"]
    assert any(said in sentence for sentence in row["meaning"])


def test_copies_of_a_secret_are_told(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/google.yaml", GOOGLE.replace("token_endpoint: https://a.example/token\n", ""))
    options = ["--couch", live.url, "--database", live.database]
    run("apply", *options, env=OLD)
    said = run("diff", *options, env=NEW).out
    assert "there was no token_endpoint: each connected account keeps a copy of the old client_secret" in said
