"""What OpenSSL says of a certificate that is not trusted, and what an error was caused by."""

NOT_YET_VALID = 9
EXPIRED = 10
UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
WRONG_NAME = frozenset({62, 64})
"""Codes of the verification (``X509_V_ERR_…``); the last are of a host and of an address."""


def cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first error of a kind among an error and what led to it."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__ or found.__context__
    return found
