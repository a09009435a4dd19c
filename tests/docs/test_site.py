"""``make docs``: the site, with a page for each rule, command and provider."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from provisioner.cli.app import COMMANDS
from provisioner.core.rules import RULES
from tests.listening import listening

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-m", "tests.docs.site", folder / "pages"], cwd=ROOT, check=True)
    mkdocs = [str(Path(sys.executable).with_name("mkdocs")), "build", "--strict", "-f", str(folder / "mkdocs.yml")]
    done = subprocess.run(
        mkdocs, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_each_rule_command_and_provider_has_a_page(site: Path) -> None:
    providers = [path.stem for path in (ROOT / "account_types").glob("*.yaml")]
    wanted = {
        *(f"rules/{rule.id}.html" for rule in RULES),
        *(f"commands/{name}.html" for name in COMMANDS),
        *(f"providers/{id}.html" for id in providers),
        "catalogue.html",
        "demo.svg",
    }
    assert {name for name in wanted if not (site / name).is_file()} == set()


@pytest.fixture
def url(site: Path) -> Iterator[str]:
    """The site on a server, as its readers have it."""
    with listening(partial(Quiet, directory=str(site))) as port:
        yield f"http://127.0.0.1:{port}"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


FOUND = {
    "redirect-path": "redirect-path",
    "upgrade": "Install, upgrade, uninstall",
    "uninstall": "Install, upgrade, uninstall",
    "troubleshooting": "Troubleshooting",
    "401": "Troubleshooting",
    "bad state": "Troubleshooting",
    "Windows": "Install, upgrade, uninstall",
}
"""What people search for, and the page that is among the first three results."""


def test_it_is_searched_and_asks_no_other_host(url: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/index.html")
    box = page.get_by_role("textbox", name="Search")
    first = page.locator(".md-search-result__item:nth-child(-n+3) h1")
    for words, title in FOUND.items():
        box.fill("")
        box.press_sequentially(words)
        expect(first.filter(has_text=title)).to_be_visible()
    box.fill("")
    box.press_sequentially("redirect-path")
    page.locator(".md-search-result__link", has_text="redirect-path").first.click()
    expect(page.get_by_role("heading", name="redirect-path", level=1)).to_be_visible()
    page.goto(f"{url}/providers/google.html")
    expect(page.get_by_role("heading", name="Google", level=1)).to_be_visible()
    assert [each for each in asked if not each.startswith((url, "data:", "blob:"))] == []


def test_what_is_copied_is_what_one_types(url: str, page: Page) -> None:
    page.goto(f"{url}/import.html")
    buttons = page.locator("button[data-clipboard-target]")
    expect(buttons.first).to_be_visible()
    copied = buttons.evaluate_all(
        "all => all.map(each => document.querySelector(each.dataset.clipboardTarget).innerText)"
    )
    assert "provision import --out account_types" in [text.strip() for text in copied]
    assert [text for text in copied if text.startswith("$") or "\n>" in text or "2 account types" in text] == []


def test_a_sidebar_is_short_and_the_lists_say_what_is_in_them(url: str, page: Page) -> None:
    page.goto(f"{url}/rules/redirect-path.html")
    assert page.locator(".md-sidebar--primary .md-nav__link:visible").count() <= 15
    page.goto(f"{url}/rules/index.html")
    expect(page.get_by_role("row", name="redirect-path error A redirect_uri whose path is not")).to_be_visible()
    page.goto(f"{url}/providers/index.html")
    expect(page.get_by_role("link", name="Google", exact=True)).to_be_visible()
