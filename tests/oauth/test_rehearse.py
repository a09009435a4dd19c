"""``provision rehearse`` plays a login through, and says which step fails for a user."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.core.oauth.rehearsal import Quirk
from tests.conftest import Run, write
from tests.live_server import Live
from tests.oauth.conftest import code_type

REDIRECT = "https://oauthcallback.cozy.example/accounts/demo/redirect"


def defined(folder: Path, **more: object) -> None:
    write(folder / "account_types/demo.yaml", json.dumps(code_type("https://provider.example", **more)))


def steps(run: Run, *arguments: object) -> dict[str, tuple[str, str, str | None]]:
    """Result, message and advice of each step of the only account type."""
    done = run("rehearse", *arguments, "--format", "json")
    (found,) = json.loads(done.out)["rehearsals"]
    failed = any(step["result"] == "failed" for step in found["steps"])
    assert done.code == failed
    return {step["step"]: (step["result"], step["message"], step["next"]) for step in found["steps"]}


def test_every_shipped_definition_is_coherent(folder: Path, run: Run) -> None:
    done = run("rehearse")
    assert done.code == 0, done.out
    assert "56 account types, 0 failed" in done.out


def test_a_definition_needs_neither_client_nor_values(folder: Path, run: Run) -> None:
    defined(folder, redirect_uri="https://oauthcallback.${domain}/accounts/demo/redirect")
    done = run("rehearse")
    assert done.code == 0
    assert [line.split()[:4] for line in done.out.splitlines()[1:6]] == [
        ["demo", "start", "ok", "the"],
        ["demo", "callback", "ok", "the"],
        ["demo", "exchange", "ok", "the"],
        ["demo", "refresh", "ok", "the"],
        ["demo", "refresh", "again", "ok"],
    ]
    assert "https://provider.example" in done.out
    assert "127.0.0.1" not in done.out


@pytest.mark.parametrize(
    ("quirk", "more", "step", "message", "next"),
    [
        ("basic-only", {}, "exchange", "Authorization header only", "write token_mode: basic"),
        ("basic-only", {"token_mode": "basic"}, None, "", ""),
        ("post-only", {"token_mode": "basic"}, "exchange", "from the body only", "write token_mode: form"),
        ("post-only", {}, None, "", ""),
        ("refuses-unknown-parameters", {}, "exchange", "nonce, state", "skip_state_on_token"),
        ("refuses-unknown-parameters", {"skip_state_on_token": True}, "exchange", "refuses-unknown-parameters: nonce", "nothing leaves out nonce"),
        ("no-refresh-token-without-consent", {}, "refresh", "returns no refresh token", "access_type: offline and prompt: consent"),
        ("no-refresh-token-without-consent", {"extras": {"access_type": "offline"}}, "refresh", "returns no refresh token", "prompt: consent"),
        ("no-refresh-token-without-consent", {"extras": {"access_type": "offline", "prompt": "consent"}}, None, "", ""),
        ("no-refresh-token-without-consent", {"extras": {"scope": "a offline_access"}}, None, "", ""),
        ("form-encoded-answers", {}, "exchange", "it is not a JSON object", "ask the provider for answers in JSON"),
        ("form-encoded-without-accept", {}, "refresh", "it is not a JSON object", "write token_mode: basic"),
        ("form-encoded-without-accept", {"token_mode": "basic"}, None, "", ""),
        ("status-201", {}, "exchange", "its status is 201", "the status 200 only"),
        ("expires-in-string", {}, "exchange", "expires_in is not an integer", "an integer only"),
        ("rotates-refresh-tokens", {}, None, "", ""),
        ("needs-pkce", {}, "exchange", "code_challenge is missing", "the stack does not support PKCE"),
    ],
)  # fmt: skip
def test_a_quirk_of_a_provider(
    folder: Path, run: Run, quirk: str, more: dict[str, object], step: str | None, message: str, next: str
) -> None:
    defined(folder, **more)
    found = steps(run, "--quirk", quirk)
    failed = {name: (said, advice or "") for name, (result, said, advice) in found.items() if result == "failed"}
    assert [*failed] == ([step] if step else [])
    for said, advice in failed.values():
        assert message in said
        assert next in advice


def test_a_new_refresh_token_is_used_the_next_time(folder: Path, run: Run) -> None:
    defined(folder)
    found = steps(run, "--quirk", "rotates-refresh-tokens")
    assert found["refresh"][:2] == (
        "ok",
        "the token is refreshed, and the stack keeps the new refresh token",
    )
    assert found["refresh again"][0] == "ok"


def test_without_a_nonce_only_the_state_is_unknown(folder: Path, run: Run) -> None:
    defined(folder, skip_state_on_token=True)
    found = steps(run, "--quirk", "refuses-unknown-parameters", "--no-nonce")
    assert found["exchange"][0] == "ok"


@pytest.mark.parametrize(
    ("id", "more", "step", "message"),
    [
        ("demo", {"redirect_uri": REDIRECT.replace("demo", "other")}, "callback", "for the account type other"),
        ("demo", {"redirect_uri": "https://oauthcallback.cozy.example/callback"}, "callback", "no page at /callback"),
        ("ctx/demo", {"redirect_uri": ""}, "callback", "no page at /accounts/ctx/demo/redirect"),
        ("demo", {"redirect_uri": f"{REDIRECT}?state=x"}, "callback", "its state is not the one that was sent"),
        ("demo", {"extras": {"response_mode": "fragment"}}, "callback", "never reaches the stack"),
        ("demo", {"extras": {"response_mode": "form_post"}}, "start", "the stack answers 405"),
        ("demo", {"extras": {"code_challenge": "x"}}, "exchange", "code_verifier is missing"),
        ("demo", {"token_mode": "get", "token_endpoint": "https://provider.example/token?a=b"}, "exchange", "returned no token"),
        ("demo", {"grant_mode": "token"}, "callback", "a token came to a host without an instance"),
        ("demo", {"auth_endpoint": ""}, "start", "demo has no auth_endpoint"),
        ("demo", {"auth_endpoint": "https://provider.example/authorize "}, "start", "which is another page"),
        ("demo", {"token_endpoint": "https://provider.example/token "}, "exchange", "ends with a space"),
        ("demo", {"client_id": "<your client id>"}, "start", "nothing filled in"),
        ("demo", {"grant_mode": "bi_webview", "token_endpoint": "", "manage_endpoint": "https://bank.example/m?state=x", "reconnect_endpoint": "https://bank.example/r"}, "reconnect", "state is sent twice"),
        ("demo", {"client_id": "id "}, "start", "client_id ends with a space"),
        ("demo", {"client_id": "a:b", "token_mode": "basic"}, "exchange", "arrived changed"),
    ],
)  # fmt: skip
def test_a_definition_that_is_well_formed_and_cannot_work(
    live: Live, run: Run, id: str, more: dict[str, Any], step: str, message: str
) -> None:
    live.put(id, code_type("https://provider.example", client_secret="marker", **more))
    found = steps(run, id, "--couch", live.url, "--database", live.database)
    failed = {name: said for name, (result, said, _) in found.items() if result == "failed"}
    assert [*failed] == [step]
    assert message in failed[step]


@pytest.mark.parametrize(
    ("more", "skipped"),
    [
        ({"grant_mode": "token", "redirect_uri": "", "token_endpoint": ""}, ["exchange", "refresh"]),
        ({"token_endpoint": ""}, ["exchange"]),
        ({"grant_mode": "secret", "slug": "demo", "secret": {"a": 1}}, ["start"]),
        (
            {"grant_mode": "bi_webauth", "reconnect_endpoint": "https://provider.example/r", "token_endpoint": ""},
            ["exchange"],
        ),
    ],
)
def test_what_a_flow_does_not_have_is_skipped(live: Live, run: Run, more: dict[str, Any], skipped: list[str]) -> None:
    live.put("demo", code_type("https://provider.example", client_secret="marker", **more))
    found = steps(run, "demo", "--couch", live.url, "--database", live.database)
    assert [name for name, (result, *_) in found.items() if result == "skipped"] == skipped


def test_a_document_that_cannot_be_decoded_fails_at_the_start(live: Live, run: Run) -> None:
    live.put("demo", {"grant_mode": "authorization_code", "client_id": 1})
    found = steps(run, "--couch", live.url, "--database", live.database)
    assert found["start"][0] == "failed"
    assert "client_id has the wrong JSON type" in found["start"][1]


def test_no_secret_is_shown(folder: Path, run: Run) -> None:
    defined(folder)
    secret = {"ACCOUNT_TYPE_DEMO_CLIENT_ID": "id", "ACCOUNT_TYPE_DEMO_CLIENT_SECRET": "marker a+b/é%"}
    for quirk in ("rotates-refresh-tokens", "basic-only", "status-201"):
        done = run("rehearse", "--quirk", quirk, env=secret)
        assert "marker" not in done.out + done.err


def test_ci_gets_annotations_at_the_file(folder: Path, run: Run) -> None:
    defined(folder)
    done = run("rehearse", "demo", "--quirk", "needs-pkce", "--format", "github")
    assert done.code == 1
    first = done.out.splitlines()[0]
    assert first.startswith("::error file=account_types/demo.yaml,title=demo exchange::")
    assert "the stack does not support PKCE" in first


def test_an_unknown_id_and_an_invalid_definition_stop_it(folder: Path, run: Run) -> None:
    defined(folder)
    done = run("rehearse", "dema")
    assert done.code == 1
    assert "the catalogue has no account type dema: did you mean demo?" in done.err
    write(folder / "account_types/bad.yaml", "grant_mode: 1\n")
    done = run("rehearse")
    assert done.code == 1
    assert "account_types/bad.yaml:1:" in done.err


def test_the_help_names_every_quirk(run: Run) -> None:
    said = "".join(run("rehearse", "--help").out.split())
    assert all(quirk in said for quirk in Quirk)
