"""Whether a provider accepts client_id and client_secret, from its answers to a made-up code.

One answer alone does not tell: a provider may look at the code first, never look at the secret of a public client, or
answer every error alike, and what stands before it may answer in its place. So the same request is sent with our
secret, with a scrambled one, and with ours again. Only if the made-up code is rejected as a code with ours, before and
after the scrambled one is rejected as a client, the provider looks at the secret, and ours is the one that it accepts.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from provisioner.core.oauth.complaints import About, TokenError
from provisioner.core.oauth.health import CheckResult, failed, ok, undecided
from provisioner.core.oauth.requests import Client
from provisioner.core.secret import Secret

_HEX = "0123456789abcdef"
_DIGITS, _LOWER = "0123456789", "abcdefghijklmnopqrstuvwxyz"


def control_of(client: Client, choose: Callable[[str], str]) -> Client:
    """The same client with a scrambled secret, or with a scrambled client_id if it has no secret.

    `choose` picks one character of a text at random.
    """
    secret = str(client.client_secret.reveal())
    if secret:
        return replace(client, client_secret=Secret(scrambled(secret, choose)))
    return replace(client, client_id=scrambled(client.client_id, choose))


def scrambled(text: str, choose: Callable[[str], str]) -> str:
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


def seems_accepted(ours: TokenError, control: TokenError | None) -> bool:
    """Whether two answers say that ours is accepted, so that it is worth to ask for ours again."""
    return ours.about is About.CODE and control is not None and control.about is About.CLIENT


def judge(client: Client, ours: TokenError, control: TokenError | None, again: TokenError | None = None) -> CheckResult:
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
        return _refused(client, ours)
    if not seems_accepted(ours, control):
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
        return undecided("a token came for a made-up code: this provider checks nothing", _TO_BE_SURE)
    if "error=unauthorized_client" in ours.codes and _GRANT_TYPE.search(ours.words):
        return _wrong_use(ours)
    if ours.status in (404, 405, 410):
        next = "check token_endpoint and token_mode with the provider's documentation"
        return failed(f"the token endpoint answers {_said(ours)}", next)
    if ours.status >= 500 and not ours.codes:
        return undecided(f"the provider has a fault of its own: {_said(ours)}", "try again later")
    return None


def _wrong_use(ours: TokenError) -> CheckResult:
    what = f"the provider accepts the secret, but not this use of the client: {ours.words}"
    return failed(what, "allow the authorization code grant in the provider's console")


def _uncontrolled(client: Client, ours: TokenError) -> CheckResult:
    if ours.about is About.CLIENT:
        return _refused(client, ours)
    what = f"the provider did not answer the control request, so its answer proves nothing: {_said(ours)}"
    return undecided(what, "try again later")


def _indifferent(client: Client, ours: TokenError) -> CheckResult:
    """The provider answers the same to a wrong secret."""
    if ours.about is About.CLIENT:
        return _refused(client, ours)
    part = "secret" if client.client_secret.reveal() else "client_id"
    what = f"the provider answers the same to a wrong {part}, so it does not look at it before the code: {_said(ours)}"
    return undecided(what, _TO_BE_SURE)


def _refused(client: Client, ours: TokenError) -> CheckResult:
    what = (
        f"the provider does not accept client_id and client_secret with token_mode {client.token_mode}: {_said(ours)}"
    )
    return failed(
        what, f"{_CONSOLE}; provision check --credentials --try-token-modes tells whether another token_mode works"
    )


def _said(answer: TokenError) -> str:
    return f"{answer.status} {answer.words}".strip()


def other_mode(client: Client, mode: str) -> CheckResult:
    """The provider accepts the credentials, but with another token_mode."""
    what = f"the provider accepts the credentials with token_mode {mode}, and not with {client.token_mode}"
    return failed(what, f"write token_mode: {mode}")


def no_mode(refused: CheckResult) -> CheckResult:
    """The provider refuses the credentials in every token_mode that was tried."""
    return replace(refused, message=f"{refused.message}; no other token_mode works either", next=_CONSOLE)
