"""One request and its answer over HTTP/1.1, with the bytes that Go's client sends and what it reads.

An HTTP library would normalise the URL and order the headers its own way. Go speaks HTTP/2 with a server that offers
it over TLS; the content of a request is the same there.
"""

import socket
from base64 import b64encode
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import idna

from provisioner.adapters.oauth.go_answer import NoAnswer, RawAnswer, Reader, left, read_answer, read_head
from provisioner.core.definitions.go_url import GoUrl


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


def exchange(url: GoUrl, lines: bytes, deadline: float) -> RawAnswer:
    """Send a request, and read its answer until a time of the monotonic clock.

    Raises `NoAnswer`, `TimeoutError`, or `OSError` with its subclasses of `ssl`.
    """
    with _connected(url, deadline) as connection:
        connection.settimeout(left(deadline))
        connection.sendall(lines)
        return read_answer(Reader(connection, deadline))


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
        connection.settimeout(left(deadline))
        return httpx.create_ssl_context().wrap_socket(connection, server_hostname=name)
    except BaseException:
        connection.close()
        raise


def _dial(name: str, port: int, deadline: float) -> socket.socket:
    if not 0 < port < 2**16:
        raise NoAnswer(f"invalid port {port}")
    return socket.create_connection((name, port), timeout=left(deadline))


def _tunnel(proxy: str, target: str, deadline: float) -> socket.socket:
    parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    connection = _dial(parts.hostname or "", parts.port or 80, deadline)
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
    sign_in = f"Proxy-Authorization: Basic {b64encode(pair).decode()}\r\n" if parts.username else ""
    try:
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{sign_in}\r\n".encode())
        status, _ = read_head(Reader(connection, deadline))
    except BaseException:
        connection.close()
        raise
    if status != 200:
        connection.close()
        raise NoAnswer(f"the proxy answers {status}")
    return connection


def _is_loopback(name: str) -> bool:
    return name == "localhost" or name.startswith("127.") or name == "::1"
