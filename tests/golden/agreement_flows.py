"""How far the OAuth requests and answers of `provision token` agree with the records of a running stack."""

import base64
import gzip
import hashlib
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from provisioner.adapters.oauth.providers import Sender
from provisioner.commands.token import Attempt, renewed, token_of
from provisioner.core.definitions.go_url import parse, read_query
from provisioner.core.errors import ProvisionError
from provisioner.core.http import Answer
from provisioner.core.oauth.answers import (
    Denied,
    Host,
    KeptToken,
    Refusal,
    Stray,
    Token,
    Unexchanged,
    account_type_of,
    lifetime,
    read_answer,
    read_callback,
)
from provisioner.core.oauth.requests import (
    Client,
    Request,
    StackRefuses,
    Start,
    authorize_url,
    check_sign_in,
    default_redirect_uri,
    refresh_request,
    token_request,
)
from provisioner.core.secret import Secret
from tests.golden.agreement import Agreement, agreement
from tests.golden.provider import Provider, http, provider
from tests.golden.records import records

STATE = "0123456789abcdef0123456789abcdef"
INSTANCES = {"alice.localhost:8080", "bob.localhost:8080"}
RECORDED = "127.0.0.1:9100"
ZERO = "0001-01-01T00:00:00Z"
TOKEN = {"access_token": "the-access", "refresh_token": "the refresh&+=é", "token_type": "Bearer", "expires_in": 3600}
ANSWER = http(200, json.dumps({**TOKEN, "scope": "a b"}).encode())
OLD = KeptToken(
    id="answers",
    client_id="the-client",
    origin="",
    scope=None,
    access_token=Secret("old"),
    refresh_token=Secret("old-refresh"),
    token_type="old-type",
    extras=Secret({"old": 1}),
    expires_at=datetime(2026, 1, 1, tzinfo=UTC),
)
read_renewal = partial(read_answer, refresh=True)
DOCUMENT = {
    "grant_mode": "authorization_code",
    "client_id": "the-client",
    "client_secret": "the-secret",
    "auth_endpoint": f"http://{RECORDED}/authorize",
    "token_endpoint": f"http://{RECORDED}/token",
    "redirect_uri": "http://oauthcallback.localhost:8080/accounts/{id}/redirect",
}


STRICTER = "h11, which reads the answers, is stricter than Go, but no known provider sends such headers"
REASONS = {
    "header-200k": "h11 accepts 100 KB of headers, and Go 10 MB, but no known provider sends so many",
    "header-space": STRICTER,
    "header-colonspace": STRICTER,
}
"""Why a record that does not agree does not have to."""


def agreements() -> list[Agreement]:
    """The agreement with each file of records about flows."""
    with provider() as first, provider() as second:
        return [
            _compared("authorize", lambda record: record["document"]["_id"], _authorize),
            _compared("flows", _name_of_flow, lambda record: _flow(record, first)),
            _compared("answers", _name, lambda record: _answer(record, first)),
            _compared("redirects", _name, lambda record: _redirect(record, first, second)),
            _compared("callbacks", _name, lambda record: _callback(record, first)),
            _compared(
                "timing", lambda record: f"{record['case']}, {record['token_mode']}", lambda r: _timing(r, first)
            ),
            _compared("start_parameters", lambda record: record["query"], _start_parameters),
        ]


def _compared(
    name: str, title: Callable[[dict[str, Any]], str], check: Callable[[dict[str, Any]], Iterator[str]]
) -> Agreement:
    def differs(record: dict[str, Any]) -> str:
        why = next(check(record), "")
        return why and REASONS.get(title(record), f"{title(record)}: {why}")

    return agreement(name, records(name), differs)


def _name(record: dict[str, Any]) -> str:
    return str(record["name"])


def _name_of_flow(record: dict[str, Any]) -> str:
    return str(record["id"])[:40]


def _differ(what: str, ours: object, stack: object) -> Iterator[str]:
    if ours != stack:
        yield f"{what}: {ours!r}, and the stack {stack!r}"


def _authorize(record: dict[str, Any]) -> Iterator[str]:
    document = dict(record["document"])
    id = document.pop("_id")
    stack = record.get("url") or record["error"].removeprefix("decode: ")
    yield from _differ("url", _started(id, document, record["domain"], record["params"]), stack)


def _started(id: str, document: dict[str, Any], domain: str, given: Mapping[str, str]) -> str:
    """The authorize URL, or the error of the stack."""
    try:
        client = Client.of(id, document)
        return authorize_url(client, _redirect_uri(client, domain), _start(given), STATE)
    except StackRefuses as error:
        return error.detail


def _redirect_uri(client: Client, domain: str) -> str:
    return client.redirect_uri or default_redirect_uri(f"http://{domain}", client.id)


def _first(query: str) -> dict[str, str]:
    return dict(reversed(read_query(query)))


def _start(given: Mapping[str, str]) -> Start:
    return Start(**{name: value for name, value in given.items() if name in Start.__struct_fields__})


def _flow(record: dict[str, Any], server: Provider) -> Iterator[str]:
    record = _moved(record, server)
    id, start = record["id"], record["start"]
    if start["status"] == 404:  # the id has a +, with which the stack finds no document
        yield from _differ("start", _refused_by_check(id, record["document"]), True)
        return
    url = _started(id, record["document"], record["instance"], _first(record["start_query"]))
    yield from _differ("start", url, start["location"] or _same_error(url, start["error"]))
    callback = record["callback"]
    if not callback or not start["location"]:
        return
    server.answer_with(ANSWER)
    client = Client.of(id, record["document"])
    ours = _account(client, callback, record["instance"])
    if "depends on the network" in (callback["error"] or ""):
        return
    if isinstance(ours, int | str):
        stack = callback["status"] if isinstance(ours, int) else _same_error(ours, callback["error"])
        yield from _differ("callback", ours, stack)
        return
    yield from _differ("callback", 303, callback["status"])
    account, kept = ours
    yield from _differ("account", account, record["account"])
    yield from _differ("token requests", [raw.decode("latin-1") for raw in server.requests], record["token_requests"])
    server.answer_with(ANSWER)
    after = _refreshed(client, account, kept)
    yield from _differ("refresh", [raw.decode("latin-1") for raw in server.requests], record["refresh_requests"])
    yield from _differ("account after refresh", after, record["account_after_refresh"])


def _refused_by_check(id: str, document: dict[str, Any]) -> bool:
    try:
        check_sign_in(Client.of(id, document))
    except ProvisionError:
        return True
    return False


def _account(
    client: Client, callback: Mapping[str, Any], instance: str
) -> tuple[dict[str, Any], Token | None] | int | str:
    """The account that a callback makes, with the token in it; or the status or the error of the stack."""
    parts = parse(callback["target"])
    found = account_type_of(parts.path)
    host = _host(callback["host"], instance)
    if found is None:
        return 404
    if found != client.id.rpartition("/")[2]:
        return "bad state"
    read = read_callback(read_query(parts.raw_query), STATE, client, host=host)
    empty: dict[str, Any] = {"account_type": client.id, "name": ""}
    match read:
        case Stray():
            return 404 if host is Host.APP else 400 if "a token came" in read.why else "bad state"
        case Unexchanged():
            handed = _handed(client)
            return {**empty, "oauth": {"expires_at": ZERO, **handed, "query": read.query.reveal()}}, None
        case Denied():
            return {}, None
    try:
        token = token_of(client, read, Attempt(_redirect_uri(client, instance), STATE), Sender(10))
    except StackRefuses as error:
        return error.detail
    except ProvisionError:
        return 500
    return {**empty, **_oauth(token)}, token


def _oauth(token: Token) -> dict[str, Any]:
    oauth = {
        "access_token": token.access_token.reveal(),
        "token_type": token.token_type,
        "refresh_token": token.refresh_token.reveal() if token.refresh_token else "",
    }
    made: dict[str, Any] = {"oauth": {name: value for name, value in oauth.items() if value}}
    made["oauth"]["expires_at"] = "{expires}" if token.expires_in else ZERO
    if token.extras.reveal():
        made["oauth_callback_results"] = token.extras.reveal()
    return made


def _handed(client: Client) -> dict[str, Any]:
    """What the stack hands to a konnector that gets no refresh token."""
    handed = {"client_id": client.client_id, "client_secret": client.client_secret.reveal()}
    return {name: value for name, value in handed.items() if value}


def _refreshed(client: Client, account: dict[str, Any], token: Token | None) -> dict[str, Any]:
    if token is None or token.refresh_token is None:
        return {**account, "oauth": {**account["oauth"], **_handed(client)}}
    kept = KeptToken.of(client, None, token, datetime.now(UTC))
    renewal = renewed(client, str(token.refresh_token.reveal()), Sender(10))
    return {"account_type": client.id, "name": "", **_oauth(kept.refreshed(renewal, datetime.now(UTC)))}


def _host(host: str, instance: str) -> Host:
    if host == instance:
        return Host.INSTANCE
    if host in INSTANCES:
        return Host.OTHER_INSTANCE
    return Host.APP if any(host.endswith("." + each) for each in INSTANCES) else Host.ELSEWHERE


def _answer(record: dict[str, Any], server: Provider) -> Iterator[str]:
    server.answer_with(_response(record["response"]))
    client = Client.of("answers", {**DOCUMENT, "token_endpoint": f"http://{server.address}/token"})
    stack = record["exchange"]
    token = _read(token_request(client, "http://here/", "c", STATE), read_answer)
    yield from _differ("exchange accepted", isinstance(token, Token), stack["accepted"])
    if isinstance(token, Token):
        yield from _differ("access_token", _large(token.access_token.reveal()), stack["access_token"])
        refresh = token.refresh_token.reveal() if token.refresh_token else None
        yield from _differ("refresh_token", refresh, stack["refresh_token"])
        yield from _differ("token_type", token.token_type, stack["token_type"])
        yield from _differ("extras", _large(token.extras.reveal() or None), stack["extras"])
        seconds = None if token.expires_in is None else lifetime(token.expires_in).total_seconds()
        yield from _differ("expires_in", _about(seconds, stack["expires_in"]), True)
    yield from _renewal(client, record["refresh"])


def _renewal(client: Client, stack: Mapping[str, Any]) -> Iterator[str]:
    renewal = _read(refresh_request(client, "old-refresh"), read_renewal)
    status = 200 if not isinstance(renewal, Refusal) else 401 if renewal.connect_again else 500
    yield from _differ("refresh", status, stack["status"])
    now = datetime.now(UTC)
    kept = OLD if isinstance(renewal, Refusal) else OLD.refreshed(renewal, now)
    assert kept.refresh_token is not None
    yield from _differ("refreshed access_token", _large(kept.access_token.reveal()), stack["access_token"])
    yield from _differ("refreshed refresh_token", kept.refresh_token.reveal(), stack["refresh_token"])
    yield from _differ("refreshed token_type", kept.token_type, stack["token_type"])
    yield from _differ("refreshed extras", kept.extras.reveal(), stack["extras"])
    assert kept.expires_at is not None
    unchanged = kept.expires_at == OLD.expires_at
    yield from _differ("expiry unchanged", unchanged, stack["expires_at"] == "unchanged")
    if not unchanged:
        yield from _differ("expires_at", _about((kept.expires_at - now).total_seconds(), stack["expires_at"]), True)


def _read(request: Request, read: Callable[[Answer], Any]) -> Any:
    try:
        return read(Sender(10)(request))
    except ProvisionError as error:
        return Refusal(error.what)


def _response(response: Mapping[str, Any]) -> bytes:
    if "body_gzip_base64" in response:
        body = gzip.decompress(base64.b64decode(response["body_gzip_base64"]))
    else:
        body = base64.b64decode(response["body_base64"])
    if response.get("raw_http"):
        return body
    kind = response.get("content_type")
    headers = [("Content-Type", kind)] if kind else []
    return http(response["status"], body, *headers, *map(tuple, response["headers"]))


def _large(value: Any) -> Any:
    """A value as the records show it: a long or deep one by its size."""
    text = _text(value)
    if len(text) < 1000:
        return value
    if text.startswith('{"x": [['):
        return {"deep": len(text)}
    return {"long": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _text(value: Any) -> str:
    from provisioner.core.outside_json import write

    ordered = dict(sorted(value.items())) if isinstance(value, dict) else value
    return write(ordered)


def _about(ours: float | None, stack: float | None) -> bool:
    return ours is stack is None or (ours is not None and stack is not None and abs(ours - stack) <= 10)


def _redirect(record: dict[str, Any], first: Provider, second: Provider) -> Iterator[str]:
    record = _moved(record, first)
    record = json.loads(json.dumps(record).replace("127.0.0.1:9101", second.address))
    told = record["redirect"]
    left = told.get("chain_of_307", 1)
    place = {"at": 0}

    def answer(raw: bytes, connection: socket.socket) -> None:
        if place["at"] >= left:
            connection.sendall(ANSWER)
            return
        place["at"] += 1
        if "chain_of_307" in told:
            connection.sendall(http(307, b"", ("Location", f"/n{place['at']}")))
            return
        location = [] if told["location"] is None else [("Location", told["location"])]
        cookie = [("Set-Cookie", told["set_cookie"])] if "set_cookie" in told else []
        connection.sendall(http(told["status"], b"", *location, *cookie))

    first.answer_with(answer)
    second.answer_with(ANSWER)
    document = {**DOCUMENT, "token_mode": record["token_mode"], "token_endpoint": f"http://{first.address}/token"}
    client = Client.of("red", document)
    redirect_uri = str(DOCUMENT["redirect_uri"]).format(id="red")
    result = _read(token_request(client, redirect_uri, "c", STATE), read_answer)
    yield from _differ("accepted", isinstance(result, Token), record["accepted"])
    sent = [raw.decode("latin-1") for raw in [*first.requests, *second.requests]]
    yield from _differ("requests", sent, record["requests"])


def _callback(record: dict[str, Any], server: Provider) -> Iterator[str]:
    record = _moved(record, server)
    stack = record["stack"]
    id = _id_of_callback(record)
    client = Client.of(id, record["document"])
    server.answer_with(ANSWER)
    target = f"/accounts/{id}/redirect?{record['query'].replace('STATE', STATE)}"
    ours = _account(client, {"host": record["host"], "target": target}, "alice.localhost:8080")
    bodies = [raw.partition(b"\r\n\r\n")[2].decode() for raw in server.requests]
    yield from _differ("token requests", bodies, stack["token_request_body"])
    if isinstance(ours, tuple):
        yield from _differ("status", 303, stack["status"])
        yield from _differ("account", ours[0] or None, stack["account"])
    else:
        yield from _differ(
            "error", ours, stack["status"] if isinstance(ours, int) else _same_error(ours, stack["error"])
        )


def _id_of_callback(record: dict[str, Any]) -> str:
    return "cb-" + str(record["name"]).replace(" ", "-")


def _timing(record: dict[str, Any], server: Provider) -> Iterator[str]:
    """With 15 s as 0.3 s. A provider that the stack stops waiting for never answers here."""
    client = Client.of(
        "slow", {**DOCUMENT, "token_mode": record["token_mode"], "token_endpoint": f"http://{server.address}/token"}
    )
    for name, request in (
        ("exchange", token_request(client, "http://here/", "c", STATE)),
        ("refresh", refresh_request(client, "r")),
    ):
        limited = replace(request, limit=None if request.limit is None else request.limit / 50)
        server.answer_with(_slowly(record["case"], ends=record[name]["status"] == 200))
        read = read_answer if name == "exchange" else read_renewal
        yield from _differ(name, not isinstance(_read(limited, read), Refusal), record[name]["status"] == 200)


def _slowly(case: str, *, ends: bool) -> Callable[[bytes, socket.socket], None]:
    def answer(_: bytes, connection: socket.socket) -> None:
        drips = re.match("a byte", case) is not None
        head, _, rest = ANSWER.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n" if drips else b"")
        connection.settimeout(0.05)
        for turn in range(8 if ends else 60):
            if drips:
                connection.sendall(rest[turn : turn + 1])
            try:
                if not connection.recv(1):
                    return  # the client waits no longer
            except TimeoutError:
                continue
        connection.sendall(rest[8 if ends else 60 :] if drips else ANSWER)

    return answer


def _start_parameters(record: dict[str, Any]) -> Iterator[str]:
    redirect_uri = str(DOCUMENT["redirect_uri"]).format(id="par")
    client = Client.of("par", {**DOCUMENT, "client_id": "global"})
    start = _start(_first(record["query"]))
    query = urlsplit(authorize_url(client, redirect_uri, start, STATE)).query
    yield from _differ("authorize query", query, record["authorize_query"].replace("{state}", STATE))
    body = token_request(client, redirect_uri, "C", STATE, start.nonce).body.decode()
    yield from _differ("token body", body, record["token_body"].replace("{state}", STATE))


def _moved(record: dict[str, Any], server: Provider) -> dict[str, Any]:
    """A record with our state and the address of our provider."""
    port = server.address.rpartition(":")[2]
    text = json.dumps(record, ensure_ascii=False).replace("{state}", STATE)
    for recorded in (":9100", "%3A9100"):
        text = text.replace(recorded, recorded.replace("9100", port))
    moved: dict[str, Any] = json.loads(text.replace(":09100", f":0{port}"))
    return moved


def _same_error(ours: str, error: str) -> str:
    """The error of ours if the stack says the same, which it writes as Go writes JSON; else the stack's."""
    text = json.dumps(ours, ensure_ascii=False).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    whole = f'{{"errors":[{{"status":"500","title":"Unqualified error","detail":{text},"source":{{}}}}]}}\n'
    return ours if whole == error or (len(error) >= 300 and whole.startswith(error)) else error
