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
from provisioner.core.oauth.requests import Client, Request, Send, TokenMode, clients_of, is_private, token_request
from provisioner.core.plan.changes import Action, Change
from provisioner.core.plan.health import CheckResult, Verdict, failed, ok, undecided
from provisioner.core.secret import Secret

Choose = Callable[[str], str]
"""Picks a character of a text at random."""

_STATE = "provision-check"
_HEX, _DIGITS, _LOWER = "0123456789abcdef", "0123456789", "abcdefghijklmnopqrstuvwxyz"
_GRANT_TYPE = re.compile(r"grant.?type", re.IGNORECASE)
_UNAUTHORIZED = "error=unauthorized_client"
_CONSOLE = "compare client_id, client_secret and token_mode with the provider's console"
_TO_BE_SURE = "get a token with provision token to be sure"


def testable(clients: Iterable[Client]) -> list[Client]:
    """The clients whose credentials can be tried at their provider."""
    return [each for each in clients if each.grant_mode in CODE_MODES and each.token_endpoint and each.client_id]


def redirect_uri(client: Client) -> str:
    """The redirect URI to send; without a registered one, it is that of an instance that does not exist."""
    return client.redirect_uri or f"https://cozy.invalid/accounts/{client.id}/redirect"


def credentials_result(client: Client, send: Send, choose: Choose, *, try_modes: bool = False) -> CheckResult:
    """Whether the provider accepts the credentials of an account type, and what to do if it does not.

    What is no credential is wrong, and never sent. If they are rejected and it is to `try_modes`, the token_mode that
    the provider accepts is found: form or basic, and never get, which writes the secret into logs.
    """
    if wrong := _no_client(client):
        return wrong
    try:
        found = _tried(client, send, choose)
        if found.verdict is Verdict.FAILED and try_modes:
            if not is_private(client.token_endpoint):
                next = "write token_endpoint: https://…; no other token_mode is tried over plain http"
                return replace(found, next=next).without(client.secrets)
            for mode in (TokenMode.FORM, TokenMode.BASIC):
                other = replace(client, token_mode=mode)
                if other != client and _tried(other, send, choose).verdict is Verdict.OK:
                    what = f"the provider accepts the credentials with token_mode {mode}, and not with "
                    return failed(f"{what}{client.token_mode}", f"write token_mode: {mode}")
            found = replace(found, message=f"{found.message}; no other token_mode works either", next=_CONSOLE)
    except ProvisionError as error:
        found = failed(error.what, error.next)
    return found.without(client.secrets)


def _no_client(client: Client) -> CheckResult | None:
    """What stands in place of the credentials of an account type, if something does."""
    values = {"client_id": client.client_id, "client_secret": str(client.client_secret.reveal())}
    reasons = [f"{name} is {why}" for name, value in values.items() if (why := why_no_credential(name, value))]
    return failed("; ".join(reasons), "set it in a credential source, and run provision apply") if reasons else None


def _tried(client: Client, send: Send, choose: Choose) -> CheckResult:  # a verdict an answer
    """What the provider makes of a dummy code with our secret, a scrambled one, and ours again."""
    code = "".join(choose(_LOWER + _DIGITS) for _ in range(32))
    control = replace(client, client_id=_scrambled(client.client_id, choose))
    if secret := str(client.client_secret.reveal()):
        control = replace(client, client_secret=Secret(_scrambled(secret, choose)))
    hidden = [code, secret, str(control.client_secret.reveal())]

    def ask(client: Client) -> Answer:
        return send(token_request(client, redirect_uri(client), code, _STATE))

    def ask_again(client: Client) -> TokenError | None:
        try:
            return token_error(ask(client), hidden)
        except ProvisionError:
            return None  # no answer says nothing about ours

    answer = ask(client)
    if answer.redirects:
        found = moved(client.token_endpoint, answer)
        return replace(found, message=f"{client.token_place} {found.message}")
    ours = token_error(answer, hidden)
    if early := _from_ours_alone(ours):
        return early
    other = ask_again(control)
    if other and (other.about is About.LIMIT or other.status >= 500 > ours.status):
        other = None
    if ours.about is About.CLIENT:
        if other and other.about is About.CLIENT and not ours.same_as(other) and _UNAUTHORIZED in ours.codes:
            return _wrong_use(ours)
        what = f"the provider does not accept client_id and client_secret with token_mode {client.token_mode}: {ours}"
        next = f"{_CONSOLE}; provision check --credentials --try-token-modes shows whether another token_mode works"
        return failed(what, next)
    if other is None:
        what = f"the provider did not answer the control request, so its answer proves nothing: {ours}"
        return undecided(what, "try again later")
    if ours.same_as(other):
        part = "secret" if secret else "client_id"
        what = f"the provider answers the same to a wrong {part}, so it does not look at it before the code: {ours}"
        return undecided(what, _TO_BE_SURE)
    if ours.about is not About.CODE or other.about is not About.CLIENT:
        return undecided(f"the provider rejects neither the code nor the client as such: {ours}", _TO_BE_SURE)
    again = ask_again(client)
    if again is None or again.about is not About.CODE:
        what = f"the provider answers the same request in two ways: {ours}; then {again or 'no answer'}"
        return undecided(what, "try again later")
    accepted = "client_id and client_secret" if secret else "client_id, without a secret"
    return ok(f"the provider accepts {accepted}, with token_mode {client.token_mode}")


def _from_ours_alone(ours: TokenError) -> CheckResult | None:
    """What the first answer says that no other one can change."""
    if ours.about is About.LIMIT:
        return undecided(f"the provider limits the number of requests: {ours}", "try again later")
    if ours.about is About.TOKEN:
        return undecided("the provider returned a token for a dummy code: it checks nothing", _TO_BE_SURE)
    if _UNAUTHORIZED in ours.codes and _GRANT_TYPE.search(ours.words):
        return _wrong_use(ours)
    if ours.status in (404, 405, 410):
        next = "check token_endpoint and token_mode with the provider's documentation"
        return failed(f"the token endpoint answers {ours}", next)
    if ours.status >= 500 and not ours.codes:
        return undecided(f"the provider returned a server error: {ours}", "try again later")
    return None


def _wrong_use(ours: TokenError) -> CheckResult:
    what = f"the provider accepts the secret, but not this use of the client: {ours.words}"
    return failed(what, "allow the authorization code grant in the provider's console")


def _scrambled(text: str, choose: Choose) -> str:
    """Another text of the same form: providers answer differently to a secret that cannot be one of theirs."""
    letters = _HEX[10:] if all(char.lower() in _HEX for char in text if char.isalnum()) else _LOWER

    def other(char: str) -> str:
        if not (char.isascii() and char.isalnum()):
            return char
        found = choose((_DIGITS if char.isdigit() else letters).replace(char.lower(), ""))
        return found.upper() if char.isupper() else found

    scrambled = "".join(map(other, text))
    return scrambled if scrambled != text else f"{text}x"


class Proof(Struct, frozen=True):
    """What a provider says to the credentials that a change writes.

    `wrong`: it does not accept them; a failure without any answer does not say so.
    `accepted`: a person, or an option, lets it pass although nothing is proven.
    """

    client: Client
    result: CheckResult
    wrong: bool
    accepted: bool = False

    @property
    def proven(self) -> bool:
        """Whether the provider accepts them."""
        return self.result.verdict is Verdict.OK


class Prover(Struct):
    """Proves what changes write, each client once."""

    exchange: Send
    choose: Choose
    accepts: Callable[[Proof], bool]
    _proofs: list[Proof] = []

    def proof(self, change: Change) -> Proof | None:
        """The proof of what a change writes; ``None`` if it writes neither client_id nor client_secret."""
        names = {field.name for field in change.fields}
        if change.action not in (Action.CREATE, Action.CHANGE) or names.isdisjoint(("client_id", "client_secret")):
            return None
        for client in testable(clients_of(change.kind, change.id, change.after)):
            for known in self._proofs:
                if known.client == client:
                    return known
            proof = self._ask(client)
            if not (proof.proven or proof.wrong) and self.accepts(proof):
                proof = replace(proof, accepted=True)
            self._proofs.append(proof)
            return proof
        return None

    def refusal(self, change: Change) -> str:
        """Why a change must not be written; an empty text if it may. A change that is planned anew is proven anew."""
        proof = self.proof(change)
        if proof is None or proof.proven or proof.accepted:
            return ""
        return proof.result.message if proof.wrong else f"{proof.result.message}; --allow unproven writes it anyway"

    def again(self, change: Change) -> Proof | None:
        """The proof of what was written, asked for once more."""
        clients = testable(clients_of(change.kind, change.id, change.after))
        return self._ask(clients[0]) if clients else None

    def _ask(self, client: Client) -> Proof:
        answers: list[Answer] = []

        def exchange(request: Request) -> Answer:
            answers.append(self.exchange(request))
            return answers[-1]

        result = credentials_result(client, exchange, self.choose)
        answered = bool(answers) or _no_client(client) is not None
        return Proof(client, result, wrong=answered and result.verdict is Verdict.FAILED)
