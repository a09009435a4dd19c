"""Runs ``provision`` in a process of its own, which begins as a copy of one that has imported the program already.

``python -m tests.program SOCKET`` is the process that is copied, again and again until its stdin ends.
"""

import gc
import importlib
import marshal
import os
import pkgutil
import queue
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 120.0
"""Seconds that a busy machine may need for anything; whoever waits goes on as soon as it has happened."""

_NUMBER = struct.Struct("=q")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Lines:
    """What comes out of a stream, which a thread reads to its end."""

    def __init__(self, descriptor: int) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read, args=(descriptor,))
        self._thread.start()

    def _read(self, descriptor: int) -> None:
        with open(descriptor, encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
            for line in stream:
                self._lines.put(line)
        self._lines.put(None)

    def next(self) -> str:
        """Wait for the next line."""
        line = self._lines.get(timeout=PATIENCE)
        assert line is not None, "the stream has ended"
        return line

    def rest(self) -> str:
        """Wait for the end, and return all that nobody waited for."""
        self._thread.join()
        found = []
        while (line := self._lines.get_nowait()) is not None:
            found.append(line)
        self._lines.put(None)
        return "".join(found)


@dataclass
class Process:
    """A run of the program. Its parent tells how it ended."""

    pid: int
    _parent: socket.socket
    code: int | None = None

    def send_signal(self, sent: signal.Signals) -> None:
        """Send a signal, unless it is known that it ended."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sent)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.Signals(9))

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait until it has ended, and return its exit code: less than zero for a signal. Raises `TimeoutError`."""
        if self.code is None:
            self._parent.settimeout(timeout)
            (self.code,) = _NUMBER.unpack(self._parent.recv(_NUMBER.size, socket.MSG_WAITALL))
            self._parent.close()  # not before: whoever waited too short a time waits again
        return self.code


def start(
    arguments: Sequence[object],
    streams: Sequence[int],
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> "Process | subprocess.Popen[bytes]":
    """Begin a run whose stdin, stdout and stderr are three descriptors, which are closed here."""
    words = [*map(str, arguments)]
    if sys.platform == "win32":
        stdin, stdout, stderr = streams
        command = [sys.executable, "-m", "provisioner", *words]
        started = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, cwd=folder, env=env)
        for descriptor in {*streams}:
            os.close(descriptor)
        return started
    content = marshal.dumps((words, str(folder or Path.cwd()), dict(os.environ if env is None else env)))
    parent = socket.socket(socket.AF_UNIX)
    parent.connect(str(_origin().address))
    socket.send_fds(parent, [_NUMBER.pack(len(content))], streams)
    parent.sendall(content)
    for descriptor in {*streams}:
        os.close(descriptor)
    (pid,) = _NUMBER.unpack(parent.recv(_NUMBER.size, socket.MSG_WAITALL))
    return Process(pid, parent)


def command() -> Path:
    """The program of a shell that begins such a run."""
    return _origin().address.with_name("provision")


def path() -> str:
    """The variable ``PATH`` of a shell in which ``provision`` is a run of this kind, beside its Python as usual."""
    return os.pathsep.join([str(command().parent), str(Path(sys.executable).parent), os.environ["PATH"]])


class Program:
    """A run of the program; what it prints can be waited for. It ends with the block that it is used in."""

    def __init__(self, *arguments: object, folder: Path | None = None) -> None:
        reader, self._stdin = os.pipe()
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        self.process = start(arguments, (reader, its_out, its_err), folder)
        self.out, self.err = Lines(out), Lines(err)

    def give(self, text: str) -> None:
        """Write to its stdin."""
        os.write(self._stdin, text.encode())

    def ended(self) -> Done:
        """Close its stdin, and wait for its end; with what it printed and nobody waited for."""
        self._close()
        code = self.process.wait()
        return Done(code, self.out.rest(), self.err.rest())

    def _close(self) -> None:
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.ended()


@dataclass(frozen=True)
class _Origin:
    """The process that is copied; it ends with its stdin. `address`: where it listens, beside the program of a shell."""

    address: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)


_SHELL = """\
#!/bin/sh
exec "{python}" {words} "$@"
"""
_CLIENT = """\
import _signal, _socket, marshal, os, sys
try:
    [os.fstat(number) for number in (0, 1, 2)]
except OSError:  # one of them is closed, and cannot be handed over
    os.execv({python!r}, [{python!r}, "-m", "provisioner", *sys.argv[1:]])
parent = _socket.socket(_socket.AF_UNIX)
parent.connect({address!r})
content = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ)))
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
parent.sendmsg([len(content).to_bytes(8, sys.byteorder)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
parent.sendall(content)
read = lambda: int.from_bytes(parent.recv(8, _socket.MSG_WAITALL), sys.byteorder, signed=True)
pid = read()
for sent in (_signal.SIGINT, _signal.SIGTERM):
    _signal.signal(sent, lambda sent, _: os.kill(pid, sent))
code = read()
if code < 0:
    _signal.signal(-code, _signal.SIG_DFL) if code != -9 else None
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@cache
def _origin() -> _Origin:
    folder = Path(tempfile.mkdtemp(prefix="program-"))
    address = folder / "socket"
    client = folder / "client.py"
    client.write_text(_CLIENT.format(python=sys.executable, address=str(address)), "utf-8")
    for name, words in (("provision", f'-IS "{client}"'), ("python", "")):
        (folder / name).write_text(_SHELL.format(python=sys.executable, words=words), "utf-8")
        (folder / name).chmod(0o700)
    command = [sys.executable, "-m", "tests.program", str(address)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    process.stdout.readline()  # it listens
    return _Origin(address, process)


def end() -> None:
    """End the process that is copied, if it was ever needed."""
    if _origin.cache_info().currsize:
        _origin().process.communicate()
        shutil.rmtree(_origin().address.parent)
        _origin.cache_clear()


def _is_run(address: str) -> bool:
    """Whether this process is a copy that runs the program; the first one returns at the end of its stdin."""
    if sys.platform == "win32":
        return False
    for module in pkgutil.walk_packages(importlib.import_module("provisioner").__path__, "provisioner."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the parents of the runs
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while 0 not in select.select([0, listener.fileno()], [], [])[0]:
            parent, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                head, streams, _, _ = socket.recv_fds(parent, _NUMBER.size, 3)
                (length,) = _NUMBER.unpack(head)
                words, folder, environment = marshal.loads(parent.recv(length, socket.MSG_WAITALL))
                if (pid := os.fork()) == 0:
                    parent.close()
                    _become(words, folder, environment, streams)
                    return True
                _watch(pid, streams, parent)
            parent.close()
    return False


def _become(words: list[str], folder: str, environment: Mapping[str, str], streams: Sequence[int]) -> None:
    """Take the arguments, folder, environment and streams of a run."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for descriptor in streams:
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["provision", *words]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # until the end
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


def _watch(pid: int, streams: Sequence[int], parent: socket.socket) -> None:
    """Tell what becomes of a run, and end."""
    if sys.platform == "win32":
        return
    for descriptor in (*streams, 0, 1, 2):
        os.close(descriptor)
    parent.sendall(_NUMBER.pack(pid))
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # nobody wants to know
        parent.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


if __name__ == "__main__" and _is_run(sys.argv[1]):
    from provisioner.__main__ import main

    main()
