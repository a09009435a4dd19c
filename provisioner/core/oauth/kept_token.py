"""A token that is kept from one run to the next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec.structs import asdict, replace

from provisioner.core.definitions.go_url import UrlError, parse
from provisioner.core.oauth.answers import Token, lifetime
from provisioner.core.oauth.requests import Client
from provisioner.core.secret import Json, Secret, revealed

SOON = timedelta(minutes=1)
"""A token with so little time left counts as expired: what starts with it must be able to finish."""


class KeptToken(Token, frozen=True, kw_only=True):
    """The token of an account type, with what it was given for. Without an expiry it is taken for valid.

    It works with nothing else than what it was given for, and its refresh token is sent nowhere else.
    `origin`: scheme, host and port of the token endpoint. `scope`: the requested one, none if none was sent.
    `account`: the name under which it is kept beside others of the account type, empty for the only one.
    `folder`: where it was got.
    """

    id: str
    client_id: str
    origin: str
    scope: str | None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None
    account: str = ""
    folder: str = ""

    @classmethod
    def of(cls, client: Client, scope: str | None, token: Token, now: datetime) -> "KeptToken":
        """A token that has just come for a client and a scope."""
        return cls(
            **asdict(token),
            id=client.id,
            client_id=client.client_id,
            origin=_origin(client.token_endpoint),
            scope=scope or None,
            expires_at=_expiry(token.expires_in, now),
        )

    def refreshed(self, new: Token, now: datetime) -> "KeptToken":
        """The same after a refresh; as in the stack, what does not come stays as it was."""
        return replace(
            self,
            access_token=new.access_token if new.access_token.reveal() else self.access_token,
            refresh_token=new.refresh_token or self.refresh_token,
            expires_in=new.expires_in or self.expires_in,
            expires_at=self.expires_at if new.expires_in is None else _expiry(new.expires_in, now),
        )

    def expired(self, now: datetime) -> bool:
        """Whether it has expired, or soon will."""
        return self.expires_at is not None and self.expires_at <= now + SOON

    def why_not_for(self, client: Client, scope: str | None) -> str:
        """Why it is not for a client as it is defined now, or for a scope; empty if it is."""
        if self.client_id != client.client_id:
            return "was given to another client_id"
        if self.origin != (origin := _origin(client.token_endpoint)):
            place = f"at {origin} now" if origin else "empty now"
            return f"came from {self.origin or 'another token endpoint'}, and token_endpoint is {place}"
        if self.scope != (scope or None):
            return f"has the scope {self.scope or '(none)'}, and this run requests {scope or '(none)'}"
        return ""


def _origin(url: str) -> str:
    """Scheme, host and port of a URL; empty if it is not one."""
    try:
        parts = parse(url)
    except UrlError:
        return ""
    return parts.origin if parts.host else ""


def _expiry(seconds: int | None, now: datetime) -> datetime | None:
    try:
        return None if seconds is None else now + lifetime(seconds)
    except OverflowError:
        return None


def missing_scope(requested: str | None, token: Token) -> list[str]:
    """The parts of a requested scope that the provider says it did not grant (RFC 6749, section 5.1)."""
    extras = token.extras.reveal()
    granted = extras.get("scope") if isinstance(extras, dict) else None
    if isinstance(granted, list) and all(isinstance(each, str) for each in granted):
        granted = " ".join(map(str, granted))
    if requested is None or not isinstance(granted, str):
        return []
    given = set(granted.replace(",", " ").split())
    return [part for part in requested.replace(",", " ").split() if part not in given]


def to_values(kept: KeptToken) -> dict[str, Json]:
    """The JSON object to keep, with its secrets; times are those of ISO 8601."""
    values = {name: revealed(value) for name, value in asdict(kept).items()}
    return {**values, "expires_at": kept.expires_at.isoformat() if kept.expires_at else None}


def shown_values(kept: KeptToken) -> dict[str, Json]:
    """What is printed where somebody asks to see a token, with its secrets: its values, and expires_at (ISO 8601)."""
    values = to_values(kept)
    return {name: values[name] for name in (*Token.__struct_fields__, "expires_at")}


def from_values(values: Mapping[str, Any]) -> KeptToken:
    """The token that was kept. Raises `ValueError` for an object of another shape."""
    return msgspec.convert(values, KeptToken, dec_hook=lambda _, value: Secret(value))
