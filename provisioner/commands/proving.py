"""Tries client_id and client_secret at their provider: for a check, and before they are written.

A dummy code is sent. One answer alone does not tell: a provider may look at the code first, never look at the secret
of a public client, or answer every error alike, and what stands before it may answer in its place. So the same request
is sent with our secret, with a scrambled one, and with ours again. Only if the dummy code is rejected as a code with
ours, before and after the scrambled one is rejected as a client, the provider looks at the secret, and ours is the one
that it accepts.
"""

import re
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import CODE_MODES
from provisioner.core.definitions.credential_form import why_no_credential
from provisioner.core.errors import ProvisionError
from provisioner.core.http import Answer
from provisioner.core.oauth.complaints import About, TokenError, token_error
from provisioner.core.oauth.endpoints import moved
from provisioner.core.oauth.hops import is_private
from provisioner.core.oauth.requests import Client, Request, Send, TokenMode, clients_of, token_request
from provisioner.core.plan.changes import Action, Change
from provisioner.core.plan.health import CheckResult, Verdict, failed, ok, undecided
from provisioner.core.secret import Secret

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_STATE = "provision-check"


def testable(clients: Iterable[Client]) -> list[Client]:
    """The clients whose credentials can be tried at their provider."""
    return [each for each in clients if each.grant_mode in CODE_MODES and each.token_endpoint and each.client_id]


def redirect_uri(client: Client) -> str:
    """The redirect URI to send; without a registered one, it is that of an instance that does not exist."""
    return client.redirect_uri or f"https://cozy.invalid/accounts/{client.id}/redirect"


class Trial(Struct, frozen=True):
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
    control = _control_of(client, trial.choose)
    hidden = [str(each.client_secret.reveal()) for each in (client, control)] + [code]
    answer = _sent(client, code, trial)
    if answer.redirects:
        found = moved(client.token_endpoint, answer)
        return replace(found, message=f"{client.token_place} {found.message}")
    ours = token_error(answer, hidden)
    alone = _judge(client, ours, None)
    if alone.verdict is Verdict.UNDECIDED and ours.about in (About.LIMIT, About.TOKEN):
        return alone
    other = _asked(control, code, trial, hidden)
    again = _asked(client, code, trial, hidden) if _seems_accepted(ours, other) else None
    return _judge(client, ours, other, again)


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
                return _other_mode(client, mode)
    return _no_mode(refused)


_HEX = "0123456789abcdef"
_DIGITS, _LOWER = "0123456789", "abcdefghijklmnopqrstuvwxyz"


def _control_of(client: Client, choose: Callable[[str], str]) -> Client:
    """The same client with a scrambled secret, or with a scrambled client_id if it has no secret.

    `choose` picks one character of a text at random.
    """
    secret = str(client.client_secret.reveal())
    if secret:
        return replace(client, client_secret=Secret(_scrambled(secret, choose)))
    return replace(client, client_id=_scrambled(client.client_id, choose))


def _scrambled(text: str, choose: Callable[[str], str]) -> str:
    """Another text of the same form: providers answer differently to a secret that cannot be one of theirs."""
    letters = [char for char in text if char.isalnum()]
    only_hex = all(char.lower() in _HEX for char in letters)
    other = "".join(_other(char, choose, only_hex=only_hex) for char in text)
    return other if other != text else f"{text}x"


def _other(char: str, choose: Callable[[str], str], *, only_hex: bool) -> str:
    if not (char.isascii() and char.isalnum()):
        return char
    known = _DIGITS if char.isdigit() else _HEX[10:] if only_hex else _LOWER
    found = choose(known.replace(char.lower(), ""))
    return found.upper() if char.isupper() else found


_CONSOLE = "compare client_id, client_secret and token_mode with the provider's console"
_TO_BE_SURE = "get a token with provision token to be sure"


def _seems_accepted(ours: TokenError, control: TokenError | None) -> bool:
    """Whether two answers say that ours is accepted, so that it is worth to ask for ours again."""
    return ours.about is About.CODE and control is not None and control.about is About.CLIENT


def _judge(
    client: Client, ours: TokenError, control: TokenError | None, again: TokenError | None = None
) -> CheckResult:
    """What the answer to our client comes to, beside the one to the control, and to ours `again`.

    ``None`` if it could not be asked.
    """
    early = _from_ours_alone(ours)
    if early is not None:
        return early
    if control is None or control.about is About.LIMIT or (control.status >= 500 > ours.status):
        return _uncontrolled(client, ours)
    if ours.same_as(control):
        return _indifferent(client, ours)
    return _different(client, ours, control, again)


def _different(client: Client, ours: TokenError, control: TokenError, again: TokenError | None) -> CheckResult:
    """The provider tells ours from a wrong secret."""
    if ours.about is About.CLIENT:
        if control.about is About.CLIENT and "error=unauthorized_client" in ours.codes:
            return _wrong_use(ours)
        return _rejected(client, ours)
    if not _seems_accepted(ours, control):
        return undecided(f"the provider rejects neither the code nor the client as such: {_said(ours)}", _TO_BE_SURE)
    if again is None or again.about is not About.CODE:
        said = _said(again) if again else "no answer"
        what = f"the provider answers the same request in two ways: {_said(ours)}; then {said}"
        return undecided(what, "try again later")
    tested = "client_id and client_secret" if client.client_secret.reveal() else "client_id, without a secret"
    return ok(f"the provider accepts {tested}, with token_mode {client.token_mode}")


_GRANT_TYPE = re.compile(r"grant.?type", re.IGNORECASE)


def _from_ours_alone(ours: TokenError) -> CheckResult | None:
    if ours.about is About.LIMIT:
        return undecided(f"the provider limits the number of requests: {_said(ours)}", "try again later")
    if ours.about is About.TOKEN:
        return undecided("the provider returned a token for a dummy code: it checks nothing", _TO_BE_SURE)
    if "error=unauthorized_client" in ours.codes and _GRANT_TYPE.search(ours.words):
        return _wrong_use(ours)
    if ours.status in (404, 405, 410):
        next = "check token_endpoint and token_mode with the provider's documentation"
        return failed(f"the token endpoint answers {_said(ours)}", next)
    if ours.status >= 500 and not ours.codes:
        return undecided(f"the provider returned a server error: {_said(ours)}", "try again later")
    return None


def _wrong_use(ours: TokenError) -> CheckResult:
    what = f"the provider accepts the secret, but not this use of the client: {ours.words}"
    return failed(what, "allow the authorization code grant in the provider's console")


def _uncontrolled(client: Client, ours: TokenError) -> CheckResult:
    if ours.about is About.CLIENT:
        return _rejected(client, ours)
    what = f"the provider did not answer the control request, so its answer proves nothing: {_said(ours)}"
    return undecided(what, "try again later")


def _indifferent(client: Client, ours: TokenError) -> CheckResult:
    """The provider answers the same to a wrong secret."""
    if ours.about is About.CLIENT:
        return _rejected(client, ours)
    part = "secret" if client.client_secret.reveal() else "client_id"
    what = f"the provider answers the same to a wrong {part}, so it does not look at it before the code: {_said(ours)}"
    return undecided(what, _TO_BE_SURE)


def _rejected(client: Client, ours: TokenError) -> CheckResult:
    what = (
        f"the provider does not accept client_id and client_secret with token_mode {client.token_mode}: {_said(ours)}"
    )
    return failed(
        what, f"{_CONSOLE}; provision check --credentials --try-token-modes shows whether another token_mode works"
    )


def _said(answer: TokenError) -> str:
    return f"{answer.status} {answer.words}".strip()


def _other_mode(client: Client, mode: str) -> CheckResult:
    """The provider accepts the credentials, but with another token_mode."""
    what = f"the provider accepts the credentials with token_mode {mode}, and not with {client.token_mode}"
    return failed(what, f"write token_mode: {mode}")


def _no_mode(refused: CheckResult) -> CheckResult:
    """The provider refuses the credentials in every token_mode that was tried."""
    return replace(refused, message=f"{refused.message}; no other token_mode works either", next=_CONSOLE)


_PAIR = frozenset({"client_id", "client_secret"})


class Proof(Struct, frozen=True):
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


class Prover(Struct):
    """Proves what changes write, each client once. `choose` picks a character of a text at random."""

    exchange: Send
    choose: Callable[[str], str]
    accepts: Callable[[Proof], bool]
    _proofs: list[Proof] = []

    def proof(self, change: Change) -> Proof | None:
        """The proof of what a change writes; ``None`` if it writes neither client_id nor client_secret."""
        written = change.action in (Action.CREATE, Action.CHANGE) and {field.name for field in change.fields} & _PAIR
        for client in testable(clients_of(change.kind, change.id, change.after)) if written else ():
            known = next((each for each in self._proofs if each.client == client), None)
            return known or self._new(client)
        return None

    def refusal(self, change: Change) -> str:
        """Why a change must not be written; an empty text if it may. A change that is planned anew is proven anew."""
        proof = self.proof(change)
        return proof.refusal if proof else ""

    def again(self, change: Change) -> Proof | None:
        """The proof of what was written, asked for once more."""
        for client in testable(clients_of(change.kind, change.id, change.after)):
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


class _Noted(Struct):
    """Sends requests, and notes whether any was answered."""

    exchange: Send
    answered: bool = False

    def __call__(self, request: Request) -> Answer:
        answer = self.exchange(request)
        self.answered = True
        return answer
