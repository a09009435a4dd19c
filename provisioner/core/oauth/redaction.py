"""Keeps secrets out of what a provider says: an error message may repeat what was sent, in any of its encodings."""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Collection, Iterator
from urllib.parse import quote, quote_plus

_MASK = "(secret)"
_BASIC = re.compile(r"(?i)\bbasic(?:\s|%20|\+)+([A-Za-z0-9+/_=-]{4,}|[A-Za-z0-9%]{4,})")


def redacted(text: str, secrets: Collection[str], client_id: str = "") -> str:
    """A text without secrets: as they are, percent-encoded (also twice), in Base64, and in any HTTP Basic pair.

    `client_id` is masked only as part of the pair that the header ``Authorization: Basic`` holds.
    """
    needles = {form for secret in secrets if secret for form in _forms(secret, client_id)}
    for needle in sorted(needles, key=len, reverse=True):
        text = text.replace(needle, _MASK)
    return _BASIC.sub(_pair, text)


def _forms(secret: str, client_id: str) -> Iterator[str]:
    yield secret
    for encode in (quote_plus, quote, lambda text: quote(text, safe="")):
        once = encode(secret)
        yield from (once, _lower_escapes(once), encode(once))
    for raw in (secret, f"{client_id}:{secret}", f"{quote_plus(client_id)}:{quote_plus(secret)}"):
        pair = b64encode(raw.encode()).decode()
        yield from (pair, pair.rstrip("="), quote_plus(pair))


def _lower_escapes(text: str) -> str:
    return re.compile(r"%[0-9A-F]{2}").sub(lambda escape: escape[0].lower(), text)


def _pair(match: re.Match[str]) -> str:
    """A Basic pair that is not ours, such as one with a scrambled secret, is masked if it decodes to a pair."""
    try:
        decoded = b64decode(match[1] + "=" * (-len(match[1]) % 4), altchars=b"-_" if "-" in match[1] else None)
    except (NotBase64, ValueError):
        return match[0]
    return match[0].replace(match[1], _MASK) if b":" in decoded else match[0]
