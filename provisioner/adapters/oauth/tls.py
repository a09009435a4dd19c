"""What is wrong with a TLS connection to a provider, and who can fix it."""

import ssl

from provisioner.adapters.certificates import EXPIRED, NOT_YET_VALID, WRONG_NAME, cause
from provisioner.core.errors import ProvisionError


def tls_trouble(place: str, error: BaseException) -> ProvisionError | None:
    """The error of a failed handshake with a place; ``None`` if another thing failed."""
    failed = cause(error, ssl.SSLError)
    if not isinstance(failed, ssl.SSLError):
        return None
    if not isinstance(failed, ssl.SSLCertVerificationError):
        what = f"no TLS connection to {place}: {failed.reason or failed}"
        return ProvisionError(what, "ask the provider which versions of TLS it accepts")
    what = f"the certificate of {place} is not valid: {failed.verify_message}"
    match failed.verify_code:
        case code if code == EXPIRED:
            return ProvisionError(what, "the provider has to renew it: nothing on this machine is wrong")
        case code if code == NOT_YET_VALID:
            return ProvisionError(what, "check the clock of this machine; if it is right, tell the provider")
        case code if code in WRONG_NAME:
            return ProvisionError(what, "check the host of the endpoint; if it is right, the provider has to fix it")
        case _:
            next = "if you trust the authority that signed it, name its certificate in SSL_CERT_FILE"
            return ProvisionError(what, next)
