"""Tries client_id and client_secret at their provider: for a check, and before they are written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from provisioner.core.definitions.account_type import CODE_MODES
from provisioner.core.definitions.credential_form import why_no_credential
from provisioner.core.errors import ProvisionError
from provisioner.core.http import Answer
from provisioner.core.oauth.complaints import About, TokenError, token_error
from provisioner.core.oauth.credential_check import control_of, judge, no_mode, other_mode, seems_accepted
from provisioner.core.oauth.endpoint_check import moved
from provisioner.core.oauth.health import CheckResult, Verdict, failed
from provisioner.core.oauth.hops import is_private
from provisioner.core.oauth.requests import Client, Request, Send, TokenMode, token_request
from provisioner.core.plan.changes import Action, Change

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_STATE = "provision-check"


def testable(clients: Iterable[Client]) -> list[Client]:
    """The clients whose credentials can be tried at their provider."""
    return [each for each in clients if each.grant_mode in CODE_MODES and each.token_endpoint and each.client_id]


def redirect_uri(client: Client) -> str:
    """The redirect URI to send; without a registered one, it is that of an instance that does not exist."""
    return client.redirect_uri or f"https://cozy.invalid/accounts/{client.id}/redirect"


@dataclass(frozen=True, slots=True)
class Trial:
    """How to try: `send` raises `ProvisionError` if no answer comes; `choose` picks a character of a text at random."""

    send: Send
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
        found = moved(client.token_endpoint, answer)
        return replace(found, message=f"{client.token_place} {found.message}")
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


def _sent(client: Client, code: str, trial: Trial) -> Answer:
    return trial.send(token_request(client, trial.redirect_uri, code, _STATE))


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


_PAIR = frozenset({"client_id", "client_secret"})


@dataclass(frozen=True, slots=True)
class Proof:
    """What a provider says to the credentials that a change writes.

    `answered`: it says anything at all, or need not be asked.
    `accepted`: a person, or an option, lets it pass although nothing is proven.
    """

    client: Client
    result: CheckResult
    answered: bool
    accepted: bool = False

    @property
    def proven(self) -> bool:
        """Whether the provider accepts them."""
        return self.answered and self.result.verdict is Verdict.OK

    @property
    def wrong(self) -> bool:
        """Whether the provider does not accept them."""
        return self.answered and self.result.verdict is Verdict.FAILED

    @property
    def refusal(self) -> str:
        """Why they must not be written; an empty text if they may."""
        if self.proven or self.accepted:
            return ""
        return self.result.message if self.wrong else f"{self.result.message}; --allow unproven writes it anyway"


@dataclass
class Prover:
    """Proves what changes write, each client once. `choose` picks a character of a text at random."""

    exchange: Send
    choose: Callable[[str], str]
    accepts: Callable[[Proof], bool]
    _proofs: list[Proof] = field(default_factory=list)

    def proof(self, change: Change) -> Proof | None:
        """The proof of what a change writes; ``None`` if it writes neither client_id nor client_secret."""
        written = change.action in (Action.CREATE, Action.CHANGE) and {field.name for field in change.fields} & _PAIR
        for client in testable([Client.of(change.id, change.after)]) if written else ():
            known = next((each for each in self._proofs if each.client == client), None)
            return known or self._new(client)
        return None

    def refusal(self, change: Change) -> str:
        """Why a change must not be written; an empty text if it may. A change that is planned anew is proven anew."""
        proof = self.proof(change)
        return proof.refusal if proof else ""

    def again(self, change: Change) -> Proof | None:
        """The proof of what was written, asked for once more."""
        for client in testable([Client.of(change.id, change.after)]):
            return self._ask(client)
        return None

    def _new(self, client: Client) -> Proof:
        proof = self._ask(client)
        if not (proof.proven or proof.wrong) and self.accepts(proof):
            proof = Proof(client, proof.result, proof.answered, accepted=True)
        self._proofs.append(proof)
        return proof

    def _ask(self, client: Client) -> Proof:
        noted = _Noted(self.exchange)
        result = credentials_result(client, Trial(noted, self.choose, redirect_uri(client)))
        return Proof(client, result, noted.answered or no_client(client) is not None)


@dataclass
class _Noted:
    """Sends requests, and notes whether any was answered."""

    exchange: Send
    answered: bool = False

    def __call__(self, request: Request) -> Answer:
        answer = self.exchange(request)
        self.answered = True
        return answer
