"""Reads credentials from files, folders, the environment, age, and programs, which have limits of time and size."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import IO, assert_never

from msgspec.structs import replace

from provisioner.adapters.files import shipped
from provisioner.adapters.files.git import is_tracked
from provisioner.adapters.files.private_file import decrypted
from provisioner.adapters.files.text_files import parse, read_json, read_limited
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, EXPIRY, Document
from provisioner.core.definitions.content import MAX_BYTES, Content, keys_of
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS, Kind
from provisioner.core.definitions.problem import Mark, Severity
from provisioner.core.definitions.schema_check import Check, changed_values, schema_check, unseen_characters
from provisioner.core.errors import InvalidFile, ProvisionError, UsageError, explained
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
        self._found: dict[object, bytes] = {}
        self._running: dict[object, threading.Lock] = {}

    def of(self, source: CommandSource, environment: Mapping[str, str], target: str | None) -> bytes:
        """The output of a command for a target. Raises as `run_command`."""
        key = (source, target)
        with self._running.setdefault(key, threading.Lock()):
            if key not in self._found:
                self._found[key] = run_command(source, environment)
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
    place = "" if target is None else f"target {target}: "
    try:
        match source:
            case DirectorySource():
                return _values(_in_folder(source.path), asked, kind)
            case EnvironmentSource():
                used = source.named or any(name.startswith(source.prefix) for name in environment)
                return _values(_in_environment(source, asked, environment, kind), asked, kind) if used else {}
            case FileSource():
                content, name = _file(source), source.path
            case CommandSource():
                content = (outputs or CommandOutputs()).of(source, environment, target)
                name = f"{place}output of {shown_command(source.arguments)}"
            case _:
                assert_never(source)
    except ProvisionError as error:
        first, *details = error.what.split("\n")
        raise type(error)(f"{place}{first}", error.next, details) from None
    return _rows(content, name, asked, kind, others)


def _home(path: str) -> Path:
    """A path with its ``~`` written out. Raises `ProvisionError` for a user who does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ProvisionError(f"the credentials {path} are in a home folder that does not exist", _FIX_PATH) from None


def _bytes(path: str) -> bytes:
    with explained(f"the credentials {path} cannot be read", _FIX_PATH, ProvisionError):
        content = read_limited(_home(path))
    if len(content) > MAX_BYTES:
        raise ProvisionError(f"the credentials {path} are larger than 1 MiB", _FIX_PATH)
    return content


def _file(source: FileSource) -> bytes:
    content = _bytes(source.path)
    if source.identity is None:
        return content
    plain = decrypted(content, _bytes(source.identity).decode(errors="replace"))
    if plain is None:
        what = f"{source.path} cannot be decrypted with {source.identity}"
        raise ProvisionError(what, "set identity to the key file of one of its recipients")
    return plain


def _rows(content: bytes, name: str, asked: Asked, kind: Kind, others: Callable[[], Asked]) -> Credentials:
    """The credentials in a text of the usual layout; what is wrong with one of them stops its account type alone."""
    reading = parse(content, json=name.endswith(_JSON))
    root, faults = reading.content, [*reading.faults]
    unfit: dict[str, dict[str, Unfit]] = {}
    if root is not None:
        if "sops" in root.values:
            raise ProvisionError(f"{name} is encrypted with sops", 'read it with command: ["sops", "decrypt", …]')
        for each in unseen_characters(root):  # in a value, it stops the account type: a rule judges that
            of_id = any(each.mark == root.place((id,)).key for id in root.values)
            faults.append(each if of_id else replace(each, severity=Severity.WARNING))
        if wrong := _check(kind)(root):
            paths, elsewhere = _paths(root), others()
            for fault in wrong:
                id, field = (*paths.get(fault.mark, ()), "", "")[:2]  # some are of a whole row, or of the file
                known = asked.get(id, CREDENTIAL_FIELDS)
                if field in elsewhere.get(id, ()) and field not in asked.get(id, ()):
                    continue
                if fault.severity is not Severity.ERROR or fault.mark not in paths:
                    faults.append(fault)
                    continue
                main = "client_secret" if "client_secret" in known else next(iter(known), "")
                why = f"refused: {name}:{fault.mark.line}:{fault.mark.column}: {fault.message} [{fault.rule}]"
                unfit.setdefault(id, {}).setdefault(field if field in known else main, Unfit(why))
    if root is None or any(fault.severity is Severity.ERROR for fault in faults):
        raise InvalidFile(tuple(sorted(fault.in_file(name) for fault in faults)), _LAYOUT)
    for fault in sorted(faults):
        _WARNINGS.warning("%s:%d:%d: %s", name, fault.mark.line, fault.mark.column, fault.message)
    return {
        id: {**kind.conceal(row if isinstance(row, dict) else {}), **unfit.get(id, {})}
        for id, row in root.values.items()
    }


@cache
def _check(kind: Kind) -> Check:
    """The check of rows of a kind; it is for all rows, since what is wrong with one of another kind stops nothing."""
    row = shipped.schema("credentials")["definitions"][kind.name]
    return schema_check({"type": "object", "additionalProperties": row})


def _paths(root: Content) -> dict[Mark, tuple[str, ...]]:
    """The keys that lead to each place below an id."""
    places = [(keys_of(path), place) for path, place in root.places.items() if path]
    return {mark: keys for keys, place in places for mark in (place.mark, place.key)[: len(keys)]}


def _in_folder(name: str) -> Callable[[str, str], tuple[str, str]]:
    """Finds credentials in a folder of files, without the line end that editors add."""
    folder = _home(name)
    if not folder.is_dir():
        raise ProvisionError(f"the credentials folder {name} does not exist", _FIX_PATH)

    def find(id: str, field: str) -> tuple[str, str]:
        path = folder / f"{id}.{field}"
        try:
            text = _bytes(str(path)).decode() if path.is_file() else ""
        except UnicodeDecodeError:
            raise ProvisionError(f"{path} is not UTF-8", "save it as UTF-8") from None
        return str(path), text.removesuffix("\n").removesuffix("\r")

    return find


def _in_environment(
    source: EnvironmentSource, asked: Asked, environment: Mapping[str, str], kind: Kind
) -> Callable[[str, str], tuple[str, str]]:
    """Finds credentials in the environment. Raises `UsageError` for a variable that could be that of several."""
    for name, sharing in ambiguous_variables(source.prefix, asked).items():
        if source.named or name in environment:
            what = f"the environment variable {name} would belong to several {kind.noun}s: {sharing}"
            raise UsageError(what, "set their credentials in another source")

    def find(id: str, field: str) -> tuple[str, str]:
        name = variable_name(source.prefix, id, field)
        return name, environment.get(name, "")

    return find


def _values(find: Callable[[str, str], tuple[str, str]], asked: Asked, kind: Kind) -> Credentials:
    """The credentials that a function finds by id and name: where each stands, and its text (empty: there is none)."""
    found: dict[str, dict[str, Json | Secret]] = {}
    for id, names in asked.items():
        for field in (*names, *kind.facts):
            name, text = find(id, field)
            if text:
                found.setdefault(id, {}).update(_value(field, text, name, kind))
    return found


def _value(field: str, text: str, name: str, kind: Kind) -> Document:
    """A value given as text: a secret that is a JSON object or list is taken as such, and fcm_credentials must be."""
    value: Json = text
    if field in kind.json_fields and text.lstrip()[:1] in ("{", "["):
        reading = read_json(f'{{"{field}": {text}}}')
        content = reading.content
        faults = [*reading.faults, *(changed_values(content, {}) if content else ())]
        is_json = content is not None or faults[0].rule != "syntax"
        if is_json and faults:
            return {field: Unfit(f"refused: {name} cannot be stored as it is: {faults[0].message}")}
        if is_json and content and len(content.values) == 1:
            value = content.values[field]
    if field == "fcm_credentials" and field in kind.json_fields and not isinstance(value, dict):
        return {field: Unfit(f"refused: {name} is not a JSON object: paste the whole key file of Firebase there")}
    return kind.conceal({field: value})


def exposed(source: CredentialSource) -> list[str]:
    """What is wrong with how a file of credentials is kept: others may read it, or git tracks it in the clear."""
    if not isinstance(source, FileSource) or source.identity is not None:
        return []
    path, shown, problems = _home(source.path), source.path, []
    if path.exists() and path.stat().st_mode & 0o077:
        problems.append(f"other users can read the credentials in {shown}: run chmod 600 {shown}")
    if is_tracked(path):
        what = f"git tracks the credentials in {shown}, unencrypted"
        problems.append(f"{what}: remove them from the repository, and change them all")
    return problems


_MAX_STDERR = 64 * 1024

_INHERITED = (
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LC_.*|TZ|TMPDIR|XDG_.*|SSH_AUTH_SOCK|SSL_CERT_.*|GPG_.*|GNUPGHOME"
    r"|SOPS_.*|AGE_.*|VAULT_.*|AWS_.*|AZURE_.*|GOOGLE_.*|PASSWORD_STORE_.*|OP_.*|BW_.*"
    r"|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS"  # where gpg asks for a passphrase
    r"|(?i:(http|https|all|no)_proxy|systemroot|comspec|pathext|userprofile|appdata|localappdata|temp|tmp)"
)
_SUBCOMMAND = "[a-z][a-z-]{0,15}"
_SHORTEST_LINE = 4


def shown_command(arguments: Sequence[str]) -> str:
    """A command without its arguments, which may hold values of variables: only a word for a subcommand stays."""
    words = [arguments[0], *(each for each in arguments[1:2] if re.fullmatch(_SUBCOMMAND, each))]
    return f"`{' '.join(words if len(words) == len(arguments) else [*words, '…'])}`"


def run_command(source: CommandSource, environment: Mapping[str, str]) -> bytes:
    """What a program prints to stdout. Raises `ProvisionError`."""
    command = f"the command {shown_command(source.arguments)}"
    names = source.environment
    inherited = {name: value for name, value in environment.items() if name in names or re.fullmatch(_INHERITED, name)}
    deadline = time.monotonic() + source.limit
    with explained(f"{command} cannot be run", "install the program, or fix its name", ProvisionError):
        process = subprocess.Popen(  # noqa: S603  # the user's own program, without a shell
            source.arguments,
            bufsize=0,
            cwd=source.folder,
            env=inherited,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    out, err = bytearray(), bytearray()
    reads = ((process.stdout, MAX_BYTES, out, partial(_kill, process)), (process.stderr, _MAX_STDERR, err, None))
    readers = [threading.Thread(target=_keep, args=each, daemon=True) for each in reads]
    try:
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(max(0, deadline - time.monotonic()))
        if not any(reader.is_alive() for reader in readers):  # else what it started holds a pipe, and is ended as well
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.01, deadline - time.monotonic()))
        in_time = process.returncode is not None
    finally:
        _kill(process)
    if len(out) > MAX_BYTES:
        raise ProvisionError(f"{command} printed more than 1 MiB", "print only the credentials")
    if not in_time:
        what = f"{command} did not finish within {source.limit:g} s"
        raise ProvisionError(what, "run it by hand, or raise the timeout of this source")
    if process.returncode != 0:
        given = [value for name, value in inherited.items() if is_secret_key(name)]
        details = _masked(bytes(out), bytes(err), given)
        what = f"{command} failed with exit code {process.returncode}"
        raise ProvisionError(what, "run it by hand to see why", details)
    return bytes(out)


def _keep(pipe: IO[bytes], limit: int, kept: bytearray, overflow: Callable[[], None] | None) -> None:
    """Read a pipe to its end and keep its first bytes, one more than the limit if there are more."""
    with pipe:
        while chunk := pipe.read(64 * 1024):
            kept.extend(chunk[: limit + 1 - len(kept)])
            if len(kept) > limit and overflow is not None:
                overflow()
                return


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


def _masked(out: bytes, err: bytes, secrets: Sequence[str]) -> list[str]:
    """The lines of stderr without some secrets, and without anything that also stands on stdout."""
    if len(err) > _MAX_STDERR:  # the cut may leave a part of a secret in the last line
        err = err[:_MAX_STDERR].rpartition(b"\n")[0] + b"\n(the rest is left out)"
    lines = (line.strip() for line in out.decode(errors="replace").splitlines())
    printed = [line for line in lines if len(line) >= _SHORTEST_LINE]
    content = parse(out).content
    known = Mask([*printed, *secrets, content.values if content else None])
    return known.clean(err.decode(errors="replace").strip(), 2 * _MAX_STDERR).splitlines()
