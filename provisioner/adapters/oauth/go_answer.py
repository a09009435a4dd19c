"""Answers over HTTP/1.1, read as Go's client reads them: it takes headers that other readers refuse."""

import socket
import ssl
import time
import zlib
from dataclasses import dataclass

MOST_BYTES = 32 * 1024 * 1024
_MOST_OF_HEAD = 1024 * 1024
_MOST_INFORMATIONAL = 5
_PIECE = 64 * 1024
_WITHOUT_BODY = frozenset({204, 304})


class NoAnswer(Exception):
    """No answer that Go could read; as text, why."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The status, the headers with names in lower case (the first of each), and the body as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


def decoded(answer: RawAnswer) -> bytes:
    """The body without its coding: Go asks for gzip, and knows no other."""
    if answer.headers.get("content-encoding", "").lower() != "gzip":
        return answer.body
    body, rest = b"", answer.body
    while rest:
        member = zlib.decompressobj(wbits=31)
        try:
            body += member.decompress(rest, MOST_BYTES + 1 - len(body))
        except zlib.error as error:
            raise NoAnswer(f"its gzip coding cannot be read: {error}") from None
        if len(body) > MOST_BYTES:
            raise NoAnswer(f"it answers more than {MOST_BYTES // 2**20} MiB")
        if not member.eof:
            raise NoAnswer("unexpected EOF in its gzip coding")
        rest = member.unused_data
    return body


def left(deadline: float) -> float:
    """Seconds up to a time of the monotonic clock. Raises `TimeoutError` if there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class Reader:
    """Reads a connection to a deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._held = b""

    def line(self) -> bytes:
        """A line without its end. Raises `NoAnswer` for one without an end."""
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0:
            searched = len(self._held)
            if searched > _MOST_OF_HEAD:
                raise NoAnswer("its headers are too long")
            if not self._more():
                raise NoAnswer("unexpected EOF" if self._held else "EOF")
        line, self._held = self._held[:end], self._held[end + 1 :]
        return line.removesuffix(b"\r")

    def exactly(self, size: int) -> bytes:
        """So many bytes. Raises `NoAnswer` if there are fewer."""
        pieces, length = [self._held], len(self._held)
        while length < size:
            self._held = b""
            if not self._more():
                raise NoAnswer("unexpected EOF")
            pieces.append(self._held)
            length += len(self._held)
        whole = b"".join(pieces)
        self._held = whole[size:]
        return whole[:size]

    def rest(self) -> bytes:
        """All until the connection is closed."""
        pieces, length = [self._held], len(self._held)
        while length <= MOST_BYTES:
            self._held = b""
            if not self._more():
                return b"".join(pieces)
            pieces.append(self._held)
            length += len(self._held)
        raise NoAnswer(f"it answers more than {MOST_BYTES // 2**20} MiB")

    def _more(self) -> bool:
        self._connection.settimeout(left(self._deadline))
        try:
            piece = self._connection.recv(_PIECE)
        except ssl.SSLEOFError:
            piece = b""
        self._held += piece
        return bool(piece)


def read_answer(reader: Reader) -> RawAnswer:
    """The answer that counts, behind informational ones. Raises `NoAnswer`, `TimeoutError` or `OSError`."""
    for _ in range(_MOST_INFORMATIONAL + 1):
        status, pairs = read_head(reader)
        if not 100 <= status < 200 or status == 101:
            break
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers.setdefault(name, value)
    lengths = {value.strip() for name, value in pairs if name == "content-length"}
    if status in _WITHOUT_BODY:
        return RawAnswer(status, headers, b"")
    if coding := headers.get("transfer-encoding"):
        if coding.lower() != "chunked":
            raise NoAnswer(f"unsupported transfer encoding: {coding}")
        return RawAnswer(status, headers, _chunks(reader))
    if not lengths:
        return RawAnswer(status, headers, reader.rest())
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit()):
        raise NoAnswer("its Content-Length is not one number")
    return RawAnswer(status, headers, reader.exactly(_limited(int(length))))


def read_head(reader: Reader) -> tuple[int, list[tuple[str, str]]]:
    """The status and the headers of an answer. Raises as `read_answer`."""
    line = reader.line()
    version, _, rest = line.partition(b" ")
    status = rest.lstrip(b" ").partition(b" ")[0]
    if not version.startswith(b"HTTP/") or len(status) != 3 or not status.isdigit():
        raise NoAnswer("malformed HTTP response")
    pairs: list[tuple[str, str]] = []
    while line := reader.line():
        if line[:1] in (b" ", b"\t") and pairs:
            name, value = pairs[-1]
            pairs[-1] = (name, f"{value} {line.decode('latin-1').strip()}")
            continue
        raw_name, colon, raw_value = line.decode("latin-1").partition(":")
        if not colon or not raw_name:
            raise NoAnswer("malformed header")
        pairs.append((raw_name.lower(), raw_value.strip(" \t")))
    return int(status), pairs


def _chunks(reader: Reader) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while True:
        size = reader.line().partition(b";")[0].strip()
        try:
            wanted = int(size, 16)
        except ValueError:
            raise NoAnswer("malformed chunked encoding") from None
        if wanted == 0:
            while reader.line():
                pass
            return b"".join(pieces)
        length += wanted
        _limited(length)
        pieces.append(reader.exactly(wanted))
        if reader.line():
            raise NoAnswer("malformed chunked encoding")


def _limited(length: int) -> int:
    if length > MOST_BYTES:
        raise NoAnswer(f"it answers more than {MOST_BYTES // 2**20} MiB")
    return length
