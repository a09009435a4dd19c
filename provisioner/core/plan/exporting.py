"""A live document as a definition file."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import quote

from provisioner.core.definitions.account_type import (
    CREDENTIAL_FIELDS,
    FIELDS,
    NOTE_PREFIX,
    PUBLIC_FIELDS,
    SECRET_FIELDS,
    Document,
    cut_fields,
    field_of,
    secrets_of,
)
from provisioner.core.definitions.credential_form import unusable
from provisioner.core.definitions.node import Entry, MappingNode, Mark, from_json
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.variables import escaped
from provisioner.core.outside_json import TOO_DEEP
from provisioner.core.plan.store import Live
from provisioner.core.rules.ids import is_device, is_plain
from provisioner.core.secret import Json, Secret, holds_secret, is_secret_key
from provisioner.core.text import is_whole

NOT_EXPORTED = "x-not-exported"
"""The note that names the live fields that a definition cannot state; they stay as they are."""

_NOTED = PUBLIC_FIELDS - {"_id", "client_id", "grant_mode"}
"""Fields whose values can be a note where they cannot be the field: they are no credential."""

_LONGEST = 200
"""Characters of a file's name: file systems take 255 bytes, and a suffix follows."""


@dataclass(frozen=True, slots=True)
class Exported:
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
        path = _free(live.id, taken)
        taken.add(path.casefold())
        exported.append(_export(live, path, check, with_secrets=with_secrets, from_files=from_files))
    return sorted(exported, key=lambda each: each.id)


def _export(live: Live, path: str, check: Check, *, with_secrets: bool, from_files: bool) -> Exported:
    plain = {name: value for name, value in live.document.items() if not isinstance(value, Secret)}
    secret = {name: value for name, value in live.document.items() if name in SECRET_FIELDS}
    refused, warnings = _refused(live.document, check)
    no_credentials = {name: why for name, why in unusable(live.document).items() if name in CREDENTIAL_FIELDS}
    no_credentials |= dict.fromkeys(cut_fields(live.document), TOO_DEEP)
    warnings += [f"left out: {name} is {why}" for name, why in no_credentials.items()]
    left_out = {*refused, *no_credentials}
    content: dict[str, Json] = {} if path == live.id else {"_id": escaped(live.id)}
    written = {name: plain[name] for name in FIELDS if name in plain and name not in left_out}
    content |= {
        name: value if from_files and name != "client_id" else escaped(value) for name, value in written.items()
    }
    content, told = _without_secrets(live.id, content)
    warnings += told
    if "fcm_credentials" in secret and "grant_mode" not in content:
        content["x-fcm_credentials"] = "elsewhere"
    noted = {name: value for name in refused if (value := _as_note(name, live.document[name])) is not None}
    for name, value in noted.items():
        content[f"{NOTE_PREFIX}{name}"] = value if from_files else escaped(value)
        joint = " Its" if refused[name].endswith("?") else "; its"
        warnings.append(f"{refused[name]}{joint} value is kept as the note {NOTE_PREFIX}{name}")
    if lost := [name for name in refused if name not in noted]:
        warnings += [f"left out: {refused[name]}" for name in lost] if from_files else []
        warnings += [] if from_files else [f"left in the database only: {', '.join(lost)}"]
        content |= {} if from_files else {NOT_EXPORTED: [*lost]}
    credentials = {name: secret[name] for name in CREDENTIAL_FIELDS if name in secret and name not in left_out}
    if with_secrets and "client_secret" in credentials and "client_id" in content:
        del content["client_id"]
        credentials = {"client_id": plain["client_id"], **credentials}
    return Exported(live.id, f"{path}.yaml", content, credentials, tuple(warnings))


def _as_note(name: str, value: Json | Secret) -> Json:
    """The value of a refused field, if it is meant as one that is no credential; else none."""
    value = value.reveal() if isinstance(value, Secret) else value
    close = get_close_matches(name.lower(), FIELDS, n=1)
    meant = field_of(name) or (close[0] if close else None)
    if meant not in _NOTED or is_secret_key(name) or not _can_stand(value):
        return None
    if isinstance(value, dict) and (meant != "extras" or holds_secret(value)):
        return None
    return None if isinstance(value, list) or (isinstance(value, str) and "@" in value) else value


def _without_secrets(id: str, content: Mapping[str, Json]) -> tuple[dict[str, Json], list[str]]:
    """The fields with a variable in place of each secret, and what to say of them."""
    safe, told = dict(content), []
    for path in secrets_of(content):
        name = _variable(f"{id}_{path[-1]}")
        told.append(f"{'.'.join(path)} is a secret: it is written as the variable {name}")
        outer = safe[path[0]]
        safe[path[0]] = {**outer, path[1]: f"${{{name}}}"} if isinstance(outer, dict) else f"${{{name}}}"
    return safe, told


def _variable(text: str) -> str:
    name = re.sub(r"\W", "_", text, flags=re.ASCII).lower()
    return f"_{name}" if name[0].isdigit() else name


def _refused(document: Document, check: Check) -> tuple[dict[str, str], list[str]]:
    """The fields that the schema refuses, each with the reason, and what else is wrong with a document."""
    names = sorted(document)
    values = (document[name] for name in names)
    plain = [value.reveal() if isinstance(value, Secret) else value for value in values]
    places = enumerate(zip(names, plain, strict=True), start=1)
    entries = [Entry(name, mark := Mark(line, 1), from_json(value, mark)) for line, (name, value) in places]
    faults = sorted(check(MappingNode(tuple(entries), Mark(len(names) + 1, 1))))
    messages = {fault.mark.line: fault.message for fault in reversed(faults) if fault.rule != "missing-key"}
    refused = {
        name: messages[line] for line, name in enumerate(names, start=1) if line in messages and name != "grant_mode"
    }
    half = (name for name, value in zip(names, plain, strict=True) if not _can_stand(value))
    refused |= {name: f"{name} holds half a character" for name in half if name not in refused}
    return refused, [fault.message for fault in faults if fault.mark.line not in messages]


def _can_stand(value: Json) -> bool:
    """Whether a value can stand in a file: a lone surrogate cannot."""
    return is_whole(json.dumps(value, ensure_ascii=False))


def _free(id: str, taken: Collection[str]) -> str:
    """The path of an id, without its suffix: another one than those taken on file systems that ignore case.

    It is the id itself if that can be a path, else the id as in a URL's path. If that is too long for a file name, or
    taken, a digest of the id ends it. All of it is ASCII, so that no file system can normalise it.
    """
    path = id if is_plain(id) else _encoded(id)
    if max(map(len, path.split("/"))) <= _LONGEST and path.casefold() not in taken:
        return path
    digest = hashlib.sha256(id.encode(errors="surrogatepass")).hexdigest()
    return f"{_encoded(id)[: _LONGEST - 17].rstrip('%')}%{digest[:16]}"


def _encoded(id: str) -> str:
    encoded = quote(id.encode(errors="surrogatepass"), safe="").replace(".", "%2E").replace("_", "%5F")
    return encoded.replace("~", "%7E") if not is_device(encoded) else f"%{ord(encoded[0]):02X}{encoded[1:]}"
