"""Tells the error page of an authorization endpoint from a page to sign in.

A provider that does not accept a client or its redirect URI must not redirect back (RFC 6749, section 4.1.2.1): it
shows a page of its own instead, often with the status 200. The words are those of Google, Microsoft, Meta, Keycloak,
Dex, django-oauth-toolkit, doorkeeper, Auth0, Okta, node-oidc-provider, Spotify, Twitch, Strava, LinkedIn and others.
"""

import re
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit


class Refused(StrEnum):
    """What a provider refuses before anyone signs in."""

    PKCE = "pkce"
    REDIRECT_URI = "redirect_uri"
    CLIENT = "client_id"
    SCOPE = "scope"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is refused, and the words that say so."""

    refused: Refused
    words: str


def _either(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_BAD = "invalid|unknown|unregistered|inactive|disabled|bad|incorrect|no such|unrecogni[sz]ed|missing"
_NEEDED = "required|missing|must|mandatory|expected"
_REDIRECT = "(?:redirect(?:ion)?|callback)[ _-]?(?:ur[il]s?|address)"
_CLIENT = r"\b(?:client|client[_ ]id|clientid|oauth client|app(?:lication)?(?: id)?|client_id parameter)\b"
_WORDS = {
    Refused.PKCE: _either(
        rf"(?:code_challenge|code challenge|\bpkce\b)[^<.]{{0,60}}(?:{_NEEDED})",
        rf"(?:{_NEEDED}|requires?)[^<.]{{0,60}}(?:code_challenge|code challenge|\bpkce\b)",
    ),
    Refused.REDIRECT_URI: _either(
        r"redirect_uri_mismatch",
        r"redirect_mismatch",
        r"invalid_redirect_ur[il]",
        r"AADSTS50011\b",
        r"\burl blocked\b",
        rf"(?:{_BAD}|mismatch\w*|unauthori[sz]ed|illegal|wrong|not a valid)[^<.]{{0,30}}{_REDIRECT}",
        rf"{_REDIRECT}\b[^<]{{0,80}}?(?:mismatch|invalid|n[o't]+ valid|must (?:match|be)|is missing|is required)",
        rf"{_REDIRECT}\b[^<]{{0,80}}?not (?:registered|match|allowed|whitelisted|permitted|configured|included)",
        rf"{_REDIRECT}\b[^<]{{0,500}}?not (?:supported|registered|allowed) (?:by|for|with) (?:the |this )?client",
        rf"{_REDIRECT}\b[^<]{{0,80}}?(?:does|did|do)(?: not|n't) match",
    ),
    Refused.CLIENT: _either(
        r"invalid_client(?:_id)?\b",
        r"unauthorized_client|unknown_client|client_not_found",
        r"AADSTS(?:700016|900023|90002)\b",
        rf"(?:{_BAD})[^<.]{{0,20}}\b(?:client|clientid|client[_ ]id|app(?:lication)?[_ ]id|api key|consumer key)\b",
        rf"{_CLIENT}[^<.]{{0,60}}(?:not found|(?:does|do)(?: not|n't) exist|\binvalid\b|is unknown|not recogni[sz]ed)",
        rf"{_CLIENT}[^<.]{{0,60}}(?:not registered|is disabled|not enabled|not be found|was (?:deleted|not found))",
        r"invalid[^<.]{0,30}['\"`]?client_id\b",
        r"\bunable to (?:retrieve|find|load) (?:the )?client\b",
    ),
    Refused.SCOPE: _either(
        r"invalid_scope",
        r"(?:missing|required|invalid|unknown|no|empty)[^<.]{0,40}\bscopes?\b",
        r"\bscopes?\b[^<.]{0,40}(?:missing|required|invalid|unknown|must|empty)",
    ),
    Refused.REQUEST: _either(
        r"invalid_request\b",
        r"unsupported_response_type",
        r"\berror[ :]+40[0-9]\b",
        r"\b400[. ]+bad request",
        r"AADSTS\d{5,}(?=:)",
    ),
}
"""What each refusal is known by, in the order in which they are looked for."""

_TITLES = re.compile(
    r"\b(?:error|erreur|fehler|oops|bad request|invalid request|not found|access denied|something went wrong|"
    r"unauthori[sz]ed|forbidden)\b",
    re.IGNORECASE,
)
_ERROR_PATH = re.compile(r"(?:^|[/_.-])(?:error|errors|oauth[_-]?error|autherror)(?:$|[/_.-])", re.IGNORECASE)
_CONTEXT = 60

_MAX_READ = 100_000
"""Characters of a message that are looked at: a complaint stands near its beginning."""


def complaint_in(text: str) -> Complaint | None:
    """The first complaint in an error message, in the order of `Refused`; ``None`` if there is none known."""
    text = text[:_MAX_READ]
    for refused, pattern in _WORDS.items():
        if found := pattern.search(text):
            start = max(0, found.start() - _CONTEXT)
            words = " ".join(text[start : found.end() + _CONTEXT].split())
            return Complaint(refused, words)
    return None


def complaint_of_page(html: str) -> Complaint | None:
    """The complaint of a page; ``None`` for one on which a person may sign in."""
    page = _Page()
    page.feed(html.replace("<![", "<! ["))  # a marked section, on which the parser gives up, is a comment to a browser
    title, text = (" ".join("".join(parts).split()) for parts in (page.title, page.text))
    complaint = complaint_in(f"{title}. {text}") or complaint_in(
        " ".join(re.findall(r"AADSTS\d{5,}: [^\"<\\]{0,120}", html))
    )
    if _TITLES.search(title):
        return complaint or Complaint(Refused.REQUEST, f"an error page, {title!r}")
    return None if page.asks_for_a_password else complaint


def complaint_of_url(url: str) -> Complaint | None:
    """The complaint of an address that a provider redirects to, as ``/oauth/error?error=invalid_client``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return Complaint(Refused.REQUEST, url)
    pairs = [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]
    named = [value for name, value in pairs if "error" in name.lower() and value]
    if not named and not _ERROR_PATH.search(parts.path):
        return None
    said = " ".join([*named, *(decoded for value in named for decoded in _decoded(value))])
    return complaint_in(said.replace("+", " ")) or Complaint(Refused.REQUEST, " ".join(named) or parts.path)


def _decoded(value: str) -> Iterator[str]:
    """What Base64 in a parameter holds: Google's ``authError`` has its message in it."""
    try:
        yield urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("latin-1")
    except (NotBase64, ValueError):
        return


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
        if tag == "input" and ("type", "password") in attrs:
            self.asks_for_a_password = True
        self.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "title":
            self.title.append(data)
        elif not self._within:
            self.text.append(data)
