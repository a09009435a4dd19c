"""Rules about what the authorize query holds beside what the stack puts there."""

from collections.abc import Iterator

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Finding, Rule
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


def _twice(subject: Subject) -> Iterator[Finding]:
    for name in sorted(subject.extras.keys() & subject.query.keys() - _sent(subject)):
        message = f"{name} is also in the query of auth_endpoint: it would be sent twice"
        yield Finding(message, ("extras", name))
    for name in subject.repeated:
        yield Finding(f"{name} is sent twice: auth_endpoint has it twice in its query", ("auth_endpoint",))


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


def _unreadable_answer(subject: Subject) -> Iterator[Finding]:
    for place, value in _given(subject, "response_mode"):
        if value and value.partition(".")[0] in _UNREADABLE:
            message = f"response_mode {value}: the stack reads an answer only from the query of a GET"
            yield Finding(message, place)


def _pkce(subject: Subject) -> Iterator[Finding]:
    for name in ("code_challenge", "code_challenge_method"):
        for place, _ in _given(subject, name):
            message = f"{name}: the stack does not support PKCE, and sends no code_verifier when it exchanges the code"
            yield Finding(message, place)


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


RULES = (
    Rule(
        id="unreadable-answer",
        severity=Severity.ERROR,
        finds=(
            "`response_mode` with `form_post`, `fragment` or `web_message` (also with `.jwt`), among `extras` or in "
            "the query of `auth_endpoint`."
        ),
        why=(
            "The stack reads the answer of the provider from the query of a GET (`web/accounts/oauth.go`): a POST is "
            "answered with 405, and a fragment never reaches a server."
        ),
        fix="Remove it: `query` is the default.",
        reference="OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1",
        check=_unreadable_answer,
    ),
    Rule(
        id="no-pkce",
        severity=Severity.ERROR,
        finds="`code_challenge` or `code_challenge_method` among `extras` or in the query of `auth_endpoint`.",
        why=(
            "The stack sends no `code_verifier` (`model/account/type.go`, `RequestAccessToken`), and a provider that "
            "got a challenge refuses the code without it."
        ),
        fix="Remove it. A provider that requires PKCE does not work with the stack.",
        reference="RFC 7636, section 4.6",
        check=_pkce,
    ),
    Rule(
        id="fixed-nonce",
        severity=Severity.WARNING,
        finds="`nonce` among `extras` or in the query of `auth_endpoint`.",
        why=(
            "A nonce is for one login only. If the stack is given one, it sends that to the token endpoint, and "
            "compares none (`model/account/type.go`)."
        ),
        fix="Remove it; if the provider requires one, ignore the rule.",
        reference="OpenID Connect Core 1.0, section 3.1.2.1",
        check=_fixed_nonce,
    ),
    Rule(
        id="reserved-parameter",
        severity=Severity.ERROR,
        finds=(
            "Among `extras`, or in the query of `auth_endpoint`, a parameter that the stack sends itself: `client_id`, "
            "`redirect_uri`, `response_type`, `state`, `scope` (with `token_redirect_url`: `redirect_url` in place of "
            "`redirect_uri` and `client_id`). A `scope` is a warning: it is right where the manifest asks for none."
        ),
        why=(
            "The stack adds each parameter and overrides none (`model/account/type.go`, `MakeOauthStartURL`), so both "
            "values are sent, and providers must refuse a parameter that comes twice."
        ),
        fix=(
            "Remove it. For another redirect URI use `redirect_uri`, or `skip_redirect_uri_on_authorize`; for "
            "scopes, the konnector's manifest."
        ),
        reference="RFC 6749, section 3.1",
        check=_reserved,
    ),
    Rule(
        id="parameter-twice",
        severity=Severity.ERROR,
        finds="A parameter both in the query of `auth_endpoint` and among `extras`, or twice in that query.",
        why=(
            "The stack keeps the query and adds the extras to it (`model/account/type.go`, `MakeOauthStartURL`), and "
            "providers must refuse a parameter that comes twice."
        ),
        fix="Keep one of the two, best that among `extras`.",
        reference="RFC 6749, section 3.1",
        check=_twice,
    ),
    Rule(
        id="extras-not-strings",
        severity=Severity.ERROR,
        finds="A value in `extras` that is not a string, such as `true` or `3600`.",
        why=(
            "The stack decodes `extras` as a map of strings: one other value, and it can read nothing of the whole "
            "document (`model/account/type.go`, `ExtraAuthQuery`)."
        ),
        fix='Quote the value: `session: "false"`.',
        ignorable=False,
    ),
    Rule(
        id="google-offline",
        severity=Severity.WARNING,
        finds="Google's login page without `access_type=offline` and `prompt=consent`, among `extras` or in its query.",
        why=(
            "Google then gives no refresh token, at least not at a second login, and the stack cannot renew the access "
            "token when it ends after an hour (`model/account/type.go`, `RefreshAccount`)."
        ),
        fix="Add both to `extras`; where the konnector needs no more than the first hour, ignore the rule.",
        check=_offline,
    ),
)
