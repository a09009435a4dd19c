"""What is wrong with a TLS connection to a provider, and who can fix it."""

import ssl

from provisioner.core.errors import ProvisionError
from provisioner.core.text import printable

_EXPIRED, _NOT_YET_VALID, _WRONG_NAMES = 10, 9, (62, 64)
"""``X509_V_ERR_…`` of OpenSSL."""


def tls_trouble(place: str, error: BaseException) -> ProvisionError | None:
    """The error of a failed handshake with a place; ``None`` if another thing failed."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    if not isinstance(cause, ssl.SSLCertVerificationError):
        what = f"no TLS connection to {place}: {printable(cause.reason or str(cause))}"
        return ProvisionError(what, "ask the provider which versions of TLS it accepts")
    why = printable(cause.verify_message)
    what = f"the certificate of {place} is not valid: {why}"
    match cause.verify_code:
        case code if code == _EXPIRED:
            return ProvisionError(what, "the provider has to renew it: nothing on this machine is wrong")
        case code if code == _NOT_YET_VALID:
            return ProvisionError(what, "check the clock of this machine; if it is right, tell the provider")
        case code if code in _WRONG_NAMES:
            return ProvisionError(what, "check the host of the endpoint; if it is right, the provider has to fix it")
        case _:
            next = "if you trust the authority that signed it, name its certificate in SSL_CERT_FILE"
            return ProvisionError(what, next)
