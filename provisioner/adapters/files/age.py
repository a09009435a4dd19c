"""Encryption with age, by the optional package pyrage: files that only the holders of a key can read."""

from collections.abc import Sequence
from typing import Any

from provisioner.core.errors import ProvisionError, UsageError


def encrypted(text: str, recipients: Sequence[str]) -> str:
    """A text encrypted for public keys (``age1…``), armored. Raises `ProvisionError`."""
    pyrage = _package()
    try:
        keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    except pyrage.RecipientError:
        raise UsageError("a recipient is not a public key of age", "write keys as age-keygen -y prints them") from None
    armored: bytes = pyrage.encrypt(text.encode(), keys, armored=True)
    return armored.decode()


def decrypted(content: bytes, identities: str) -> bytes | None:
    """The plain content of an encrypted file, or ``None`` if no key among the lines of an identity file opens it.

    Raises `ProvisionError` without the package.
    """
    pyrage = _package()
    lines = (line.strip() for line in identities.splitlines())
    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-")]
        plain: bytes = pyrage.decrypt(content, keys)
    except (pyrage.DecryptError, pyrage.IdentityError):
        return None
    return plain


def _package() -> Any:
    try:
        import pyrage  # an optional package
    except ImportError:
        what = "age files need the optional package pyrage"
        raise ProvisionError(what, "pip install 'cozy-provisioner[age]'") from None
    return pyrage
