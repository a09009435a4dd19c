"""Whether ``check --credentials`` tells right credentials from wrong ones, at providers that answer as documented."""

import json
import random
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml
from msgspec.structs import replace

from provisioner.commands.proving import credentials_result
from provisioner.core.errors import ProvisionError
from provisioner.core.http import Answer
from provisioner.core.oauth.requests import Client, Request, TokenMode
from provisioner.core.plan.health import CheckResult, Verdict
from provisioner.core.secret import Secret
from tests.oauth.servers import answered

ROWS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("providers_answers.yaml").read_text())
SECRET = "0f9marker8e7d6c5b4a3"
CLIENT = Client(
    id="a",
    grant_mode="authorization_code",
    client_id="the-client",
    client_secret=Secret(SECRET),
    auth_endpoint="https://a.example/authorize",
    token_endpoint="https://a.example/token",
    token_mode=TokenMode.FORM,
    redirect_uri="https://oauthcallback.cozy.example/accounts/a/redirect",
    extras={},
    skip_redirect_uri=False,
    skip_state=False,
)


@dataclass
class Simulator:
    """A token endpoint that answers as one row says."""

    row: dict[str, Any]

    def __post_init__(self) -> None:
        self.sent: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.sent.append(request)
        form = parse_qs(request.body.decode())
        mode, given = self.credentials(request, form)
        if mode not in self.row["modes"]:
            name = "mode" if "mode" in self.row else "client"
        elif given[0] != "the-client":
            name = "client"
        else:
            name = "right" if given[1] == SECRET or self.row.get("blind") else "secret"
        status, body = self.row[name]
        text = body if isinstance(body, str) else json.dumps(body)
        text = text.replace("{code}", form.get("code", [""])[0])
        return answered(status, "text/html" if isinstance(body, str) else "application/json", text.encode())

    def credentials(self, request: Request, form: dict[str, list[str]]) -> tuple[str, list[str]]:
        if given := request.headers.get("Authorization"):
            return "basic", b64decode(given.removeprefix("Basic ")).decode().split(":", 1)
        if request.method == "GET":
            form = parse_qs(request.url.partition("?")[2])
        mode = "get" if request.method == "GET" else "form"
        return mode, [form.get("client_id", [""])[0], form.get("client_secret", [""])[0]]


def tried_at(provider: Simulator, client: Client = CLIENT, **more: Any) -> CheckResult:
    return credentials_result(client, provider.send, random.Random(1).choice, **more)


def tried(row: dict[str, Any], client: Client, **more: Any) -> CheckResult:
    return tried_at(Simulator(row), client, **more)


def right(row: dict[str, Any]) -> Client:
    return replace(CLIENT, token_mode=TokenMode(row["modes"][0]))


def wrong(row: dict[str, Any]) -> dict[str, Client]:
    """The same client with one fault each."""
    good = right(row)
    faulty = {
        "secret": replace(good, client_secret=Secret("1a2marker3b4c5d6e7f8")),
        "client": replace(good, client_id="other-client"),
    }
    others = [mode for mode in (TokenMode.FORM, TokenMode.BASIC) if mode not in row["modes"]]
    return {**faulty, **({"mode": replace(good, token_mode=others[0])} if others else {})}


def test_there_are_answers_of_many_kinds_of_providers() -> None:
    assert len({row["name"] for row in ROWS}) == len(ROWS) >= 50
    assert all(row["source"] for row in ROWS)
    assert len({json.dumps([row["right"], row.get("secret"), row["modes"]]) for row in ROWS}) >= 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_right_credentials_never_fail_and_wrong_ones_are_never_all_right(row: dict[str, Any]) -> None:
    good = tried(row, right(row))
    assert good.verdict is (Verdict.UNDECIDED if row.get("blind") else Verdict.OK), good
    for name, client in wrong(row).items():
        bad = tried(row, client)
        assert bad.verdict in (Verdict.FAILED, Verdict.UNDECIDED), (name, bad)
        assert bad.next


def test_at_most_one_in_ten_is_undecided() -> None:
    found = Counter(tried(row, client).verdict for row in ROWS for client in (right(row), *wrong(row).values()))
    assert found[Verdict.UNDECIDED] <= found.total() / 10, found


def test_no_secret_is_shown_whatever_a_provider_repeats() -> None:
    basic = replace(CLIENT, token_mode=TokenMode.BASIC)
    for client in (CLIENT, basic, replace(CLIENT, client_secret=Secret("a b+marker/é%"))):
        sent: list[str] = []

        def echo(request: Request, sent: list[str] = sent) -> Answer:
            said = [request.body.decode(), *request.headers.values()]
            sent += said
            return answered(400, "application/json", json.dumps({"error": " ".join(said)}).encode())

        result = credentials_result(client, echo, random.Random(1).choice)
        shown = f"{result.message} {result.next}"
        assert "marker" not in shown
        assert not any(pair.partition(" ")[2] in shown for pair in sent if pair.startswith("Basic "))


def test_three_requests_are_sent_and_the_second_has_a_secret_of_the_same_form() -> None:
    provider = Simulator(ROWS[0])
    tried_at(provider)
    first, second, third = (parse_qs(request.body.decode()) for request in provider.sent)
    assert third == first
    assert first["client_secret"] == [SECRET]
    assert len(second["client_secret"][0]) == len(SECRET)
    assert not set(zip(SECRET, second["client_secret"][0], strict=True)) & {(char, char) for char in SECRET}
    assert {**first, "client_secret": None} == {**second, "client_secret": None}


@pytest.mark.parametrize(
    ("row", "mode", "works"),
    [("zitadel", "form", "basic"), ("oidc-provider", "basic", "form"), ("zoom-echo", "form", "basic")],
)
def test_another_token_mode_is_named_only_when_asked_for(row: str, mode: str, works: str) -> None:
    (found,) = [each for each in ROWS if each["name"] == row]
    client = replace(CLIENT, token_mode=TokenMode(mode))
    silent = tried(found, client)
    assert silent.verdict is Verdict.FAILED
    assert "--try-token-modes" in silent.next
    named = tried(found, client, try_modes=True)
    assert named.message == f"the provider accepts the credentials with token_mode {works}, and not with {mode}"
    assert named.next == f"write token_mode: {works}"


def test_get_is_never_tried_and_nothing_is_over_plain_http() -> None:
    row = {
        "name": "x",
        "modes": ["get"],
        "right": [400, {"error": "invalid_grant"}],
        "client": [401, {"error": "invalid_client"}],
    }
    provider = Simulator(row)
    result = tried_at(provider, try_modes=True)
    assert result.verdict is Verdict.FAILED
    assert "no other token_mode works either" in result.message
    assert {request.method for request in provider.sent} == {"POST"}
    clear = replace(CLIENT, token_endpoint="http://a.example/token", token_mode=TokenMode.BASIC)
    provider = Simulator(row)
    assert "plain http" in tried_at(provider, clear, try_modes=True).next
    assert all("Authorization" in request.headers for request in provider.sent)


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ([(429, {})], "undecided", "limits the number of requests"),
        ([(200, {"ok": False, "error": "ratelimited"})], "undecided", "limits the number of requests"),
        ([(400, {"error": "invalid_grant"}), (429, {})], "undecided", "did not answer the control request"),
        ([(401, {"error": "invalid_client"}), (429, {})], "failed", "does not accept"),
        ([(200, {"access_token": "marker"})], "undecided", "a token for a dummy code"),
        ([(503, {})], "undecided", "a server error"),
        ([(404, {})], "failed", "404"),
        ([(400, {"error": "unauthorized_client"}), (401, {"error": "invalid_client"})], "failed", "not this use of the client"),
    ],
)  # fmt: skip
def test_answers_that_are_no_verdict_on_the_secret(
    answers: list[tuple[int, dict[str, Any]]], verdict: str, words: str
) -> None:
    left = [*answers, *answers[-1:]]

    def send(request: Request) -> Answer:
        status, body = left.pop(0)
        return answered(status, "application/json", json.dumps(body).encode())

    result = credentials_result(CLIENT, send, random.Random(1).choice)
    assert (result.verdict, words in result.message) == (verdict, True), result


def test_a_redirect_to_another_host_is_announced_and_not_followed() -> None:
    def send(request: Request) -> Answer:
        return answered(307, location="https://b.example/token?x=1")

    result = credentials_result(CLIENT, send, random.Random(1).choice)
    assert result.verdict is Verdict.WARNING
    assert "https://b.example/token, another scheme, host or port" in result.message


def test_a_client_without_a_secret_is_compared_with_an_unknown_one() -> None:
    public = replace(CLIENT, client_secret=Secret(""))
    row = {
        "name": "x",
        "modes": ["form"],
        "blind": True,
        "right": [400, {"error": "invalid_grant"}],
        "client": [401, {"error": "invalid_client"}],
    }
    assert tried(row, public).message == "the provider accepts client_id, without a secret, with token_mode form"
    assert tried({**row, "client": row["right"]}, public).verdict is Verdict.UNDECIDED


def test_no_answer_to_the_control_leaves_it_undecided() -> None:
    left = [answered(400, "application/json", b'{"error": "invalid_grant"}')]

    def send(request: Request) -> Answer:
        if left:
            return left.pop()
        raise ProvisionError("no answer")

    result = credentials_result(CLIENT, send, random.Random(1).choice)
    assert result.verdict is Verdict.UNDECIDED


ODD: list[tuple[int, Any]] = [
    (403, {"message": "Request blocked"}),
    (403, "<html><body>The request code was invalid</body></html>"),
    (200, "<!doctype html><html>invalid authorization code</html>"),
    (204, ""),
    (202, {"error": "invalid_grant"}),
    (500, {"error": "server_error", "error_description": "the code is invalid"}),
    (503, {"error": "invalid_grant"}),
    (400, {"error": "temporarily_unavailable"}),
    (400, {"error": "invalid_request"}),
    (400, {"error": "unsupported_grant_type"}),
    (400, {"error": "access_denied"}),
    (302, ""),
    (400, "no idea"),
    (200, {}),
]
"""Answers that judge neither the code nor the client."""

CODE, WRONG_CLIENT = (400, {"error": "invalid_grant"}), (401, {"error": "invalid_client"})


def judged(answers: list[tuple[int, Any]]) -> CheckResult:
    left = [*answers]

    def send(request: Request) -> Answer:
        status, body = left.pop(0) if left else CODE
        text = body if isinstance(body, str) else json.dumps(body)
        location = "https://b.example/" if status == 302 else None
        kind = "text/html" if isinstance(body, str) else "application/json"
        return answered(status, kind, text.encode(), location)

    return credentials_result(CLIENT, send, random.Random(1).choice)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_odd_answer_at_any_of_the_three_requests_proves_nothing(odd: tuple[int, Any], place: int) -> None:
    answers: list[tuple[int, Any]] = [CODE, WRONG_CLIENT, CODE]
    assert judged(answers).verdict is Verdict.OK
    answers[place] = odd
    assert judged(answers).verdict is not Verdict.OK


@pytest.mark.parametrize("place", [0, 2])
def test_a_stray_answer_to_a_wrong_secret_proves_nothing(place: int) -> None:
    answers: list[tuple[int, Any]] = [WRONG_CLIENT] * 3
    answers[place] = CODE
    assert judged(answers).verdict in (Verdict.UNDECIDED, Verdict.FAILED)


def test_a_client_that_may_not_use_the_grant_is_named() -> None:
    said = {"error": "unauthorized_client", "error_description": "Unauthorized client: `grant_type` is invalid"}
    result = judged([(400, said)])
    assert result.verdict is Verdict.FAILED
    assert result.next == "allow the authorization code grant in the provider's console"
