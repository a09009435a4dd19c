"""Reads credentials from files, folders, the environment, programs and age."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, assert_never

from provisioner.adapters.files.credential_command import run_command, shown_command
from provisioner.adapters.files.git import is_tracked
from provisioner.adapters.files.json_text import read_json
from provisioner.adapters.files.private_file import decrypted
from provisioner.adapters.files.text_files import parse, read_limited
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document, conceal
from provisioner.core.definitions.as_written import changed_values, unseen_characters
from provisioner.core.definitions.definition import MAX_BYTES
from provisioner.core.definitions.node import MappingNode, Mark, to_json, walk
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.errors import InvalidFile, ProvisionError, UsageError, said
from provisioner.core.secret import Json, Secret, Unfit
from provisioner.core.targets.credentials import SOURCE_FIELDS, Credentials, ambiguous_variables, variable_name
from provisioner.core.targets.target import (
    CommandSource,
    CredentialSource,
    DirectorySource,
    EnvironmentSource,
    FileSource,
)

_WARNINGS = logging.getLogger("provisioner.warnings")

_JSON = (".json", ".json.age")
_LAYOUT = "credentials are a mapping of ids, each with some of: " + ", ".join(SOURCE_FIELDS)
_FIX_PATH = "fix the path in the credentials of the target"


def read_credentials(
    source: CredentialSource,
    ids: Sequence[str],
    environment: Mapping[str, str],
    check: Check,
    target: str | None = None,
) -> Credentials:
    """What a source of a target knows of some account types. Raises `ProvisionError`, whose text holds no value."""
    place = "" if target is None else f"target {target}: "
    match source:
        case FileSource():
            return _content(_file(source, place), source.path, check)
        case DirectorySource():
            return _directory(source.path, ids, place)
        case EnvironmentSource():
            return _environment(source, ids, environment)
        case CommandSource():
            name = f"{place}output of {shown_command(source.arguments)}"
            return _content(run_command(source, environment, place), name, check)
        case _:
            assert_never(source)


def _home(path: str, place: str = "") -> Path:
    """A path with its ``~`` written out. Raises `ProvisionError` for a user who does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        what = f"{place}the credentials {path} are in a home folder that does not exist"
        raise ProvisionError(what, _FIX_PATH) from None


def _bytes(path: str, place: str) -> bytes:
    try:
        content = read_limited(_home(path, place))
    except (OSError, ValueError) as error:
        why = said(error) if isinstance(error, OSError) else "the path contains a null character"
        raise ProvisionError(f"{place}the credentials {path} cannot be read: {why}", _FIX_PATH) from None
    if len(content) > MAX_BYTES:
        raise ProvisionError(f"{place}the credentials {path} are larger than 1 MiB", _FIX_PATH)
    return content


def _content(content: bytes, name: str, check: Check) -> Credentials:
    reading = parse(content, json=name.endswith(_JSON))
    root, faults = reading.node, [*reading.faults]
    unfit: dict[str, dict[str, Unfit]] = {}
    if root is not None:
        if root.get("sops") is not None:
            raise ProvisionError(f"{name} is encrypted with sops", 'read it with command: ["sops", "decrypt", …]')
        ids = {entry.mark for entry in root.entries}
        unseen = unseen_characters(root)  # in a value, it stops the account type: a rule judges that
        faults += (each if each.mark in ids else replace(each, severity=Severity.WARNING) for each in unseen)
        fields = _fields_by_place(root)
        for fault in check(root):
            if fault.severity is Severity.ERROR and fault.mark in fields:
                id, field = fields[fault.mark]
                why = f"refused: {name}:{fault.mark.line}:{fault.mark.column}: {fault.message} [{fault.rule}]"
                unfit.setdefault(id, {}).setdefault(field, Unfit(why))
            else:
                faults.append(fault)
    if root is None or any(fault.severity is Severity.ERROR for fault in faults):
        problems = [fault.in_file(name) for fault in faults]
        raise InvalidFile(tuple(sorted(problems)), _LAYOUT)
    for fault in sorted(faults):
        _WARNINGS.warning("%s:%d:%d: %s", name, fault.mark.line, fault.mark.column, fault.message)
    rows: Any = to_json(root)
    return {
        id: {**conceal(fields if isinstance(fields, dict) else {}), **unfit.get(id, {})} for id, fields in rows.items()
    }


def _fields_by_place(root: MappingNode) -> dict[Mark, tuple[str, str]]:
    """The places of a file below an id, each with the id and the credential that what is wrong there stops."""
    found: dict[Mark, tuple[str, str]] = {}
    for row in root.entries:
        for names, node in walk(row.value):
            field = names[0] if names and names[0] in CREDENTIAL_FIELDS else "client_secret"
            keys = (entry.mark for entry in node.entries) if isinstance(node, MappingNode) else ()
            found |= dict.fromkeys((node.mark, *keys), (row.key, field))
    return found


def _directory(name: str, ids: Iterable[str], place: str) -> Credentials:
    folder = _home(name, place)
    if not folder.is_dir():
        raise ProvisionError(f"{place}the credentials folder {name} does not exist", _FIX_PATH)
    found: dict[str, dict[str, Json | Secret]] = {}
    for id in ids:
        for field in SOURCE_FIELDS:
            path = folder / f"{id}.{field}"
            if path.is_file() and (value := _text(path, place)):
                found.setdefault(id, {}).update(_value(field, value, str(path)))
    return found


def _text(path: Path, place: str) -> str:
    """A value's file without the line end that editors add."""
    try:
        return _bytes(str(path), place).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ProvisionError(f"{place}{path} is not UTF-8", "save it as UTF-8") from None


def _environment(source: EnvironmentSource, ids: Sequence[str], environment: Mapping[str, str]) -> Credentials:
    if not source.named and not any(name.startswith(source.prefix) for name in environment):
        return {}
    for name, sharing in ambiguous_variables(source.prefix, ids).items():
        if source.named or name in environment:
            what = f"the environment variable {name} would belong to several account types: {sharing}"
            raise UsageError(what, "set their credentials in another source")
    found: dict[str, dict[str, Json | Secret]] = {}
    for id in ids:
        for field in SOURCE_FIELDS:
            name = variable_name(source.prefix, id, field)
            if value := environment.get(name):
                found.setdefault(id, {}).update(_value(field, value, name))
    return found


def _value(field: str, text: str, name: str) -> Document:
    """A value given as text: a secret that is a JSON object or list is taken as such, and fcm_credentials must be."""
    value: Json = text
    if field in ("secret", "fcm_credentials") and text.lstrip()[:1] in ("{", "["):
        reading = read_json(f'{{"{field}": {text}}}')
        faults = [*reading.faults, *(changed_values(reading.node, {}) if reading.node else ())]
        is_json = reading.node is not None or faults[0].rule != "syntax"
        if is_json and faults:
            return {field: Unfit(f"refused: {name} cannot be stored as it is: {faults[0].message}")}
        if is_json and reading.node and len(reading.node.entries) == 1:
            value = to_json(reading.node.entries[0].value)
    if field == "fcm_credentials" and not isinstance(value, dict):
        return {field: Unfit(f"refused: {name} is not a JSON object: paste the whole key file of Firebase there")}
    return conceal({field: value})


def _file(source: FileSource, place: str) -> bytes:
    content = _bytes(source.path, place)
    if source.identity is None:
        return content
    plain = decrypted(content, _bytes(source.identity, place).decode(errors="replace"))
    if plain is None:
        what = f"{place}{source.path} cannot be decrypted with {source.identity}"
        raise ProvisionError(what, "set identity to the key file of one of its recipients")
    return plain


def exposed(source: CredentialSource) -> list[str]:
    """What is wrong with how a file of credentials is kept: others may read it, or git tracks it in the clear."""
    if not isinstance(source, FileSource) or source.identity is not None:
        return []
    path = _home(source.path)
    shown = source.path
    problems = []
    if path.exists() and path.stat().st_mode & 0o077:
        problems.append(f"other users can read the credentials in {shown}: run chmod 600 {shown}")
    if is_tracked(path):
        problems.append(
            f"git tracks the credentials in {shown}, unencrypted: remove them from the repository, and change them all"
        )
    return problems
