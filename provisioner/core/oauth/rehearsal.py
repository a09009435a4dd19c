"""What a rehearsal of a login shows: its steps, and which of them would fail for a user and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from provisioner.core.oauth.practice_provider import Quirk
from provisioner.core.text import printable


class Step(StrEnum):
    """The steps of a login, as a user goes through them."""

    START = "start"
    CALLBACK = "callback"
    EXCHANGE = "exchange"
    REFRESH = "refresh"
    REFRESH_AGAIN = "refresh again"
    RECONNECT = "reconnect"


class StepOutcome(StrEnum):
    """Whether a step succeeds."""

    OK = "ok"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepResult:
    """What happens at one step, and what to do next if it fails."""

    step: Step
    outcome: StepOutcome
    message: str
    next: str = ""

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        object.__setattr__(self, "message", printable(self.message))
        object.__setattr__(self, "next", printable(self.next))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The steps of the login with one account type, up to the first one that stops it; `path` is its definition."""

    id: str
    steps: tuple[StepResult, ...]
    path: str | None = None

    @property
    def failed(self) -> bool:
        """Whether a step failed."""
        return any(step.outcome is StepOutcome.FAILED for step in self.steps)


ADVICE: Mapping[Quirk, str] = {
    Quirk.BASIC_ONLY: "write token_mode: basic",
    Quirk.POST_ONLY: "write token_mode: form",
    Quirk.REFUSES_UNKNOWN_PARAMETERS: (
        "skip_state_on_token: true leaves state out; nothing leaves out nonce, which a Cozy always sends"
    ),
    Quirk.NO_REFRESH_TOKEN_WITHOUT_CONSENT: (
        "ask for offline access: access_type: offline and prompt: consent in extras, or the scope offline_access"
    ),
    Quirk.FORM_ENCODED_ANSWERS: "nothing in the account type changes that: ask the provider for answers in JSON",
    Quirk.FORM_ENCODED_WITHOUT_ACCEPT: "write token_mode: basic, with which the stack asks for JSON in every request",
    Quirk.STATUS_201: "nothing in the account type changes that: the stack accepts the status 200 only",
    Quirk.EXPIRES_IN_STRING: "nothing in the account type changes that: the stack accepts an integer only",
    Quirk.NEEDS_PKCE: "ask the provider for a client with a secret and without PKCE: the stack does not support PKCE",
}
"""What to do about a quirk that stops a login."""
