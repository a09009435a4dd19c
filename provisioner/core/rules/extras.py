"""Rules about what the authorize query holds beside what the stack puts there."""

from collections.abc import Iterator

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, rule
from provisioner.core.rules.subject import CODE_MODES, Subject
from provisioner.core.text import listed

_FLOWLESS = frozenset({"", "secret", "refresh_token"})
"""Modes that send no one to an authorization endpoint."""

_UNREADABLE = frozenset({"form_post", "fragment", "web_message"})

_GOOGLE = "accounts.google.com"


def _sent(subject: Subject) -> frozenset[str]:
    """The parameters that the stack adds itself in a mode (``MakeOauthStartURL``); ``scope`` if one is asked."""
    if subject.mode in _FLOWLESS:
        return frozenset()
    names = {"state", "scope"}
    if subject.mode == "token_redirect_url":
        return frozenset(names | {"response_type", "redirect_url"})
    if subject.definition.document.get("skip_redirect_uri_on_authorize") is not True:
        names.add("redirect_uri")
    if subject.mode.startswith("bi_"):
        return frozenset(names | {"client_id"})
    return frozenset(names | {"client_id", "response_type"})


@rule("reserved-parameter", Severity.ERROR)
def _reserved(subject: Subject) -> Iterator[Finding]:
    sent = _sent(subject)
    for place, names in (("extras", subject.extras), ("auth_endpoint", subject.query)):
        for name in sorted(sent & names.keys()):
            path = ("extras", name) if place == "extras" else ("auth_endpoint",)
            if name == "scope":
                message = f"{place} has a scope, which is sent beside that of the konnector's manifest"
                yield Finding(message, path, Severity.WARNING)
            else:
                yield Finding(f"{place} has {name}, which the stack sends itself: it would be sent twice", path)


@rule("parameter-twice", Severity.ERROR)
def _twice(subject: Subject) -> Iterator[Finding]:
    for name in sorted(subject.extras.keys() & subject.query.keys() - _sent(subject)):
        message = f"{name} is also in the query of auth_endpoint: it would be sent twice"
        yield Finding(message, ("extras", name))
    for name in subject.repeated:
        yield Finding(f"{name} is sent twice: auth_endpoint has it twice in its query", ("auth_endpoint",))


@rule("google-offline", Severity.WARNING)
def _offline(subject: Subject) -> Iterator[Finding]:
    url = subject.urls.get("auth_endpoint")
    if not url or url.host != _GOOGLE or subject.mode not in CODE_MODES:
        return
    given = {**subject.query, **subject.extras}
    access, prompt = given.get("access_type", ""), given.get("prompt", "")
    missing = []
    if access is not None and access != "offline":
        missing.append("access_type: offline")
    forced = given.get("approval_prompt", "") in ("force", None)
    if prompt is not None and "consent" not in prompt.split() and not forced:
        missing.append("prompt: consent")
    if missing:
        message = f"Google gives no refresh token without {listed(missing)} in extras"
        yield Finding(message, ("extras",) if "extras" in subject.definition.document else ("auth_endpoint",))


@rule("unreadable-answer", Severity.ERROR)
def _unreadable_answer(subject: Subject) -> Iterator[Finding]:
    for place, value in _given(subject, "response_mode"):
        if value and value.partition(".")[0] in _UNREADABLE:
            message = f"response_mode {value}: the stack reads an answer only from the query of a GET"
            yield Finding(message, place)


@rule("no-pkce", Severity.ERROR)
def _pkce(subject: Subject) -> Iterator[Finding]:
    for name in ("code_challenge", "code_challenge_method"):
        for place, _ in _given(subject, name):
            message = f"{name}: the stack does not support PKCE, and sends no code_verifier when it exchanges the code"
            yield Finding(message, place)


@rule("fixed-nonce", Severity.WARNING)
def _fixed_nonce(subject: Subject) -> Iterator[Finding]:
    for place, _ in _given(subject, "nonce"):
        message = (
            "a nonce that is the same at each login protects nothing, and a provider may refuse it the second time"
        )
        yield Finding(message, place)


def _given(subject: Subject, name: str) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Where a parameter is given in a mode that starts a flow, with its value."""
    if subject.mode not in _FLOWLESS:
        if name in (extras := subject.extras):
            yield ("extras", name), extras[name]
        if name in (query := subject.query):
            yield ("auth_endpoint",), query[name]
