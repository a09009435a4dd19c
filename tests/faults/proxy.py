"""A reverse proxy in front of the live server that makes trouble at a request of one's choice."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO
from urllib.parse import urlsplit

LONGEST_HANG = 180.0
"""Seconds. A client that has not given up by then is let go."""

DRIP = 0.2
"""Seconds between two bytes of a dripping answer."""

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class Fault(StrEnum):
    """What becomes of a request."""

    RESET = "reset"
    HALF = "half an answer"
    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND_PAGE = "404 html"
    CONFLICT = "409"
    TOO_LARGE = "413"
    TOO_MANY = "429"
    SERVER_ERROR = "500"
    BUSY = "503"
    GATEWAY_TIMEOUT = "504"
    REDIRECT = "302"
    EMPTY = "empty 200"
    OBJECT = "{}"
    ARRAY = "[]"
    GARBAGE = "garbage"
    HANG = "hang"
    DRIP = "drip"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}

CANNED: Mapping[Fault, Answer] = {
    Fault.BAD_REQUEST: Answer(400, b'{"error":"bad_request","reason":"invalid UTF-8 JSON"}', JSON),
    Fault.UNAUTHORIZED: Answer(401, b'{"error":"unauthorized","reason":"Name or password is incorrect."}', JSON),
    Fault.FORBIDDEN: Answer(403, b'{"error":"forbidden","reason":"not for you"}', JSON),
    Fault.NOT_FOUND_PAGE: Answer(404, b"<html><h1>Not Found</h1></html>", HTML),
    Fault.CONFLICT: Answer(409, b'{"error":"conflict","reason":"Document update conflict."}', JSON),
    Fault.TOO_LARGE: Answer(413, b'{"error":"too_large","reason":"the request entity is too large"}', JSON),
    Fault.TOO_MANY: Answer(429, b'{"error":"too_many_requests","reason":"slow down"}', JSON),
    Fault.SERVER_ERROR: Answer(500, b'{"error":"internal_server_error","reason":"timeout"}', JSON),
    Fault.BUSY: Answer(503, b"<html>busy</html>", {**HTML, "Retry-After": "0"}),
    Fault.GATEWAY_TIMEOUT: Answer(504, b"<html>gateway timeout</html>", HTML),
    Fault.REDIRECT: Answer(302, b"", {"Location": "http://127.0.0.1:9/"}),
    Fault.EMPTY: Answer(200, b"", JSON),
    Fault.OBJECT: Answer(200, b"{}", JSON),
    Fault.ARRAY: Answer(200, b"[]", JSON),
    Fault.GARBAGE: Answer(200, b"\xff\x00<html>{", JSON),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault at one request, counted from 1, or from it on; `acts`: the server has dealt with the request before."""

    fault: Fault
    acts: bool = False
    onwards: bool = False
    number: int = 1

    def __str__(self) -> str:
        """The words of a failed test."""
        when = "from" if self.onwards else "at"
        return f"{self.fault} {'after' if self.acts else 'before'} the server acted, {when} request {self.number}"

    def strikes(self, number: int) -> bool:
        return number >= self.number if self.onwards else number == self.number


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Proxy:
    """The state of a running proxy. `observe` is told of each request, before and after the server dealt with it."""

    host: str
    port: int
    url: str = ""
    trouble: Trouble | None = None
    observe: Callable[[int, bool], None] | None = None
    asked: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _dealing: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def expect(self, trouble: Trouble | None) -> None:
        """Count from the next request on, and make trouble at one."""
        with self._lock:
            self.trouble = trouble
            self.asked.clear()

    def settle(self) -> None:
        """Wait until the server has dealt with what it was asked, also by a client that is gone."""
        while self._dealing:
            time.sleep(0.01)

    def serve(self, client: socket.socket) -> None:
        """The requests of one connection."""
        with client, client.makefile("rb") as reader, suppress(OSError, http.client.HTTPException):
            while (request := _read(reader)) is not None:
                with self._lock:
                    self.asked.append(request)
                    number, trouble = len(self.asked), self.trouble
                if trouble is not None and trouble.strikes(number):
                    if not self._make(trouble, request, client):
                        return
                    continue
                observe = self.observe or (lambda *_: None)
                observe(number, False)
                answer = self._forward(request)
                observe(number, True)
                client.sendall(_bytes(answer))

    def _make(self, trouble: Trouble, request: Request, client: socket.socket) -> bool:
        """Make trouble; whether the connection is good for another request."""
        acts = trouble.acts or trouble.fault in (Fault.HALF, Fault.DRIP)
        answer = self._forward(request) if acts else None
        match trouble.fault:
            case Fault.RESET:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            case Fault.HALF:
                assert answer is not None
                whole = _bytes(answer)
                client.sendall(whole[: len(whole) - max(1, len(answer.body) // 2)])
                return False
            case Fault.HANG:
                client.settimeout(LONGEST_HANG)
                with suppress(OSError):
                    client.recv(1)  # nothing comes, until the client hangs up
                return False
            case Fault.DRIP:
                assert answer is not None
                self._drip(client, _bytes(answer))
                return False
            case canned:
                client.sendall(_bytes(CANNED[canned]))
                return True

    def _drip(self, client: socket.socket, whole: bytes) -> None:
        until = time.monotonic() + LONGEST_HANG
        for byte in whole[:-1]:
            client.sendall(bytes([byte]))
            if time.monotonic() > until or self._over.wait(DRIP):
                return

    def _forward(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=LONGEST_HANG)
        with self._lock:
            self._dealing += 1
        try:
            connection.request(request.method, request.path, request.body or None, dict(request.headers))
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()
            with self._lock:
                self._dealing -= 1

    def end(self) -> None:
        self._over.set()


@contextmanager
def in_front_of(url: str) -> Iterator[Proxy]:
    """A proxy in front of a server; its URL has the user information of the server's."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or 80)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        user, at, _ = parts.netloc.rpartition("@")
        proxy.url = f"http://{user}{at}127.0.0.1:{listener.getsockname()[1]}"
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                client, _ = listener.accept()
                if proxy._over.is_set():
                    client.close()
                    return
                threads.append(threading.Thread(target=proxy.serve, args=(client,), daemon=True))
                threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield proxy
        finally:
            proxy.end()
            socket.create_connection(listener.getsockname()).close()
            accepting.join()
            for thread in threads:
                thread.join(LONGEST_HANG)


def _read(reader: BinaryIO) -> Request | None:
    line = reader.readline()
    words = line.decode("latin-1").split(" ", 2)
    if len(words) < 3 or not words[2].startswith("HTTP/"):  # the client gave up, or tries whether this is TLS
        return None
    method, path, _ = words
    headers: dict[str, str] = {}
    while (header := reader.readline()).strip():
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip()] = value.strip()
    length = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
    body = reader.read(length)
    if not header or len(body) < length:
        return None
    kept = {
        name: value for name, value in headers.items() if name.lower() not in {*HOP_BY_HOP, "host", "accept-encoding"}
    }
    return Request(method, path, kept, body)


def _bytes(answer: Answer) -> bytes:
    reason = http.client.responses.get(answer.status, "")
    headers = {**answer.headers, "Content-Length": str(len(answer.body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} {reason}\r\n{head}\r\n".encode("latin-1") + answer.body
