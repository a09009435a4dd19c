"""Rules about what the authorize query holds beside what the stack puts there."""

from collections.abc import Iterable, Iterator

from provisioner.core.definitions.account_type import (
    ASKED_PARAMETERS,
    BANK_ENDPOINTS,
    BANK_PARAMETERS,
    CODE_MODES,
    PARAMETERS,
)
from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import AccountTypeView, Finding, rule
from provisioner.core.text import listed

_FLOWLESS = frozenset({"", "secret", "refresh_token"})
"""Modes that send no one to an authorization endpoint."""

_UNREADABLE = frozenset({"form_post", "fragment", "web_message"})

_GOOGLE = "accounts.google.com"


def _sent(view: AccountTypeView) -> frozenset[str]:
    """The parameters that the stack adds itself to auth_endpoint in a mode."""
    if view.mode in _FLOWLESS:
        return frozenset()
    names = frozenset(PARAMETERS.get(view.mode.removesuffix("+secret"), ())) | {"state"}
    skipped = view.definition.document.get("skip_redirect_uri_on_authorize") is True
    return names if skipped or view.mode == "token_redirect_url" else names | {"redirect_uri"}


@rule("reserved-parameter", Severity.ERROR)
def _reserved(view: AccountTypeView) -> Iterator[Finding]:
    yield from _sent_twice(view, "extras", view.extras)
    for name in view.opened:
        yield from _sent_twice(view, name, view.query_of(name))


def _sent_twice(view: AccountTypeView, place: str, names: Iterable[str]) -> Iterator[Finding]:
    """What of some names the stack sends, or may send, beside them."""
    bank = place in BANK_ENDPOINTS
    sent = frozenset(BANK_PARAMETERS) if bank else _sent(view)
    asked = () if bank else ("scope", *ASKED_PARAMETERS.get(view.mode.removesuffix("+secret"), ()))
    for name in sorted(names):
        path = ("extras", name) if place == "extras" else (place,)
        if name in sent:
            yield Finding(f"{place} has {name}, which the stack sends itself: it would be sent twice", path)
        elif name == "scope" and sent and name in asked:
            message = f"{place} has a scope, which is sent in addition to that of the konnector's manifest"
            yield Finding(message, path, Severity.WARNING)
        elif name in asked and sent:
            message = f"{place} has {name}, which is sent twice if an instance also sends it"
            yield Finding(message, path, Severity.WARNING)


@rule("parameter-twice", Severity.ERROR)
def _twice(view: AccountTypeView) -> Iterator[Finding]:
    for name in sorted(view.extras.keys() & view.query.keys() - _sent(view)):
        message = f"{name} is also in the query of auth_endpoint: it would be sent twice"
        yield Finding(message, ("extras", name))


@rule("google-offline", Severity.WARNING)
def _offline(view: AccountTypeView) -> Iterator[Finding]:
    url = view.urls.get("auth_endpoint")
    if not url or url.host != _GOOGLE or view.mode not in CODE_MODES:
        return
    given = {**view.query, **view.extras}
    access, prompt = given.get("access_type", ""), given.get("prompt", "")
    missing = []
    if access is not None and access != "offline":
        missing.append("access_type: offline")
    forced = given.get("approval_prompt", "") in ("force", None)
    if prompt is not None and "consent" not in prompt.split() and not forced:
        missing.append("prompt: consent")
    if missing:
        message = f"Google returns no refresh token without {listed(missing)} in extras"
        yield Finding(message, ("extras",) if "extras" in view.definition.document else ("auth_endpoint",))


@rule("unreadable-answer", Severity.ERROR)
def _unreadable_answer(view: AccountTypeView) -> Iterator[Finding]:
    for place, value in _given(view, "response_mode"):
        if value and value.partition(".")[0] in _UNREADABLE:
            message = f"response_mode {value}: the stack reads an answer only from the query of a GET"
            yield Finding(message, place)


@rule("no-pkce", Severity.ERROR)
def _pkce(view: AccountTypeView) -> Iterator[Finding]:
    for name in ("code_challenge", "code_challenge_method"):
        for place, _ in _given(view, name):
            message = f"{name}: the stack does not support PKCE, and sends no code_verifier when it exchanges the code"
            yield Finding(message, place)


@rule("fixed-nonce", Severity.WARNING)
def _fixed_nonce(view: AccountTypeView) -> Iterator[Finding]:
    for place, _ in _given(view, "nonce"):
        message = (
            "a nonce that is the same at each login protects nothing, and a provider may refuse it the second time"
        )
        yield Finding(message, place)


def _given(view: AccountTypeView, name: str) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Where a parameter is given in a mode that starts a flow, with its value."""
    if view.mode not in _FLOWLESS:
        if name in (extras := view.extras):
            yield ("extras", name), extras[name]
        if name in (query := view.query):
            yield ("auth_endpoint",), query[name]
