"""Every shipped endpoint is compared with what independent projects know."""

from pathlib import Path

import pytest
import yaml

from tests.catalogue.known_endpoints import Endpoints, NotInstalledError, all_sources
from tests.catalogue.shipped import IDS, Shipped

KEYS: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "keys.yaml").read_text(encoding="utf-8"))
Known = dict[str, dict[str, Endpoints]]


@pytest.fixture(scope="session")
def known() -> Known:
    try:
        return all_sources()
    except NotInstalledError as error:
        pytest.fail(str(error))


def agreeing(shipped: Shipped, id: str, known: Known) -> set[str]:
    any_version = "version segment" in shipped.differences
    return {
        source
        for source, key in KEYS[id].items()
        if shipped.endpoints.agree(known[source][key], any_version=any_version)
    }


def test_the_table_has_every_shipped_account_type_and_no_other() -> None:
    assert sorted(KEYS) == IDS


def _the_table_names_every_source_that_knows_it(id: str, known: Known) -> None:
    overlooked = {source for source, names in known.items() if id in names} - KEYS[id].keys()
    missing = {source: key for source, key in KEYS[id].items() if key not in known[source]}
    assert (overlooked, missing) == (set(), {})


def _the_file_states_exactly_the_sources_that_agree(id: str, known: Known) -> None:
    shipped = Shipped.of(id)
    assert set(shipped.stated_sources) & known.keys() == agreeing(shipped, id, known)


def _every_source_that_differs_is_listed(id: str, known: Known) -> None:
    shipped = Shipped.of(id)
    differing = KEYS[id].keys() - agreeing(shipped, id, known)
    assert {source for source in differing if source not in shipped.differences} == set()


def _two_sources_agree_or_the_file_says_that_there_is_one(id: str, _: Known) -> None:
    stated = Shipped.of(id).stated_sources
    assert len(set(stated)) == len(stated)
    assert len(stated) >= 2 or "single" in Shipped.of(id).differences


def _where_fewer_than_two_agree_others_stand_behind_it_and_the_file_accounts_for_the_rest(
    id: str, known: Known
) -> None:
    shipped = Shipped.of(id)
    agree = agreeing(shipped, id, known)
    if len(agree) < 2:
        assert set(shipped.stated_sources) - known.keys()
        assert {source for source in known.keys() - agree if source not in shipped.differences} == set()


@pytest.mark.parametrize("id", IDS)
def test_an_account_type_is_what_its_sources_know(id: str, known: Known) -> None:
    for check in (
        _the_table_names_every_source_that_knows_it,
        _the_file_states_exactly_the_sources_that_agree,
        _every_source_that_differs_is_listed,
        _two_sources_agree_or_the_file_says_that_there_is_one,
        _where_fewer_than_two_agree_others_stand_behind_it_and_the_file_accounts_for_the_rest,
    ):
        check(id, known)


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("https://a.example/x", "https://a.example/x", True),
        ("https://a.example/x", "https://b.example/x", False),
        ("https://a.example/x", "https://a.example/y", False),
        ("https://a.example/x", "https://a.example/x/", False),
        ("https://a.example/v5/x", "https://a.example/v1/x", False),
        ("https://a.example/x?type=web", "https://a.example/x", True),
        ("https://${a_host:-a.example}/x", "https://a.example/x", True),
        ("https://${a_host:-a.example}/x", "https://b.example/x", False),
        ("https://${a_shop:?your shop}.a.example/x", "https://[subdomain].a.example/x", True),
        ("https://${a_shop:?your shop}.a.example/x", "https://[subdomain].b.example/x", False),
        ("https://a.example/x", "*/x", True),
        ("https://a.example/x", "*/y", False),
    ],
)
def test_endpoints_are_compared_by_host_and_path(ours: str, theirs: str, same: bool) -> None:
    token = "https://a.example/token"
    assert Endpoints.of(ours, token).agree(Endpoints.of(theirs, token)) is same
    assert Endpoints.of(token, ours).agree(Endpoints.of(token, theirs)) is same


@pytest.mark.parametrize("theirs", ["https://a.example/x", "https://a.example/v{version}/x", "https://a.example/v1/x"])
def test_version_segments_count_only_where_asked_for(theirs: str) -> None:
    ours = Endpoints.of("https://a.example/v24.0/x", "https://a.example/token")
    assert ours.agree(Endpoints.of(theirs, "https://a.example/token"), any_version=True)
    assert not ours.agree(Endpoints.of("https://a.example/y", "https://a.example/token"), any_version=True)
