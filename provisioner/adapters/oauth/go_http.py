"""One request and its answer over HTTP/1.1, with the bytes that Go's client sends and what it reads.

An HTTP library would normalise the URL and order the headers its own way. Go speaks HTTP/2 with a server that offers
it over TLS; the content of a request is the same there.
"""

import socket
import ssl
import time
import zlib
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import idna

from provisioner.core.oauth.go_url import GoUrl

MOST_BYTES = 32 * 1024 * 1024
_MOST_OF_HEAD = 1024 * 1024
_MOST_INFORMATIONAL = 5
_PIECE = 64 * 1024
_WITHOUT_BODY = frozenset({204, 304})


class NoAnswer(Exception):
    """No answer that Go could read; as text, why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, the headers with names in lower case (the first of each), and the body as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


def host_header(url: GoUrl) -> str:
    """The host of a URL as the request names it."""
    host = url.host.removesuffix(":")
    if host.isascii():
        return host
    name, colon, port = host.partition(":")
    try:
        return idna.encode(name, uts46=True).decode() + colon + port
    except idna.IDNAError as error:
        raise NoAnswer(f"the host is not a name of DNS: {error}") from None


def exchange(url: GoUrl, lines: bytes, deadline: float) -> Answer:
    """Send a request, and read its answer until a time of the monotonic clock.

    Raises `NoAnswer`, `TimeoutError`, or `OSError` with its subclasses of `ssl`.
    """
    with _connected(url, deadline) as connection:
        connection.settimeout(_left(deadline))
        connection.sendall(lines)
        return _read(_Reader(connection, deadline))


def decoded(answer: Answer) -> bytes:
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


def _connected(url: GoUrl, deadline: float) -> socket.socket:
    """A connection to the host of a URL, through the proxy that the environment names."""
    secure = url.scheme == "https"
    name = host_header(url).rpartition(":")[0] if url.port is not None else host_header(url)
    name, port = name.strip("[]"), url.port or (443 if secure else 80)
    proxies = getproxies_environment()
    proxy = proxies.get(url.scheme)
    if not proxy or proxy_bypass(name) or _is_loopback(name):
        connection = _dial(name, port, deadline)
    elif secure:
        connection = _tunnel(proxy, f"{name}:{port}", deadline)
    else:
        raise NoAnswer("a proxy for http is not supported here; unset http_proxy, or add the host to no_proxy")
    if not secure:
        return connection
    import httpx  # it takes a moment, and knows where certificates are

    try:
        connection.settimeout(_left(deadline))
        return httpx.create_ssl_context().wrap_socket(connection, server_hostname=name)
    except BaseException:
        connection.close()
        raise


def _dial(name: str, port: int, deadline: float) -> socket.socket:
    if not 0 < port < 2**16:
        raise NoAnswer(f"invalid port {port}")
    return socket.create_connection((name, port), timeout=_left(deadline))


def _tunnel(proxy: str, target: str, deadline: float) -> socket.socket:
    parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    connection = _dial(parts.hostname or "", parts.port or 80, deadline)
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
    sign_in = f"Proxy-Authorization: Basic {b64encode(pair).decode()}\r\n" if parts.username else ""
    try:
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{sign_in}\r\n".encode())
        status, _ = _head(_Reader(connection, deadline))
    except BaseException:
        connection.close()
        raise
    if status != 200:
        connection.close()
        raise NoAnswer(f"the proxy answers {status}")
    return connection


def _is_loopback(name: str) -> bool:
    return name == "localhost" or name.startswith("127.") or name == "::1"


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Reader:
    """Reads a connection to a deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._held = b""
        self.ended = False

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
        self._connection.settimeout(_left(self._deadline))
        try:
            piece = self._connection.recv(_PIECE)
        except ssl.SSLEOFError:
            piece = b""
        self._held += piece
        return bool(piece)


def _read(reader: _Reader) -> Answer:
    for _ in range(_MOST_INFORMATIONAL + 1):
        status, pairs = _head(reader)
        if not 100 <= status < 200 or status == 101:
            break
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers.setdefault(name, value)
    lengths = {value.strip() for name, value in pairs if name == "content-length"}
    if status in _WITHOUT_BODY:
        return Answer(status, headers, b"")
    if coding := headers.get("transfer-encoding"):
        if coding.lower() != "chunked":
            raise NoAnswer(f"unsupported transfer encoding: {coding}")
        return Answer(status, headers, _chunks(reader))
    if not lengths:
        return Answer(status, headers, reader.rest())
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit()):
        raise NoAnswer("its Content-Length is not one number")
    return Answer(status, headers, reader.exactly(_limited(int(length))))


def _head(reader: _Reader) -> tuple[int, list[tuple[str, str]]]:
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


def _chunks(reader: _Reader) -> bytes:
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
