"""Proves changed credentials at their provider before they are written: a wrong secret would stop every refresh."""

from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.commands.check import redirect_uri, with_credentials
from provisioner.commands.check_credentials import Trial, credentials_result, no_client
from provisioner.core.oauth.health import CheckResult, Verdict
from provisioner.core.oauth.hops import HttpAnswer
from provisioner.core.oauth.requests import Client, Request
from provisioner.core.plan.changes import Action, Change

Exchange = Callable[[Request], HttpAnswer]

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

    exchange: Exchange
    choose: Callable[[str], str]
    accepts: Callable[[Proof], bool]
    _proofs: list[Proof] = field(default_factory=list)

    def proof(self, change: Change) -> Proof | None:
        """The proof of what a change writes; ``None`` if it writes neither client_id nor client_secret."""
        written = change.action in (Action.CREATE, Action.CHANGE) and {field.name for field in change.fields} & _PAIR
        for client in with_credentials([Client.of(change.id, change.after)]) if written else ():
            known = next((each for each in self._proofs if each.client == client), None)
            return known or self._new(client)
        return None

    def refusal(self, change: Change) -> str:
        """Why a change must not be written; an empty text if it may. A change that is planned anew is proven anew."""
        proof = self.proof(change)
        return proof.refusal if proof else ""

    def again(self, change: Change) -> Proof | None:
        """The proof of what was written, asked for once more."""
        for client in with_credentials([Client.of(change.id, change.after)]):
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

    exchange: Exchange
    answered: bool = False

    def __call__(self, request: Request) -> HttpAnswer:
        answer = self.exchange(request)
        self.answered = True
        return answer
