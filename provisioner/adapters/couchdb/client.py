"""Makes the HTTP client for a server: sign-in, certificates and proxies."""

import ssl

import httpx

from provisioner.adapters.couchdb.address import Address
from provisioner.core.errors import UsageError
from provisioner.core.targets.target import USUAL_TLS, Tls


def new_client(address: Address, tls: Tls, connections: int) -> httpx.Client:
    """A client for a server, with at most so many connections.

    Raises `UsageError` for TLS files, a proxy or a password that cannot be used.
    """
    password = address.password.reveal() if address.password else ""
    plain = address.loopback and address.url.startswith("http://")
    verify = _WITHOUT_TLS if plain and tls == USUAL_TLS else _context(tls)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    loopback: dict[str, httpx.HTTPTransport] | None = None
    if address.loopback:
        direct = httpx.HTTPTransport(verify=verify, limits=limits)
        loopback = {"http://": direct, "https://": direct, "all://": direct}  # never through a proxy
    try:
        return httpx.Client(
            auth=httpx.BasicAuth(address.user, str(password)) if address.user is not None else None,
            headers={"Accept": "application/json"},
            limits=limits,
            mounts=loopback,
            verify=verify,
        )
    except UnicodeEncodeError:
        raise UsageError("the user or the password holds a lone surrogate", "write it as UTF-8") from None
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        what = f"the proxy in the environment cannot be used: {error}"
        raise UsageError(what, "unset ALL_PROXY, HTTP_PROXY and HTTPS_PROXY, or name an http proxy") from None


_WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For requests that need no TLS: it trusts no authority, and loads none, which takes 20 ms."""


def _context(tls: Tls) -> ssl.SSLContext:
    """How to check certificates, and which one to show. Raises `UsageError` for files that cannot be used."""
    if tls == USUAL_TLS:
        return httpx.create_ssl_context()
    files = ", ".join(filter(None, (tls.ca_cert, tls.client_cert, tls.client_key)))
    try:
        context = ssl.create_default_context(cafile=tls.ca_cert) if tls.ca_cert else httpx.create_ssl_context()
        if tls.client_cert:
            context.load_cert_chain(tls.client_cert, tls.client_key)
    except OSError as error:
        what = f"the TLS files {files} cannot be used: {error.strerror or error}"
        raise UsageError(what, "fix tls of the target") from None
    return context
