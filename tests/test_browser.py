"""The browser of the tests works where sockets are closed to everything but this machine."""

from playwright.sync_api import Browser, Page
from pytest_httpserver import HTTPServer


def test_a_page_is_shown(page: Page) -> None:
    page.set_content("<h1>Hello</h1><script>document.title = 'scripted'</script>")
    assert page.get_by_role("heading").inner_text() == "Hello"
    assert page.title() == "scripted"


def test_a_page_of_this_machine_is_loaded(page: Page, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("<title>here</title>", content_type="text/html")
    page.goto(httpserver.url_for("/"))
    assert page.title() == "here"


def test_contexts_share_nothing(browser: Browser, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("", headers={"Set-Cookie": "a=b"})
    one, other = browser.new_context(), browser.new_context()
    one.new_page().goto(httpserver.url_for("/"))
    assert one.cookies()
    assert not other.cookies()
    one.close()
    other.close()
