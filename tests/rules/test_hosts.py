"""A host that no browser or no certificate can have is an error, in every URL of a definition."""

from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.rules.examples import CODE

BAD = [
    "oauthcallback.", "oauthcallback..x", "*.x", "oauthcallback.domain=x", ".x", "a..x", "a b.x", "-.x", "a-.x", "-a.x",
    "a,b.x", "a&b.x", "a'b.x", "a!.x", "a~b.x", "x;y.z", "(a).x", "a+b.x", "localhost.*",
    "x.", "x.y:", "a_b.c", "_x.y", "a.b_c.d", "a.123", "1.2.3.256", "xn--zzzz.x",
]  # fmt: skip
GOOD = [
    "x.example", "localhost", "a_b.x.example", "_a.x.example", "xn--bcher-kva.example", "bücher.example", "127.0.0.1",
    "[::1]", "x.example:8080", "a-b.c-d.example", "couch", "x.example.",
]  # fmt: skip
URLS = {
    "auth_endpoint": "https://{host}/authorize",
    "token_endpoint": "https://{host}/token",
    "redirect_uri": "https://{host}/accounts/a/redirect",
}


def errors(folder: Path, run: Run, key: str, host: str, *arguments: str) -> list[str]:
    lines = "".join(f"{name}: {url.format(host=host if name == key else 'x.example')}\n" for name, url in URLS.items())
    kept = "".join(line for line in CODE.splitlines(keepends=True) if line.partition(":")[0] not in URLS)
    write(folder / "account_types/a.yaml", kept + lines)
    return [line for line in run("validate", *arguments).out.splitlines() if ": error: " in line]


@pytest.mark.parametrize("key", URLS)
@pytest.mark.parametrize("host", BAD)
def test_a_host_that_cannot_be_is_an_error(folder: Path, run: Run, key: str, host: str) -> None:
    assert errors(folder, run, key, host)
    before, _, after = host.partition(".")
    assert errors(folder, run, key, f"{before}.${{rest}}", "--set", f"rest={after}")


@pytest.mark.parametrize("key", URLS)
@pytest.mark.parametrize("host", GOOD)
def test_a_host_that_can_be_is_none(folder: Path, run: Run, key: str, host: str) -> None:
    assert errors(folder, run, key, host) == []


@pytest.mark.parametrize("key", URLS)
@pytest.mark.parametrize("host", ["oauthcallback.${domain}", "${domain}", "login${domain}.example"])
def test_a_variable_in_a_host_is_not_empty(folder: Path, run: Run, key: str, host: str) -> None:
    assert errors(folder, run, key, host) == []
    (error,) = errors(folder, run, key, host, "--set", "domain=")
    assert "the variable domain, used in a host, is empty: set a value [variable-in-host]" in error


def test_a_variable_elsewhere_may_be_empty(folder: Path, run: Run) -> None:
    assert errors(folder, run, "auth_endpoint", "${domain:-}x.example", "--set", "domain=") == []
    assert errors(folder, run, "auth_endpoint", "x.example/${domain}", "--set", "domain=") == []


@pytest.mark.parametrize("value", ["a_b.c", "x.y:", "x.", "-x", "a.123", "x.y:0", "*.x"])
def test_a_domain_that_no_browser_goes_to_is_refused(folder: Path, run: Run, value: str) -> None:
    for command in (["init", "--yes", "new"], ["catalogue", "--html", "x.html"]):
        assert run(*command, "--domain", value).code == 2


@pytest.mark.parametrize("value", ["https://mine.example", "https://mine.example/", "http://mine.example/x"])
def test_a_url_in_place_of_a_host_is_told_how_to_write_it(folder: Path, run: Run, value: str) -> None:
    advice = "write a host, without a scheme or path: mine.example"
    (error,) = errors(folder, run, "redirect_uri", "oauthcallback.${domain}", "--set", f"domain={value}")
    assert advice in error
    write(folder / "provision.yaml", f"targets: {{one: {{couch: x, vars: {{domain: '{value}'}}}}}}\n")
    (error,) = errors(folder, run, "redirect_uri", "oauthcallback.${domain}", "--target", "one")
    assert advice in error
    for command in (["init", "--yes", "new"], ["catalogue", "--html", "x.html"]):
        done = run(*command, "--domain", value)
        assert done.code == 2
        assert advice in done.err
    assert not (folder / "new").exists()
