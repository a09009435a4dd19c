"""Why a value cannot be a credential: something stands in its place, and would replace one that works.

No provider issues these: references that nobody resolved, templates that nobody filled in, what is encrypted or
hashed, what was hidden before it was copied, and placeholders.
"""

import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache, cached_property
from typing import TypeAlias

from msgspec import Struct

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document
from provisioner.core.definitions.credential_forms import FORMS, WORDS
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

    `within`: the pattern may be a part of the value. `plain`: it also fits plain values.
    """

    kind: Stopgap
    name: str
    expression: str
    plain: bool
    within: bool

    @property
    def why(self) -> str:
        """What such a value is."""
        return f"{self.kind} ({self.name})"

    @property
    def anywhere(self) -> bool:
        """Whether it is certain in any text of a konnector's secret, not only where a credential stands."""
        return self.kind in (Stopgap.REFERENCE, Stopgap.ENCRYPTED)

    @property
    def any_case(self) -> bool:
        """Whether its letters may be large or small."""
        return self.kind in (Stopgap.REFERENCE, Stopgap.HIDDEN)

    def fits(self, text: str) -> bool:
        """Whether a text has the form."""
        return (self.pattern.search(text) if self.within else self.pattern.fullmatch(text)) is not None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled when it is needed: to compile all takes 25 ms."""
        return re.compile(self.expression, re.DOTALL | (re.IGNORECASE if self.any_case else 0))


@cache
def forms() -> tuple[Form, ...]:
    """The table, the most certain first."""
    found: list[Form] = []
    kind = Stopgap.PLACEHOLDER
    for row in FORMS.strip().splitlines():
        match row.split(" | ", 2):
            case [name, _, pattern]:
                plain, pattern = pattern.startswith("="), pattern.removeprefix("=")
                found.append(Form(kind, name, pattern.removeprefix("~"), plain, pattern.startswith("~")))
            case _:
                kind = Stopgap(row.removesuffix(":"))
    return tuple(found)


@cache
def _of_plain_values(*, within: bool) -> re.Pattern[str]:
    """All forms that plain values may have, as one pattern."""
    found = (form for form in forms() if form.plain and form.within is within)
    return re.compile("|".join(f"(?{'is' if form.any_case else 's'}:{form.expression})" for form in found))


def _possible(text: str) -> tuple[Form, ...]:
    """The forms that a text may have: none for nearly each plain value."""
    if not PLAIN.fullmatch(text):
        return forms()
    fits = _of_plain_values(within=False).fullmatch(text) or _of_plain_values(within=True).search(text)
    return tuple(form for form in forms() if form.plain) if fits else ()


_NAMES, _SETS = re.findall(r"^(\w+):", WORDS, re.MULTILINE), re.split(r"^\w+:", WORDS, flags=re.MULTILINE)[1:]
_WORDS = {name: frozenset(words.split()) for name, words in zip(_NAMES, _SETS, strict=True)}
_ASKING, _EXAMPLES, _NOUNS, _CLIENTS = (_WORDS[name] for name in ("asking", "examples", "nouns", "clients"))
_BESIDE = _NOUNS | _CLIENTS | _WORDS["articles"]

_TRIED = re.compile(r"(test)+\d{0,4}", re.IGNORECASE)
_UNDECOMPOSED = str.maketrans("łŁøØ", "lLoO")
_IN_NO_WORDS = re.compile("|".join(_WORDS["scripts"]))
_FILL_IN = re.compile(r"(?<![a-z])(change|replace|fix|fill)[ _-]?(me|this|it)(?![a-z])", re.IGNORECASE)
_OPEN = re.compile(
    r"(to[ _-]?do|fixme|tbd|tba|to[ _-]be[ _-](filled|set|added|done|defined|replaced)([ _-]in)?|"
    r"to[ _-]be[ _-](provided|completed|announced))(?![a-z0-9])|"
    r"(0+-){2,}0+\Z|(0|-1)\Z|placeholder",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_SEPARATED = re.compile(r"[^\W\d_]+([ _./:'\u2019-]+[^\W\d_]+)*")
_AROUND = " \t\r\n\"'`*_-.<>()[]{}#~|"

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_OBJECT = re.compile(r"\{\s*\"[^\"]*\"\s*:.*\}", re.DOTALL)
_PEM = re.compile(r"\s*-----BEGIN ([A-Z ]+)-----(.*?)(-----END |\Z)", re.DOTALL)
_JWE = re.compile(r"(eyJ[\w-]+)\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+")
_REFERRING = frozenset({"valuefrom", "secretkeyref", "configmapkeyref", "ref", "$ref", "$secret", "remoteref"})
_SHORTEST = 4
"""Characters of the shortest text without a letter and a digit that can be a password."""

MAX_PLACEHOLDER = 200
"""Characters of the longest text that may be words in place of a credential."""


def why_no_credential(field: str, text: str) -> str | None:  # one case after the other
    """Why a text cannot be the credential of a field, in words that hold nothing of it; ``None`` if it can be one."""
    text = text.strip()
    if not text:
        return None  # it is missing, and not something else
    for form in _possible(text):
        if form.fits(text):
            return form.why
    if _is_jwe(text):
        return f"{Stopgap.ENCRYPTED} (JWE)"
    if (pem := _PEM.match(text)) and not re.search(r"[A-Za-z0-9+/=]{16}", pem[2]):
        return f"{Stopgap.HIDDEN} (a key without its content)"
    if field == "client_secret" and _URL.match(text):  # a konnector may have one as a part of its secret
        return f"{Stopgap.REFERENCE} (a URL)"
    if field in ("client_id", "client_secret") and _OBJECT.fullmatch(text):
        return f"{Stopgap.REFERENCE} (a JSON object)"
    return _why_words(field, text)


def _is_jwe(text: str) -> bool:
    """Whether a text is an encrypted token (RFC 7516): its header names a content encryption."""
    if (found := _JWE.fullmatch(text)) is None:
        return False
    try:
        return b'"enc"' in urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
    except ValueError:
        return False


def _why_words(field: str, text: str) -> str | None:  # one case after the other
    """Why a text is words that stand where a credential should."""
    bare = text.strip(_AROUND)
    if not text.isascii() and len(text) <= MAX_PLACEHOLDER:
        decomposed = unicodedata.normalize("NFKD", text.translate(_UNDECOMPOSED))
        bare = "".join(char for char in decomposed if not unicodedata.combining(char)).strip(_AROUND)
    if not bare or (len(bare) < _SHORTEST and not any(map(str.isalnum, bare))):
        return f"{Stopgap.HIDDEN} (no letter and no digit)"
    if len(text) > MAX_PLACEHOLDER:
        return None
    tries = field != "client_id"  # an id may be called so
    if _FILL_IN.search(bare) or _OPEN.match(bare) or (tries and _TRIED.fullmatch(bare)):
        return str(Stopgap.PLACEHOLDER)
    if not _SEPARATED.fullmatch(bare):
        return None
    words = [word.lower() for word in _WORD.findall(bare)]
    given, joined = {*words}, "".join(words)
    if joined in _WORDS["hiding"]:
        return str(Stopgap.HIDDEN)
    if joined in _WORDS["nothing"] or given <= _WORDS["nothing"]:
        return f"{Stopgap.PLACEHOLDER} (the word for nothing)"
    if joined == field.replace("_", ""):
        return f"{Stopgap.PLACEHOLDER} (the name of the field)"
    known = joined in _WORDS["stopgaps"] or _ask(words) or _IN_NO_WORDS.search(unicodedata.normalize("NFC", bare))
    named = given & _NOUNS and given <= _NOUNS | _CLIENTS | _WORDS["trials"]  # such as password, test secret
    tried = tries and (joined in _WORDS["trials"] | _ASKING | _NOUNS or named)
    return str(Stopgap.PLACEHOLDER) if known or tried else None


def _ask(words: Sequence[str]) -> bool:
    """Whether words ask for a credential, as ``your client id``, ``à remplir`` and ``INSERT_SECRET_HERE`` do."""
    given = {*words}
    if given & _EXAMPLES:
        of_a_credential = given & _NOUNS and given <= _EXAMPLES | _ASKING | _BESIDE
        return len(given) == 1 or "placeholder" in given or bool(of_a_credential)
    if words[0] in ("my", "our") and words[-1] in ("secret", "key"):
        return given - {"my", "our"} <= _BESIDE
    asked = (given & _NOUNS and given & _CLIENTS) or (given & _ASKING and len(given) > 1)
    return bool(asked) and given <= _ASKING | _BESIDE


_INVISIBLE = {"\n": "a line break", "\r": "a line break", " ": "a space", "\t": "a tab", "\ufeff": "a byte order mark"}
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "\u2018": "\u2019", "«": "»", "„": "“"}


def padding(value: str) -> str:
    """What stands around a value and does not belong to it; empty for nothing."""
    ends = [
        f"{verb} with {_INVISIBLE.get(char, f'an invisible character (U+{ord(char):04X})')}"
        for verb, char in zip(("starts", "ends"), (*value[:1], *value[-1:]), strict=False)
        if not _is_visible(char)
    ]
    if ends:
        return " and ".join(ends) if any(map(_is_visible, value)) else "is only white space"
    return "has quotes around it" if len(value) > 1 and _QUOTES.get(value[0]) == value[-1] else ""


def _is_visible(char: str) -> bool:
    return char.isprintable() and not char.isspace()


def no_credentials(document: Document, fields: tuple[str, ...] = CREDENTIAL_FIELDS) -> Iterator[tuple[Path, str]]:
    """What cannot be a credential in a document: where it stands, and why.

    Looked at are `fields`, and the parameters in ``extras`` whose keys say that they are secret.
    """
    for name in fields:
        value = document.get(name)
        if isinstance(value, Unfit):
            yield (name,), value.why
        elif value is not None:
            plain = revealed(value)
            yield from _in(plain, (name,), meant=name != "fcm_credentials" or not isinstance(plain, dict))
    extras = document.get("extras")
    for key, item in extras.items() if isinstance(extras, dict) else ():
        if isinstance(item, str) and is_secret_key(key) and (why := why_no_credential(key, item)):
            yield ("extras", key), why


def _in(value: Json, path: Path, *, meant: bool) -> Iterator[tuple[Path, str]]:  # a case a type
    """The same in one value; `meant`: a credential is meant to stand there."""
    match value:
        case str() if meant:
            if why := why_no_credential(path[-1], value):
                yield path, why
        case str():
            text = value.strip()
            if form := next((form for form in _possible(text) if form.anywhere and form.fits(text)), None):
                yield path, form.why
        case {"secret": True, **rest} if not rest:
            yield path, f"{Stopgap.HIDDEN} (as provision shows it)"
        case dict():
            only = next(iter(value)).lower() if len(value) == 1 else ""
            if only in _REFERRING or only.startswith("fn::"):
                yield path, f"{Stopgap.REFERENCE} (an object that names where it is)"
                return
            for key, item in value.items():
                yield from _in(item, (*path, key), meant=is_secret_key(key) or key == "client_id")
        case list():
            for item in value:
                yield from _in(item, path, meant=meant)
        case _:
            pass
