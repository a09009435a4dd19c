"""``provision drift --accept``: what others changed comes into the definition files, and nothing else does."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live

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
def place(folder: Path, live: Live, run: Run) -> list[str]:
    write(folder / "account_types/google.yaml", TEXT)
    options = ["--couch", live.url, "--database", live.database, "--owner", "team"]
    options += ["--set", "tenant=t1", "--set", "domain=cozy.example"]
    env = {"ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "s"}
    assert run("apply", *options, env=env).code == 0
    return options


def test_comments_variables_and_notes_stay(place: list[str], folder: Path, live: Live, run: Run) -> None:
    path = folder / "account_types/google.yaml"
    document = live.get("google")
    document["token_endpoint"] = "https://a.example/$x/t"
    document["extras"] = {"access_type": "online", "audience": "t1", "hd": "yes"}
    document["client_secret"] = "hush-marker"
    del document["token_mode"]
    live.put("google", document)
    refused = run("drift", "--accept", "google", *place)
    assert (refused.code, path.read_text()) == (1, TEXT)
    assert "add --yes to confirm" in refused.err
    assert "-  access_type: offline   # see the documentation\n+  access_type: online   # see" in refused.out
    done = run("drift", "--accept", "google", "--yes", *place)
    assert done.code == 0, done.err
    assert path.read_text() == EDITED
    assert "client_secret is not accepted: credentials are never written into a file" in done.err
    assert "hush" not in done.out + done.err + path.read_text()
    assert run("validate", "--set", "tenant=t1", "--set", "domain=cozy.example").code == 0
    assert run("apply", *place).code == 0
    assert run("drift", *place).out.splitlines()[1:] == ["0 account types changed by someone else"]


def test_a_document_that_was_replaced(place: list[str], folder: Path, live: Live, run: Run) -> None:
    old = live.get("google")
    new = {name: value for name, value in old.items() if name != "provision"}
    live.put("google", {**new, "manage_endpoint": "https://m.example/", "client_id": "4712"})
    done = run("drift", "--accept", "google", "--yes", *place)
    assert done.code == 0, done.err
    text = (folder / "account_types/google.yaml").read_text()
    assert text == TEXT + "manage_endpoint: https://m.example/\n"
    assert "client_id and client_secret stay" in done.err or "is not accepted" in done.err


def test_what_cannot_be_accepted_says_what_to_do(place: list[str], folder: Path, live: Live, run: Run) -> None:
    live.put("by-hand", {"grant_mode": "token"})
    live.delete("google")
    done = run("drift", "--accept", "google", "by-hand", "--yes", *place)
    assert done.code == 1
    assert "error: by-hand cannot be accepted: no definition mentions it" in done.err
    assert "error: google cannot be accepted: someone deleted it" in done.err
    assert (folder / "account_types/google.yaml").read_text() == TEXT
    for options in ([], ["google", "--follow"], ["google", "--state", "x"]):
        assert run("drift", "--accept", *options, *place).code == 2


def test_a_definition_in_json(place: list[str], folder: Path, live: Live, run: Run) -> None:
    (folder / "account_types/google.yaml").unlink()
    content = {"x-note": "a", "grant_mode": "authorization_code", "auth_endpoint": "https://a.example/t1/auth"}
    content |= {"token_endpoint": "https://a.example/t1/token", "token_mode": "form"}
    path = write(folder / "account_types/google.json", json.dumps(content))
    live.put("google", {**live.get("google"), "token_mode": "basic"})
    done = run("drift", "--accept", "google", "--yes", *place[:6])
    assert done.code == 0, done.err
    assert path.read_text() == json.dumps({**content, "token_mode": "basic"}, indent=2) + "\n"


def test_nothing_to_accept(place: list[str], run: Run) -> None:
    done = run("drift", "--accept", "google", "--yes", *place)
    assert (done.code, done.out, done.err.splitlines()[-1]) == (0, "", "nothing to accept")
