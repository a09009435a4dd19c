"""Reads credentials from files, folders, the environment, age, and programs, which have limits of time and size."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, assert_never

from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.git import is_tracked
from provisioner.adapters.files.json_text import read_json
from provisioner.adapters.files.private_file import decrypted
from provisioner.adapters.files.text_files import parse, read_limited
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, EXPIRY, Document
from provisioner.core.definitions.as_written import changed_values, unseen_characters
from provisioner.core.definitions.definition import MAX_BYTES
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS
from provisioner.core.definitions.node import MappingNode, Mark, to_json, walk
from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.schema_check import Check, schema_check
from provisioner.core.errors import InvalidFile, ProvisionError, UsageError, said
from provisioner.core.masking import Mask
from provisioner.core.secret import Json, Secret, Unfit, is_secret_key
from provisioner.core.targets.filling import Asked, Credentials, ambiguous_variables, variable_name
from provisioner.core.targets.target import (
    CommandSource,
    CredentialSource,
    DirectorySource,
    EnvironmentSource,
    FileSource,
)

_WARNINGS = logging.getLogger("provisioner.warnings")

_JSON = (".json", ".json.age")
_LAYOUT = "; ".join(
    (
        f"credentials are a mapping of ids, each with some of: {', '.join((*CREDENTIAL_FIELDS, EXPIRY))}",
        *(f"for a {kind.noun}, with the names in its definition" for kind in KINDS if not kind.asked({})),
    )
)
_FIX_PATH = "fix the path in the credentials of the target"


class CommandOutputs:
    """What commands printed in a run: each is run once for a target, whichever kind of documents asks first."""

    def __init__(self) -> None:
        self._found: dict[tuple[CommandSource, str], bytes] = {}
        self._running: dict[tuple[CommandSource, str], threading.Lock] = {}

    def of(self, source: CommandSource, environment: Mapping[str, str], place: str) -> bytes:
        """The output of a command. Raises as `run_command`."""
        key = (source, place)
        with self._running.setdefault(key, threading.Lock()):
            if key not in self._found:
                self._found[key] = run_command(source, environment, place)
            return self._found[key]


def read_credentials(
    source: CredentialSource,
    asked: Asked,
    environment: Mapping[str, str],
    target: str | None = None,
    kind: Kind = ACCOUNT_TYPE,
    outputs: CommandOutputs | None = None,
    others: Callable[[], Asked] = dict,
) -> Credentials:
    """What a source of a target knows of some documents. Raises `ProvisionError`, whose text holds no value.

    `others`: what definitions of other kinds ask for, which is no fault.
    """
    outputs = outputs or CommandOutputs()
    place = "" if target is None else f"target {target}: "
    match source:
        case FileSource():
            return _content(_file(source, place), source.path, asked, kind, others)
        case DirectorySource():
            return _directory(source.path, asked, place, kind)
        case EnvironmentSource():
            return _environment(source, asked, environment, kind)
        case CommandSource():
            name = f"{place}output of {shown_command(source.arguments)}"
            return _content(outputs.of(source, environment, place), name, asked, kind, others)
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


def _content(content: bytes, name: str, asked: Asked, kind: Kind, others: Callable[[], Asked]) -> Credentials:
    reading = parse(content, json=name.endswith(_JSON))
    root, faults = reading.node, [*reading.faults]
    unfit: dict[str, dict[str, Unfit]] = {}
    if root is not None:
        if root.get("sops") is not None:
            raise ProvisionError(f"{name} is encrypted with sops", 'read it with command: ["sops", "decrypt", …]')
        ids = {entry.mark for entry in root.entries}
        unseen = unseen_characters(root)  # in a value, it stops the account type: a rule judges that
        faults += (each if each.mark in ids else replace(each, severity=Severity.WARNING) for each in unseen)
        fields = _fields_by_place(root, asked)
        found = _check(kind)(root)
        foreign = _foreign(root, asked, others()) if found else frozenset()
        for fault in (each for each in found if each.mark not in foreign):
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
        id: {**kind.conceal(fields if isinstance(fields, dict) else {}), **unfit.get(id, {})}
        for id, fields in rows.items()
    }


@cache
def _check(kind: Kind) -> Check:
    """The check of rows of a kind; it is for all rows, since what is wrong with one of another kind stops nothing."""
    row = shipped.schema("credentials")["definitions"][kind.name]
    return schema_check({"type": "object", "additionalProperties": row})


def _foreign(root: MappingNode, asked: Asked, others: Asked) -> frozenset[Mark]:
    """The places in a file of what only definitions of other kinds ask for, of ids that are asked for here, too."""
    rows = [(row.key, row.value) for row in root.entries if row.key in others and isinstance(row.value, MappingNode)]
    return frozenset(
        mark
        for id, row in rows
        for entry in row.entries
        if entry.key in others[id] and entry.key not in asked.get(id, ())
        for mark in (entry.mark, *(node.mark for _, node in walk(entry.value)))
    )


def _fields_by_place(root: MappingNode, asked: Asked) -> dict[Mark, tuple[str, str]]:
    """The places of a file below an id, each with the id and the credential that what is wrong there stops."""
    found: dict[Mark, tuple[str, str]] = {}
    for row in root.entries:
        known = asked.get(row.key, CREDENTIAL_FIELDS)
        main = "client_secret" if "client_secret" in known else next(iter(known), "")
        for names, node in walk(row.value):
            field = names[0] if names and names[0] in known else main
            keys = (entry.mark for entry in node.entries) if isinstance(node, MappingNode) else ()
            found |= dict.fromkeys((node.mark, *keys), (row.key, field))
    return found


def _directory(name: str, asked: Asked, place: str, kind: Kind) -> Credentials:
    folder = _home(name, place)
    if not folder.is_dir():
        raise ProvisionError(f"{place}the credentials folder {name} does not exist", _FIX_PATH)
    found: dict[str, dict[str, Json | Secret]] = {}
    for id, names in asked.items():
        for field in (*names, *kind.facts):
            path = folder / f"{id}.{field}"
            if path.is_file() and (value := _text(path, place)):
                found.setdefault(id, {}).update(_value(field, value, str(path), kind))
    return found


def _text(path: Path, place: str) -> str:
    """A value's file without the line end that editors add."""
    try:
        return _bytes(str(path), place).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ProvisionError(f"{place}{path} is not UTF-8", "save it as UTF-8") from None


def _environment(source: EnvironmentSource, asked: Asked, environment: Mapping[str, str], kind: Kind) -> Credentials:
    if not source.named and not any(name.startswith(source.prefix) for name in environment):
        return {}
    for name, sharing in ambiguous_variables(source.prefix, asked).items():
        if source.named or name in environment:
            what = f"the environment variable {name} would belong to several {kind.noun}s: {sharing}"
            raise UsageError(what, "set their credentials in another source")
    found: dict[str, dict[str, Json | Secret]] = {}
    for id, names in asked.items():
        for field in (*names, *kind.facts):
            name = variable_name(source.prefix, id, field)
            if value := environment.get(name):
                found.setdefault(id, {}).update(_value(field, value, name, kind))
    return found


def _value(field: str, text: str, name: str, kind: Kind) -> Document:
    """A value given as text: a secret that is a JSON object or list is taken as such, and fcm_credentials must be."""
    value: Json = text
    if field in kind.json_fields and text.lstrip()[:1] in ("{", "["):
        reading = read_json(f'{{"{field}": {text}}}')
        faults = [*reading.faults, *(changed_values(reading.node, {}) if reading.node else ())]
        is_json = reading.node is not None or faults[0].rule != "syntax"
        if is_json and faults:
            return {field: Unfit(f"refused: {name} cannot be stored as it is: {faults[0].message}")}
        if is_json and reading.node and len(reading.node.entries) == 1:
            value = to_json(reading.node.entries[0].value)
    if field == "fcm_credentials" and field in kind.json_fields and not isinstance(value, dict):
        return {field: Unfit(f"refused: {name} is not a JSON object: paste the whole key file of Firebase there")}
    return kind.conceal({field: value})


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


MAX_STDERR = 64 * 1024

_INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LC_.*|TZ|TMPDIR|XDG_.*|SSH_AUTH_SOCK|SSL_CERT_.*|GPG_.*|GNUPGHOME"
    r"|SOPS_.*|AGE_.*|VAULT_.*|AWS_.*|AZURE_.*|GOOGLE_.*|PASSWORD_STORE_.*|OP_.*|BW_.*"
    r"|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS"  # where gpg asks for a passphrase
    r"|(?i:(http|https|all|no)_proxy|systemroot|comspec|pathext|userprofile|appdata|localappdata|temp|tmp)"
)
_SUBCOMMAND = re.compile(r"[a-z][a-z-]{0,15}")
_SHORTEST_LINE = 4


def shown_command(arguments: Sequence[str]) -> str:
    """A command without its arguments, which may hold values of variables: only a word for a subcommand stays."""
    words = [arguments[0]]
    if len(arguments) > 1 and _SUBCOMMAND.fullmatch(arguments[1]):
        words.append(arguments[1])
    return f"`{' '.join(words if len(words) == len(arguments) else [*words, '…'])}`"


def run_command(source: CommandSource, environment: Mapping[str, str], place: str) -> bytes:
    """What a program prints to stdout. `place` is what the errors start with. Raises `ProvisionError`."""
    command = f"{place}the command {shown_command(source.arguments)}"
    deadline = time.monotonic() + source.limit
    process = _started(source, environment, command)
    out, err = bytearray(), bytearray()
    readers = [
        _reader(process.stdout, MAX_BYTES, out, lambda: _kill(process)),
        _reader(process.stderr, MAX_STDERR, err, None),
    ]
    try:
        for reader in readers:
            reader.join(max(0, deadline - time.monotonic()))
        in_time = not any(reader.is_alive() for reader in readers) and _ended(process, deadline)
    finally:
        _kill(process)
    if len(out) <= MAX_BYTES and not in_time:
        what = f"{command} did not finish within {source.limit:g} s"
        raise ProvisionError(what, "run it by hand, or raise the timeout of this source")
    if len(out) > MAX_BYTES:
        raise ProvisionError(f"{command} printed more than 1 MiB", "print only the credentials")
    if process.returncode != 0:
        given = [value for name, value in _inherited(source, environment).items() if is_secret_key(name)]
        whole = bytes(err)
        if len(whole) > MAX_STDERR:  # the cut may leave a part of a secret in the last line
            whole = whole[:MAX_STDERR].rpartition(b"\n")[0] + b"\n(the rest is left out)"
        details = _masked(bytes(out), whole, given)
        raise ProvisionError(
            f"{command} failed with exit code {process.returncode}", "run it by hand to see why", details
        )
    return bytes(out)


def _inherited(source: CommandSource, environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environment.items() if name in source.environment or _INHERITED.fullmatch(name)
    }


def _started(source: CommandSource, environment: Mapping[str, str], command: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # the user's own program, without a shell
            source.arguments,
            bufsize=0,
            cwd=source.folder,
            env=_inherited(source, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = said(error) if isinstance(error, OSError) else "it contains a null character"
        raise ProvisionError(f"{command} cannot be run: {why}", "install the program, or fix its name") from None


def _reader(
    pipe: IO[bytes] | None, limit: int, into: bytearray, overflow: Callable[[], None] | None
) -> threading.Thread:
    """A thread that keeps the first bytes of a pipe, one more than the limit if there are more."""

    def read() -> None:
        if pipe is None:
            return
        with pipe:
            while chunk := pipe.read(MAX_STDERR):
                into.extend(chunk[: limit + 1 - len(into)])
                if len(into) > limit and overflow is not None:
                    overflow()
                    return

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _ended(process: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        process.wait(max(0.01, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started, unless it has ended: its number may belong to another process by now."""
    if process.returncode is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _masked(out: bytes, err: bytes, secrets: Iterable[str]) -> list[str]:
    """The lines of stderr without some secrets, and without anything that also stands on stdout."""
    lines = (line.strip() for line in out.decode(errors="replace").splitlines())
    printed = [line for line in lines if len(line) >= _SHORTEST_LINE]
    node = parse(out).node
    known = Mask([*printed, *secrets, None if node is None else to_json(node)])
    return known.clean(err.decode(errors="replace").strip(), 2 * MAX_STDERR).splitlines()
