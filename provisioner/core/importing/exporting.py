"""Live documents as definition files, with their credentials apart."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from urllib.parse import quote

from msgspec import Struct

from provisioner.core.definitions.account_type import (
    CREDENTIAL_FIELDS,
    FIELDS,
    NOTE_PREFIX,
    PUBLIC_FIELDS,
    SECRET_FIELDS,
    Document,
    cut_fields,
    field_of,
    numbers_in,
    secrets_of,
)
from provisioner.core.definitions.content import Content
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.variables import escaped
from provisioner.core.outside_json import CUT_OFF
from provisioner.core.plan.store import Live
from provisioner.core.rules.ids import is_device, is_plain
from provisioner.core.secret import Json, Secret, holds_secret, is_secret_key, revealed
from provisioner.core.text import is_whole, listed

NOT_EXPORTED = "x-not-exported"
"""The note that names the live fields that a definition cannot state; they stay as they are."""

_NOTED = PUBLIC_FIELDS - {"_id", "client_id", "grant_mode"}
"""Fields whose values can be a note where they cannot be the field: they are no credential."""

_LONGEST = 200
"""Characters of a file's name: file systems take 255 bytes, and a suffix follows."""


class Exported(Struct, frozen=True):
    """A definition to write: its path within the catalogue, its content, its credentials, and what is wrong with it.

    `content` holds plain values whose ``$`` are doubled; `credentials` are the secret fields.
    """

    id: str
    path: str
    content: Mapping[str, Json]
    credentials: Document
    warnings: tuple[str, ...]


def export(
    documents: Iterable[Live], check: Check, *, with_secrets: bool = False, from_files: bool = False
) -> list[Exported]:
    """The definitions of live documents, sorted by id. What the schema refuses is named, and left live.

    `with_secrets`: the credentials will be written too, so a client id stands beside its client secret. `from_files`:
    there is no database that keeps what is left out, and the texts are those of definitions.
    """
    taken: set[str] = set()
    exported: list[Exported] = []
    for live in sorted(documents, key=lambda live: (live.id != live.id.casefold(), live.id)):  # small letters first
        path = _encoded(live.id) if not is_plain(live.id) else live.id
        if max(map(len, path.split("/"))) > _LONGEST or path.casefold() in taken:
            digest = hashlib.sha256(live.id.encode(errors="surrogatepass")).hexdigest()
            path = f"{_encoded(live.id)[: _LONGEST - 17].rstrip('%')}%{digest[:16]}"
        taken.add(path.casefold())
        own_id: dict[str, Json] = {} if path == live.id else {"_id": escaped(live.id)}
        if live.kind.states_fields:
            content, credentials, warnings = _fields(live, check, with_secrets=with_secrets, from_files=from_files)
        else:
            content, credentials, warnings = _names(live)
        exported.append(Exported(live.id, f"{path}.yaml", own_id | content, credentials, tuple(warnings)))
    return sorted(exported, key=lambda each: each.id)


def _encoded(id: str) -> str:
    """An id as in a URL's path: all of it is ASCII, so that no file system can normalise it."""
    encoded = quote(id.encode(errors="surrogatepass"), safe="").replace(".", "%2E").replace("_", "%5F")
    return encoded.replace("~", "%7E") if not is_device(encoded) else f"%{ord(encoded[0]):02X}{encoded[1:]}"


def _fields(
    live: Live, check: Check, *, with_secrets: bool, from_files: bool
) -> tuple[dict[str, Json], Document, list[str]]:
    """The content of a definition that states fields, its credentials, and what is wrong with it."""

    def text(value: Json) -> Json:
        return value if from_files else escaped(value)

    document = live.document
    secret = {name: value for name, value in document.items() if name in SECRET_FIELDS}
    refused, warnings = _refused(document, check)
    unusable = live.kind.unusable_fields(document)
    left_out = {name: why for name, why in unusable.items() if name in CREDENTIAL_FIELDS}
    left_out |= dict.fromkeys(cut_fields(document), CUT_OFF)
    endless = [
        name for name, value in secret.items() if {math.inf, -math.inf}.intersection(numbers_in(revealed(value)))
    ]
    left_out |= dict.fromkeys(endless, "a value with a number that JSON does not have")
    warnings += [f"left out: {name} is {why}" for name, why in left_out.items()]
    content: dict[str, Json] = {}
    for name in FIELDS:
        value = document.get(name)
        if name in document and name not in {*refused, *left_out} and not isinstance(value, Secret):
            content[name] = text(value) if name != "client_id" else escaped(value)
    for path in secrets_of(content):
        variable = re.sub(r"\W", "_", f"{live.id}_{path[-1]}", flags=re.ASCII).lower()
        variable = f"_{variable}" if variable[0].isdigit() else variable
        warnings.append(f"{'.'.join(path)} is a secret: it is written as the variable {variable}")
        outer = content[path[0]]
        content[path[0]] = {**outer, path[1]: f"${{{variable}}}"} if isinstance(outer, dict) else f"${{{variable}}}"
    if "fcm_credentials" in secret and "grant_mode" not in content:
        content["x-fcm_credentials"] = "elsewhere"
    lost = []
    for name, why in refused.items():
        note = _as_note(name, document[name])
        if note is None:
            lost.append(name)
            continue
        content[f"{NOTE_PREFIX}{name}"] = text(note)
        joint = " Its" if why.endswith("?") else "; its"
        warnings.append(f"{why}{joint} value is kept as the note {NOTE_PREFIX}{name}")
    if from_files:
        warnings += [f"left out: {refused[name]}" for name in lost]
    elif lost:
        warnings.append(f"kept in the database only: {listed(lost)}")
        content[NOT_EXPORTED] = [*lost]
    credentials = {
        name: secret[name] for name in CREDENTIAL_FIELDS if name in secret and name not in {*refused, *left_out}
    }
    if with_secrets and "client_secret" in credentials and "client_id" in content:
        del content["client_id"]
        credentials = {"client_id": document["client_id"], **credentials}
    return content, credentials, warnings


def _names(live: Live) -> tuple[dict[str, Json], Document, list[str]]:
    """The same of a definition that has names alone: the values are credentials."""
    content = live.kind.content(live.document)
    named = live.kind.asked(content)
    unusable = {**live.kind.unusable_fields(live.document), **dict.fromkeys(cut_fields(live.document), CUT_OFF)}
    unusable |= dict.fromkeys(live.kind.missing(live.document, named), "empty, or no text")
    warnings = [f"left out: the value of {name} is {unusable[name]}" for name in named if name in unusable]
    if lost := [name for name in live.document if name not in named and not name.startswith("_")]:
        warnings.append(f"kept in the database only: {listed(lost)}")
    return {**content}, {name: live.document[name] for name in named if name not in unusable}, warnings


def _as_note(name: str, value: Json | Secret) -> Json:
    """The value of a refused field, if it seems to be meant for a field that is no credential."""
    value = revealed(value)
    meant = field_of(name) or next(iter(get_close_matches(name.lower(), FIELDS, n=1)), None)
    if meant not in _NOTED or is_secret_key(name) or not _can_stand(value):
        return None
    if isinstance(value, dict) and (meant != "extras" or holds_secret(value)):
        return None
    return None if isinstance(value, list) or (isinstance(value, str) and "@" in value) else value


def _refused(document: Document, check: Check) -> tuple[dict[str, str], list[str]]:
    """The fields that the schema refuses, each with the reason, and what else is wrong with a document."""
    names = sorted(document)
    plain = Content({name: revealed(document[name]) for name in names})
    faults = sorted(check(plain), key=lambda fault: (not fault.field, fault.field, fault.message))
    messages = {fault.field: fault.message for fault in reversed(faults) if fault.rule != "missing-key"}
    refused = {name: messages[name] for name in names if name in messages and name != "grant_mode"}
    half = (name for name in names if name not in refused and not _can_stand(revealed(document[name])))
    refused |= {name: f"{name} contains half a character" for name in half}
    return refused, [fault.message for fault in faults if fault.field not in messages]


def _can_stand(value: Json) -> bool:
    """Whether a value can stand in a file: a lone surrogate cannot."""
    return is_whole(json.dumps(value, ensure_ascii=False))
