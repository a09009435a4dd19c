"""Rules about the values of credentials, wherever they come from: a definition, a credential source, the database."""

import math
import re
from collections.abc import Iterator

from provisioner.core.definitions.account_type import numbers_in, text_of
from provisioner.core.definitions.credential_form import padding
from provisioner.core.definitions.node import at, has_placeholder
from provisioner.core.definitions.problem import Severity
from provisioner.core.outside_json import MAX_EXACT
from provisioner.core.rules.rule import AccountTypeView, Finding, rule
from provisioner.core.secret import Json, Secret, revealed
from provisioner.core.text import counted, unseen

_CLIENT = ("client_id", "client_secret")

_BREAK = re.compile(r"[\t\n\r]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@rule("padded-credential", Severity.ERROR, kind=None)
def _padded(view: AccountTypeView) -> Iterator[Finding]:
    for name in view.kind.sent_as_is(view.definition.document):
        if wrong := padding(_known(view, name)):
            yield Finding(f"{name} {wrong}, and the stack sends it as it is", (name,))


@rule("placeholder-credential", Severity.ERROR, kind=None)
def _placeholder(view: AccountTypeView) -> Iterator[Finding]:
    node = view.definition.node
    for path, why in view.kind.no_credentials(view.definition.document):
        if node.get(path[0]) is None or not has_placeholder(at(node, path)):
            yield Finding(f"{'.'.join(path)} is {why}", path)


@rule("colon-in-client-id", Severity.ERROR)
def _colon(view: AccountTypeView) -> Iterator[Finding]:
    if view.text("token_mode") == "basic" and ":" in _known(view, "client_id"):
        message = "client_id has a colon: with token_mode basic the provider reads the rest as a part of the secret"
        yield Finding(message, ("client_id",))


@rule("basic-not-encoded", Severity.WARNING)
def _not_encoded(view: AccountTypeView) -> Iterator[Finding]:
    for name in _CLIENT if view.text("token_mode") == "basic" else ():
        found = [char for char in "%+" if char in _known(view, name)]
        if found:
            message = (
                f"{name} has {' and '.join(found)}, which the stack does not percent-encode with token_mode basic: "
                "a provider that decodes it reads another value"
            )
            yield Finding(message, (name,))


@rule("number-loses-digits", Severity.ERROR, ignorable=False)
def _digits(view: AccountTypeView) -> Iterator[Finding]:
    value = view.definition.document.get("secret")
    if isinstance(value, Secret):
        large = [number for number in numbers_in(value.reveal()) if not _is_exact(number)]
        if large:
            lost = f"secret contains {counted(len(large), 'number')} beyond 2^53, whose last digits the stack loses"
            yield Finding(f"{lost}: write it as text", ("secret",))


def _is_exact(number: int | float) -> bool:  # an int is what loses digits
    return abs(number) <= MAX_EXACT if isinstance(number, int) else math.isfinite(number)


@rule("half-character", Severity.ERROR, ignorable=False, kind=None)
def _half_characters(view: AccountTypeView) -> Iterator[Finding]:
    if _SURROGATE.search(view.id):
        yield Finding(f"the id contains {_HALF}", ("_id",))
    for name, value in view.definition.document.items():
        plain = revealed(value)
        if isinstance(plain, str) and plain.isascii() and name.isascii():
            continue  # as most are
        if any(map(_SURROGATE.search, (name, *_texts(plain)))):
            yield Finding(f"{_SURROGATE.sub('?', name)} contains {_HALF}", (name,))


_HALF = "half of a character (a lone surrogate): CouchDB would refuse the whole batch of documents"


@rule("unseen-character", Severity.ERROR, kind=None)
def _unseen(view: AccountTypeView) -> Iterator[Finding]:
    as_is = view.kind.sent_as_is(view.definition.document)
    if found := unseen(view.id):
        yield Finding(f"the id has {found[1]} at character {found[0]}", ("_id",))
    for name, value in view.definition.document.items():
        plain = revealed(value)
        if isinstance(plain, str) and plain.isascii() and plain.isprintable() and name.isascii():
            continue  # as most are
        if name in as_is and isinstance(plain, str) and padding(plain):
            continue  # padded-credential reports it
        if name in as_is and isinstance(plain, str) and (broken := _BREAK.search(plain)):
            what = "a tab" if broken[0] == "\t" else "a line break"
            yield Finding(f"{name} has {what} at character {broken.start() + 1}", (name,))
        yield from _unseen_in(name, plain)


def _unseen_in(name: str, value: Json) -> Iterator[Finding]:
    if found := unseen(name):
        yield Finding(f"the key {name} has {found[1]} at character {found[0]}", (name,))
    for path, text in _paths(name, value):
        if found := unseen(text):
            yield Finding(f"{'.'.join(path)} has {found[1]} at character {found[0]}", path)


def _paths(name: str, value: Json) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts of a field, each with the keys that lead to it; only those of extras are named."""
    if name == "extras" and isinstance(value, dict):
        yield from (((name, key), text) for key, item in value.items() for text in (key, *_texts(item)))
    else:
        yield from (((name,), text) for text in _texts(value))


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for key, item in value.items():
                yield key
                yield from _texts(item)
        case _:
            pass


def _known(view: AccountTypeView, name: str) -> str:
    """The text of a credential, secret or not; empty for a variable without a value."""
    return "" if view.unknown(name) else text_of(view.definition.document, name)
