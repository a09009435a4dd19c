"""Proves changed credentials at their provider before they are written: a wrong secret would stop every refresh."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioner.commands.check import redirect_uri, with_credentials
from provisioner.commands.check_credentials import Trial, credentials_result
from provisioner.core.oauth.health import CheckResult, Verdict
from provisioner.core.oauth.http_answer import HttpAnswer
from provisioner.core.oauth.requests import Client, Request
from provisioner.core.plan.changes import Action, Plan

Exchange = Callable[[Request], HttpAnswer]

_PAIR = frozenset({"client_id", "client_secret"})


@dataclass(frozen=True, slots=True)
class Proof:
    """What a provider says to the new credentials of an account type, and whether they replace old ones.

    `answered`: it says anything at all.
    """

    id: str
    result: CheckResult
    replaces: bool
    answered: bool

    @property
    def wrong(self) -> bool:
        """Whether the provider does not accept them."""
        return self.answered and self.result.verdict is Verdict.FAILED

    @property
    def open(self) -> bool:
        """Whether nothing is proven."""
        return not self.answered or self.result.verdict in (Verdict.UNDECIDED, Verdict.WARNING)


def proofs(plan: Plan, exchange: Exchange, choose: Callable[[str], str]) -> Iterator[Proof]:
    """A proof for each account type whose client_id or client_secret the plan writes."""
    for change in plan.writes:
        changed = {field.name for field in change.fields}
        if change.action in (Action.CREATE, Action.CHANGE) and changed & _PAIR:
            for client in with_credentials([Client.of(change.id, change.after)]):
                noted = _Noted(exchange)
                result = credentials_result(client, Trial(noted, choose, redirect_uri(client)))
                yield Proof(change.id, result, change.action is Action.CHANGE, noted.answered)


@dataclass
class _Noted:
    """Sends requests, and notes whether any was answered."""

    exchange: Exchange
    answered: bool = False

    def __call__(self, request: Request) -> HttpAnswer:
        answer = self.exchange(request)
        self.answered = True
        return answer


def refusals(proved: Sequence[Proof], accept_open: Callable[[Proof], bool]) -> Mapping[str, str]:
    """The account types that must not be written, with the reason. `accept_open` decides where nothing is proven."""
    wrong = {each.id: each.result.message for each in proved if each.wrong}
    unproven = {
        each.id: f"{each.result.message}; --allow unproven writes it anyway"
        for each in proved
        if each.open and not accept_open(each)
    }
    return wrong | unproven
