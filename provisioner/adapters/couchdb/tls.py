"""What the TLS files of a target lead to."""

import os
import ssl
from collections.abc import Callable

from provisioner.adapters.http.client import new_trusted, trusted
from provisioner.core.errors import UsageError
from provisioner.core.targets.target import USUAL_TLS, Tls


def context_of(tls: Tls) -> Callable[[], ssl.SSLContext]:
    """How to check certificates, and which one to show. Raises `UsageError` for files that cannot be used."""
    if tls == USUAL_TLS:
        return trusted  # read when it is needed: it takes 20 ms
    files = ", ".join(filter(None, (tls.ca_cert, tls.client_cert, tls.client_key)))
    try:
        context = new_trusted(tls.ca_cert or os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if tls.client_cert:
            context.load_cert_chain(tls.client_cert, tls.client_key)
    except OSError as error:
        what = f"the TLS files {files} cannot be used: {error.strerror or error}"
        raise UsageError(what, "fix tls of the target") from None
    return lambda: context
