"""Rules about values, wherever they come from: a definition, a credential source, the database."""

import math
import re
from collections.abc import Collection, Iterator

from provisioner.core.definitions.account_type import numbers_in
from provisioner.core.definitions.content import walk
from provisioner.core.definitions.credential_form import padding
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.outside_json import MAX_EXACT
from provisioner.core.rules import AccountTypeView, Finding, found
from provisioner.core.rules.ids import HALF
from provisioner.core.secret import Json, Secret, revealed
from provisioner.core.text import counted, is_whole, unseen

_BREAK = re.compile(r"[\t\n\r]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_values(view: AccountTypeView, fields: Collection[str] | None = None) -> Iterator[Finding]:
    """What is wrong with the values of some fields, or of all."""
    document = view.document
    fields = document if fields is None else fields
    sent_as_is = view.kind.sent_as_is(document)
    for name in fields:
        value = revealed(document[name])
        text = value if isinstance(value, str) else ""
        if name in sent_as_is:
            yield from _check_credential(view, name, "" if name in view.gaps else text)
        shown = repr((name, value))
        if shown.isascii() and "\\" not in shown:
            continue  # as most are: anything odd would be escaped in it
        if not all(map(is_whole, (name, *(each for _, each in _texts(name, value))))):
            yield found("half-character", f"{_SURROGATE.sub('?', name)} contains {HALF}", name)
        if not (name in sent_as_is and padding(text)):  # which padded-credential reports
            yield from _unseen_in(name, value, as_is=name in sent_as_is)
    for path, why in view.kind.no_credentials(document):
        if path[0] in fields and not view.definition.content.has_gap(path):
            yield found("placeholder-credential", f"{'.'.join(path)} is {why}", *path)
    secret = document.get("secret") if view.kind is ACCOUNT_TYPE and "secret" in fields else None
    if isinstance(secret, Secret) and (large := [each for each in numbers_in(secret.reveal()) if not _is_exact(each)]):
        lost = f"secret contains {counted(len(large), 'number')} beyond 2^53, whose last digits the stack loses"
        yield found("number-loses-digits", f"{lost}: write it as text", "secret")


def _check_credential(view: AccountTypeView, name: str, text: str) -> Iterator[Finding]:
    """What is wrong with a credential that the stack sends as it is."""
    if wrong := padding(text):
        yield found("padded-credential", f"{name} {wrong}, and the stack sends it as it is", name)
    if view.kind is not ACCOUNT_TYPE or view.text("token_mode") != "basic":
        return
    if name == "client_id" and ":" in text:
        message = "client_id has a colon: with token_mode basic the provider reads the rest as a part of the secret"
        yield found("colon-in-client-id", message, name)
    if odd := [char for char in "%+" if char in text]:
        message = (
            f"{name} has {' and '.join(odd)}, which the stack does not percent-encode with token_mode basic: "
            "a provider that decodes it reads another value"
        )
        yield found("basic-not-encoded", message, name)


def _is_exact(number: int | float) -> bool:  # an int is what loses digits
    return abs(number) <= MAX_EXACT if isinstance(number, int) else math.isfinite(number)


def _unseen_in(name: str, value: Json, *, as_is: bool) -> Iterator[Finding]:
    """What nobody sees in a field; of its parts, only those of extras are named."""
    if as_is and isinstance(value, str) and (broken := _BREAK.search(value)):
        what = "a tab" if broken[0] == "\t" else "a line break"
        yield found("unseen-character", f"{name} has {what} at character {broken.start() + 1}", name)
    if hidden := unseen(name):
        yield found("unseen-character", f"the key {name} has {hidden[1]} at character {hidden[0]}", name)
    for path, text in _texts(name, value):
        if hidden := unseen(text):
            message = f"{'.'.join(path)} has {hidden[1]} at character {hidden[0]}"
            yield found("unseen-character", message, *path)


def _texts(name: str, value: Json) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts of a field, its keys too, each with the keys that lead to it; only those of extras are named."""
    for path, item in walk(value):
        place = (name, str(path[0])) if path and name == "extras" else (name,)
        yield from ((place, each) for each in (*path[-1:], item) if isinstance(each, str))
