"""Reads credentials from files, folders, the environment, programs and age."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

from provisioner.adapters.files.text_files import parse
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, conceal
from provisioner.core.definitions.node import Mapping as MappingNode
from provisioner.core.definitions.node import to_json
from provisioner.core.definitions.problem import Fault, Problem
from provisioner.core.definitions.schema_check import Check
from provisioner.core.errors import InvalidFile, ProvisionError, UsageError
from provisioner.core.secret import Json
from provisioner.core.targets.credentials import Credentials, ambiguous_variables, variable_name
from provisioner.core.targets.target import (
    AgeSource,
    CommandSource,
    CredentialSource,
    DirectorySource,
    EnvironmentSource,
    FileSource,
)
from provisioner.core.text import printable

_LAYOUT = "credentials are a mapping of ids, each with some of: " + ", ".join(CREDENTIAL_FIELDS)


def read_credentials(
    source: CredentialSource, ids: Sequence[str], environment: Mapping[str, str], check: Check
) -> Credentials:
    """What a source knows of some account types. Raises `ProvisionError`, whose text never holds a value."""
    match source:
        case FileSource():
            return _content(_bytes(Path(source.path)), source.path, check)
        case DirectorySource():
            return _directory(Path(source.path), ids)
        case EnvironmentSource():
            return _environment(source, ids, environment)
        case CommandSource():
            return _content(_output(source), f"output of {source.arguments[0]}", check)
        case AgeSource():
            return _content(_decrypted(source), source.path, check)
        case _:
            assert_never(source)


def _bytes(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        what = f"the credentials {printable(str(path))} cannot be read: {error.strerror}"
        raise ProvisionError(what, "mend the path in the target's credentials") from None


def _content(content: bytes, name: str, check: Check) -> Credentials:
    shown = printable(name)
    reading = parse(content)
    faults: list[Fault] = [*reading.faults]
    if reading.node is not None:
        if reading.node.get("sops") is not None:
            raise ProvisionError(f"{shown} is encrypted with sops", 'read it with command: ["sops", "decrypt", …]')
        faults += check(reading.node)
    if reading.node is None or faults:
        problems = [Problem.of(shown, fault) for fault in faults]
        raise InvalidFile(tuple(sorted(problems)), _LAYOUT)
    return _by_id(reading.node)


def _by_id(node: MappingNode) -> Credentials:
    rows: Any = to_json(node)
    return {id: conceal(fields) for id, fields in rows.items()}


def _directory(folder: Path, ids: Iterable[str]) -> Credentials:
    folder = folder.expanduser()
    if not folder.is_dir():
        what = f"the credentials folder {printable(str(folder))} does not exist"
        raise ProvisionError(what, "mend the path in the target's credentials")
    found: dict[str, dict[str, Json]] = {}
    for id in ids:
        for field in CREDENTIAL_FIELDS:
            path = folder / f"{id}.{field}"
            if path.is_file() and (value := _text(path)):
                found.setdefault(id, {})[field] = _value(field, value, str(path))
    return {id: conceal(fields) for id, fields in found.items()}


def _text(path: Path) -> str:
    """A value's file without the line end that editors add."""
    try:
        return _bytes(path).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ProvisionError(f"{printable(str(path))} is not UTF-8", "save it as UTF-8") from None


def _environment(source: EnvironmentSource, ids: Sequence[str], environment: Mapping[str, str]) -> Credentials:
    for name, sharing in ambiguous_variables(source.prefix, ids).items():
        if source.named or name in environment:
            what = f"the environment variable {name} would belong to several account types: {sharing}"
            raise UsageError(what, "give their credentials by another source")
    found: dict[str, dict[str, Json]] = {}
    for id in ids:
        for field in CREDENTIAL_FIELDS:
            name = variable_name(source.prefix, id, field)
            if value := environment.get(name):
                found.setdefault(id, {})[field] = _value(field, value, name)
    return {id: conceal(fields) for id, fields in found.items()}


def _value(field: str, text: str, name: str) -> Json:
    """A value given as text: a secret that is a JSON object or list is taken as such, and fcm_credentials must be."""
    if field not in ("secret", "fcm_credentials"):
        return text
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if field == "fcm_credentials" and not isinstance(value, dict):
        raise ProvisionError(f"{printable(name)} is not a JSON object", "paste the whole key file of Firebase there")
    return value if isinstance(value, dict | list) else text


def _output(source: CommandSource) -> bytes:
    program = printable(source.arguments[0])
    try:
        done = subprocess.run(  # noqa: S603  # the user's own program, without a shell
            source.arguments,
            cwd=source.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=source.limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        what = f"{program} gave no credentials within {source.limit:g} s"
        raise ProvisionError(what, "run it by hand, or raise the timeout of this source") from None
    except OSError as error:
        raise ProvisionError(f"{program} cannot be run: {error.strerror}", "install it, or mend its name") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise ProvisionError(f"{program} failed with exit code {done.returncode}:", "run it by hand", said.splitlines())
    return done.stdout


def _decrypted(source: AgeSource) -> bytes:
    content = _bytes(Path(source.path))
    key = _bytes(Path(source.identity)).decode(errors="replace")
    try:
        import pyrage
    except ImportError:
        what = "age files need the optional package pyrage"
        raise ProvisionError(what, "pip install 'cozy-provisioner[age]', or use command with age -d") from None
    lines = (line.strip() for line in key.splitlines())
    try:
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-")]
        plain: bytes = pyrage.decrypt(content, identities)
    except (pyrage.DecryptError, pyrage.IdentityError):
        what = f"{printable(source.path)} cannot be decrypted with {printable(source.identity)}"
        raise ProvisionError(what, "name the identity file of one of its recipients") from None
    return plain


def exposed(source: CredentialSource) -> list[str]:
    """What is wrong with how a file of credentials is kept: others may read it, or git tracks it in the clear."""
    if not isinstance(source, FileSource):
        return []
    path = Path(source.path).expanduser()
    shown = printable(source.path)
    problems = []
    if path.exists() and path.stat().st_mode & 0o077:
        problems.append(f"others than you may read the credentials in {shown}: chmod 600 {shown}")
    if _tracked(path):
        problems.append(f"git tracks the credentials in {shown}, unencrypted: take them out, and change them all")
    return problems


def _tracked(path: Path) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "ls-files", "--error-unmatch", path.name],  # noqa: S607
            cwd=path.parent,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0
