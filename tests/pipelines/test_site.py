"""``make docs``: the site, with a page for each rule, command and provider."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from provisioner.cli.app import COMMANDS
from provisioner.core.rules import RULES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, ROOT / "pipelines/site.py", folder / "pages"], check=True)
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
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_it_is_searched_and_asks_no_other_host(url: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/index.html")
    page.get_by_role("textbox", name="Search").press_sequentially("redirect-path")
    page.locator(".md-search-result__link", has_text="redirect-path").first.click()
    expect(page.get_by_role("heading", name="redirect-path", level=1)).to_be_visible()
    page.goto(f"{url}/providers/google.html")
    expect(page.get_by_role("heading", name="Google", level=1)).to_be_visible()
    assert [each for each in asked if not each.startswith((url, "data:", "blob:"))] == []
