"""A token that is kept from one run to the next, and the requests that ask whose it is or revoke it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.go_url import UrlError, parse, write_query
from provisioner.core.oauth.answers import Renewal, Token, lifetime
from provisioner.core.oauth.requests import FORM, Client, Request, TokenMode, basic
from provisioner.core.secret import Json, Secret

SOON = timedelta(minutes=1)
"""A token with so little time left counts as expired: what starts with it must be able to finish."""


class Binding(Struct, frozen=True):
    """What a token was given for: it works with nothing else, and its refresh token is sent nowhere else.

    `origin`: scheme, host and port of the token endpoint. `scope`: the requested one, none if none was sent.
    """

    client_id: str
    origin: str
    scope: str | None

    @classmethod
    def of(cls, client: Client, scope: str | None) -> "Binding":
        """What a token would be given for now."""
        return cls(client.client_id, _origin(client.token_endpoint), scope or None)

    def difference(self, other: "Binding") -> str:
        """How they differ, in words about this one; empty if they are the same."""
        if self.client_id != other.client_id:
            return "was given to another client_id"
        if self.origin != other.origin:
            place = f"at {other.origin} now" if other.origin else "empty now"
            return f"came from {self.origin or 'another token endpoint'}, and token_endpoint is {place}"
        if self.scope != other.scope:
            return f"has the scope {self.scope or '(none)'}, and this run requests {other.scope or '(none)'}"
        return ""


class KeptToken(Struct, frozen=True):
    """The token of an account type under a name, with what it was given for. Without an expiry it is taken for valid.

    `account`: the name under which it is kept beside others of the account type, empty for the only one.
    `folder`: where it was got.
    """

    id: str
    binding: Binding
    token: Token
    expires_at: datetime | None
    account: str = ""
    folder: str = ""

    @classmethod
    def of(cls, id: str, binding: Binding, token: Token, now: datetime) -> "KeptToken":
        """A token that has just come."""
        return cls(id, binding, token, _expiry(token.expires_in, now))

    def refreshed(self, new: Renewal, now: datetime) -> "KeptToken":
        """The same after a refresh; as in the stack, what does not come stays as it was."""
        token = replace(
            self.token,
            access_token=new.access_token or self.token.access_token,
            refresh_token=new.refresh_token or self.token.refresh_token,
            expires_in=new.expires_in or self.token.expires_in,
        )
        expires_at = self.expires_at if new.expires_in is None else _expiry(new.expires_in, now)
        return replace(self, token=token, expires_at=expires_at)

    def expired(self, now: datetime) -> bool:
        """Whether it has expired, or soon will."""
        return self.expires_at is not None and self.expires_at <= now + SOON


def _origin(url: str) -> str:
    """Scheme, host and port of a URL; empty if it is not one."""
    try:
        parts = parse(url)
    except UrlError:
        return ""
    return parts.origin if parts.host else ""


def granted_scope(token: Token) -> str | None:
    """The scope that the provider says it granted (RFC 6749, section 5.1); none if it says nothing."""
    extras = token.extras.reveal()
    scope = extras.get("scope") if isinstance(extras, dict) else None
    if isinstance(scope, list) and all(isinstance(each, str) for each in scope):
        return " ".join(map(str, scope))
    return scope if isinstance(scope, str) else None


def missing_scope(requested: str | None, granted: str | None) -> list[str]:
    """The parts of a requested scope that were not granted; none if the provider does not say what it granted."""
    if requested is None or granted is None:
        return []
    given = set(granted.replace(",", " ").split())
    return [part for part in requested.replace(",", " ").split() if part not in given]


def _expiry(seconds: int | None, now: datetime) -> datetime | None:
    try:
        return None if seconds is None else now + lifetime(seconds)
    except OverflowError:
        return None


def to_values(kept: KeptToken) -> dict[str, Json]:
    """The JSON object to keep, with its secrets: what it is for, expires_at (ISO 8601), and the token's values."""
    return {
        "id": kept.id,
        "account": kept.account,
        "client_id": kept.binding.client_id,
        "origin": kept.binding.origin,
        "scope": kept.binding.scope,
        "folder": kept.folder,
        **shown_values(kept),
    }


def shown_values(kept: KeptToken) -> dict[str, Json]:
    """What is printed where somebody asks to see a token, with its secrets: its values, and expires_at (ISO 8601)."""
    token = kept.token
    return {
        "access_token": token.access_token.reveal(),
        "refresh_token": token.refresh_token.reveal() if token.refresh_token else None,
        "token_type": token.token_type or None,
        "expires_in": token.expires_in,
        "extras": token.extras.reveal(),
        "expires_at": kept.expires_at.isoformat() if kept.expires_at else None,
    }


def from_values(values: Mapping[str, Any]) -> KeptToken:
    """The token that was kept. Raises `KeyError`, `TypeError` or `ValueError` for an object of another shape."""
    refresh, expires_at, scope = values["refresh_token"], values["expires_at"], values["scope"]
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
    binding = Binding(_text(values["client_id"]), _text(values["origin"]), None if scope is None else _text(scope))
    return KeptToken(_text(values["id"]), binding, token, expiry, _text(values["account"]), _text(values["folder"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def userinfo_request(url: str, kept: KeptToken) -> Request:
    """Asks whose token it is (OpenID Connect Core, section 5.3.1)."""
    headers = {"Accept": "application/json", "Authorization": f"Bearer {kept.token.access_token.reveal()}"}
    return Request("GET", parse(url).place, url, headers, b"")


def revocation_request(url: str, client: Client, kept: KeptToken) -> Request:
    """Revokes a token (RFC 7009, section 2.1); for a refresh token, a provider revokes the access tokens too."""
    refresh_token = kept.token.refresh_token
    token = kept.token.access_token if refresh_token is None else refresh_token
    kind = "access_token" if refresh_token is None else "refresh_token"
    fields = [("token", str(token.reveal())), ("token_type_hint", kind)]
    secret = str(client.client_secret.reveal())
    headers = {"Accept": "application/json", "Content-Type": FORM}
    if client.token_mode is TokenMode.BASIC:
        headers["Authorization"] = basic(client.client_id, secret)
    else:
        fields += [("client_id", client.client_id), ("client_secret", secret)]
    return Request("POST", parse(url).place, url, headers, write_query(fields).encode())
