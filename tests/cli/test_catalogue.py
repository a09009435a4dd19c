"""``provision catalogue``: searching it, and the page of it in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.catalogue.shipped import IDS
from tests.conftest import Run, write
from tests.live_server import Live

EVIL = """\
x-name: <img src=x onerror=document.title='evil'>
x-console: javascript:document.title='evil'
x-docs: "https://a.example/\\"><script>document.title='evil'</script>"
x-notes: "</main><script>document.title='evil'</script> ${notes}"
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
redirect_uri: https://oauthcallback.<b>x/accounts/evil/redirect
"""


def test_all_are_listed_with_where_to_register(folder: Path, run: Run) -> None:
    done = run("catalogue")
    lines = done.out.splitlines()
    assert done.code == 0
    assert [line.split()[0] for line in lines[1:-1]] == IDS
    assert lines[-1] == f"{len(IDS)} account types"
    assert "https://console.cloud.google.com/apis/credentials" in done.out


@pytest.mark.parametrize(
    ("word", "found"),
    [("google", "google"), ("GOOGLE", "google"), ("accounts.spotify.com", "spotify"), ("Académie", None)],
)
def test_a_word_finds_those_that_mention_it(folder: Path, word: str, found: str | None, run: Run) -> None:
    done = run("catalogue", word, "--format", "json")
    assert done.code == (0 if found else 1)
    assert not found or found in [each["id"] for each in json.loads(done.out)["definitions"]]


def test_nothing_found_names_the_nearest(folder: Path, run: Run) -> None:
    done = run("catalogue", "gogle")
    assert (done.code, done.out) == (1, "")
    assert "no definition mentions gogle: did you mean google?" in done.err


def test_a_catalogue_of_ones_own_is_searched(folder: Path, run: Run) -> None:
    write(folder / "types/mine.yaml", "x-name: Mine\ngrant_mode: authorization_code\n")
    done = run("catalogue", "--catalogue", "types", "--format", "json")
    assert [each["id"] for each in json.loads(done.out)["definitions"]] == ["mine"]
    assert json.loads(done.out)["definitions"][0]["name"] == "Mine"


def open_page(page: Page, path: Path) -> list[str]:
    """Shows the page; the requests that it made come with it."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    return requests


def test_the_page_filters_and_asks_nobody(folder: Path, page: Page, run: Run) -> None:
    done = run("catalogue", "--html", "page.html", "--domain", "alice.example")
    assert (done.code, done.out) == (0, "page.html\n")
    requests = open_page(page, folder / "page.html")
    expect(page.get_by_role("article")).to_have_count(len(IDS))
    google = page.get_by_role("article", name="Google", exact=True)
    expect(google).to_contain_text("https://oauthcallback.alice.example/accounts/google/redirect")
    expect(google.get_by_role("link", name="console.cloud.google.com")).to_be_visible()
    expect(google).to_contain_text("openid email profile")
    expect(google).to_contain_text("separated by a space")
    expect(google).to_contain_text("ACCOUNT_TYPE_GOOGLE_CLIENT_ID ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET")
    expect(google).to_contain_text("provision new google")
    expect(google).not_to_contain_text("In the database")
    page.get_by_label("Filter").fill("GOOGLE.com")
    expect(google).to_be_visible()
    expect(page.get_by_role("article", name="Spotify")).to_be_hidden()
    page.get_by_label("Filter").fill("nothing of that name")
    expect(page.get_by_text(f"0 of {len(IDS)} account types")).to_be_visible()
    page.get_by_label("Filter").fill("")
    expect(page.get_by_text(f"{len(IDS)} of {len(IDS)} account types")).to_be_visible()
    assert requests == [(folder / "page.html").as_uri()]


def test_the_page_is_read_without_scripts(folder: Path, browser: Browser, run: Run) -> None:
    run("catalogue", "--html", "page.html")
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        open_page(page, folder / "page.html")
        expect(page.get_by_role("heading", name="Spotify")).to_be_visible()
        expect(page.get_by_text("https://oauthcallback.${domain}/accounts/spotify/redirect")).to_be_visible()
        expect(page.get_by_label("Filter")).to_be_hidden()
    finally:
        context.close()


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window_in_both_schemes(
    folder: Path, browser: Browser, width: int, scheme: str, run: Run
) -> None:
    run("catalogue", "--html", "page.html", "--domain", "alice.example")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})  # type: ignore[arg-type]
    try:
        page = context.new_page()
        open_page(page, folder / "page.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
        text = page.evaluate("getComputedStyle(document.body).color")
        assert ground == "light dark"
        assert (text == "rgb(255, 255, 255)") == (scheme == "dark")
    finally:
        context.close()


def test_texts_of_a_definition_stay_texts(folder: Path, page: Page, run: Run) -> None:
    write(folder / "types/evil.yaml", EVIL)
    run("catalogue", "--catalogue", "types", "--html", "page.html")
    open_page(page, folder / "page.html")
    assert page.title() == "Account types"
    expect(page.get_by_role("heading", level=2)).to_have_text("<img src=x onerror=document.title='evil'>")
    expect(page.get_by_text("https://oauthcallback.<b>x/accounts/evil/redirect")).to_be_visible()
    hrefs = page.eval_on_selector_all("a", "all => all.map(one => one.protocol)")
    assert set(hrefs) <= {"https:", "file:"}  # of the letters


def test_the_page_says_which_credentials_the_database_has(folder: Path, live: Live, page: Page, run: Run) -> None:
    code = {"grant_mode": "authorization_code"}
    live.put("google", {**code, "client_id": "id-marker", "client_secret": "secret-marker"})
    live.put("spotify", {**code, "client_id": "id-marker"})
    run("catalogue", "--html", "page.html", "--couch", live.url, "--database", live.database)
    open_page(page, folder / "page.html")
    expect(page.get_by_role("article", name="Google", exact=True)).to_contain_text("yes, with credentials")
    expect(page.get_by_role("article", name="Spotify")).to_contain_text("yes, missing client_secret")
    expect(page.get_by_role("article", name="GitHub")).to_contain_text("In the databaseno")
    assert "marker" not in (folder / "page.html").read_text()


def test_the_page_sums_up_and_filters_by_state(folder: Path, live: Live, page: Page, run: Run) -> None:
    code = {"grant_mode": "authorization_code"}
    live.put("google", {**code, "client_id": "a", "client_secret": "b"})
    live.put("spotify", {**code, "client_id": "a"})
    live.put("by-hand", {**code, "client_id": "a", "client_secret": "b"})
    run("catalogue", "--html", "page.html", "--couch", live.url, "--database", live.database)
    open_page(page, folder / "page.html")
    expect(page.get_by_text(f"{len(IDS)} providers, 2 live, 1 without credentials, 1 unmanaged")).to_be_visible()
    shown = page.get_by_role("article")
    for state, name in (("missing", "Spotify"), ("live", "Google"), ("unmanaged", "by-hand")):
        button = page.get_by_role("button", name=state, exact=True)
        button.click()
        expect(shown).to_have_count(1)
        expect(shown.get_by_role("heading", name=name)).to_be_visible()
        expect(button).to_have_attribute("aria-pressed", "true")
        button.press("Enter")
    expect(shown).to_have_count(len(IDS) + 1)
    expect(page.get_by_role("article", name="Google", exact=True)).to_contain_text("provision check google --endpoints")


def test_the_redirect_uri_is_copied(folder: Path, browser: Browser, run: Run) -> None:
    run("catalogue", "--html", "page.html", "--domain", "alice.example")
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    try:
        page = context.new_page()
        open_page(page, folder / "page.html")
        google = page.get_by_role("article", name="Google", exact=True)
        google.get_by_role("button", name="Copy").click()
        expect(google.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == "https://oauthcallback.alice.example/accounts/google/redirect"
    finally:
        context.close()


def test_the_page_is_used_by_keyboard(folder: Path, page: Page, run: Run) -> None:
    run("catalogue", "--html", "page.html")
    open_page(page, folder / "page.html")
    page.keyboard.press("/")
    page.keyboard.type("spotify")
    expect(page.get_by_role("article")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("article")).to_have_count(len(IDS))
    letter = page.get_by_role("navigation").get_by_role("link", name="S", exact=True)
    letter.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Salesforce")).to_be_in_viewport()


def test_a_page_without_a_place_is_told(folder: Path, run: Run) -> None:
    done = run("catalogue", "--html", "nowhere/page.html")
    assert done.code == 2
    assert "nowhere/page.html cannot be written" in done.err
