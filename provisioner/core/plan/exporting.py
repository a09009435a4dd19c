"""A live document as a definition file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS, SECRET_FIELDS, Document
from provisioner.core.definitions.node import Entry, Mark, from_json
from provisioner.core.definitions.node import Mapping as MappingNode
from provisioner.core.definitions.schema_check import Check
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json, Secret

NOT_EXPORTED = "x-not-exported"
"""The note that names the live fields that a definition cannot state; they stay as they are."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)?")


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


def export(documents: Iterable[Live], check: Check) -> list[Exported]:
    """The definitions of live documents, sorted by id. What the schema refuses is named, and left live."""
    taken: set[str] = set()
    exported: list[Exported] = []
    for live in sorted(documents, key=lambda live: live.id):
        path = _path(live.id)
        if path.lower() in taken:  # a file system may not tell capitals apart
            path = _encoded(live.id, keep=r"[a-z0-9-]")
        taken.add(path.lower())
        exported.append(_export(live, path, check))
    return exported


def _export(live: Live, path: str, check: Check) -> Exported:
    plain = {name: value for name, value in live.document.items() if not isinstance(value, Secret)}
    secret = {name: value for name, value in live.document.items() if name in SECRET_FIELDS}
    refused, warnings = _refused(live.document, check)
    content: dict[str, Json] = {} if path == live.id else {"_id": _doubled(live.id)}
    content |= {name: _doubled(plain[name]) for name in FIELDS if name in plain and name not in refused}
    if "fcm_credentials" in secret and "grant_mode" not in content:
        content["x-fcm_credentials"] = "elsewhere"
    if refused:
        content[NOT_EXPORTED] = [*refused]
        warnings.append(f"left in the database only: {', '.join(refused)}")
    credentials = {name: secret[name] for name in CREDENTIAL_FIELDS if name in secret and name not in refused}
    return Exported(live.id, f"{path}.yaml", content, credentials, tuple(warnings))


def _refused(document: Document, check: Check) -> tuple[list[str], list[str]]:
    """The fields that the schema refuses, and what else is wrong with a document."""
    names = sorted(document)
    values = (document[name] for name in names)
    plain = [value.reveal() if isinstance(value, Secret) else value for value in values]
    places = enumerate(zip(names, plain, strict=True), start=1)
    entries = [Entry(name, mark := Mark(line, 1), from_json(value, mark)) for line, (name, value) in places]
    faults = check(MappingNode(tuple(entries), Mark(len(names) + 1, 1)))
    lines = {fault.mark.line for fault in faults if fault.rule != "missing-key"}
    refused = [name for line, name in enumerate(names, start=1) if line in lines and name != "grant_mode"]
    return refused, [fault.message for fault in sorted(faults) if fault.mark.line not in lines]


def is_plain(id: str) -> bool:
    """Whether an id can be a path as it is."""
    return _PLAIN.fullmatch(id) is not None


def _path(id: str) -> str:
    return id if is_plain(id) else _encoded(id, keep=r"[A-Za-z0-9-]")


def _encoded(id: str, keep: str) -> str:
    return "".join(char if re.fullmatch(keep, char) else f"%{ord(char):02X}" for char in id)


def _doubled(value: Json) -> Json:
    """A value in which no ``$`` starts a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_doubled(item) for item in value]
    if isinstance(value, dict):
        return {key: _doubled(item) for key, item in value.items()}
    return value
