"""How far we read odd answers of a token endpoint as Go's HTTP client does, which was asked in a running stack."""

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.adapters.oauth.providers import Sender
from provisioner.core.errors import ProvisionError
from provisioner.core.oauth.answers import Token, read_answer
from provisioner.core.oauth.requests import Client, token_request
from tests.golden.agreement import Agreement, agreement
from tests.golden.agreement_flows import DOCUMENT
from tests.golden.provider import Provider, provider

BODY = b'{"access_token":"AT"}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
CHUNK = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"

LENIENT = "h11 accepts it, and Go does not, but no known provider sends it, and every proxy would refuse it"
OLD = "HTTP/1.0 with chunks, which no server sends: Go reads the body as it is, h11 the chunks"


@dataclass(frozen=True)
class Odd:
    """An answer, byte for byte, and whether the stack takes it; `reason` says why we differ."""

    raw: bytes
    accepted: bool
    reason: str = ""


def _plain(status_line: bytes, headers: bytes = b"") -> bytes:
    return status_line + b"\r\n" + headers + LENGTH + b"Connection: close\r\n\r\n" + BODY


def _bytewise(extension: bytes) -> bytes:
    return b"".join(b"1%s\r\n%c\r\n" % (extension, byte) for byte in BODY) + b"0\r\n\r\n"


OK = b"HTTP/1.1 200 OK"
ODD: Mapping[str, Odd] = {
    **{
        line.decode(): Odd(_plain(line), accepted=False)
        for line in (b"HTTP/2 200", b"HTTP/3 200 OK", b"HTTP/11 200 OK", b"HTTP/1 200 OK", b"HTTP/1.10 200 OK")
    },
    **{line.decode(): Odd(_plain(line), accepted=False) for line in (b"HTTP/01.1 200 OK", b"HTTP/1,1 200 OK")},
    **{
        repr(line): Odd(_plain(OK, line + b"\r\n"), accepted=False)
        for line in (b"X(: z", b"X\t: z", b"a@b: z", b"a[]: z", b'"a": z', b"a/b: z", b"a\0b: z", b"a\xe9b: z")
    },
    **{
        repr(line): Odd(_plain(OK, line + b"\r\n"), accepted=False)
        for line in (b"X: a\x01b", b"X: a\x7fb", b"X: a\0b", b"X: a\rb", b"X: a\r", b" X: first")
    },
    "chunked twice": Odd(CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK, accepted=False),
    "an empty transfer coding": Odd(_plain(OK, b"Transfer-Encoding: \r\n"), accepted=False),
    "1.0 with chunks": Odd(
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK, accepted=False, reason=OLD
    ),
    "1.0 with chunks and a length": Odd(
        _plain(b"HTTP/1.0 200 OK", b"Transfer-Encoding: chunked\r\n"), accepted=True, reason=OLD
    ),
    "a trailer for the length": Odd(
        CHUNKED + b"Trailer: Content-Length\r\n\r\n" + CHUNK, accepted=False, reason=LENIENT
    ),
    **{
        f"a chunk size {start!r}": Odd(CHUNKED + b"\r\n" + start + CHUNK, accepted=False)
        for start in (b" ", b"0x", b"+")
    },
    "a chunk size of 17 digits": Odd(CHUNKED + b"\r\n" + b"0" * 15 + CHUNK, accepted=False, reason=LENIENT),
    "a chunk extension of 5,000 bytes": Odd(
        CHUNKED + b"\r\n" + CHUNK.replace(b"\r\n", b";" + b"e" * 5000 + b"\r\n", 1), accepted=False, reason=LENIENT
    ),
    "900 bytes of extension a byte": Odd(
        CHUNKED + b"\r\n" + _bytewise(b";" + b"e" * 900), accepted=False, reason=LENIENT
    ),
    "a bare LF after the data": Odd(CHUNKED + b"\r\n" + CHUNK.replace(b"}\r\n", b"}\n"), accepted=False),
    "a bare LF after an extension": Odd(CHUNKED + b"\r\n" + CHUNK.replace(b"\r\n", b";a\n", 1), accepted=False),
    "a trailer without a colon": Odd(CHUNKED + b"\r\n" + CHUNK[:-2] + b"trailer\r\n\r\n", accepted=False),
    "six times 102": Odd(b"HTTP/1.1 102 Processing\r\n\r\n" * 6 + _plain(OK), accepted=True),
    "fifty times 102": Odd(b"HTTP/1.1 102 Processing\r\n\r\n" * 50 + _plain(OK), accepted=True),
}


def agreements() -> list[Agreement]:
    """The agreement with what the stack made of each answer."""
    with provider() as server:
        return [agreement("http", [{"name": name} for name in ODD], lambda record: _differs(record["name"], server))]


def _differs(name: str, server: Provider) -> str:
    odd = ODD[name]
    server.answer_with(odd.raw)
    client = Client.of("answers", {**DOCUMENT, "token_endpoint": f"http://{server.address}/token"})
    try:
        read = read_answer(Sender(10)(token_request(client, "http://here/", "c", "state")))
    except ProvisionError:
        accepted = False
    else:
        accepted = isinstance(read, Token)
    return "" if accepted is odd.accepted else odd.reason or f"{name}: taken: {accepted}"
