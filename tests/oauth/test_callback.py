"""What comes back through the browser: the answer, and everything that is not the answer."""

import json
import signal
import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_httpserver import HTTPServer

from tests.conftest import Run
from tests.couchdb.server import free_port
from tests.oauth.conftest import Konnector, code_type
from tests.oauth.session import Waiting, waiting
from tests.program import PATIENCE, Program

FILE = "konnector-dev-config.json"


def own_addresses() -> list[str]:
    """The loopback addresses of this machine: not every one has IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]


ADDRESSES = own_addresses()


def answer(started: Waiting, **parameters: str) -> httpx.Response:
    """Sends the browser back, as the provider would."""
    place = started.query.get("redirect_uri") or started.query["redirect_url"]
    return httpx.get(place, params=parameters, trust_env=False, timeout=PATIENCE)


def fields(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / FILE).read_text())["fields"]
    return found


def test_the_whole_way_by_a_provider_that_redirects_at_once(konnector: Konnector, mock: str, page: Page) -> None:
    folder = konnector(code_type(mock))
    with waiting("demo", "--scope", "openid") as started:
        page.goto(started.url)
        expect(page.get_by_role("heading", name="Connected")).to_be_visible()
        expect(page.get_by_text(f"It is in {FILE}.")).to_be_visible()
        assert urlsplit(page.url).query == ""
        done = started.ended()
    assert done.code == 0, done.err
    assert fields(folder).keys() == {"access_token"}
    assert "the token expires at 2" in done.err


def test_a_wrong_state_is_told_and_the_right_answer_still_awaited(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    with waiting("demo") as started:
        for odd in ({"code": "x", "state": "other"}, {"code": "x"}, {"error": "access_denied"}, {"hello": "you"}):
            reply = answer(started, **odd)
            assert reply.status_code == 400
            assert "Not the expected answer for demo" in reply.text
        assert httpx.get(started.redirect_uri + "/else", trust_env=False, timeout=PATIENCE).status_code == 404
        assert answer(started, code="x", state=started.query["state"]).status_code == 200
        done = started.ended()
    assert done.code == 0, done.err
    assert "warning: ignored an answer: its state is not the one that was sent" in done.err
    assert "warning: ignored an answer: it has no state" in done.err
    assert fields(folder)["access_token"]


def test_a_browser_that_hangs_up_or_asks_for_nonsense_is_no_trouble(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock))
    with waiting("demo") as started:
        port = urlsplit(started.redirect_uri).port or 0
        for request in (
            b"GET //[bad HTTP/1.1\r\n\r\n",
            b"\x00\xff\r\n\r\n",
            b"GET /oauth2callback?code=x HTTP/1.1\r\n",
            b"",
        ):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(request)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        assert answer(started, code="x", state=started.query["state"]).status_code == 200
        done = started.ended()
    assert done.code == 0
    assert "Traceback" not in done.err
    assert "Exception" not in done.err


def test_a_second_answer_counts_no_more(konnector: Konnector, httpserver: HTTPServer) -> None:
    """The second one comes while the code of the first is exchanged."""
    replies: list[httpx.Response] = []
    konnector(code_type(httpserver.url_for(""), token_endpoint=httpserver.url_for("/token")))
    with waiting("demo") as started:

        def token(_: object) -> object:
            replies.append(answer(started, code="again", state=started.query["state"]))
            from werkzeug import Response

            return Response(json.dumps({"access_token": "a"}))

        httpserver.expect_request("/token").respond_with_handler(token)  # type: ignore[arg-type]
        assert answer(started, code="x", state=started.query["state"]).status_code == 200
        done = started.ended()
    assert [reply.status_code for reply in replies] == [409]
    assert "Already received for demo" in replies[0].text
    assert "ignored an answer: an answer has already arrived" in done.err
    assert done.code == 0
    assert len(httpserver.log) == 1


def test_an_answer_with_an_error_is_told_in_both_places(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock, client_id="wrong-client"))
    with waiting("demo") as started:
        said = {"error": "invalid_scope", "error_description": "no <b>such</b> scope"}
        reply = answer(started, state=started.query["state"], **said)
        done = started.ended()
    assert reply.status_code == 400
    assert "invalid_scope: no &lt;b&gt;such&lt;/b&gt; scope" in reply.text
    assert "error: the provider refused: invalid_scope: no <b>such</b> scope (the stack ignores that" in done.err
    assert "warning: the answer has no code, and the stack exchanges an empty one" in done.err
    assert done.code == 1
    assert not (folder / FILE).exists()


@pytest.mark.parametrize(
    ("client", "message"),
    [
        ("status-201", "its status is 201"),
        ("text-expiry", "expires_in is not an integer"),
        ("no-token", "there is no access_token"),
        ("error-with-200", "server_error: try later"),
        ("wrong-client", "check client_id, client_secret and token_mode (form)"),
    ],
)
def test_odd_answers_of_a_server_end_in_the_browser_and_in_the_terminal(
    konnector: Konnector, mock: str, client: str, message: str
) -> None:
    folder = konnector(code_type(mock, client_id=client))
    with waiting("demo") as started:
        reply = answer(started, code="x", state=started.query["state"])
        done = started.ended()
    assert (reply.status_code, done.code) == (400, 1)
    assert "demo is not connected" in reply.text
    assert message in done.err
    assert not (folder / FILE).exists()


def test_an_id_token_takes_the_place_of_an_access_token(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock, client_id="only-id-token"))
    with waiting("demo") as started:
        answer(started, code="x", state=started.query["state"])
        assert started.ended().code == 0
    assert fields(folder)["access_token"].count(".") == 2


@pytest.mark.parametrize("mode", ["token", "token_redirect_url"])
def test_a_token_in_the_fragment_is_handed_over_and_the_stack_is_said_not_to_see_it(
    konnector: Konnector, page: Page, mode: str
) -> None:
    folder = konnector({"grant_mode": mode, "auth_endpoint": "https://a.example/", "client_id": "x"})
    with waiting("demo") as started:
        place = started.query.get("redirect_uri") or started.query["redirect_url"]
        page.goto(f"{place}#access_token=a+b&expires_in=60&submit=1&state={started.query['state']}")
        expect(page.get_by_role("heading", name="Connected, but not for cozy-stack")).to_be_visible()
        expect(page.get_by_text("cozy-stack reads only the part before the #")).to_be_visible()
        assert "#" not in page.url
        done = started.ended()
    assert done.code == 0, done.err
    assert "the token is after the # of the address, which the stack does not read" in done.err
    assert fields(folder) == {"access_token": "a b"}


def test_a_token_in_the_query_is_what_the_stack_reads(konnector: Konnector) -> None:
    folder = konnector({"grant_mode": "token_redirect_url", "auth_endpoint": "https://a.example/"})
    with waiting("demo") as started:
        reply = answer(started, access_token="a")
        done = started.ended()
    assert reply.status_code == 200
    assert "warning" not in done.err
    assert fields(folder) == {"access_token": "a"}


@pytest.mark.parametrize(
    "html",
    [
        '<img src="{url}">',
        '<iframe src="{url}"></iframe>',
        '<object data="{url}"></object>',
        '<script src="{url}"></script>',
        '<link rel="prefetch" href="{url}">',
        "<script>fetch('{url}', {{mode: 'no-cors'}})</script>",
        """<iframe name="in"></iframe><form target="in" method="post" action="{bare}"><input name="access_token" value="evil">
        <input name="state" value="x"></form><script>document.forms[0].submit()</script>""",
    ],
)
@pytest.mark.parametrize("mode", ["token", "token_redirect_url"])
def test_no_page_puts_its_own_token_into_the_konnector(
    konnector: Konnector, page: Page, httpserver: HTTPServer, mode: str, html: str
) -> None:
    folder = konnector({"grant_mode": mode, "auth_endpoint": "https://a.example/", "client_id": "x"})
    with waiting("demo") as started:
        place = started.query.get("redirect_uri") or started.query["redirect_url"]
        shown = html.format(url=f"{place}?access_token=evil", bare=place)
        httpserver.expect_request("/").respond_with_data(shown, content_type="text/html")
        with page.expect_request(lambda request: request.url.startswith(place)):
            page.goto(httpserver.url_for("/"))
        page.wait_for_load_state("networkidle")
        assert not (folder / FILE).exists()
        page.goto(f"{place}?access_token=mine&state={started.query['state']}")
        expect(page.get_by_role("heading", name="Connected")).to_be_visible()
        done = started.ended()
    assert done.code == 0, done.err
    assert "warning: ignored an answer: " in done.err
    assert fields(folder) == {"access_token": "mine"}


def test_a_name_of_another_that_leads_to_this_machine_is_refused(konnector: Konnector) -> None:
    """A browser tells how a page is loaded only to names that it trusts."""
    folder = konnector({"grant_mode": "token_redirect_url", "auth_endpoint": "https://a.example/", "client_id": "x"})
    with waiting("demo") as started:
        place = started.query["redirect_url"]
        for name in ("evil.example", "localhost.evil.example:80", "[bad", ""):
            odd = httpx.get(f"{place}?access_token=evil", headers={"Host": name}, trust_env=False, timeout=PATIENCE)
            assert odd.status_code in (400, 403), name
        good = {"Host": "127.0.0.1:1"}
        assert (
            httpx.get(f"{place}?access_token=mine", headers=good, trust_env=False, timeout=PATIENCE).status_code == 200
        )
        done = started.ended()
    assert "ignored an answer: it came to a host other than that of the redirect URI" in done.err
    assert fields(folder) == {"access_token": "mine"}


def test_a_token_without_a_state_is_awaited_in_one_mode_alone(konnector: Konnector) -> None:
    folder = konnector({"grant_mode": "token", "auth_endpoint": "https://a.example/", "client_id": "x"})
    with waiting("demo") as started:
        for odd in ({}, {"state": "x"}):
            assert answer(started, access_token="evil", **odd).status_code == 400
        assert answer(started, access_token="mine", state=started.query["state"]).status_code == 200
        assert started.ended().code == 0
    assert fields(folder) == {"access_token": "mine"}


def test_without_a_script_the_page_says_what_to_do(konnector: Konnector, browser: Browser) -> None:
    konnector({"grant_mode": "token", "auth_endpoint": "https://a.example/", "client_id": "x"})
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE * 1000)
    try:
        page = context.new_page()
        with waiting("demo") as started:
            page.goto(f"{started.redirect_uri}#access_token=a")
            expect(page.get_by_text("this page needs JavaScript")).to_be_visible()
    finally:
        context.close()


def test_no_answer_in_time_is_told(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    with waiting("demo", "--timeout", "0.2") as started:
        done = started.ended()
    assert done.code == 1
    assert "error: no answer came within 0.2 s" in done.err
    assert f"register the redirect URI {started.redirect_uri} with the provider" in done.err
    assert not (folder / FILE).exists()


def test_an_interruption_leaves_nothing(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    with waiting("demo") as started:
        started.program.process.send_signal(signal.SIGINT)
        done = started.ended()
    assert done.code == 130
    assert done.err.endswith("interrupted\n")
    assert "Traceback" not in done.err
    assert not (folder / FILE).exists()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_port_in_use_is_told(konnector: Konnector, mock: str, run: Run, address: str) -> None:
    konnector(code_type(mock))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as taken:
        taken.bind((address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("token", "demo", "--no-browser", "--port", port)
    assert done.code == 1
    assert f"the port {port} is in use" in done.err


def test_both_addresses_of_this_machine_are_listened_at(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock))
    with waiting("demo") as started:
        port = urlsplit(started.redirect_uri).port
        for host in ADDRESSES:
            url = httpx.URL(scheme="http", host=host, port=port, path="/oauth2callback")
            assert httpx.get(url, trust_env=False, timeout=PATIENCE).status_code == 200


def test_a_registered_redirect_uri_says_where_to_listen(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    port = free_port()
    registered = f"http://localhost:{port}/my/way"
    with waiting("demo", "--redirect-uri", registered) as started:
        assert started.redirect_uri == registered
        assert answer(started, code="x", state=started.query["state"]).status_code == 200
        assert started.ended().code == 0
    assert fields(folder)["access_token"]


def test_a_proxy_may_hand_the_answer_over(konnector: Konnector, mock: str) -> None:
    konnector(code_type(mock))
    port = free_port()
    with waiting("demo", "--redirect-uri", "https://dev.example/back", "--port", port) as started:
        assert started.redirect_uri == "https://dev.example/back"
        place = f"http://localhost:{port}/back"
        httpx.get(place, params={"code": "x", "state": started.query["state"]}, trust_env=False, timeout=PATIENCE)
        assert started.ended().code == 0


def test_the_address_of_the_page_reached_can_be_pasted(konnector: Konnector, mock: str) -> None:
    folder = konnector(code_type(mock))
    with waiting("demo", "--paste") as started:
        assert started.redirect_uri == "https://oauthcallback.cozy.example/accounts/demo/redirect"
        done = started.ended(f"{started.redirect_uri}?code=x&state={started.query['state']}\n")
    assert done.code == 0, done.err
    assert fields(folder)["access_token"]


def test_a_fragment_can_be_pasted_too(konnector: Konnector) -> None:
    folder = konnector({"grant_mode": "token", "auth_endpoint": "https://a.example/", "client_id": "x"})
    with waiting("demo", "--paste", "--redirect-uri", "http://localhost:3000/x") as started:
        done = started.ended(f"http://localhost:3000/x#access_token=t&state={started.query['state']}\n")
    assert done.code == 0, done.err
    assert "the token is after the # of the address" in done.err
    assert fields(folder) == {"access_token": "t"}


@pytest.mark.parametrize(
    ("pasted", "message"),
    [
        ("", "the pasted address contains no answer"),
        ("https://a.example/\n", "the pasted address contains no answer"),
        ("https://a.example/?code=x&state=other\n", "its state is not the one that was sent"),
    ],
)
def test_something_else_pasted_is_told(konnector: Konnector, mock: str, pasted: str, message: str) -> None:
    folder = konnector(code_type(mock))
    with waiting("demo", "--paste", "--redirect-uri", "http://localhost:3000/x") as started:
        done = started.ended(pasted)
    assert done.code == 1
    assert message in done.err
    assert not (folder / FILE).exists()


def test_the_browser_of_the_person_opens(konnector: Konnector, mock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is curl, which follows the provider's redirect back, and waits for the page with the result."""
    folder = konnector(code_type(mock))
    monkeypatch.setenv("BROWSER", f"curl -sLo {folder / 'page.html'} %s")
    with Program("token", "demo") as started:
        done = started.ended()
    assert done.code == 0, done.err
    assert "Your browser is opening this address" in done.err
    assert "demo is connected" in (folder / "page.html").read_text()
    assert fields(folder)["access_token"]


@pytest.mark.parametrize(
    ("redirect_uri", "message"),
    [
        ("https://dev.example/back", "cannot receive an answer over https"),
        ("localhost:3000", "the redirect URI is not an absolute URL without a fragment"),
        ("http://localhost:99999/", "the redirect URI is not an absolute URL without a fragment"),
        ("http://localhost:3000/#x", "the redirect URI is not an absolute URL without a fragment"),
    ],
)
def test_a_redirect_uri_that_leads_nowhere_is_wrong_usage(
    konnector: Konnector, mock: str, run: Run, redirect_uri: str, message: str
) -> None:
    konnector(code_type(mock))
    done = run("token", "demo", "--no-browser", "--redirect-uri", redirect_uri)
    assert done.code == 2
    assert message in done.err
