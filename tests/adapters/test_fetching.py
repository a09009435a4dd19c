"""A provider that answers slowly, or without end, holds nobody up."""

import pytest

from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.adapters.oauth.providers import BUDGET, cookies_of, fetch
from tests.talking import dripping, talking


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nX-Drip: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"],
    ids=["nothing", "headers", "body"],
)
def test_the_limit_is_for_the_whole_answer(first: bytes) -> None:
    with talking(dripping(first, b"a" if first else b"")) as url, pytest.raises(NoAnswer) as error:
        fetch("GET", url, {}, 0.5)
    assert error.value.trouble is Trouble.TIME


OK, EARLY = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early Hints\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "drop", "trouble"),
    [
        (b"", (EARLY + b"A: b\r\n\r\n") * 2_000, Trouble.TOO_LARGE),
        (b"", EARLY + b"A: " + b"b" * 50_000 + b"\r\n\r\n", Trouble.TOO_LARGE),
        (CHUNKED, b"1;" + b"x" * 90_000 + b"\r\na\r\n", Trouble.TOO_LARGE),
        (CHUNKED, b"1\r\na\r\n" * 2_000, Trouble.TOO_LARGE),
        (CHUNKED + b"0\r\n", b"A: b\r\n" * 10_000, Trouble.UNREADABLE),
        (OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\3", b"a" * 90_000, Trouble.TOO_LARGE),
    ],
    ids=["early answers", "long early answers", "extensions of chunks", "small chunks", "trailers", "a name in gzip"],
)
def test_what_is_no_content_costs_little(first: bytes, drop: bytes, trouble: Trouble) -> None:
    with talking(dripping(first, drop)) as url, pytest.raises(NoAnswer) as error:
        fetch("GET", url, {}, 60)
    assert error.value.trouble is trouble


def test_a_long_answer_is_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    with talking(dripping(head, b"a" * 256 * 1024)) as url:
        answer = fetch("GET", url, {}, 60)
    assert (len(answer.body), answer.cut) == (BUDGET.body, True)


def test_two_cookies_of_one_name_are_the_last_one() -> None:
    lines = (b"a=1; Path=/", b"a=2", b"b=x y", b"c=\xff", b"=d", b"e")
    head = (
        b"HTTP/1.1 200 OK\r\n"
        + b"".join(b"Set-Cookie: " + line + b"\r\n" for line in lines)
        + b"Content-Length: 0\r\n\r\n"
    )
    with talking(dripping(head, b"")) as url:
        assert cookies_of(fetch("GET", url, {}, 60)) == {"a": "2", "b": "x", "c": ""}


@pytest.mark.parametrize("url", ["", "http://", "http://[bad", "http://a:99999/", "ftp://a/", "http://\ud800/", "x"])
def test_what_is_no_url_is_not_asked(url: str) -> None:
    with pytest.raises(NoAnswer) as error:
        fetch("GET", url, {}, 5)
    assert error.value.trouble is Trouble.UNSENDABLE
