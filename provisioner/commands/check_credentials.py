"""Tries client_id and client_secret of an account type at its token endpoint, with a code that never existed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from provisioner.core.definitions.credential_form import why_no_credential
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.complaints import About, TokenError, token_error
from provisioner.core.oauth.credential_check import control_of, judge, no_mode, other_mode, seems_accepted
from provisioner.core.oauth.endpoint_check import moved_to
from provisioner.core.oauth.health import CheckResult, Verdict, failed, warning
from provisioner.core.oauth.hops import HttpAnswer, is_private
from provisioner.core.oauth.requests import Client, Request, TokenMode, token_request

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_STATE = "provision-check"


@dataclass(frozen=True, slots=True)
class Trial:
    """How to try: `send` raises `ProvisionError` if no answer comes; `choose` picks a character of a text at random."""

    send: Callable[[Request], HttpAnswer]
    choose: Callable[[str], str]
    redirect_uri: str
    try_modes: bool = False


def credentials_result(client: Client, trial: Trial) -> CheckResult:
    """Whether the provider accepts the credentials of an account type, and what to do if it does not.

    What is no credential is wrong, and never sent.
    """
    if wrong := no_client(client):
        return wrong
    try:
        judged = _judged(client, trial)
        if judged.verdict is Verdict.FAILED and trial.try_modes:
            judged = _in_other_modes(client, trial, judged)
    except ProvisionError as error:
        judged = failed(error.what, error.next)
    return judged.without(client.secrets)


def no_client(client: Client) -> CheckResult | None:
    """What stands in place of the credentials of an account type, if something does."""
    values = {"client_id": client.client_id, "client_secret": str(client.client_secret.reveal())}
    reasons = [f"{name} is {why}" for name, value in values.items() if (why := why_no_credential(name, value))]
    if not reasons:
        return None
    next = "set it in a credential source, and run provision apply"
    return failed("; ".join(reasons), next)


def _judged(client: Client, trial: Trial) -> CheckResult:
    code = "".join(trial.choose(_CHARACTERS) for _ in range(32))
    control = control_of(client, trial.choose)
    hidden = [str(each.client_secret.reveal()) for each in (client, control)] + [code]
    answer = _sent(client, code, trial)
    if answer.redirects:
        return _moved(client, answer)
    ours = token_error(answer, hidden)
    alone = judge(client, ours, None)
    if alone.verdict is Verdict.UNDECIDED and ours.about in (About.LIMIT, About.TOKEN):
        return alone
    other = _asked(control, code, trial, hidden)
    again = _asked(client, code, trial, hidden) if seems_accepted(ours, other) else None
    return judge(client, ours, other, again)


def _asked(client: Client, code: str, trial: Trial, hidden: list[str]) -> TokenError | None:
    """What the provider says to a client; ``None`` if no answer came, which says nothing about ours."""
    try:
        return token_error(_sent(client, code, trial), hidden)
    except ProvisionError:
        return None


def _sent(client: Client, code: str, trial: Trial) -> HttpAnswer:
    return trial.send(token_request(client, trial.redirect_uri, code, _STATE))


def _moved(client: Client, answer: HttpAnswer) -> CheckResult:
    target = answer.target(client.token_endpoint)
    if target is None:
        return failed(f"answers {answer.status} without a Location", "check token_endpoint")
    place = target.partition("?")[0].partition("#")[0]
    next = f"write token_endpoint: {place}, if the provider's documentation names it"
    return warning(f"{client.token_place} {moved_to(place)}", next)


def _in_other_modes(client: Client, trial: Trial, refused: CheckResult) -> CheckResult:
    """The token_mode that the provider accepts: form or basic. Never get: it writes the secret into logs."""
    if not is_private(client.token_endpoint):
        next = "write token_endpoint: https://…; no other token_mode is tried over plain http"
        return replace(refused, next=next)
    for mode in (TokenMode.FORM, TokenMode.BASIC):
        if mode is not client.token_mode:
            found = _judged(replace(client, token_mode=mode), trial)
            if found.verdict is Verdict.OK:
                return other_mode(client, mode)
    return no_mode(refused)
