"""What a provider complains about: on a page of its own, in the address that it redirects to, or at its token endpoint.

A provider that does not accept a client or its redirect URI must not redirect back (RFC 6749, section 4.1.2.1): it
shows a page of its own instead, often with the status 200. RFC 6749, section 5.2, has ``invalid_client`` and
``invalid_grant`` for a token endpoint; many answer in words of their own: with the status 200 (Slack, GitHub), with
numbers (Meta, Withings), or with a message only (Twitch, Strava). The words here are those of Google, Microsoft, Meta,
Keycloak, Dex, django-oauth-toolkit, doorkeeper, Auth0, Okta, node-oidc-provider, Spotify, LinkedIn and others.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterator
from contextlib import suppress
from enum import StrEnum
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from provisioner.core.definitions.url import as_browser
from provisioner.core.http import Answer
from provisioner.core.masking import Mask
from provisioner.core.text import printable


class About(StrEnum):
    """What a provider complains about."""

    PKCE = "pkce"
    REDIRECT_URI = "redirect_uri"
    CLIENT = "client_id"
    SCOPE = "scope"
    REQUEST = "request"
    CODE = "code"
    LIMIT = "limit"
    TOKEN = "token"  # noqa: S105  # no secret
    OTHER = "other"


ADVICE = {
    About.PKCE: "ask the provider for a client with a secret and without PKCE: the stack does not support PKCE",
    About.REDIRECT_URI: "register exactly this redirect URI with the provider",
    About.CLIENT: "compare client_id, and the rights of the client, with the provider's console",
    About.SCOPE: "pass the scope of the konnector with --scope",
    About.REQUEST: "open it in a browser; check client_id, redirect_uri and extras with the provider's console",
}
"""What to do about each refusal."""


class Complaint(Struct, frozen=True):
    """What is complained about, and the words that say so."""

    about: About
    words: str


def _either(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_BAD = "invalid|unknown|unregistered|inactive|disabled|wrong|bad|incorrect|no such|unrecogni[sz]ed|missing"
_ENTRA_CLIENT = r"\bAADSTS(?:7000215|7000222|700016|7000218|90002|900023)\b"
_NEEDED = "required|missing|must|mandatory|expected"
_CHALLENGE = r"(?:code_challenge|code challenge|\bpkce\b)"
_REDIRECT = "(?:redirect(?:ion)?|callback)[ _-]?(?:ur[il]s?|address)"
_CLIENT = r"\b(?:client|client[_ ]id|clientid|oauth client|app(?:lication)?(?: id)?|client_id parameter)\b"
_WORDS = {
    About.PKCE: _either(
        rf"{_CHALLENGE}[^<.]{{0,60}}(?:{_NEEDED})",
        rf"(?:{_NEEDED}|requires?)[^<.]{{0,60}}{_CHALLENGE}",
    ),
    About.REDIRECT_URI: _either(
        r"redirect(?:_uri)?_mismatch|invalid_redirect_ur[il]|AADSTS50011\b|\burl blocked\b",
        rf"(?:{_BAD}|mismatch\w*|unauthori[sz]ed|illegal|not a valid)[^<.]{{0,30}}{_REDIRECT}",
        rf"{_REDIRECT}\b[^<]{{0,80}}?(?:mismatch|invalid|n[o't]+ valid|must (?:match|be)|is missing|is required)",
        rf"{_REDIRECT}\b[^<]{{0,80}}?not (?:registered|match|allowed|whitelisted|permitted|configured|included)",
        rf"{_REDIRECT}\b[^<]{{0,500}}?not (?:supported|registered|allowed) (?:by|for|with) (?:the |this )?client",
        rf"{_REDIRECT}\b[^<]{{0,80}}?(?:does|did|do)(?: not|n't) match",
    ),
    About.CLIENT: _either(
        rf"invalid_client(?:_id)?\b|unauthorized_client|unknown_client|client_not_found|{_ENTRA_CLIENT}",
        rf"(?:{_BAD})[^<.]{{0,20}}\b(?:client|clientid|client[_ ]id|app(?:lication)?[_ ]id|api key|consumer key)\b",
        rf"{_CLIENT}[^<.]{{0,60}}(?:not found|(?:does|do)(?: not|n't) exist|\binvalid\b|is unknown|not recogni[sz]ed)",
        rf"{_CLIENT}[^<.]{{0,60}}(?:not registered|is disabled|not enabled|not be found|was (?:deleted|not found))",
        r"invalid[^<.]{0,30}['\"`]?client_id\b|\bunable to (?:retrieve|find|load) (?:the )?client\b",
    ),
    About.SCOPE: _either(
        r"invalid_scope|(?:missing|required|invalid|unknown|no|empty)[^<.]{0,40}\bscopes?\b",
        r"\bscopes?\b[^<.]{0,40}(?:missing|required|invalid|unknown|must|empty)",
    ),
    About.REQUEST: _either(
        r"invalid_request\b|unsupported_response_type|\berror[ :]+40[0-9]\b|\b400[. ]+bad request|AADSTS\d{5,}(?=:)",
    ),
}
"""What each complaint of an authorization endpoint is known by, in the order in which they are looked for."""

_TITLES = _either(
    r"\b(?:error|erreur|fehler|oops|bad request|invalid request|not found|access denied|something went wrong|"
    r"unauthori[sz]ed|forbidden)\b"
)
_ERROR_PATH = _either(r"(?:^|[/_.-])(?:error|errors|oauth[_-]?error|autherror)(?:$|[/_.-])")
_CONTEXT = 60

_MAX_READ = 100_000
"""Characters of a message that are looked at: a complaint stands near its beginning."""


def complaint_in(text: str) -> Complaint | None:
    """The first complaint in an error message, in their order; ``None`` if there is none known."""
    text = text[:_MAX_READ]
    for about, pattern in _WORDS.items():
        if found := pattern.search(text):
            words = text[max(0, found.start() - _CONTEXT) : found.end() + _CONTEXT]
            return Complaint(about, " ".join(words.split()))
    return None


def complaint_of_page(html: str) -> Complaint | None:
    """The complaint of a page; ``None`` for one on which a person may sign in."""
    page = _Page()
    page.feed(html.replace("<![", "<! ["))  # a marked section, on which the parser gives up, is a comment to a browser
    title, text = (" ".join("".join(parts).split()) for parts in (page.title, page.text))
    entra = " ".join(re.findall(r"AADSTS\d{5,}: [^\"<\\]{0,120}", html))
    complaint = complaint_in(f"{title}. {text}") or complaint_in(entra)
    if _TITLES.search(title):
        return complaint or Complaint(About.REQUEST, f"an error page, {title!r}")
    return None if page.asks_for_a_password else complaint


class _Page(HTMLParser):
    """Collects what a person sees of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.text: list[str] = []
        self.asks_for_a_password = False
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("title", "script", "style", "template", "noscript"):
            self._within = tag
        self.asks_for_a_password |= tag == "input" and ("type", "password") in attrs
        self.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._within = "" if tag == self._within else self._within

    def handle_data(self, data: str) -> None:
        if self._within == "title":
            self.title.append(data)
        elif not self._within:
            self.text.append(data)


def complaint_of_url(url: str) -> Complaint | None:
    """The complaint of an address that a provider redirects to, as ``/oauth/error?error=invalid_client``."""
    parts = as_browser(url)
    if parts is None:
        return Complaint(About.REQUEST, url)
    pairs = [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]
    named = [value for name, value in pairs if "error" in name.lower() and value]
    if not named and not _ERROR_PATH.search(parts.path):
        return None
    said = [*named]
    for value in named:
        with suppress(ValueError):  # Google's ``authError`` has its message in it, in Base64
            said.append(urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("latin-1"))
    return complaint_in(" ".join(said).replace("+", " ")) or Complaint(About.REQUEST, " ".join(named) or parts.path)


class TokenError(Struct, frozen=True):
    """An error answer: its status, the codes in it, the words (without secrets), and what it is about."""

    status: int
    codes: tuple[str, ...]
    words: str
    about: About

    def __str__(self) -> str:
        return f"{self.status} {self.words}".strip()

    def same_as(self, other: "TokenError") -> bool:
        """Whether two answers say the same. Words that change with each request do not count as a difference."""
        return (self.status, self.codes, self.about) == (other.status, other.codes, other.about)


_CODES = {
    About.LIMIT: _either("rate_?limited|too_many_requests|slow_down|rate_limit_exceeded"),
    About.CLIENT: _either(
        "(?:invalid|bad)_client(?:_id|_secret)?|(?:unauthorized|unknown)_client|client_not_found",
        "(?:incorrect|missing)_client_credentials|invalid_credentials",
    ),
    About.CODE: _either("invalid_grant|bad_verification_code|invalid_(?:authorization_)?code|code_already_used"),
}
"""Errors of a token endpoint that are codes of their own."""

_CLIENT_WORDS = _either(
    r"client[ _.-]?(?:secret|id|credential|auth\w*|assertion)|validating (?:client|application)",
    rf"\b(?:{_BAD})\b[^.]{{0,20}}\b(?:client|app|application|api key)\b|consumer[ _]?(?:key|secret)",
    r"\b(?:client|application|app)\b[^.]{0,30}(?:not found|does ?n[o']t exist|is invalid|not recogni[sz]ed|disabled)",
    r"\bapp(?:lication)?[ _]?(?:id|secret|key)\b|\bretrieve (?:the )?client\b|resource\W+application\b",
    rf"\bcredentials\b|authorization header|basic auth|{_ENTRA_CLIENT}",
)
_CODE_WORDS = _either(
    r"\b(?:verification|authori[sz]ation|auth|authentication|access|temporary|request|matching|grant|the)[ _]?code\b",
    r"\bcode\b[^.]{0,40}(?:invalid|expired|not found|was not|used|n[o']t exist|not valid|malformed|revoked|wrong)",
    r"(?:invalid|expired|bad|unknown|wrong)[^.]{0,15}\bcode\b|authorizationcode",
    r"\bauthori[sz]ation grant\b|\binvalid grant\b(?! type)|\bAADSTS(?:70000|70008|9002313|54005)\b",
)
_CERTAIN_CODE_WORDS = _either(r"does not match authori[sz]ation code|\bauthori[sz]ation code expired\b")
_PAGE = _either(r"<(?:!doctype|html|head|body)\b")

_DEEPEST = 10
_VOLATILE_KEYS = re.compile(
    r"trace|request_?id|correlation|timestamp|session|date|time|nonce|uuid|instance|log_?id|track"
)
_CODE_KEYS = re.compile(
    r"(?:^|[_.])(?:errors?|codes?|err(?:or)?_?code|error_?type|errno|subcode|type|reason|field|resource|ok|status)$"
)
_A_CODE = re.compile("[^ ]{0,60}")
_WORD_KEYS = _either("descr|message|detail|reason|title|summary|msg|hint|error|code|field|resource|type")


def token_error(answer: Answer, secrets: Collection[str]) -> TokenError:
    """What an answer to a dummy code says. `secrets` are all texts that must not be shown."""
    content = answer.json
    leaves = [(name, str(value)) for name, value in _leaves(content, "", _DEEPEST) if not _VOLATILE_KEYS.search(name)]
    codes = [f"{name}={value}" for name, value in leaves if _CODE_KEYS.search(name) and _A_CODE.fullmatch(value)]
    said = [answer.text] if content is None else [value for name, value in leaves if _WORD_KEYS.search(name)]
    words = printable(" ".join(Mask(secrets).clean(": ".join(filter(None, said))).split()))
    return TokenError(answer.status, tuple(sorted(codes)), words, _about(answer, leaves, words))


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The plain values of JSON, down to a depth, with their paths in lower case, without the places in lists."""
    if isinstance(value, dict | list) and depth == 1:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name.lower()}".removeprefix("."), depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path, depth - 1)
    elif value is not None:
        yield path, value


def _about(answer: Answer, leaves: list[tuple[str, str]], words: str) -> About:  # one row a kind
    named = {about for about, codes in _CODES.items() if any(codes.fullmatch(value) for _, value in leaves)}
    if answer.status == 429 or About.LIMIT in named:
        return About.LIMIT
    if any(name.rpartition(".")[2] in ("access_token", "id_token") and value for name, value in leaves):
        return About.TOKEN
    is_page = answer.status != 400 and _PAGE.search(answer.text[:1000])
    if answer.status >= 500 or answer.status in (202, 204) or is_page:
        return About.OTHER  # whoever answers here, it is not the provider's judgement of a request
    if About.CLIENT in named:
        return About.CLIENT
    if _CERTAIN_CODE_WORDS.search(words):
        return About.CODE
    about_client, about_code = (bool(pattern.search(words)) for pattern in (_CLIENT_WORDS, _CODE_WORDS))
    if About.CODE in named:
        return About.CLIENT if about_client and not about_code else About.CODE
    if about_client != about_code:
        return About.CLIENT if about_client else About.CODE
    return About.CLIENT if answer.status == 401 and not about_code else About.OTHER


_DEAD = _either(
    "bad_refresh_token|expired_token|token_expired|invalid_refresh_token",  # the first is GitHub's, with status 200
    "refresh token is invalid or has already been claimed|claimed by another client",  # Dex, as invalid_request
    "token is not active|stale token|maximum allowed refresh token reuse exceeded|session not active",  # Keycloak
    "token has been expired or revoked|refresh token expired",  # Google
    "refresh token is incorrect or expired",  # GitHub
)
_PKCE = _either("code_verifier|code_challenge|pkce")


def is_dead(said: str) -> bool:
    """Whether a provider says in its own words that a refresh token was revoked, has expired or was used before."""
    return _DEAD.search(said) is not None


def mentions_pkce(said: str) -> bool:
    """Whether a provider speaks of PKCE (RFC 7636)."""
    return _PKCE.search(said) is not None
