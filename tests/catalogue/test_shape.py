"""Every shipped file has the form that people and tools rely on."""

from datetime import date
from urllib.parse import urlsplit

import pytest

from tests.catalogue.shipped import FOLDER, IDS, Shipped
from tests.conftest import Run

FIRST_LINE = "# yaml-language-server: $schema=../schemas/account_type.schema.json"
ORDER = [
    "x-name", "x-homepage", "x-console", "x-docs", "x-scope-delimiter", "x-scopes", "x-scope-required", "x-refresh",
    "x-client-secret-lifetime", "x-notes", "x-domains", "x-verified", "slug", "grant_mode", "auth_endpoint", "token_endpoint", "token_mode",
    "redirect_uri", "extras", "skip_redirect_uri_on_authorize", "skip_state_on_token",
]  # fmt: skip
REQUIRED = {
    "x-name", "x-homepage", "x-scope-delimiter", "x-refresh", "x-verified",
    "grant_mode", "auth_endpoint", "redirect_uri",
}  # fmt: skip


def test_the_catalogue_validates_without_a_warning(run: Run) -> None:
    done = run("validate", "--strict", FOLDER)
    assert done.code == 0, done.out + done.err


def test_the_catalogue_is_large() -> None:
    assert len(IDS) >= 55


def _the_first_line_gives_editors_the_schema(id: str) -> None:
    shipped = Shipped.of(id)
    first = shipped.path.read_text(encoding="utf-8").partition("\n")[0]
    assert first == FIRST_LINE
    assert (shipped.path.parent / first.partition("$schema=")[2]).is_file()


def _keys_stand_in_order(id: str) -> None:
    definition = Shipped.of(id).definition
    assert list(definition) == [key for key in ORDER if key in definition]
    assert set(definition) >= REQUIRED


def _it_says_how_the_code_is_exchanged_or_why_it_is_not(id: str) -> None:
    shipped = Shipped.of(id)
    given = {"token_endpoint", "token_mode"} & shipped.definition.keys()
    assert len(given) == 2 or (not given and "no token_endpoint here on purpose" in shipped.notes)


def _notes_are_text_and_links_are_https(id: str) -> None:
    definition = Shipped.of(id).definition
    structured = {"x-verified", "x-domains", "x-scope-required"}
    notes = {key: value for key, value in definition.items() if key.startswith("x-") and key not in structured}
    links = [notes[key] for key in ("x-homepage", "x-console", "x-docs") if key in notes]
    assert all(isinstance(value, str) and value for value in notes.values())
    assert all(urlsplit(link).scheme == "https" and urlsplit(link).hostname for link in links)
    assert definition["x-scope-delimiter"] in {" ", ","}
    assert definition["x-scope-delimiter"] == " " or " " not in definition.get("x-scopes", "")
    assert definition.get("x-scope-required", True) is True


def _it_says_when_and_by_which_sources_it_was_verified(id: str) -> None:
    verified = Shipped.of(id).definition["x-verified"]
    assert list(verified) in (["date", "sources"], ["date", "sources", "differences"])
    assert date.fromisoformat(verified["date"]).isoformat() == verified["date"]
    assert all(isinstance(source, str) and source for source in verified["sources"])


def _the_redirect_goes_to_the_route_of_the_stack(id: str) -> None:
    definition = Shipped.of(id).definition
    assert definition["grant_mode"] == "authorization_code"
    assert definition["redirect_uri"] == f"https://oauthcallback.${{domain}}/accounts/{id}/redirect"


def _variables_of_its_own_begin_with_its_id_and_are_explained(id: str) -> None:
    shipped = Shipped.of(id)
    own = {name: rest for name, rest in shipped.variables.items() if name != "domain"}
    assert shipped.variables["domain"] == ""
    assert all(name.startswith(f"{id}_") and rest.startswith((":-", ":?")) for name, rest in own.items())
    assert all(name in shipped.notes for name in own)


@pytest.mark.parametrize("id", IDS)
def test_a_file_has_its_form(id: str) -> None:
    for check in (
        _the_first_line_gives_editors_the_schema,
        _keys_stand_in_order,
        _it_says_how_the_code_is_exchanged_or_why_it_is_not,
        _notes_are_text_and_links_are_https,
        _it_says_when_and_by_which_sources_it_was_verified,
        _the_redirect_goes_to_the_route_of_the_stack,
        _variables_of_its_own_begin_with_its_id_and_are_explained,
    ):
        check(id)


def test_google_gives_a_refresh_token() -> None:
    assert Shipped.of("google").definition["extras"] == {"access_type": "offline", "prompt": "consent"}
