"""A redirect is followed as Go follows it."""

import pytest

from provisioner.core.definitions.go_url import parse, resolve
from provisioner.core.oauth.requests import Hop, Request, is_private


@pytest.mark.parametrize(
    ("base", "location", "target"),
    [
        ("http://a.example/b/../c", "?x", "http://a.example/c?x"),
        ("http://a.example/b/./c?q", "", "http://a.example/b/c?q"),
        ("http://a.example/b/c?q", "#f", "http://a.example/b/c?q#f"),
        ("http://a.example/b/c", "///d", "http://a.example///d"),
        ("http://a.example/b/c", "..//d", "http://a.example/d"),
        ("http://a.example/b/c?q", "../d", "http://a.example/d"),
        ("http://a.example/b/c", "/hop\u00fc", "http://a.example/hop%C3%BC"),
        ("http://a.example/b/c", b"/hop\xfc".decode("utf-8", "surrogateescape"), "http://a.example/hop%FC"),
    ],
)
def test_a_reference_is_resolved(base: str, location: str, target: str) -> None:
    assert resolve(parse(base), location).text() == target


def test_who_signs_in_is_told_on_the_first_host_and_below_it() -> None:
    hop = Hop.first(Request("POST", "a", "https://a.example/", {"Authorization": "Basic x"}, b"c=1"))
    for location, told in (
        ("https://sub.a.example/", True),
        ("https://a.example/", True),
        ("https://b.example/", False),
        ("https://a.example/", False),
    ):
        following = hop.after(307, location)
        assert following is not None
        hop = following
        assert ("Authorization" in hop.headers) is told, location


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "https://A.example:443/y", True),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/", "https://a.example:8443/", False),
        ("https://a.example/", "https://b.example/", False),
    ],
)
def test_another_scheme_host_or_port_is_another_server(one: str, other: str, same: bool) -> None:
    first, second = (Hop.first(Request("GET", "a", url, {}, b"")) for url in (one, other))
    assert (first.server == second.server) is same


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://a.example/", True),
        ("http://localhost:8080/", True),
        ("http://[::1]/", True),
        ("http://localhost.evil.example/", False),
        ("http://localhost@evil.example/", False),
        ("http://a.example/", False),
        ("ftp://localhost/", False),
        ("http://[", False),
    ],
)
def test_a_secret_goes_over_tls_or_stays_on_this_machine(url: str, private: bool) -> None:
    assert is_private(url) is private
