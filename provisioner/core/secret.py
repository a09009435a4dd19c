"""Secrets: values that can be compared and sent, and never shown."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class Secret:
    """A JSON value whose text never appears in ``repr``, ``str`` or a format string.

    Only the adapter that sends the value calls `reveal`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Json) -> None:
        self._value = value

    def reveal(self) -> Json:
        """The value itself, to be sent and never printed."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and same_json(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a JSON value may be a list or a mapping

    def __repr__(self) -> str:
        return "(secret)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)


class Unfit(Secret):
    """In place of a value that a credential source has, and that cannot be taken as it is; `why`: the reason."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        super().__init__(None)
        self.why = why


class Confidential(Struct, frozen=True):
    """A record that carries what is not for everybody, such as a request: its ``repr`` is its name alone."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


def revealed(value: Json | Secret) -> Json:
    """The plain JSON of a value, secret or not, to be sent or compared and never printed."""
    return value.reveal() if isinstance(value, Secret) else value


_ENDINGS = (
    *("secret", "password", "passwd", "passphrase", "passcode", "pwd", "token", "key", "credential"),
    *("assertion", "jwt", "bearer", "signature", "authorization"),
)

_NO_LETTERS = "".join(char for char in map(chr, range(0x20, 0x7F)) if not char.isalpha())

_NEW = "(new secret)"

_SIGN_IN = re.compile(r"(?<=://)[^/?#\s\"'<>\\]{0,2000}@")


@lru_cache(1000)
def is_secret_key(key: str) -> bool:
    """Whether a key says that its value is a secret, such as ``client_assertion``, ``apiKey`` and ``API-KEYS_2``."""
    return key.lower().rstrip(_NO_LETTERS).removesuffix("s").endswith(_ENDINGS)


def holds_secret(value: Json | Secret) -> bool:
    """Whether a value is a secret, or holds one: under a key that says so, or as the sign-in of a URL."""
    if isinstance(value, str) and "@" not in value:  # as most values are, and this is asked of each
        return False
    return any(True for _ in secrets_in(value))


def secrets_in(value: object) -> Iterator[Any]:
    """Each secret in a value, wherever it lies: what `redacted` hides."""
    match value:
        case Secret():
            yield value
        case list():
            for item in value:
                yield from secrets_in(item)
        case dict():
            for key, item in value.items():
                yield from [item] if is_secret_key(key) else secrets_in(item)
        case str() if "@" in value:
            for found in _SIGN_IN.findall(value):
                user, _, password = found.removesuffix("@").partition(":")
                yield password or user
        case _:
            pass


def is_secret(key: str, value: Json | Secret) -> bool:
    """Whether the value of a key is not for everybody, by its key or by what it holds."""
    return is_secret_key(key) or holds_secret(value)


def redacted(value: Json, before: Json = None) -> Json:
    """A value to be shown: what lies in it under the key of a secret is ``(secret)``, and so is the sign-in of a URL.

    It is ``(new secret)`` where the value that was there `before`, if any, has another one.
    """
    if isinstance(value, list):
        return [redacted(item) for item in value]
    if isinstance(value, dict):
        old = before if isinstance(before, dict) else value
        return {
            key: _mark(item, old.get(key)) if is_secret_key(key) else redacted(item, old.get(key))
            for key, item in value.items()
        }
    if not isinstance(value, str):
        return value
    shown = without_sign_in(value)
    hides_all = isinstance(before, str) and before != value and without_sign_in(before) == shown
    return without_sign_in(value, f"{_NEW}@") if hides_all else shown


def without_sign_in(text: str, mask: str = "(secret)@") -> str:
    """A text in whose URLs no user and no password stand: ``https://(secret)@host``."""
    return _SIGN_IN.sub(mask, text) if "@" in text and "://" in text else text


def _mark(value: Json, before: Json) -> str:
    return _NEW if value == _NEW or not same_json(value, before) else "(secret)"


def same_json(one: object, other: object) -> bool:
    """Whether two JSON values are equal for a JSON reader: ``1`` is ``1.0`` but never ``true``."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other
