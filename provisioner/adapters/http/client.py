"""Sends a request as it is given, and reads its answer within one budget."""

import os
import ssl
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpcore
import httpx
from msgspec import Struct

from provisioner.adapters.http.network import Left, Limit, Network, within
from provisioner.adapters.http.trouble import NoAnswer, Trouble, no_answer
from provisioner.core.definitions.domains import is_askable, is_loopback
from provisioner.core.errors import UsageError
from provisioner.core.http import PORTS, Answer
from provisioner.core.masking import Mask
from provisioner.core.secret import Confidential

MIB = 1024 * 1024

MAX_HEADERS = 1000
"""Headers of an answer; all of them have 100 KB at most, which httpcore watches."""

MAX_HEAD = MIB // 2
"""Bytes until the body of an answer: its headers, those of a proxy, and the answers of TLS and 1xx before them."""

MAX_MEMBERS = 1000
"""Parts of a gzip file, each with a header of its own; servers send one."""

_ERRORS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
    ValueError,
)


class Budget(Struct, frozen=True):
    """What an answer may cost: the bytes of its body, unpacked, and near as many that are received.

    `cut`: the rest of a longer one is left unread.
    """

    body: int = 16 * MIB
    cut: bool = False


ANY = Budget()


class Call(Confidential, frozen=True):
    """One request, byte for byte: `headers` keep their order and their case. It may be secret but for its host."""

    method: str
    scheme: str
    host: str
    port: int
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes | None = None

    @classmethod
    def to(cls, method: str, url: SplitResult, headers: Sequence[tuple[bytes, bytes]], body: bytes | None) -> "Call":
        """A request to a URL, with JSON as its body. Raises `UnicodeError` for one that is not of ASCII."""
        host = (url.hostname or "").encode("idna").decode()
        shown = f"[{host}]" if ":" in host else host
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        named = [(b"Host", (f"{shown}:{url.port}" if url.port else shown).encode()), *headers]
        if body is not None:
            named.append((b"Content-Type", b"application/json"))
        if method != "GET":
            named.append((b"Content-Length", str(len(body or b"")).encode()))
        return cls(method, url.scheme, host, url.port or PORTS[url.scheme], target.encode("ascii"), named, body)


def read_url(text: str) -> SplitResult | None:
    """The parts of an http or https URL that can be asked; none for any other text."""
    try:
        url = urlsplit(text)
        Call.to("GET", url, (), None)
    except (ValueError, KeyError):  # such as a port that is no number, or a path that is not ASCII
        return None
    return url if url.scheme in PORTS and is_askable(url.hostname or "") else None


def basic(user: str, password: str) -> bytes:
    """The value of ``Authorization`` for a user. Raises `UnicodeEncodeError` for half a character."""
    return b"Basic " + b64encode(f"{user}:{password}".encode())


class HttpClient:
    """Requests over connections that are kept; safe to share between threads.

    `context` gives what TLS needs, and is asked only if a request needs TLS. `secrets` are those that an error must not
    repeat: the password of a proxy is one.
    """

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext] | None = None,
        connections: int = 1,
        secrets: Mask | None = None,
    ) -> None:
        self._context = context or trusted
        self._connections = connections
        self.secrets = secrets or Mask()
        self._transports: dict[tuple[str, str | None], httpx.BaseTransport] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give the connections back."""
        for transport in self._transports.values():
            transport.close()

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, call: Call, left: Left, budget: Budget = ANY) -> Answer:
        """The answer to a request. Raises `NoAnswer`; and `UsageError` for a proxy that cannot be used."""
        transport = self._transport(call.scheme, call.host, call.port)
        limit = Limit(left, MAX_HEAD)
        try:
            request = httpx.Request(
                call.method,
                httpx.URL(scheme=call.scheme, host=call.host, port=call.port),
                headers=[*call.headers],
                content=call.body,
                extensions={"target": call.target, "timeout": {"pool": max(left(), 0.001)}},
            )
            with within(limit):
                response = transport.handle_request(request)  # a client would follow redirects and keep cookies
                limit.most = 2 * (budget.body + MIB)  # each byte counts as it comes, and again as a part of the body
                try:
                    return _read(response, budget, limit)
                finally:
                    response.close()
        except (*_ERRORS, httpx.InvalidURL) as error:
            found = no_answer(error)
            raise NoAnswer(found.trouble, self.secrets.clean(found.detail), sent=found.sent) from None

    def _transport(self, scheme: str, host: str, port: int) -> httpx.BaseTransport:
        proxy = _proxy(scheme, host, port)
        with self._lock:
            if (scheme, proxy) not in self._transports:
                self._transports[scheme, proxy] = _Transport(self._new_pool(scheme, proxy))
            return self._transports[scheme, proxy]

    def _new_pool(self, scheme: str, proxy: str | None) -> httpcore.ConnectionPool:
        usual: dict[str, Any] = {
            "ssl_context": self._context() if scheme == "https" else None,
            "max_connections": self._connections,
            "max_keepalive_connections": self._connections,
            "keepalive_expiry": 5.0,
            "network_backend": Network(),
        }
        if proxy is None:
            return httpcore.ConnectionPool(**usual)
        url = read_url(proxy if "://" in proxy else f"http://{proxy}")
        if url is None:
            shown = proxy.partition("://")[0] if "://" in proxy else "its address"
            what = f"the proxy in the environment cannot be used: {shown}"
            raise UsageError(what, "unset ALL_PROXY, HTTP_PROXY and HTTPS_PROXY, or set them to an http or https proxy")
        user, password = (
            unquote(each or "").encode("utf-8", "surrogateescape") for each in (url.username, url.password)
        )
        if user:
            self.secrets.add(password.decode("utf-8", "surrogateescape"))
        host = (url.hostname or "").encode("idna")
        return httpcore.HTTPProxy(
            httpcore.URL(scheme=url.scheme.encode(), host=host, port=url.port or PORTS[url.scheme], target=b"/"),
            proxy_auth=(user, password) if user else None,
            proxy_ssl_context=trusted() if url.scheme == "https" else None,
            **usual,
        )


class _Transport(httpx.BaseTransport):
    """httpx over connections whose network we replace, which its own transport does not let us."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        place, extensions = request.url, dict(request.extensions)
        target = extensions.pop("target")  # a proxy is asked for the whole URL, and the extension would replace it
        url = httpcore.URL(scheme=place.raw_scheme, host=place.raw_host, port=place.port, target=target)
        sent = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=extensions
        )
        response = self._pool.handle_request(sent)
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _read(response: httpx.Response, budget: Budget, limit: Limit) -> Answer:
    tls = response.extensions["network_stream"].get_extra_info("ssl_object")
    ends = tls and ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"])  # the connection may be gone after the body
    given = response.headers.raw
    if len(given) > MAX_HEADERS:
        raise NoAnswer(Trouble.TOO_LARGE, f"{MAX_HEADERS} headers")
    headers = tuple((name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape")) for name, value in given)
    coding = next((value for name, value in headers if name == "content-encoding"), "")
    parts = map(limit.count, response.iter_raw())
    body = bytearray()
    for part in unpacked(parts) if coding.lower() == "gzip" else parts:
        body += part
        if len(body) > budget.body:
            break
    cut = len(body) > budget.body
    if cut and not budget.cut:
        raise NoAnswer(Trouble.TOO_LARGE, f"{budget.body // MIB} MiB")
    days_left = (ends - time.time()) / 86400 if ends else None
    return Answer(response.status_code, headers, bytes(body[: budget.body]), cut, days_left)


def unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """What a gzip coding holds, a megabyte at a time.

    Raises `NoAnswer` for one that is broken, or that is made of very many parts.
    """
    member, members = zlib.decompressobj(wbits=31), 0
    for part in parts:
        rest = part
        while rest:
            if member.eof or not members:
                member, members = zlib.decompressobj(wbits=31), members + 1
            if members > MAX_MEMBERS:
                raise NoAnswer(Trouble.UNREADABLE, "its gzip coding has too many parts")
            try:
                yield member.decompress(rest, MIB)
            except zlib.error as error:
                raise NoAnswer(Trouble.UNREADABLE, f"its gzip coding is broken ({error})") from None
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if members and not member.eof:
        raise NoAnswer(Trouble.UNREADABLE, "its gzip coding ends too early")


def _proxy(scheme: str, host: str, port: int) -> str | None:
    """The proxy that the environment names for a host; none for this machine."""
    if is_loopback(host):
        return None
    from urllib.request import getproxies, proxy_bypass  # 6 ms, and only for another machine

    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    names = (f"[{host}]:{port}", host) if ":" in host else (f"{host}:{port}",)
    if not proxy or any(map(proxy_bypass, names)) or _in_networks(host, proxies.get("no", "")):
        return None
    return proxy


def _in_networks(host: str, excluded: str) -> bool:
    """Whether a host is an address in one of the networks that ``NO_PROXY`` names, as Go and curl read it."""
    from ipaddress import ip_address, ip_network

    with suppress(ValueError):
        address = ip_address(host)
        for name in excluded.split(","):
            with suppress(ValueError):
                if address in ip_network(name.strip(), strict=False):
                    return True
    return False


def trusted() -> ssl.SSLContext:
    """What TLS needs to trust the usual authorities, read once: it takes 20 ms. Nothing may be added to it."""
    return _trusted(os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None)


def new_trusted(file: str | None = None, folder: str | None = None) -> ssl.SSLContext:
    """A context of its own that trusts the authorities of a file or a folder, or else Mozilla's."""
    import certifi  # only TLS needs it

    if file or folder:
        return ssl.create_default_context(cafile=file, capath=None if file else folder)
    return ssl.create_default_context(cafile=certifi.where())


_trusted = cache(new_trusted)
