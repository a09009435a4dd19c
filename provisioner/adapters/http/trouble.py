"""Why no answer came, for every server: what happened, and what to do next."""

import socket
import ssl
from collections.abc import Iterator
from enum import Enum, unique

import httpcore

from provisioner.adapters.http.network import SpeaksHttp, TooMuch
from provisioner.core.text import printable

_UNTRUSTED = "the certificate of {place} is not trusted: {detail}"
_PROXY = "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
_CHECK = "check the host and the path of the endpoint"


@unique
class Trouble(Enum):
    """What can keep an answer away: what happened, and what to do next, with a CouchDB and with a provider."""

    TIME = (
        "no answer from {place} in time",
        "check whether the server is overloaded, or allow more time with --timeout",
        "try again later",
    )
    NAME = ("the host of {place} has no address", "check the spelling of --couch, and your DNS", "check its spelling")
    REFUSED = (
        "connection refused: nothing is listening at {place}",
        "start CouchDB, or pass the right server with --couch or PROVISION_COUCH",
        _CHECK,
    )
    PROXY = ("the proxy for {place} refuses: {detail}", _PROXY, _PROXY)
    UNSENDABLE = ("{place} cannot be asked: {detail}", "check the host of --couch", _CHECK)
    CONNECTION = ("cannot connect to {place}: {detail}", "check the network, and the host of --couch", _CHECK)
    BROKEN = (
        "the connection to {place} broke: {detail}",
        "check whether a proxy or the server closed it, then try again",
        "try again; if it fails again, check the host and the path of the endpoint",
    )
    UNREADABLE = (
        "the answer of {place} is not HTTP that can be read: {detail}",
        "check what answers there: a proxy, or another program",
        _CHECK,
    )
    TOO_LARGE = ("{place} sends more than {detail}", "check what answers there", _CHECK)
    SPEAKS_HTTP = (
        "no TLS connection to {place}: this port speaks http, and not https",
        "write http:// in --couch, or use the port that speaks https",
        "write http:// for a provider on this machine, or use the port that speaks https",
    )
    SPEAKS_TLS = ("no answer from {place}: this port speaks https, and not http", "write https:// in --couch", "")
    HANDSHAKE = (
        "no TLS connection to {place}: {detail}",
        "check that this port speaks https, and not http",
        "check that this port speaks https; if it does, ask the provider which versions of TLS it accepts",
    )
    NOT_YET_VALID = (
        _UNTRUSTED,
        "check the clock of this machine, and of the one that made the certificate",
        "check the clock of this machine; if it is right, tell the provider",
    )
    EXPIRED = (
        _UNTRUSTED,
        "renew the certificate on the server",
        "ask the provider to renew it: nothing on this machine is wrong",
    )
    WRONG_NAME = (
        _UNTRUSTED,
        "use a host name that the certificate has, or issue one for this host",
        "check the host of the endpoint; if it is right, ask the provider to fix it",
    )
    UNKNOWN_AUTHORITY = (
        _UNTRUSTED,
        "set tls.ca_cert of the target, or SSL_CERT_FILE, to the authority that signed it",
        "if you trust the authority that signed it, set SSL_CERT_FILE to its certificate",
    )
    CERTIFICATE = (_UNTRUSTED, *["check the certificate with openssl s_client"] * 2)


CONNECTING = frozenset({Trouble.NAME, Trouble.REFUSED, Trouble.CONNECTION})
"""Troubles of a connection that is not there yet."""

MAY_BE_SENT = frozenset({Trouble.TIME, Trouble.BROKEN, Trouble.UNREADABLE, Trouble.TOO_LARGE})
"""Troubles that come after something of a request may be sent."""

_OF_CERTIFICATES = {
    9: Trouble.NOT_YET_VALID,
    10: Trouble.EXPIRED,
    **dict.fromkeys((18, 19, 20, 21), Trouble.UNKNOWN_AUTHORITY),
    **dict.fromkeys((62, 64), Trouble.WRONG_NAME),
}
"""By the codes of OpenSSL's verification (``X509_V_ERR_…``)."""

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
"""What OpenSSL calls an answer that begins with ``HTTP/1.1``."""


class NoAnswer(Exception):
    """No answer that counts.

    `detail` are the words of the system or of the library, `sent` whether a server may know of the request.
    """

    def __init__(self, trouble: Trouble, detail: str = "", *, sent: bool | None = None) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = printable(detail)
        self.sent = trouble in MAY_BE_SENT if sent is None else sent

    def what(self, place: str) -> str:
        """What happened at a place."""
        what: str = self.trouble.value[0]
        return what.format(place=place, detail=self.detail)

    def of_couchdb(self, place: str) -> tuple[str, str]:
        """What happened with a CouchDB, and what to do next."""
        return self.what(place), self.trouble.value[1]

    def of_provider(self, place: str) -> tuple[str, str]:
        """What happened with a provider, and what to do next."""
        return self.what(place), self.trouble.value[2]


def no_answer(error: Exception) -> NoAnswer:  # a table of errors
    """What an error of httpcore, or of what is below it, says."""
    words = str(error)
    match error:
        case SpeaksHttp():
            return NoAnswer(Trouble.SPEAKS_HTTP)
        case TooMuch():
            return NoAnswer(Trouble.TOO_LARGE, words)
        case httpcore.TimeoutException():
            return NoAnswer(Trouble.TIME, sent=not isinstance(error, httpcore.ConnectTimeout | httpcore.PoolTimeout))
        case httpcore.ProxyError():
            return NoAnswer(Trouble.PROXY, words)
        case httpcore.RemoteProtocolError():
            early = words.startswith(("Server disconnected", "peer closed"))
            return NoAnswer(Trouble.BROKEN if early else Trouble.UNREADABLE, words.partition(":")[0])
        case httpcore.UnsupportedProtocol() | httpcore.LocalProtocolError() | ValueError():
            return NoAnswer(Trouble.UNSENDABLE, words)
        case _:
            return _of_network(error, connecting=isinstance(error, httpcore.ConnectError))


def _of_network(error: Exception, *, connecting: bool) -> NoAnswer:
    detail = str(error)
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return NoAnswer(_OF_CERTIFICATES.get(cause.verify_code, Trouble.CERTIFICATE), cause.verify_message)
            case ssl.SSLError() if connecting:
                reason = cause.reason or ""
                spoke = Trouble.SPEAKS_HTTP if reason in _NO_TLS else Trouble.HANDSHAKE
                return NoAnswer(spoke, reason.replace("_", " ").lower() or "the server ended the handshake")
            case socket.gaierror():
                return NoAnswer(Trouble.NAME)
            case ConnectionRefusedError():
                return NoAnswer(Trouble.REFUSED)
            case OSError():
                detail = cause.strerror or detail
    return NoAnswer(Trouble.CONNECTION if connecting else Trouble.BROKEN, detail)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
