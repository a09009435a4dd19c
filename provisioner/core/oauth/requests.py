"""The OAuth requests of cozy-stack, byte for byte, so that what works here works there.

Source: ``model/account/type.go`` (``MakeOauthStartURL``, ``RequestAccessToken``, ``RefreshAccount``). The stack sends
neither PKCE nor a nonce, and its queries and forms are sorted by key (Go's ``url.Values.Encode``).
"""

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, cast
from urllib.parse import SplitResult, parse_qsl, quote_plus, urlsplit, urlunsplit

from provisioner.core.definitions.account_type import WITHOUT_CLIENT_ID, Document
from provisioner.core.errors import ProvisionError
from provisioner.core.secret import Json, Secret
from provisioner.core.targets.credentials import variable_name
from provisioner.core.targets.target import ENVIRONMENT_PREFIX
from provisioner.core.text import listed, printable


class TokenMode(StrEnum):
    """How client id and secret travel to the token endpoint."""

    FORM = "form"
    BASIC = "basic"
    GET = "get"


LIMIT = 15.0
"""Seconds that the stack waits for a token endpoint."""

CODE_MODES = frozenset({"authorization_code", "authorization_code+secret"})
IMPLICIT_MODES = frozenset({"token", "token_redirect_url"})


@dataclass(frozen=True, slots=True)
class Client:
    """What the stack knows when it talks to a provider: the fields of an account type, as it decodes them."""

    id: str
    grant_mode: str
    client_id: str
    client_secret: Secret
    auth_endpoint: str
    token_endpoint: str
    token_mode: TokenMode
    redirect_uri: str
    extras: Mapping[str, str]
    skip_redirect_uri: bool
    skip_state: bool

    @property
    def token_place(self) -> str:
        """The token endpoint to be shown: without user, password and query."""
        return _place(self.token_endpoint)

    @classmethod
    def of(cls, id: str, document: Document) -> "Client":
        """The client of an account type. Raises `ProvisionError` for a document that the stack cannot decode."""
        mode = _text(id, document, "token_mode")
        extras = document.get("extras") or {}
        if not isinstance(extras, dict) or not all(isinstance(value, str) for value in extras.values()):
            raise _undecodable(id, "extras")
        secret = document.get("client_secret", Secret(""))
        if not isinstance(secret, Secret) or not isinstance(secret.reveal(), str | None):
            raise _undecodable(id, "client_secret")
        return cls(
            id=id,
            grant_mode=_text(id, document, "grant_mode"),
            client_id=_text(id, document, "client_id"),
            client_secret=Secret(secret.reveal() or ""),
            auth_endpoint=_text(id, document, "auth_endpoint"),
            token_endpoint=_text(id, document, "token_endpoint"),
            token_mode=TokenMode(mode) if mode in set(TokenMode) else TokenMode.FORM,
            redirect_uri=_text(id, document, "redirect_uri"),
            extras=cast("Mapping[str, str]", extras),
            skip_redirect_uri=document.get("skip_redirect_uri_on_authorize") is True,
            skip_state=document.get("skip_state_on_token") is True,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a token endpoint. What it carries is secret: only its method and its `place` may be shown."""

    method: Literal["GET", "POST"]
    place: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def check_flow(client: Client) -> None:
    """See that a person can be sent to the provider with it. Raises `ProvisionError`."""
    _flow(client, "")
    if not client.client_id and client.grant_mode not in WITHOUT_CLIENT_ID:
        names = listed(variable_name(ENVIRONMENT_PREFIX, client.id, name) for name in ("client_id", "client_secret"))
        next = f"set it and its secret in the environment ({names}), or name with --couch a database that has them"
        raise ProvisionError(f"{client.id} has no client_id", next)


def authorize_url(client: Client, redirect_uri: str, scope: str | None, state: str) -> str:
    """The URL at which a person signs in and consents.

    Raises `ProvisionError` for grant modes that start no flow, or not one that ends here.
    """
    parts = _endpoint(client.id, "auth_endpoint", client.auth_endpoint)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if scope:
        pairs.append(("scope", scope))
    if not client.skip_redirect_uri and client.grant_mode != "token_redirect_url":
        pairs.append(("redirect_uri", redirect_uri))
    pairs += _flow(client, redirect_uri)
    pairs.append(("state", state))
    pairs += client.extras.items()
    return urlunsplit(parts._replace(query=encoded(pairs)))


def _flow(client: Client, redirect_uri: str) -> list[tuple[str, str]]:
    mode = client.grant_mode
    if mode in CODE_MODES:
        return [("response_type", "code"), ("client_id", client.client_id)]
    if mode == "token":
        return [("response_type", "token"), ("client_id", client.client_id)]
    if mode == "token_redirect_url":
        return [("response_type", "token"), ("redirect_url", redirect_uri)]
    if mode == "secret":
        raise ProvisionError(
            f"{client.id} has grant_mode secret: there is no token to get, the konnector gets the secret itself",
            "put the secret into konnector-dev-config.json, as COZY_PARAMETERS.secret",
        )
    if mode.startswith("bi_"):
        raise ProvisionError(
            f"{client.id} has grant_mode {mode}: its flow starts with a token of Budget Insight, which only a Cozy has",
            "connect the account from a Cozy",
        )
    raise ProvisionError(
        f"{client.id} has the grant_mode {printable(mode) or '(none)'}, with which the stack starts no flow",
        "write grant_mode: authorization_code",
    )


def token_request(client: Client, redirect_uri: str, code: str, state: str) -> Request:
    """The request that exchanges a code."""
    fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)]
    if not client.skip_state:
        fields.append(("state", state))
    return _request(client, fields, accept=True)


def refresh_request(client: Client, refresh_token: str) -> Request:
    """The request that refreshes a token. With token_mode form, the stack sends no Accept header here."""
    fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
    return _request(client, fields, accept=client.token_mode is not TokenMode.FORM)


def _request(client: Client, fields: list[tuple[str, str]], *, accept: bool) -> Request:
    secret = str(client.client_secret.reveal())
    headers: dict[str, str] = {}
    if client.token_mode is TokenMode.BASIC:
        pair = f"{client.client_id}:{secret}".encode()  # the stack encodes neither before (RFC 6749, 2.3.1, would)
        headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
    else:
        fields = [*fields, ("client_id", client.client_id), ("client_secret", secret)]
    body = encoded(fields)
    endpoint = client.token_endpoint
    _endpoint(client.id, "token_endpoint", endpoint)
    place = client.token_place
    if client.token_mode is TokenMode.GET:
        return Request("GET", place, f"{endpoint}?{body}", headers, b"")
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    if accept:
        headers["Accept"] = "application/json"
    return Request("POST", place, endpoint, headers, body.encode())


def _place(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "its token_endpoint"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return printable(f"{parts.scheme}://{host}{port}{parts.path}")


def _endpoint(id: str, name: str, url: str) -> SplitResult:
    """The parts of an endpoint. Raises `ProvisionError` where it is none that can be asked."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        what = f"{printable(id)} has no {name}" if not url else f"the {name} of {printable(id)} is no URL to ask"
        raise ProvisionError(what, f"write {name}: https://… into the definition, and apply it")
    return parts


def encoded(pairs: Iterable[tuple[str, str]]) -> str:
    """A query or form, sorted by key as Go does it; the values of one key keep their order."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for key, value in pairs:
        values[key].append(value)
    return "&".join(f"{quote_plus(key)}={quote_plus(value)}" for key in sorted(values) for value in values[key])


def _text(id: str, document: Document, name: str) -> str:
    value: Json | Secret = document.get(name)
    if value is not None and not isinstance(value, str):
        raise _undecodable(id, name)
    return value or ""


def _undecodable(id: str, name: str) -> ProvisionError:
    what = f"the stack cannot decode the account type {printable(id)}: {name} has the wrong JSON type"
    return ProvisionError(what, f"mend {name} in the definition, and apply it")
