"""The OAuth requests of cozy-stack, byte for byte, and how Go's client follows redirects: what works here works there.

Source: ``model/account/type.go`` (``MakeOauthStartURL``, ``RequestAccessToken``, ``RefreshAccount``) and Go's
``net/http`` (``Client.do``, ``redirectBehavior``, ``refererForURL``, ``Request.write``), version 1.26. The stack sends
no PKCE; its queries and forms are sorted by key.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from provisioner.core.definitions.account_type import (
    ASKED_PARAMETERS,
    BANK_ENDPOINTS,
    BANK_MODES,
    FLOW_MODES,
    IMPLICIT_MODES,
    PARAMETERS,
    WITHOUT_CLIENT_ID,
    Document,
    Undecodable,
    decode,
)
from provisioner.core.definitions.domains import is_loopback
from provisioner.core.definitions.go_url import (
    GoUrl,
    UrlError,
    escape_path,
    parse,
    quoted,
    read_query,
    resolve,
    write_query,
)
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.definitions.url import as_browser
from provisioner.core.errors import ProvisionError
from provisioner.core.http import PORTS, REDIRECTS, Answer
from provisioner.core.secret import Confidential, Json, Secret, secrets_in
from provisioner.core.targets.filling import variable_name
from provisioner.core.text import listed


class StackRefuses(ProvisionError):
    """A request that the stack itself does not make; `detail` is what it answers instead."""

    def __init__(self, detail: str, what: str, next: str = "") -> None:
        super().__init__(what, next)
        self.detail = detail


def not_a_url(id: str, name: str, error: UrlError) -> StackRefuses:
    """The error for an endpoint that Go cannot read or ask."""
    what = f"the {name} of {id} is not a URL that can be requested ({error.reason})"
    return StackRefuses(str(error), what, f"write {name}: https://… into the definition, and apply it")


class TokenMode(StrEnum):
    """How client id and secret travel to the token endpoint."""

    FORM = "form"
    BASIC = "basic"
    GET = "get"


LIMIT = 15.0
"""Seconds that the stack waits for a token endpoint in all, from the name look-up to the last byte of the answer."""

FORM = "application/x-www-form-urlencoded"


class Client(Struct, frozen=True):
    """What the stack knows when it talks to a provider: the fields of an account type, as it decodes them.

    `bank_pages` are those to manage and to reconnect an account, of Budget Insight only.
    """

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
    bank_pages: Mapping[str, str] = {}

    @property
    def secrets(self) -> list[Json | Secret]:
        """What no message may repeat: the secret, those in extras, and passwords in URLs."""
        return [self.client_secret, *secrets_in([{**self.extras}, self.auth_endpoint, self.token_endpoint])]

    @property
    def token_place(self) -> str:
        """The token endpoint to be shown: without user, password and query."""
        try:
            return parse(self.token_endpoint).place
        except UrlError:
            return "its token_endpoint"

    @classmethod
    def of(cls, id: str, document: Document) -> "Client":
        """The client of an account type. Raises `StackRefuses` for a document that the stack cannot decode."""
        decoded = decode(document)
        if isinstance(decoded, Undecodable):
            fault = decoded.faults[0]
            what = f"the stack cannot decode the account type {id}: {fault.name} has the wrong JSON type"
            raise StackRefuses(fault.error, what, f"fix {fault.name} in the definition, and apply it")
        mode = decoded.text("token_mode")
        return cls(
            id=id,
            grant_mode=decoded.text("grant_mode"),
            client_id=decoded.text("client_id"),
            client_secret=Secret(decoded.text("client_secret")),
            auth_endpoint=decoded.text("auth_endpoint"),
            token_endpoint=decoded.text("token_endpoint"),
            token_mode=TokenMode(mode) if mode in set(TokenMode) else TokenMode.FORM,
            redirect_uri=decoded.text("redirect_uri"),
            extras=decoded.extras or {},
            skip_redirect_uri=decoded.flag("skip_redirect_uri_on_authorize"),
            skip_state=decoded.flag("skip_state_on_token"),
            bank_pages={name: url for name in BANK_ENDPOINTS if (url := decoded.text(name))},
        )


def clients_of(kind: Kind, id: str, document: Document) -> list[Client]:
    """The client of a document, in a list, which is empty for a kind without clients. Raises as `Client.of`."""
    return [Client.of(id, document)] if kind.is_client else []


class Start(Struct, frozen=True):
    """What a client gives to ``/accounts/<id>/start``: the stack puts it into its requests.

    `nonce` goes into the code exchange only. The last five are Budget Insight's.
    """

    scope: str = ""
    nonce: str = ""
    token: str = ""
    id_connector: str = ""
    id_connection: str = ""
    source: str = ""
    connector_uuids: str = ""


def check_sign_in(client: Client) -> None:
    """See that a person can sign in without a Cozy. Raises `ProvisionError`."""
    if client.grant_mode == "secret":
        what = f"{client.id} has grant_mode secret: the konnector gets the secret itself, and no token"
        raise ProvisionError(what, "put the secret into konnector-dev-config.json, as COZY_PARAMETERS.secret")
    if client.grant_mode in BANK_MODES:
        why = "only an instance has the token of Budget Insight that it starts with"
        next = "connect the account from an instance"
        raise ProvisionError(f"{client.id} has grant_mode {client.grant_mode}: {why}", next)
    check_flow(client)


def check_flow(client: Client) -> None:
    """See that the stack can send a person to the provider of a client. Raises `ProvisionError`."""
    added_parameters(client, "", Start(), "")  # raises for a grant mode that starts no flow
    if "+" in client.id:
        what = f"the stack never finds {client.id}: CouchDB reads the + in its id as a space"
        raise ProvisionError(what, "rename it")
    if not client.auth_endpoint:
        next = "write auth_endpoint: https://… into the definition, and apply it"
        raise ProvisionError(f"{client.id} has no auth_endpoint", next)
    try:
        parse(client.auth_endpoint)
    except UrlError as error:
        raise not_a_url(client.id, "auth_endpoint", error) from None
    seen = as_browser(client.auth_endpoint)
    if seen is None or not seen.port:
        raise not_a_url(client.id, "auth_endpoint", UrlError("no browser goes there"))
    if not client.client_id and client.grant_mode not in WITHOUT_CLIENT_ID:
        names = listed(variable_name(ACCOUNT_TYPE.prefix, client.id, name) for name in ("client_id", "client_secret"))
        next = f"set it and its secret in the environment ({names}), or pass a database that has them with --couch"
        raise ProvisionError(f"{client.id} has no client_id", next)


def default_redirect_uri(instance: str, id: str) -> str:
    """The redirect URI of an account type that has none; `instance` is the address of a Cozy, without a path."""
    return instance + escape_path(f"/accounts/{id}/redirect")


def authorize_url(client: Client, redirect_uri: str, start: Start, state: str) -> str:
    """The URL at which a person signs in and consents, as the stack writes it into its ``Location``.

    Raises `StackRefuses` for a grant mode or an endpoint with which the stack starts no flow.
    """
    try:
        endpoint = parse(client.auth_endpoint)
    except UrlError as error:
        raise not_a_url(client.id, "auth_endpoint", error) from None
    pairs = [*read_query(endpoint.raw_query), *added_parameters(client, redirect_uri, start, state)]
    return replace(endpoint, raw_query=write_query(pairs)).text()


def added_parameters(client: Client, redirect_uri: str, start: Start, state: str) -> list[tuple[str, str]]:
    """What the stack adds to the query of auth_endpoint. Raises `StackRefuses` for a mode that starts no flow."""
    if client.grant_mode not in FLOW_MODES:
        what = f"{client.id} has the grant_mode {client.grant_mode or '(none)'}, with which the stack starts no flow"
        raise StackRefuses("Wrong account type", what, "write grant_mode: authorization_code")
    mode = client.grant_mode.removesuffix("+secret")
    sent = {
        "response_type": "token" if mode in IMPLICIT_MODES else "code",
        "client_id": client.client_id,
        "redirect_url": redirect_uri,
        "token": start.token,
        "code": start.token,
    }
    pairs = [("scope", start.scope)] if start.scope else []
    if not client.skip_redirect_uri and client.grant_mode != "token_redirect_url":
        pairs.append(("redirect_uri", redirect_uri))
    pairs += ((name, sent[name]) for name in PARAMETERS[mode])
    asked = {**asdict(start), "connector_ids": start.id_connector}
    pairs += ((name, asked[name]) for name in ASKED_PARAMETERS.get(mode, ()) if asked[name])
    return [*pairs, ("state", state), *client.extras.items()]


class Request(Confidential, frozen=True):
    """A request to a provider. What it carries is secret: only its method and its `place` may be shown.

    `headers` are those beyond what Go's client sends with every request; `limit` are the seconds that the stack
    waits for the whole answer, none if it has no limit.
    """

    method: Literal["GET", "POST"]
    place: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    limit: float | None = LIMIT


Send: TypeAlias = Callable[[Request], Answer]
"""Sends a request, and gives the answer. Raises `ProvisionError` if none comes."""


def token_request(client: Client, redirect_uri: str, code: str, state: str, nonce: str = "") -> Request:
    """The request that exchanges a code. Raises `StackRefuses`."""
    fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)]
    fields += [] if client.skip_state else [("state", state)]
    fields += [("nonce", nonce)] if nonce else []
    return _request(client, fields, accept=True, limit=LIMIT)


def refresh_request(client: Client, refresh_token: str) -> Request:
    """The request that refreshes a token. With token_mode form, the stack sends no Accept header, and waits for ever.

    Raises `StackRefuses`.
    """
    fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
    form = client.token_mode is TokenMode.FORM
    return _request(client, fields, accept=not form, limit=None if form else LIMIT)


def _request(client: Client, fields: list[tuple[str, str]], *, accept: bool, limit: float | None) -> Request:
    secret = str(client.client_secret.reveal())
    headers: dict[str, str] = {}
    if client.token_mode is TokenMode.BASIC:
        headers["Authorization"] = basic(client.client_id, secret)
    else:
        fields = [*fields, ("client_id", client.client_id), ("client_secret", secret)]
    form = write_query(fields)
    if client.token_mode is TokenMode.GET:
        url = f"{client.token_endpoint}?{form}"
        _check_token_url(client, "Get", url)
        return Request("GET", client.token_place, url, headers, b"", limit)
    _check_token_url(client, "Post", client.token_endpoint)
    headers["Content-Type"] = FORM
    if accept:
        headers["Accept"] = "application/json"
    return Request("POST", client.token_place, client.token_endpoint, headers, form.encode(), limit)


def _check_token_url(client: Client, method: str, url: str) -> None:
    """See that Go's client takes a URL that is made of token_endpoint. Raises `StackRefuses`, as that client would."""
    if not client.token_endpoint:
        detail = f'{method} {quoted(url)}: unsupported protocol scheme ""'
        what, next = f"{client.id} has no token_endpoint", "write it into the definition, and apply it"
        raise StackRefuses(detail, what, next)
    try:
        parts = parse(url)
    except UrlError as error:
        raise not_a_url(client.id, "token_endpoint", error) from None
    if parts.scheme not in PORTS:
        trouble = f"unsupported protocol scheme {quoted(parts.scheme)}"
    elif not parts.host:
        trouble = "http: no Host in request URL"
    elif parts.port is not None and not 0 < parts.port < 2**16:
        trouble = f"invalid port {parts.port}"
    else:
        return
    raise not_a_url(client.id, "token_endpoint", UrlError(f"{method} {quoted(url)}: {trouble}", trouble))


def basic(name: str, password: str) -> str:
    """The value of an Authorization header; the stack encodes neither part before (RFC 6749, 2.3.1, would)."""
    return f"Basic {b64encode(f'{name}:{password}'.encode('utf-8', 'surrogateescape')).decode()}"


MAX_REQUESTS = 10

_ALWAYS = ("User-Agent", "Go-http-client/1.1")
_LAST = ("Accept-Encoding", "gzip")
"""Some providers answer by the program that asks; theirs is the stack's, not ours."""


class RedirectFails(ValueError):
    """A redirect that Go's client does not follow; as text, why."""


class Hop(Confidential, frozen=True):
    """One request on the way to an answer. It is secret, except for its method and the origin of its URL.

    `headers` are those of the first request that still hold, `referer` is the URL that led here, and `first_host` the
    host of the first request.
    """

    method: str
    url: GoUrl
    headers: Mapping[str, str]
    body: bytes
    referer: str = ""
    number: int = 1
    first_host: str = ""

    @classmethod
    def first(cls, request: Request) -> "Hop":
        """The request itself. Its URL has been read before."""
        url = parse(request.url)
        return cls(request.method, url, request.headers, request.body, first_host=url.hostname)

    @property
    def origin(self) -> str:
        """Scheme, host and port, to be shown."""
        return self.url.origin

    @property
    def server(self) -> tuple[str, str, int]:
        """Scheme, host and port, to be compared."""
        return self.url.scheme, self.url.hostname.lower(), self.url.port or PORTS.get(self.url.scheme, 0)

    def fields(self, host: str) -> list[tuple[str, str]]:
        """The headers of the request in their order, for a host as DNS writes it."""
        headers = {**self.headers, **({"Referer": self.referer} if self.referer else {})}
        if self.url.user is not None and "Authorization" not in headers:
            name, password = self.url.user
            headers["Authorization"] = basic(name, password or "")
        length = [("Content-Length", str(len(self.body)))] if self.method == "POST" else []
        return [("Host", host), _ALWAYS, *length, *sorted(headers.items()), _LAST]

    def after(self, status: int, location: str) -> "Hop | None":
        """The request that a redirect leads to; none if this answer counts. Raises `RedirectFails`."""
        if status not in REDIRECTS or not location:
            return None
        try:
            url = resolve(self.url, location)
        except UrlError as error:
            raise RedirectFails(f"failed to parse Location header {quoted(location)}: {error}") from None
        if self.number >= MAX_REQUESTS:
            raise RedirectFails(f"stopped after {MAX_REQUESTS} redirects")
        if url.scheme not in ("http", "https"):
            raise RedirectFails(f"unsupported protocol scheme {quoted(url.scheme)}")
        again, host, first = status in (307, 308), url.hostname, self.first_host
        headers = dict(self.headers)
        if not (again and self.body):
            headers.pop("Content-Type", None)
        if host != first and (":" in host or not host.endswith(f".{first}")):
            headers.pop("Authorization", None)
        return Hop(
            self.method if again else "GET",
            url,
            headers,
            self.body if again else b"",
            "" if (self.url.scheme, url.scheme) == ("https", "http") else replace(self.url, user=None).text(),
            self.number + 1,
            first,
        )


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent to a URL: over https, or over http to this machine."""
    try:
        parts = parse(url)
    except UrlError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
