"""Registrable domains by the bundled list, and the short cut past it."""

import sys
from pathlib import Path
from pkgutil import get_data

import pytest

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import registrable
from tests.conftest import Run, write


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("graph.facebook.com", "facebook.com"),
        ("facebook.com", "facebook.com"),
        ("a.b.co.uk", "b.co.uk"),
        ("co.uk", ""),
        ("com", ""),
        ("api.provider.example", "provider.example"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("localhost", ""),
        ("a.b.ck", "a.b.ck"),
        ("www.ck", "www.ck"),
    ],
)
def test_the_registrable_domain_of_a_host(host: str, domain: str) -> None:
    assert registrable(host) == domain


def test_the_list_has_no_registry_below_the_domains_that_need_none() -> None:
    snapshot = get_data("publicsuffixlist", "public_suffix_list.dat")
    assert snapshot is not None
    registries = snapshot.decode().partition("===BEGIN PRIVATE DOMAINS===")[0].splitlines()
    suffixes = [line for line in registries if line and not line.startswith("//")]
    assert set(suffixes) >= shipped._FLAT
    assert not [line for line in suffixes if line.rpartition(".")[0] and line.rpartition(".")[2] in shipped._FLAT]


def test_the_list_is_only_read_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    shipped._list.cache_clear()
    assert registrable("graph.facebook.com") == "facebook.com"
    with pytest.raises(ImportError):
        registrable("a.b.fr")


def test_domains_that_the_catalogue_knows_belong_together(folder: Path, run: Run) -> None:
    google = "auth_endpoint: https://accounts.google.com/auth\ntoken_endpoint: https://oauth2.{}.com/token\n"
    code = 'grant_mode: authorization_code\nclient_id: "1"\n'
    write(folder / "account_types/a.yaml", code + google.format("googleapis"))
    assert "[foreign-endpoint]" not in run("validate").out
    write(folder / "account_types/a.yaml", code + google.format("evil"))
    assert "[foreign-endpoint]" in run("validate").out
