"""What a provider complains about: on a page of its own, in the address that it redirects to, or at its token endpoint.

A provider that does not accept a client or its redirect URI must not redirect back (RFC 6749, section 4.1.2.1): it
shows a page of its own instead, often with the status 200. RFC 6749, section 5.2, has ``invalid_client`` and
``invalid_grant`` for a token endpoint; many answer in words of their own: with the status 200 (Slack, GitHub), with
numbers (Meta, Withings), or with a message only (Twitch, Strava). The words here are those of Google, Microsoft, Meta,
Keycloak, Dex, django-oauth-toolkit, doorkeeper, Auth0, Okta, node-oidc-provider, Spotify, LinkedIn and others.
"""

import re
from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import cache
from pathlib import Path
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


@cache
def _known(kind: str) -> dict[str, re.Pattern[str]]:
    """What complaints of a kind are known by, in their order: the words of providers are in complaints.toml."""
    import tomllib  # few runs ask a provider

    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

    def pattern(lines: str) -> re.Pattern[str]:
        either = "|".join(lines.strip().splitlines())
        return re.compile(re.sub("<([a-z_]+)>", lambda part: table["parts"][part[1]], either), re.IGNORECASE)

    return {name: pattern(lines) for name, lines in table[kind].items()}


_CONTEXT = 60

_MAX_READ = 100_000
"""Characters of a message that are looked at: a complaint stands near its beginning."""


def complaint_in(text: str) -> Complaint | None:
    """The first known complaint in an error message, in the order of complaints.toml; ``None`` if it has none."""
    text = text[:_MAX_READ]
    for about, pattern in _known("authorize").items():
        if found := pattern.search(text):
            words = text[max(0, found.start() - _CONTEXT) : found.end() + _CONTEXT]
            return Complaint(About(about), " ".join(words.split()))
    return None


def complaint_of_page(html: str) -> Complaint | None:
    """The complaint of a page; ``None`` for one on which a person may sign in."""
    from html.parser import HTMLParser  # few runs read pages

    class Page(HTMLParser):
        """Collects what a person sees of a page."""

        within, asks_for_a_password = "", False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag in ("title", "script", "style", "template", "noscript"):
                self.within = tag
            self.asks_for_a_password |= tag == "input" and ("type", "password") in attrs
            seen[""].append(" ")

        def handle_endtag(self, tag: str) -> None:
            self.within = "" if tag == self.within else self.within

        def handle_data(self, data: str) -> None:
            seen[self.within].append(data)

    seen: defaultdict[str, list[str]] = defaultdict(list)
    page = Page()
    page.feed(html.replace("<![", "<! ["))  # a marked section, on which the parser gives up, is a comment to a browser
    title, text = (" ".join("".join(seen[part]).split()) for part in ("title", ""))
    entra = " ".join(re.findall(r"AADSTS\d{5,}: [^\"<\\]{0,120}", html))
    complaint = complaint_in(f"{title}. {text}") or complaint_in(entra)
    if _known("error_page")["title"].search(title):
        return complaint or Complaint(About.REQUEST, f"an error page, {title!r}")
    return None if page.asks_for_a_password else complaint


def complaint_of_url(url: str) -> Complaint | None:
    """The complaint of an address that a provider redirects to, as ``/oauth/error?error=invalid_client``."""
    parts = as_browser(url)
    if parts is None:
        return Complaint(About.REQUEST, url)
    pairs = [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]
    named = [value for name, value in pairs if "error" in name.lower() and value]
    if not named and not _known("error_page")["path"].search(parts.path):
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


_DEEPEST = 10
_A_CODE = re.compile("[^ ]{0,60}")
_PAGE = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)


def token_error(answer: Answer, secrets: Collection[str]) -> TokenError:
    """What an answer to a dummy code says. `secrets` are all texts that must not be shown."""
    content, keys = answer.json, _known("token_keys")
    leaves = [(name, str(value)) for name, value in _leaves(content, "", _DEEPEST) if not keys["volatile"].search(name)]
    codes = [f"{name}={value}" for name, value in leaves if keys["code"].search(name) and _A_CODE.fullmatch(value)]
    said = [answer.text] if content is None else [value for name, value in leaves if keys["words"].search(name)]
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


def _about(answer: Answer, leaves: list[tuple[str, str]], words: str) -> About:
    codes, known = _known("token_code").items(), _known("token_words")
    named = {about for about, pattern in codes if any(pattern.fullmatch(value) for _, value in leaves)}
    if answer.status == 429 or About.LIMIT in named:
        return About.LIMIT
    if any(name.rpartition(".")[2] in ("access_token", "id_token") and value for name, value in leaves):
        return About.TOKEN
    is_page = answer.status != 400 and _PAGE.search(answer.text[:1000])
    if answer.status >= 500 or answer.status in (202, 204) or is_page:
        return About.OTHER  # whoever answers here, it is not the provider's judgement of a request
    if About.CLIENT in named:
        return About.CLIENT
    if known["certainly_code"].search(words):
        return About.CODE
    about_client, about_code = (bool(known[about].search(words)) for about in (About.CLIENT, About.CODE))
    if About.CODE in named:
        return About.CLIENT if about_client and not about_code else About.CODE
    if about_client != about_code:
        return About.CLIENT if about_client else About.CODE
    return About.CLIENT if answer.status == 401 and not about_code else About.OTHER


def is_dead(said: str) -> bool:
    """Whether a provider says in its own words that a refresh token was revoked, has expired or was used before."""
    return _known("said")["dead"].search(said) is not None


def mentions_pkce(said: str) -> bool:
    """Whether a provider speaks of PKCE (RFC 7636)."""
    return _known("said")["pkce"].search(said) is not None
