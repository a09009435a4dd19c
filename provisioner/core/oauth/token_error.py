"""What an error of a token endpoint is about: the client, the code, or something else.

RFC 6749, section 5.2, has ``invalid_client`` and ``invalid_grant``. Many providers answer in words of their own: with
the status 200 (Slack, GitHub), with numbers (Meta, Withings), or with a message only (Twitch, Strava).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from provisioner.core.masking import Mask
from provisioner.core.oauth.hops import HttpAnswer
from provisioner.core.text import printable


class About(StrEnum):
    """The part of a token request that an error is about."""

    CODE = "code"
    CLIENT = "client"
    LIMIT = "limit"
    TOKEN = "token"  # noqa: S105  # no secret
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TokenError:
    """An error answer: its status, the codes in it, the words (without secrets), and what it is about."""

    status: int
    codes: tuple[str, ...]
    words: str
    about: About

    def same_as(self, other: "TokenError") -> bool:
        """Whether two answers say the same. Words that change with each request do not count as a difference."""
        if (self.status, self.codes) != (other.status, other.codes):
            return False
        return self.about is other.about


_CODE_ERRORS = frozenset(
    {"invalid_grant", "bad_verification_code", "invalid_code", "invalid_authorization_code", "code_already_used"}
)
_CLIENT_ERRORS = frozenset(
    {
        "invalid_client",
        "unauthorized_client",
        "incorrect_client_credentials",
        "invalid_client_id",
        "bad_client_secret",
        "invalid_client_secret",
        "bad_client_id",
        "unknown_client",
        "client_not_found",
        "invalid_credentials",
        "missing_client_credentials",
    }
)
_LIMITS = frozenset({"rate_limited", "ratelimited", "too_many_requests", "slow_down", "rate_limit_exceeded"})


def _either(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_BAD = "invalid|unknown|wrong|bad|no such|missing|inactive|disabled"
_CLIENT_WORDS = _either(
    r"client[ _.-]?(?:secret|id|credential|auth\w*|assertion)",
    r"validating (?:client|application)",
    r"consumer[ _]?(?:key|secret)",
    rf"\b(?:{_BAD})\b[^.]{{0,20}}\b(?:client|app|application|api key)\b",
    r"\bretrieve (?:the )?client\b",
    r"\b(?:client|application|app)\b[^.]{0,30}(?:not found|does ?n[o']t exist|is invalid|not recogni[sz]ed|disabled)",
    r"\bapp(?:lication)?[ _]?(?:id|secret|key)\b",
    r"\bcredentials\b|authorization header|basic auth",
    r"resource\W+application\b",
    r"\bAADSTS(?:7000215|7000222|700016|7000218|90002|900023)\b",
)
_CODE_WORDS = _either(
    r"\b(?:verification|authori[sz]ation|auth|authentication|access|temporary|request|matching|grant|the)[ _]?code\b",
    r"\bcode\b[^.]{0,40}(?:invalid|expired|not found|was not|used|n[o']t exist|not valid|malformed|revoked|wrong)",
    r"(?:invalid|expired|bad|unknown|wrong)[^.]{0,15}\bcode\b",
    r"authorizationcode",
    r"\bauthori[sz]ation grant\b|\binvalid grant\b(?! type)",
    r"\bAADSTS(?:70000|70008|9002313|54005)\b",
)
_MISMATCH = _either(r"does not match authori[sz]ation code", r"\bauthori[sz]ation code expired\b")
_PAGE = _either(r"<(?:!doctype|html|head|body)\b")
_ERROR_KEYS = re.compile(
    r"(?:^|[_.])(?:errors?|codes?|err(?:or)?_?code|error_?type|errno|subcode|type|reason|field|resource|ok|status)$"
)
_VOLATILE_KEYS = re.compile(
    r"trace|request_?id|correlation|timestamp|session|date|time|nonce|uuid|instance|log_?id|track"
)
_DEEPEST = 10
_WORD_KEYS = re.compile(
    r"descr|message|detail|reason|title|summary|msg|hint|error|code|field|resource|type", re.IGNORECASE
)


def token_error(answer: HttpAnswer, secrets: Collection[str]) -> TokenError:
    """What an answer to a made-up code says. `secrets` are all texts that must not be shown."""
    content = answer.json
    leaves = [(name, str(value)) for name, value in _leaves(content, "", _DEEPEST) if not _VOLATILE_KEYS.search(name)]
    codes = tuple(sorted(f"{name}={value}" for name, value in leaves if _ERROR_KEYS.search(name) and _is_a_code(value)))
    said = [value for name, value in leaves if _WORD_KEYS.search(name)] if content is not None else [answer.text]
    words = printable(" ".join(Mask(secrets).clean(": ".join(filter(None, said))).split()))
    return TokenError(answer.status, codes, words, _about(answer, leaves, words))


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The plain values of JSON, down to a depth, with their paths in lower case, without the places in lists."""
    if depth == 0:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name.lower()}" if path else name.lower(), depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path, depth - 1)
    elif value is not None:
        yield path, value


def _is_a_code(value: str) -> bool:
    return len(value) <= 60 and " " not in value


def _about(answer: HttpAnswer, leaves: list[tuple[str, str]], words: str) -> About:  # noqa: PLR0911  # one row a kind
    values = {value.lower() for _, value in leaves}
    if answer.status == 429 or values & _LIMITS:
        return About.LIMIT
    if any(name.rpartition(".")[2] in ("access_token", "id_token") and value for name, value in leaves):
        return About.TOKEN
    if (
        answer.status >= 500
        or answer.status in (202, 204)
        or (answer.status != 400 and _PAGE.search(answer.text[:1000]))
    ):
        return About.OTHER  # whoever answers here, it is not the provider's judgement of a request
    about_client, about_code = (bool(words_of.search(words)) for words_of in (_CLIENT_WORDS, _CODE_WORDS))
    if values & _CLIENT_ERRORS:
        return About.CLIENT
    if _MISMATCH.search(words):
        return About.CODE
    if values & _CODE_ERRORS:
        return About.CLIENT if about_client and not about_code else About.CODE
    if about_client != about_code:
        return About.CLIENT if about_client else About.CODE
    return About.CLIENT if answer.status == 401 and not about_code else About.OTHER
