"""A rehearsal comes to the verdict of a running stack, for every record of a login that it can express."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from provisioner.commands.rehearse import Login, rehearse
from provisioner.core.errors import ProvisionError
from provisioner.core.http import Answer
from provisioner.core.oauth.rehearsal import SimulatedProvider, Step, StepOutcome
from provisioner.core.oauth.requests import Client, Request
from tests.golden.agreement_rehearsal import INSTANCES, STATE, host_of
from tests.golden.records import records

TOKEN = {"access_token": "the-access", "refresh_token": "the refresh", "token_type": "Bearer", "expires_in": 3600}
ANSWER = (200, json.dumps(TOKEN).encode())

DOCUMENT = {
    "grant_mode": "authorization_code",
    "client_id": "the-client",
    "client_secret": "the-secret",
    "auth_endpoint": "http://127.0.0.1:9100/authorize",
    "token_endpoint": "http://127.0.0.1:9100/token",
    "redirect_uri": "http://oauthcallback.localhost:8080/accounts/answers/redirect",
}


class Recorded(SimulatedProvider):
    """The provider of a record: it sends people where the record says, and answers as it says."""

    def __init__(self, back: str, answers: list[tuple[int, bytes]]) -> None:
        super().__init__("", "", "")
        self.back, self.answers = back, answers

    def visit(self, query: str) -> str:
        return self.back

    def send(self, request: Request) -> Answer:
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Answer(status, body=body)


def rehearsed(id: str, document: Any, provider: Recorded, instance: str = INSTANCES[0]) -> dict[Step, StepOutcome]:
    client = Client.of(id, document)
    login = Login(STATE, "openid", instance=f"http://{instance}", host_of=lambda host: host_of(instance, host))
    return {step.step: step.outcome for step in rehearse(client, login, provider).steps}


def works(found: dict[Step, StepOutcome]) -> bool:
    """Whether the person ends with an account."""
    done = {step: outcome for step, outcome in found.items() if step not in (Step.REFRESH, Step.REFRESH_AGAIN)}
    return found[Step.START] is StepOutcome.OK and StepOutcome.FAILED not in done.values()


NO_BROWSER = "the stack sends people to an address that no browser opens; the record went on without one"
NO_CLIENT = "the stack sends an empty client_id, which the provider of the record takes; a rehearsal makes one up"
TWICE = (
    "a parameter that comes twice, a pair that is dropped or a path that changes, at which nobody looked in the record"
)
PADDED = "credentials that a provider does not know as they are, which the provider of the record takes"
NETWORK = "the host of the token endpoint decides, and a rehearsal has a host of its own"
NOT_EXPRESSED = {
    **dict.fromkeys(("hugeport", "nohost", "relative", "empty", "ftp", "js", "oneslash"), NO_BROWSER),
    **dict.fromkeys(("onlyport", "hostodd"), NO_BROWSER),
    **dict.fromkeys(("extras-state", "extras-clientid", "extras-resptype", "extras-scope", "extras-dup-query"), TWICE),
    **dict.fromkeys(("auth-semicolon", "auth-badescape", "auth-backslash", "auth-state", "auth-resp"), TWICE),
    **dict.fromkeys(("tok-backslash", "tok-backslash-get"), TWICE),
    **dict.fromkeys(("cred-empty-form", "cred-empty-basic", "cred-empty-get"), NO_CLIENT),
    **{
        f"cred-{how}-{mode}": PADDED
        for how in ("newline", "nul", "spaces", "emoji")
        for mode in ("form", "basic", "get")
    },
    **dict.fromkeys(("tokurl-ipv6", "tokurl-dot", "tokurl-numeric"), NETWORK),
}
"""Records of flows that a rehearsal cannot express, with the reason."""


def flows() -> Iterator[Any]:
    for record in records("flows"):
        if str(record["id"]).removeprefix("authurl-") not in NOT_EXPRESSED:
            yield record


def _a_flow(record: dict[str, Any]) -> None:
    callback = record["callback"]
    back = f"http://{callback['host']}{callback['target'].replace('{state}', STATE)}" if callback else "http://x/"
    try:
        found = rehearsed(record["id"], record["document"], Recorded(back, [ANSWER]), record["instance"])
    except ProvisionError:
        assert record["start"]["status"] != 303, record
        return
    stack = record["start"]["status"] == 303 and bool(callback) and callback["status"] == 303
    assert works(found) == stack, (record, found)
    if record["refresh"] and found.get(Step.REFRESH, StepOutcome.SKIPPED) is not StepOutcome.SKIPPED:
        assert (found[Step.REFRESH] is StepOutcome.OK) == (record["refresh"]["status"] == 200), record


def answer_of(record: dict[str, Any]) -> tuple[int, bytes] | None:
    response = record["response"]
    if response.get("raw_http") or response.get("headers"):
        return None  # what only HTTP tells, such as a coding or a cut: the records of `token` are compared with those
    body = response.get("body_base64")
    packed = response.get("body_gzip_base64")
    return response["status"], base64.b64decode(body) if body is not None else gzip.decompress(base64.b64decode(packed))


def answers() -> Iterator[Any]:
    for record in records("answers"):
        if answer_of(record):
            yield record


def _an_answer(record: dict[str, Any]) -> None:
    back = f"{DOCUMENT['redirect_uri']}?code=c&state={STATE}"
    answer = answer_of(record)
    assert answer
    found = rehearsed("answers", DOCUMENT, Recorded(back, [answer]))
    assert (found[Step.EXCHANGE] is StepOutcome.OK) == record["exchange"]["accepted"], record
    found = rehearsed("answers", DOCUMENT, Recorded(back, [ANSWER, answer]))
    assert (found[Step.REFRESH] is StepOutcome.OK) == (record["refresh"]["status"] == 200), record


def callbacks() -> Iterator[Any]:
    yield from records("callbacks")


def _a_callback(record: dict[str, Any]) -> None:
    id = "cb"
    document = record["document"]
    redirect = document.get("redirect_uri", "")
    if redirect:
        id = redirect.partition("/accounts/")[2].partition("/")[0]
    back = f"http://{record['host']}/accounts/{id}/redirect?{record['query'].replace('STATE', STATE)}"
    found = rehearsed(id, document, Recorded(back, [ANSWER]))
    assert works(found) == (record["stack"]["status"] == 303 and record["stack"]["account"] is not None), record


@pytest.mark.parametrize(("check", "found"), [(_a_flow, flows), (_an_answer, answers), (_a_callback, callbacks)])
def test_a_record_is_rehearsed_as_it_was(
    check: Callable[[dict[str, Any]], None], found: Callable[[], Iterator[Any]]
) -> None:
    for record in found():
        check(record)


def test_nearly_every_record_is_expressed() -> None:
    assert len([*flows()]) >= 0.85 * len(records("flows"))
    assert len([*answers()]) >= 0.8 * len(records("answers"))
    assert len([*callbacks()]) == len(records("callbacks"))
