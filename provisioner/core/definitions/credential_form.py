"""Why a value cannot be a credential: something stands in its place, and would replace one that works.

No provider issues these: references that nobody resolved, templates that nobody filled in, what is encrypted or
hashed, what was hidden before it was copied, and placeholders.
"""

import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache, cached_property
from typing import TypeAlias

from msgspec import Struct

from provisioner.core.definitions import credential_forms
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document
from provisioner.core.secret import Json, Unfit, is_secret_key, revealed

Path: TypeAlias = tuple[str, ...]
"""The keys that lead to a value in a document."""


class Stopgap(StrEnum):
    """What stands in place of a credential."""

    REFERENCE = "a reference that nothing resolved"
    TEMPLATE = "a template that nothing filled in"
    ENCRYPTED = "still encrypted"
    HASH = "a hash, not the value itself"
    HIDDEN = "hidden in the place that it was copied from"
    PLACEHOLDER = "a placeholder"


PLAIN = re.compile(r"[A-Za-z0-9._+/=-]*")
"""A value with no other characters than most credentials have."""


class Form(Struct, frozen=True, dict=True):
    """One form: its name, and its pattern for the whole value.

    `within`: the pattern may be a part of the value. `plain`: it also fits plain values. `anywhere`: it is certain in
    any text of a konnector's secret, not only where a credential stands.
    """

    kind: Stopgap
    name: str
    expression: str
    flags: int
    plain: bool = False
    within: bool = False
    anywhere: bool = False

    def fits(self, text: str) -> bool:
        """Whether a text has the form."""
        return (self.pattern.search(text) if self.within else self.pattern.fullmatch(text)) is not None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled when it is needed: to compile all takes 25 ms."""
        return re.compile(self.expression, self.flags)


def _forms(kind: Stopgap, rows: str, *, any_case: bool = False, anywhere: bool = False) -> Iterator[Form]:
    """The forms in a table of `credential_forms`."""
    flags = re.DOTALL | (re.IGNORECASE if any_case else 0)
    for row in rows.strip().splitlines():
        name, _, pattern = row.split(" | ", 2)
        plain, pattern = pattern.startswith("="), pattern.removeprefix("=")
        yield Form(kind, name, pattern.removeprefix("~"), flags, plain, pattern.startswith("~"), anywhere)


@cache
def forms() -> tuple[Form, ...]:
    """The table, the most certain first."""
    return (
        *_forms(Stopgap.REFERENCE, credential_forms.REFERENCES, any_case=True, anywhere=True),
        *_forms(Stopgap.ENCRYPTED, credential_forms.ENCRYPTED, anywhere=True),
        *_forms(Stopgap.TEMPLATE, credential_forms.TEMPLATES),
        *_forms(Stopgap.HASH, credential_forms.HASHES),
        *_forms(Stopgap.HIDDEN, credential_forms.HIDDEN, any_case=True),
    )


@cache
def _of_plain_values(*, within: bool) -> re.Pattern[str]:
    """All forms that plain values may have, as one pattern."""
    found = (form for form in forms() if form.plain and form.within is within)
    return re.compile("|".join(f"(?{'is' if form.flags & re.IGNORECASE else 's'}:{form.expression})" for form in found))


def _possible(text: str) -> tuple[Form, ...]:
    """The forms that a text may have: none for nearly each plain value."""
    if not PLAIN.fullmatch(text):
        return forms()
    fits = _of_plain_values(within=False).fullmatch(text) or _of_plain_values(within=True).search(text)
    return tuple(form for form in forms() if form.plain) if fits else ()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HIDING = _words(
    "redacted masked hidden filtered sensitive sensitivevalue obfuscated scrubbed withheld concealed suppressed "
    "censored encrypted sealed removed notshown knownafterapply newsecret secrethidden valuehidden hiddenvalue "
    "redactedvalue"
)
_NOTHING = _words("null none nil undefined na notset unset notavailable empty noneyet objectobject")
_STOPGAPS = _words(
    "changeme changeit changethis replaceme replacethis fixme fillme fillmein todo tbd tba placeholder example sample "
    "dummy clientid clientsecret clientkey appid appsecret appkey apikey apisecret consumerkey consumersecret "
    "yourclientid yourclientsecret yourapikey yourappid yourappsecret yoursecret yourkey yourtoken yourid "
    "mysecret mykey mypassword mytoken changezmoi remplacezmoi cambiame cambiami"
)
_ASKING = _words(credential_forms.ASKING)
_EXAMPLES = _words(credential_forms.EXAMPLES)
_TRIALS = _words(credential_forms.TRIALS)
_NOUNS = _words(credential_forms.NOUNS)
_CLIENTS = _words(credential_forms.CLIENTS)
_BESIDE = _CLIENTS | _words(credential_forms.ARTICLES)
_TRIED = re.compile(r"(test)+\d{0,4}", re.IGNORECASE)
_UNDECOMPOSED = str.maketrans("łŁøØ", "lLoO")
_IN_NO_WORDS = re.compile("|".join(_words(credential_forms.SCRIPTS)))
_FILL_IN = re.compile(r"(?<![a-z])(change|replace|fix|fill)[ _-]?(me|this|it)(?![a-z])", re.IGNORECASE)
_OPEN = re.compile(
    r"(to[ _-]?do|fixme|tbd|tba|to[ _-]be[ _-](filled|set|added|done|defined|replaced)([ _-]in)?|"
    r"to[ _-]be[ _-](provided|completed|announced))(?![a-z0-9])|"
    r"(0+-){2,}0+\Z|(0|-1)\Z|placeholder",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_SEPARATED = re.compile(r"[^\W\d_]+([ _./:'\u2019-]+[^\W\d_]+)*")
_AROUND = " \t\r\n\"'`*_-.<>()[]{}#~|"

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_OBJECT = re.compile(r"\{\s*\"[^\"]*\"\s*:.*\}", re.DOTALL)
_PEM = re.compile(r"\s*-----BEGIN ([A-Z ]+)-----(.*?)(-----END |\Z)", re.DOTALL)
_JWE = re.compile(r"(eyJ[\w-]+)\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+")
_REFERRING = frozenset({"valuefrom", "secretkeyref", "configmapkeyref", "ref", "$ref", "$secret", "remoteref"})
_SHORTEST = 4
"""Characters of the shortest text without a letter and a digit that can be a password."""

_NOTHING_TO_READ = f"{Stopgap.HIDDEN} (no letter and no digit)"
MAX_PLACEHOLDER = 200
"""Characters of the longest text that may be words in place of a credential."""


def why_no_credential(field: str, text: str) -> str | None:
    """Why a text cannot be the credential of a field, in words that hold nothing of it; ``None`` if it can be one."""
    text = text.strip()
    if not text:
        return None  # it is missing, and not something else
    found = next((form for form in _possible(text) if form.fits(text)), None)
    if found is not None:
        return _said(found)
    if _is_jwe(text):
        return f"{Stopgap.ENCRYPTED} (JWE)"
    if (pem := _PEM.match(text)) and not re.search(r"[A-Za-z0-9+/=]{16}", pem[2]):
        return f"{Stopgap.HIDDEN} (a key without its content)"
    if what := _of_a_client(field, text):
        return f"{Stopgap.REFERENCE} ({what})"
    return _words_instead(field, text)


_NAMES = {"\n": "a line break", "\r": "a line break", " ": "a space", "\t": "a tab", "\ufeff": "a byte order mark"}
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "\u2018": "\u2019", "«": "»", "„": "“"}


def padding(value: str) -> str:
    """What stands around a value and does not belong to it; empty for nothing."""
    if not value or (_is_visible(value[0]) and _is_visible(value[-1])):
        quoted = len(value) > 1 and _QUOTES.get(value[0]) == value[-1]
        return "has quotes around it" if quoted else ""
    if not any(map(_is_visible, value)):
        return "is only white space"
    ends = [] if _is_visible(value[0]) else [f"starts with {_named(value[0])}"]
    ends += [] if _is_visible(value[-1]) else [f"ends with {_named(value[-1])}"]
    return " and ".join(ends)


def _is_visible(char: str) -> bool:
    return char.isprintable() and not char.isspace()


def _named(char: str) -> str:
    return _NAMES.get(char, f"an invisible character (U+{ord(char):04X})")


def _of_a_client(field: str, text: str) -> str:
    """What else no client has as its id or secret, but a konnector may have as a part of its secret."""
    if field == "client_secret" and _URL.match(text):
        return "a URL"
    return "a JSON object" if field in ("client_id", "client_secret") and _OBJECT.fullmatch(text) else ""


def _said(form: Form) -> str:
    return f"{form.kind} ({form.name})"


def _is_jwe(text: str) -> bool:
    """Whether a text is an encrypted token (RFC 7516): its header names a content encryption."""
    found = _JWE.fullmatch(text)
    if found is None:
        return False
    try:
        return b'"enc"' in urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
    except ValueError:
        return False


def _words_instead(field: str, text: str) -> str | None:
    """Whether words stand where a credential should."""
    if len(text) > MAX_PLACEHOLDER:
        return None if text.strip(_AROUND) else _NOTHING_TO_READ
    decomposed = unicodedata.normalize("NFKD", text.translate(_UNDECOMPOSED))
    bare = "".join(char for char in decomposed if not unicodedata.combining(char)).strip(_AROUND)
    if not bare or (len(bare) < _SHORTEST and not any(map(str.isalnum, bare))):
        return _NOTHING_TO_READ
    if _FILL_IN.search(bare) or _OPEN.match(bare):
        return str(Stopgap.PLACEHOLDER)
    if field != "client_id" and _TRIED.fullmatch(bare):
        return str(Stopgap.PLACEHOLDER)
    return _meaning(field, bare) if _SEPARATED.fullmatch(bare) else None


def _meaning(field: str, bare: str) -> str | None:
    """What letters alone say."""
    words = [word.lower() for word in _WORDS.findall(bare)]
    joined = "".join(words)
    if joined in _HIDING:
        return str(Stopgap.HIDDEN)
    if joined in _NOTHING or _NOTHING.issuperset(words):
        return f"{Stopgap.PLACEHOLDER} (the word for nothing)"
    if joined == field.replace("_", ""):
        return f"{Stopgap.PLACEHOLDER} (the name of the field)"
    known = joined in _STOPGAPS or _ask(words) or _IN_NO_WORDS.search(unicodedata.normalize("NFC", bare))
    tried = field != "client_id" and (joined in _TRIALS | _ASKING | _NOUNS or _try(words))
    return str(Stopgap.PLACEHOLDER) if known or tried else None


def _ask(words: Sequence[str]) -> bool:
    """Whether words ask for a credential, as ``your client id``, ``à remplir`` and ``INSERT_SECRET_HERE`` do."""
    given = {*words}
    if not given.isdisjoint(_EXAMPLES):
        of_a_credential = bool(given & _NOUNS) and given <= _EXAMPLES | _ASKING | _NOUNS | _BESIDE
        return len(given) == 1 or of_a_credential or "placeholder" in given
    if words[0] in ("my", "our") and words[-1] in ("secret", "key"):
        return given - {"my", "our"} <= _NOUNS | _BESIDE
    asked = not given.isdisjoint(_ASKING)
    of_a_client = not given.isdisjoint(_NOUNS) and not given.isdisjoint(_CLIENTS)
    return given <= _ASKING | _NOUNS | _BESIDE and (of_a_client or (asked and len(given) > 1))


def _try(words: Sequence[str]) -> bool:
    """Whether words name what a secret is, or one for a trial: ``password``, ``test secret``."""
    given = {*words}
    return bool(given & _NOUNS) and given <= _NOUNS | _CLIENTS | _TRIALS


def no_credentials(document: Document, fields: tuple[str, ...] = CREDENTIAL_FIELDS) -> Iterator[tuple[Path, str]]:
    """What cannot be a credential in a document: where it stands, and why.

    Looked at are `fields`, and the parameters in ``extras`` whose keys say that they are secret.
    """
    for name in fields:
        value = document.get(name)
        if isinstance(value, Unfit):
            yield (name,), value.why
        plain = revealed(value)
        yield from _in(plain, (name,), meant=name != "fcm_credentials" or not isinstance(plain, dict))
    extras = document.get("extras")
    if isinstance(extras, dict):
        for key, item in extras.items():
            if isinstance(item, str) and is_secret_key(key) and (why := why_no_credential(key, item)):
                yield ("extras", key), why


def _in(value: Json, path: Path, *, meant: bool) -> Iterator[tuple[Path, str]]:
    """The same in one value; `meant`: a credential is meant to stand there."""
    match value:
        case str():
            certain = (_said(form) for form in _possible(value.strip()) if form.anywhere and form.fits(value.strip()))
            if why := why_no_credential(path[-1], value) if meant else next(certain, None):
                yield path, why
        case dict() if _refers(value):
            yield path, f"{Stopgap.REFERENCE} (an object that names where it is)"
        case {"secret": True, **rest} if not rest:
            yield path, f"{Stopgap.HIDDEN} (as provision shows it)"
        case dict():
            for key, item in value.items():
                yield from _in(item, (*path, key), meant=is_secret_key(key) or key == "client_id")
        case list():
            for item in value:
                yield from _in(item, path, meant=meant)
        case _:
            pass


def _refers(value: Mapping[str, Json]) -> bool:
    key = next(iter(value), "").lower()
    return len(value) == 1 and (key in _REFERRING or key.startswith("fn::"))
