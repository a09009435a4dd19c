"""Runs a program that prints credentials, within limits of time and size, and hides what it printed."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from provisioner.adapters.files.text_files import parse
from provisioner.core.definitions.definition import MAX_BYTES
from provisioner.core.definitions.node import to_json
from provisioner.core.errors import ProvisionError, said
from provisioner.core.masking import Mask
from provisioner.core.secret import is_secret_key
from provisioner.core.targets.target import CommandSource

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
    process = _start(source, environment, command)
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


def _start(source: CommandSource, environment: Mapping[str, str], command: str) -> subprocess.Popen[bytes]:
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
