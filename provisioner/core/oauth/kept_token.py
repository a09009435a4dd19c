"""A token that is kept between two runs, so that it can be refreshed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from provisioner.core.oauth.answer import Token
from provisioner.core.secret import Json, Secret

SOON = timedelta(minutes=1)
"""A token with so little time left counts as expired: what is started with it must come to its end."""


@dataclass(frozen=True, slots=True)
class KeptToken:
    """The token of an account type, with the client that it was given to. Without an expiry it is taken for valid."""

    id: str
    client_id: str
    token: Token
    expires_at: datetime | None

    @classmethod
    def of(cls, id: str, client_id: str, token: Token, now: datetime) -> "KeptToken":
        """A token that has just come."""
        expires_at = None if token.expires_in is None else _later(now, token.expires_in)
        return cls(id, client_id, token, expires_at)

    def refreshed(self, new: Token, now: datetime) -> "KeptToken":
        """The same after a refresh; as in the stack, the refresh token stays where no new one comes."""
        token = Token(
            access_token=new.access_token,
            refresh_token=new.refresh_token or self.token.refresh_token,
            token_type=new.token_type or self.token.token_type,
            expires_in=new.expires_in,
            extras=new.extras,
        )
        return KeptToken.of(self.id, self.client_id, token, now)

    def expired(self, now: datetime) -> bool:
        """Whether it is of no use any more, or soon will be."""
        return self.expires_at is not None and self.expires_at <= now + SOON


def _later(now: datetime, seconds: int) -> datetime | None:
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return None


def to_values(kept: KeptToken) -> dict[str, Json]:
    """The JSON object to keep, with its secrets: id, client_id, expires_at (ISO 8601), and the token's values."""
    return {
        "id": kept.id,
        "client_id": kept.client_id,
        "expires_at": kept.expires_at.isoformat() if kept.expires_at else None,
        **token_values(kept.token),
    }


def shown_values(kept: KeptToken) -> dict[str, Json]:
    """What is printed where somebody asks to see a token: its values, and expires_at."""
    return {**token_values(kept.token), "expires_at": kept.expires_at.isoformat() if kept.expires_at else None}


def token_values(token: Token) -> dict[str, Json]:
    """A token as JSON, with its secrets: access_token, refresh_token, token_type, expires_in, extras."""
    return {
        "access_token": token.access_token.reveal(),
        "refresh_token": token.refresh_token.reveal() if token.refresh_token else None,
        "token_type": token.token_type or None,
        "expires_in": token.expires_in,
        "extras": token.extras.reveal(),
    }


def from_values(values: Mapping[str, Any]) -> KeptToken:
    """The token that was kept. Raises `KeyError`, `TypeError` or `ValueError` for an object of another shape."""
    refresh, expires_at = values["refresh_token"], values["expires_at"]
    token = Token(
        access_token=Secret(_text(values["access_token"])),
        refresh_token=Secret(_text(refresh)) if refresh else None,
        token_type=values["token_type"] or "",
        expires_in=values["expires_in"],
        extras=Secret(values["extras"]),
    )
    expiry = datetime.fromisoformat(expires_at) if expires_at else None
    if expiry is not None and expiry.tzinfo is None:
        raise ValueError("a time without its zone")
    return KeptToken(_text(values["id"]), _text(values["client_id"]), token, expiry)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
