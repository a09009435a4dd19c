"""Why no answer came: one table for every server, with what to do next."""

import socket
import ssl
from enum import StrEnum

import httpcore

from provisioner.adapters.http.network import SpeaksHttp, SpeaksTls, TooMuch
from provisioner.core.text import printable


class Trouble(StrEnum):
    """What can keep an answer away."""

    TIME = "time"
    NAME = "name"
    REFUSED = "refused"
    PROXY = "proxy"
    UNSENDABLE = "unsendable"
    CONNECTION = "connection"
    BROKEN = "broken"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too large"
    SPEAKS_HTTP = "speaks http"
    SPEAKS_TLS = "speaks https"
    HANDSHAKE = "handshake"
    NOT_YET_VALID = "not yet valid"
    EXPIRED = "expired"
    WRONG_NAME = "wrong name"
    UNKNOWN_AUTHORITY = "unknown authority"
    CERTIFICATE = "certificate"


NEVER_SENT = frozenset(Trouble) - {Trouble.TIME, Trouble.BROKEN, Trouble.UNREADABLE, Trouble.TOO_LARGE}
"""Troubles that come before anything of a request is sent."""

OF_TLS = frozenset(
    {
        Trouble.SPEAKS_HTTP,
        Trouble.SPEAKS_TLS,
        Trouble.HANDSHAKE,
        Trouble.NOT_YET_VALID,
        Trouble.EXPIRED,
        Trouble.WRONG_NAME,
        Trouble.UNKNOWN_AUTHORITY,
        Trouble.CERTIFICATE,
    }
)


class NoAnswer(Exception):
    """No answer that counts.

    `detail` are the words of the system or of the library, `sent` whether a server may know of the request.
    """

    def __init__(self, trouble: Trouble, detail: str = "", *, sent: bool | None = None) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = printable(detail)
        self.sent = trouble not in NEVER_SENT if sent is None else sent


_UNTRUSTED = "the certificate of {place} is not trusted: {detail}"
_CHECK = "check the host and the path of the endpoint"
_WORDS: dict[Trouble, tuple[str, str, str]] = {
    Trouble.TIME: (
        "no answer from {place} in time",
        "check whether the server is overloaded, or allow more time with --timeout",
        "try again later",
    ),
    Trouble.NAME: (
        "the host of {place} has no address",
        "check the spelling of --couch, and your DNS",
        "check its spelling",
    ),
    Trouble.REFUSED: (
        "connection refused: nothing is listening at {place}",
        "start CouchDB, or pass the right server with --couch or PROVISION_COUCH",
        _CHECK,
    ),
    Trouble.PROXY: (
        "the proxy for {place} refuses: {detail}",
        "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
        "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
    ),
    Trouble.UNSENDABLE: ("{place} cannot be asked: {detail}", "check the host of --couch", _CHECK),
    Trouble.CONNECTION: ("cannot connect to {place}: {detail}", "check the network, and the host of --couch", _CHECK),
    Trouble.BROKEN: (
        "the connection to {place} broke: {detail}",
        "check whether a proxy or the server closed it, then try again",
        "try again; if it fails again, check the host and the path of the endpoint",
    ),
    Trouble.UNREADABLE: (
        "the answer of {place} is not HTTP that can be read: {detail}",
        "check what answers there: a proxy, or another program",
        _CHECK,
    ),
    Trouble.TOO_LARGE: ("{place} sends more than {detail}", "check what answers there", _CHECK),
    Trouble.SPEAKS_HTTP: (
        "no TLS connection to {place}: this port speaks http, and not https",
        "write http:// in --couch, or use the port that speaks https",
        "write http:// for a provider on this machine, or use the port that speaks https",
    ),
    Trouble.SPEAKS_TLS: (
        "no answer from {place}: this port speaks https, and not http",
        "write https:// in --couch",
        "write https://",
    ),
    Trouble.HANDSHAKE: (
        "no TLS connection to {place}: {detail}",
        "check that this port speaks https, and not http",
        "check that this port speaks https; if it does, ask the provider which versions of TLS it accepts",
    ),
    Trouble.NOT_YET_VALID: (
        _UNTRUSTED,
        "check the clock of this machine, and of the one that made the certificate",
        "check the clock of this machine; if it is right, tell the provider",
    ),
    Trouble.EXPIRED: (
        _UNTRUSTED,
        "renew the certificate on the server",
        "ask the provider to renew it: nothing on this machine is wrong",
    ),
    Trouble.WRONG_NAME: (
        _UNTRUSTED,
        "use a host name that the certificate has, or issue one for this host",
        "check the host of the endpoint; if it is right, ask the provider to fix it",
    ),
    Trouble.UNKNOWN_AUTHORITY: (
        _UNTRUSTED,
        "set tls.ca_cert of the target, or SSL_CERT_FILE, to the authority that signed it",
        "if you trust the authority that signed it, set SSL_CERT_FILE to its certificate",
    ),
    Trouble.CERTIFICATE: (
        _UNTRUSTED,
        "check the certificate with openssl s_client",
        "check the certificate with openssl s_client",
    ),
}
"""What happened, and what to do next: with a CouchDB, and with a provider."""


def of_couchdb(error: NoAnswer, place: str) -> tuple[str, str]:
    """What happened with a CouchDB, and what to do next."""
    what, next, _ = _WORDS[error.trouble]
    return what.format(place=place, detail=error.detail), next


def of_provider(error: NoAnswer, place: str) -> tuple[str, str]:
    """What happened with a provider, and what to do next."""
    what, _, next = _WORDS[error.trouble]
    return what.format(place=place, detail=error.detail), next


_CODES = {
    9: Trouble.NOT_YET_VALID,
    10: Trouble.EXPIRED,
    18: Trouble.UNKNOWN_AUTHORITY,
    19: Trouble.UNKNOWN_AUTHORITY,
    20: Trouble.UNKNOWN_AUTHORITY,
    21: Trouble.UNKNOWN_AUTHORITY,
    62: Trouble.WRONG_NAME,
    64: Trouble.WRONG_NAME,
}
"""Codes of OpenSSL's verification (``X509_V_ERR_…``)."""

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
"""What OpenSSL calls an answer that begins with ``HTTP/1.1``."""


def no_answer(error: Exception) -> NoAnswer:
    """What an error of httpcore, or of what is below it, says."""
    match error:
        case SpeaksHttp():
            found = NoAnswer(Trouble.SPEAKS_HTTP)
        case SpeaksTls():
            found = NoAnswer(Trouble.SPEAKS_TLS)
        case TooMuch():
            found = NoAnswer(Trouble.TOO_LARGE, str(error))
        case httpcore.TimeoutException():
            found = NoAnswer(Trouble.TIME, sent=not isinstance(error, httpcore.ConnectTimeout | httpcore.PoolTimeout))
        case httpcore.ProxyError():
            found = NoAnswer(Trouble.PROXY, str(error))
        case httpcore.RemoteProtocolError():
            found = _of_protocol(str(error))
        case httpcore.UnsupportedProtocol() | httpcore.LocalProtocolError() | UnicodeError() | ValueError():
            found = NoAnswer(Trouble.UNSENDABLE, str(error))
        case _:
            found = _of_network(error)
    return found


def _of_protocol(words: str) -> NoAnswer:
    early = words.startswith(("Server disconnected", "peer closed"))
    return NoAnswer(Trouble.BROKEN if early else Trouble.UNREADABLE, words.partition(":")[0])


def _of_network(error: Exception) -> NoAnswer:
    connecting = isinstance(error, httpcore.ConnectError)
    found = _cause(error, ssl.SSLError)
    if isinstance(found, ssl.SSLCertVerificationError):
        return NoAnswer(_CODES.get(found.verify_code, Trouble.CERTIFICATE), found.verify_message)
    if isinstance(found, ssl.SSLError) and connecting:
        reason = found.reason or ""
        spoke = Trouble.SPEAKS_HTTP if reason in _NO_TLS else Trouble.HANDSHAKE
        return NoAnswer(spoke, reason.replace("_", " ").lower() or "the server ended the handshake")
    if _cause(error, socket.gaierror):
        return NoAnswer(Trouble.NAME)
    if _cause(error, ConnectionRefusedError):
        return NoAnswer(Trouble.REFUSED)
    system = _cause(error, OSError)
    detail = (isinstance(system, OSError) and system.strerror) or str(error)
    return NoAnswer(Trouble.CONNECTION if connecting else Trouble.BROKEN, detail)


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first error of a kind among an error and what led to it."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__ or found.__context__
    return found
