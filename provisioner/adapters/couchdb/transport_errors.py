"""What went wrong between us and a server, in words that say what to do next."""

import socket
import ssl

import httpx

from provisioner.adapters.certificates import EXPIRED, UNKNOWN_AUTHORITY, WRONG_NAME, cause
from provisioner.core.errors import NobodyListening, StoreError, TlsTrouble, Unavailable, UnavailableProxy, UnknownHost

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""Errors that come before anything of a request is sent."""


def explained(error: httpx.TransportError, url: str, host: str) -> StoreError:
    """The error of the connection to a URL, as one of ours."""
    if isinstance(error, httpx.ProxyError):
        return UnavailableProxy(f"the proxy for {url} refuses: {error}", "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
    if cause(error, socket.gaierror):
        return UnknownHost(f"the host {host} has no address", "check the spelling of --couch, and your DNS")
    trouble = cause(error, ssl.SSLError)
    if trouble is not None:
        return _tls_trouble(url, host, trouble)
    if cause(error, ConnectionRefusedError):
        return NobodyListening(
            f"connection refused: nothing is listening at {url}",
            "start CouchDB, or name the right server with --couch or PROVISION_COUCH",
        )
    if isinstance(error, httpx.ConnectError):
        return Unavailable(f"cannot connect to {url}: {_plain(error)}", "check the network, and the host of --couch")
    return Unavailable(
        f"the connection to {url} broke: {_plain(error)}",
        "check whether a proxy or the server closed it, then try again",
    )


def _plain(error: httpx.TransportError) -> str:
    """The words of an error, without the number that the system gives it."""
    system = cause(error, OSError)
    return (isinstance(system, OSError) and system.strerror) or str(error)


def _tls_trouble(url: str, host: str, trouble: BaseException) -> TlsTrouble:
    if not isinstance(trouble, ssl.SSLCertVerificationError):
        return TlsTrouble(f"no TLS connection to {url}", "check that this port speaks https, and not http")
    what = f"the certificate of {url} is not trusted: {trouble.verify_message}"
    match trouble.verify_code:
        case code if code == EXPIRED:
            return TlsTrouble(what, "renew the certificate on the server")
        case code if code in WRONG_NAME:
            return TlsTrouble(what, f"use a host name that the certificate has, or give it the name {host}")
        case code if code in UNKNOWN_AUTHORITY:
            return TlsTrouble(what, "set tls.ca_cert of the target, or SSL_CERT_FILE, to the authority that signed it")
        case _:
            return TlsTrouble(what, "check the certificate with openssl s_client")
