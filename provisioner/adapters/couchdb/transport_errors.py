"""What went wrong between us and a server, in words that say what to do next."""

import socket
import ssl

import httpx

from provisioner.core.errors import NobodyListening, StoreError, TlsTrouble, Unavailable, UnavailableProxy, UnknownHost

_EXPIRED = 10
_UNTRUSTED = frozenset({18, 19, 20, 21})
_WRONG_NAME = frozenset({62, 64})
"""Codes of OpenSSL's verification (``X509_V_ERR_…``)."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
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
    if isinstance(error, httpx.ConnectError):
        return NobodyListening(
            f"connection refused: nothing is listening at {url}",
            "start CouchDB, or name the right server with --couch or PROVISION_COUCH",
        )
    return Unavailable(
        f"the connection to {url} broke: {error}", "check whether a proxy or the server closed it, then try again"
    )


def _tls_trouble(url: str, host: str, trouble: BaseException) -> TlsTrouble:
    if not isinstance(trouble, ssl.SSLCertVerificationError):
        return TlsTrouble(f"no TLS connection to {url}", "check that this port speaks https, and not http")
    what = f"the certificate of {url} is not trusted: {trouble.verify_message}"
    match trouble.verify_code:
        case code if code == _EXPIRED:
            return TlsTrouble(what, "renew the certificate on the server")
        case code if code in _WRONG_NAME:
            return TlsTrouble(what, f"use a host name that the certificate has, or give it the name {host}")
        case code if code in _UNTRUSTED:
            return TlsTrouble(what, "set tls.ca_cert of the target, or SSL_CERT_FILE, to the authority that signed it")
        case _:
            return TlsTrouble(what, "check the certificate with openssl s_client")


def cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first error of a kind among an error and what led to it."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__ or found.__context__
    return found
