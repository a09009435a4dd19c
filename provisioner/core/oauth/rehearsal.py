"""A rehearsal of a login: its steps, and the OAuth provider to rehearse with, as RFC 6749 and its quirks say.

Each quirk is the behaviour of providers in use. In its errors, `error_description` starts with the name of the quirk.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from msgspec.structs import force_setattr

from provisioner.core.errors import ProvisionError
from provisioner.core.http import Answer
from provisioner.core.oauth.requests import Hop, Request
from provisioner.core.text import printable

CODE = "simulated-code"
CONNECTION = "1"
"""What Budget Insight adds to its answer."""

ACCESS_TOKEN = "simulated-access-token"  # noqa: S105  # a dummy one
LIFETIME = 3600
"""Seconds."""


class Quirk(StrEnum):
    """How a simulated provider deviates from RFC 6749."""

    BASIC_ONLY = "basic-only"
    POST_ONLY = "post-only"
    REFUSES_UNKNOWN_PARAMETERS = "refuses-unknown-parameters"
    NO_REFRESH_TOKEN_WITHOUT_CONSENT = "no-refresh-token-without-consent"  # noqa: S105  # no secret
    FORM_ENCODED_ANSWERS = "form-encoded-answers"
    FORM_ENCODED_WITHOUT_ACCEPT = "form-encoded-without-accept"
    STATUS_201 = "status-201"
    EXPIRES_IN_STRING = "expires-in-string"
    ROTATES_REFRESH_TOKENS = "rotates-refresh-tokens"
    NEEDS_PKCE = "needs-pkce"


_KNOWN = frozenset(
    ("grant_type", "code", "redirect_uri", "client_id", "client_secret", "refresh_token", "scope", "code_verifier")
)
"""The parameters of a token endpoint in RFC 6749, sections 4.1.3 and 6, and RFC 7636."""

_AROUND = "".join(map(chr, range(0x21)))
"""What is left out around a URL that is read as browsers read it."""

_OFFLINE = frozenset({"offline_access", "offline", "refresh_token"})


class SimulatedProvider:
    """One provider with one registered client; it remembers what it has issued.

    `redirect_uri` is the registered one, `secret` that of the client. `acted` is the last quirk that decided the answer
    to a request.
    """

    def __init__(self, client_id: str, secret: str, redirect_uri: str, quirks: frozenset[Quirk] = frozenset()) -> None:
        self.credentials = (client_id, secret)
        self.redirect_uri = redirect_uri
        self.quirks = quirks
        self.acted: Quirk | None = None
        self._pkce = False
        self._consent = False
        self._refresh_token = 0

    def visit(self, query: str) -> str:
        """The address at which a person, who signs in and consents at once, comes back with a code or a token.

        Raises `ProvisionError` if the browser is sent nowhere.
        """
        given = _first(query)
        back = given.get("redirect_uri") or given.get("redirect_url") or self.redirect_uri
        if back != self.redirect_uri:
            what = "the provider shows an error page (the redirect URI is not the registered one)"
            raise ProvisionError(what, "compare client_id and redirect_uri with the registered ones")
        self._pkce = "code_challenge" in given
        offline = given.get("access_type", given.get("token_access_type")) == "offline"
        asked = given.get("prompt") == "consent" or "token_access_type" in given
        scopes = given.get("scope", "").replace(",", " ").split()
        self._consent = (offline and asked) or not _OFFLINE.isdisjoint(scopes)
        if not self._pkce and Quirk.NEEDS_PKCE in self.quirks:
            what = f"{Quirk.NEEDS_PKCE}: the parameter code_challenge is missing"
            answer = {"error": "invalid_request", "error_description": what}
        elif given.get("response_type") == "token":
            answer = {"access_token": ACCESS_TOKEN, "token_type": "Bearer"}
        else:
            answer = {"code": CODE} if "response_type" in given else {"code": CODE, "connection_id": CONNECTION}
        state = {"state": given["state"]} if "state" in given else {}
        return _back(back, {**answer, **state}, given.get("response_mode", "query").partition(".")[0])

    def send(self, request: Request) -> Answer:
        """The answer with which a code is exchanged, or a token refreshed."""
        sent = Hop.first(request)
        headers = dict(sent.fields(sent.url.host))
        given = _first(sent.url.raw_query if sent.method == "GET" else sent.body.decode("utf-8", "replace"))
        values: dict[str, object]
        if refusal := self._refusal(given, headers.get("Authorization", "")):
            error, what = refusal
            status, values = 401 if error == "invalid_client" else 400, {"error": error, "error_description": what}
        else:
            if given["grant_type"] == "refresh_token" and self._acts(Quirk.ROTATES_REFRESH_TOKENS):
                self._refresh_token += 1
            lifetime = str(LIFETIME) if self._acts(Quirk.EXPIRES_IN_STRING) else LIFETIME
            values = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": lifetime}
            if self._consent or not self._acts(Quirk.NO_REFRESH_TOKEN_WITHOUT_CONSENT):
                values["refresh_token"] = self._refresh_token_now
            status = 201 if self._acts(Quirk.STATUS_201) else 200
        as_form = self._acts(Quirk.FORM_ENCODED_ANSWERS) or (
            "json" not in headers.get("Accept", "") and self._acts(Quirk.FORM_ENCODED_WITHOUT_ACCEPT)
        )
        return Answer(status, body=(urlencode(values) if as_form else json.dumps(values)).encode())

    def _refusal(self, given: Mapping[str, str], authorization: str) -> tuple[str, str] | None:
        """The error of a request that is refused, and its description."""
        if not authorization and self._acts(Quirk.BASIC_ONLY):
            return "invalid_client", f"{Quirk.BASIC_ONLY}: credentials are read from the Authorization header only"
        if "client_secret" not in given and self._acts(Quirk.POST_ONLY):
            return "invalid_client", f"{Quirk.POST_ONLY}: credentials are read from the body only"
        pair = given.get("client_id", ""), given.get("client_secret", "")
        if authorization:  # the first colon ends the name
            text = b64decode(authorization.removeprefix("Basic ")).decode("utf-8", "surrogateescape")
            pair = text.partition(":")[0], text.partition(":")[2]
        if pair != self.credentials:
            return "invalid_client", "client_id or client_secret arrived changed, or not at all"
        unknown = sorted(given.keys() - _KNOWN)
        if unknown and self._acts(Quirk.REFUSES_UNKNOWN_PARAMETERS):
            return "invalid_request", f"{Quirk.REFUSES_UNKNOWN_PARAMETERS}: {', '.join(unknown)}"
        match given.get("grant_type"):
            case "refresh_token":
                known = given.get("refresh_token") == self._refresh_token_now
                return None if known else ("invalid_grant", "the refresh token is not the expected one")
            case "authorization_code":
                if given.get("code") != CODE or given.get("redirect_uri", self.redirect_uri) != self.redirect_uri:
                    return "invalid_grant", "the code or its redirect URI is not the expected one"
                if self._pkce and "code_verifier" not in given:
                    what = "the code was asked for with code_challenge, and code_verifier is missing"
                    return "invalid_grant", what
                return None
            case other:
                return "invalid_request", f"grant_type is {'unknown' if other else 'missing'}"

    @property
    def _refresh_token_now(self) -> str:
        return f"simulated-refresh-token-{self._refresh_token}"

    def _acts(self, quirk: Quirk) -> bool:
        """Whether the provider has a quirk; if so, that quirk decides the answer."""
        if quirk in self.quirks:
            self.acted = quirk
        return quirk in self.quirks


def _first(query: str) -> dict[str, str]:
    """The parameters of a query or form; of a repeated one the first counts."""
    return dict(reversed(parse_qsl(query, keep_blank_values=True, errors="surrogateescape")))


def _back(to: str, parameters: Mapping[str, str], mode: str) -> str:
    """The way back, as response_mode asks; some ways end in a page that sends the answer by itself."""
    if mode in ("form_post", "web_message"):
        what = "the provider posts its answer to the redirect URI, and the stack answers 405"
        raise ProvisionError(what, "remove response_mode from extras and from auth_endpoint")
    answer = urlencode(parameters, errors="surrogateescape")
    start, hash, fragment = to.strip(_AROUND).partition("#")
    if mode == "fragment":
        return f"{start}#{answer}"
    return f"{start}{'&' if '?' in start else '?'}{answer}{hash}{fragment}"


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


class StepResult(Struct, frozen=True):
    """What happens at one step, and what to do next if it fails."""

    step: Step
    outcome: StepOutcome
    message: str
    next: str = ""

    def __post_init__(self) -> None:
        """Make what comes from outside printable."""
        force_setattr(self, "message", printable(self.message))
        force_setattr(self, "next", printable(self.next))


class Rehearsal(Struct, frozen=True):
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
        "skip_state_on_token: true leaves state out; nothing leaves out nonce, which an instance always sends"
    ),
    Quirk.NO_REFRESH_TOKEN_WITHOUT_CONSENT: (
        "ask for offline access: access_type: offline and prompt: consent in extras, or the scope offline_access"
    ),
    Quirk.FORM_ENCODED_ANSWERS: "nothing in the account type changes that: ask the provider for answers in JSON",
    Quirk.FORM_ENCODED_WITHOUT_ACCEPT: "write token_mode: basic, with which the stack asks for JSON in every request",
    Quirk.STATUS_201: "nothing in the account type changes that: the stack accepts the status 200 only",
    Quirk.EXPIRES_IN_STRING: "nothing in the account type changes that: the stack accepts an integer only",
}
"""What to do about a quirk that stops a login."""
