"""``provision drift --accept``: what others changed comes into the definition files, and nothing else does."""

import json

import pytest

from tests.conftest import write
from tests.live_server import Live, Team

TEXT = """\
# about Google
x-note: keep me   # a note

grant_mode: authorization_code
client_id: "4711"
auth_endpoint: https://a.example/${tenant}/auth  # where people sign in
token_endpoint: https://a.example/${tenant}/token # the other one
# how it signs in
token_mode: form
redirect_uri: https://oauthcallback.${domain}/accounts/google/redirect
extras:
  # offline gives a refresh token
  access_type: offline   # see the documentation
  audience: ${tenant}
  prompt: consent
"""
EDITED = """\
# about Google
x-note: keep me   # a note

grant_mode: authorization_code
client_id: "4711"
auth_endpoint: https://a.example/${tenant}/auth  # where people sign in
token_endpoint: https://a.example/$$x/t # the other one
# how it signs in
redirect_uri: https://oauthcallback.${domain}/accounts/google/redirect
extras:
  # offline gives a refresh token
  access_type: online   # see the documentation
  audience: ${tenant}
  hd: "yes"
"""


@pytest.fixture
def team(team: Team) -> Team:
    """It has google live."""
    team.define("google", TEXT)
    team.options += ["--set", "tenant=t1", "--set", "domain=cozy.example"]
    assert team("apply", env={"ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "s"}).code == 0
    return team


def definition(team: Team) -> str:
    return (team.folder / "account_types/google.yaml").read_text()


def test_comments_variables_and_notes_stay(team: Team, live: Live) -> None:
    document = {name: value for name, value in live.get("google").items() if name != "token_mode"}
    extras = {"access_type": "online", "audience": "t1", "hd": "yes"}
    edited = {"token_endpoint": "https://a.example/$x/t", "extras": extras, "client_secret": "hush-marker"}
    live.put("google", {**document, **edited})
    refused = team("drift", "--accept", "google")
    assert (refused.code, definition(team), "add --yes to confirm" in refused.err) == (1, TEXT, True)
    assert "-  access_type: offline   # see the documentation\n+  access_type: online   # see" in refused.out
    done = team("drift", "--accept", "google", "--yes")
    assert (done.code, definition(team)) == (0, EDITED), done.err
    assert "client_secret is not accepted: credentials are never written into a file" in done.err
    assert "hush" not in done.out + done.err
    assert team.run("validate", *team.options[-4:]).code == 0
    assert team("apply").code == 0
    assert team("drift").out.splitlines()[1:] == ["0 account types changed by someone else"]


def test_a_document_that_was_replaced(team: Team, live: Live) -> None:
    new = {name: value for name, value in live.get("google").items() if name != "provision"}
    live.put("google", {**new, "manage_endpoint": "https://m.example/", "client_id": "4712"})
    done = team("drift", "--accept", "google", "--yes")
    assert (done.code, definition(team)) == (0, TEXT + "manage_endpoint: https://m.example/\n"), done.err
    assert "client_id and client_secret stay" in done.err or "is not accepted" in done.err


def test_what_cannot_be_accepted_says_what_to_do(team: Team, live: Live) -> None:
    done = team("drift", "--accept", "google", "--yes")
    assert (done.code, done.out, done.err.splitlines()[-1]) == (0, "", "nothing to accept")
    live.put("by-hand", {"grant_mode": "token"})
    live.delete("google")
    done = team("drift", "--accept", "google", "by-hand", "--yes")
    assert (done.code, definition(team)) == (1, TEXT)
    assert "error: by-hand cannot be accepted: no definition mentions it" in done.err
    assert "error: google cannot be accepted: someone deleted it" in done.err
    for options in ([], ["google", "--follow"], ["google", "--state", "x"]):
        assert team("drift", "--accept", *options).code == 2


def test_a_definition_in_json(team: Team, live: Live) -> None:
    team.drop("google")
    content = {"x-note": "a", "grant_mode": "authorization_code", "auth_endpoint": "https://a.example/t1/auth"}
    content |= {"token_endpoint": "https://a.example/t1/token", "token_mode": "form"}
    path = write(team.folder / "account_types/google.json", json.dumps(content))
    live.put("google", {**live.get("google"), "token_mode": "basic"})
    done = team.run("drift", "--accept", "google", "--yes", *team.options[:6])
    assert done.code == 0, done.err
    assert path.read_text() == json.dumps({**content, "token_mode": "basic"}, indent=2) + "\n"
