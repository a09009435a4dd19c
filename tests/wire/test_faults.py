"""What happens when the server, or somebody else, gets in the way."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Response

from provisioner.adapters.couchdb import connection as http
from provisioner.core.errors import StoreError
from tests.conftest import Run, write
from tests.couchdb.server import free_port
from tests.wire.conftest import GOOGLE
from tests.wire.couch import DATABASE, Asked, Couch, answer, connected, serve


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_PAUSE", 0.001)


def first(
    times: int, wanted: Callable[[Asked], bool], response: Callable[[], Response | None]
) -> Callable[[Asked], Response | None]:
    """Answers the first requests of a kind otherwise."""
    left = times
    lock = threading.Lock()

    def handler(asked: Asked) -> Response | None:
        nonlocal left
        with lock:
            if not wanted(asked) or left == 0:
                return None
            left -= 1
        return response()

    return handler


def is_put(asked: Asked) -> bool:
    return asked.method == "PUT" and "_local" not in asked.path


def test_a_change_made_meanwhile_is_read_and_merged(google: Path, couch: Couch, url: str, run: Run) -> None:
    def somebody() -> None:
        couch.put("google", client_secret="theirs", client_id="theirs")

    couch.before = first(1, is_put, somebody)
    done = run("apply", "--couch", url)
    assert done.code == 0
    assert couch.documents is not None
    assert couch.documents["google"]["client_secret"] == "theirs"
    assert couch.documents["google"]["client_id"] == "1"
    assert couch.documents["google"]["_rev"] == "2-x"


@pytest.mark.parametrize("number", [1, 40])
def test_a_document_that_changes_again_and_again_is_reported(
    folder: Path, couch: Couch, url: str, run: Run, number: int
) -> None:
    for index in range(number):
        write(folder / f"account_types/t{index:02}.yaml", GOOGLE)

    def always_ahead(asked: Asked) -> None:
        if is_put(asked) and asked.path.endswith("t00"):
            couch.put("t00", theirs=len(couch.asked))
        if asked.path.endswith("_bulk_docs") and any(doc["_id"] == "t00" for doc in asked.body["docs"]):
            couch.put("t00", theirs=len(couch.asked))

    couch.before = always_ahead
    done = run("apply", "--couch", url)
    assert done.code == 1
    assert "failed    t00: it changed 4 times while it was written" in done.out
    assert done.out.splitlines()[-1] == f"{number - 1} created, 0 changed, 0 unchanged, 1 failed"
    assert couch.documents is not None
    assert "theirs" in couch.documents["t00"]
    assert "grant_mode" not in couch.documents["t00"]


def test_the_same_change_made_by_somebody_else_is_told(google: Path, couch: Couch, url: str, run: Run) -> None:
    def somebody(asked: Asked) -> None:
        if is_put(asked):
            couch.put("google", **asked.body)

    couch.before = somebody
    done = run("apply", "--couch", url)
    assert done.code == 0
    assert "unchanged google: someone else has already made the same change" in done.out
    assert done.out.splitlines()[-1] == "0 created, 0 changed, 1 unchanged"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_busy_server_is_asked_again(google: Path, couch: Couch, url: str, run: Run, status: int, method: str) -> None:
    couch.before = first(2, lambda asked: asked.method == method, lambda: answer(status, {}))
    done = run("apply", "--couch", url)
    assert done.code == 0
    assert done.out.splitlines()[-1] == "1 created, 0 changed, 0 unchanged"


def test_a_server_that_stays_busy_is_given_up(google: Path, couch: Couch, url: str, run: Run) -> None:
    couch.before = lambda asked: answer(503, {})
    done = run("apply", "--couch", url)
    assert done.code == 1
    assert "error: http://" in done.err
    assert "503" in done.err


@pytest.mark.parametrize("lost_after", ["written", "read"])
@pytest.mark.parametrize("number", [1, 40])
def test_a_write_whose_answer_is_lost_is_neither_a_conflict_nor_made_twice(
    folder: Path, couch: Couch, url: str, run: Run, number: int, lost_after: str
) -> None:
    for index in range(number):
        write(folder / f"account_types/t{index:02}.yaml", GOOGLE)
    lost = False

    def lose(asked: Asked) -> Response | None:
        nonlocal lost
        if lost or not (is_put(asked) or asked.path.endswith("_bulk_docs")):
            return None
        lost = True
        if lost_after == "written":
            couch.answer(asked)
        return asked.hang_up()

    couch.before = lose
    done = run("apply", "--couch", url)
    assert done.code == 0
    assert done.out.splitlines()[-1] == f"{number} created, 0 changed, 0 unchanged"
    assert couch.documents is not None
    assert {document["_rev"] for document in couch.documents.values()} == {"1-x"}


def test_retry_after_is_respected_and_the_time_limit_bounds_the_whole(couch: Couch, url: str) -> None:
    now, slept = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    couch.before = first(1, lambda asked: True, lambda: answer(503, {}, Retry_After="7"))
    with connected(url, clock=lambda: now, sleep=sleep) as connection:
        connection.send("GET", "x/_security")
        assert slept == [7.0]
        couch.before = first(1, lambda asked: True, lambda: answer(503, {}, Retry_After="70"))
        with pytest.raises(StoreError, match="busy"):
            connection.send("GET", "x/_security")
        assert slept == [7.0]


def test_retry_after_may_be_a_date(couch: Couch, url: str) -> None:
    slept: list[float] = []
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    couch.before = first(1, lambda asked: True, lambda: answer(503, {}, Retry_After=date))
    with connected(url, 10_000, sleep=slept.append) as connection:
        connection.send("GET", "x/_security")
    assert 3000 < slept[0] <= 3600


def test_one_document_that_fails_does_not_stop_the_others(folder: Path, couch: Couch, url: str, run: Run) -> None:
    for id in "abc":
        write(folder / f"account_types/{id}.yaml", GOOGLE)
    too_large = answer(413, {"error": "document_too_large", "reason": "b"})
    couch.before = lambda asked: too_large if asked.path.endswith("/b") else None
    done = run("apply", "--couch", url)
    assert done.code == 1
    assert "failed    b: the server refuses it (413): b" in done.out
    assert done.out.splitlines()[-1] == "2 created, 0 changed, 0 unchanged, 1 failed"


def test_a_row_of_a_bulk_that_fails_is_named(folder: Path, couch: Couch, url: str, run: Run) -> None:
    for index in range(40):
        write(folder / f"account_types/t{index:02}.yaml", GOOGLE)

    def handler(asked: Asked) -> Response | None:
        if not asked.path.endswith("_bulk_docs"):
            return None
        rows = json.loads(couch.answer(asked).get_data())
        rows[3] = {"id": "t03", "error": "forbidden", "reason": "no"}
        del rows[5]
        return answer(201, rows)

    couch.before = handler
    done = run("apply", "--couch", url)
    assert done.code == 1
    assert "failed    t03: forbidden: no" in done.out
    assert "created   t05" in done.out  # the answer of the server does not mention it: it is read again
    assert done.out.splitlines()[-1] == "39 created, 0 changed, 0 unchanged, 1 failed"


def test_a_refused_sign_in_is_never_tried_again(google: Path, couch: Couch, url: str, run: Run) -> None:
    couch.before = lambda asked: answer(401, {"error": "unauthorized"})
    done = run("apply", "--couch", url.replace("http://", "http://ada:hush-marker@"))
    assert done.code == 1
    assert sorted(asked.path.rpartition("/")[2].partition("?")[0] for asked in couch.asked) == [
        "_all_docs",
        "_security",
    ]
    assert "refuses the user or password (401)\nnext: " in done.err
    assert "marker" not in done.err


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (answer(403, {"error": "forbidden"}), "denied this user access to the database"),
        (Response("<html>404", 404), "is not a CouchDB: it answers 404"),
        (answer(404, {"detail": "no route"}), "is not a CouchDB: it answers 404"),
        (Response("", 302, {"Location": "https://elsewhere.example/"}), "redirects to another address (302)"),
        (Response("<html>Sign in</html>"), "something other than the JSON of CouchDB"),
        (answer(200, ["rows"]), "something other than the JSON of CouchDB"),
        (answer(200, {"rows": [{"doc": {}}]}), "something other than the JSON of CouchDB"),
        (Response("[" * 100_000), "something other than the JSON of CouchDB"),
        (Response("text", headers={"Content-Encoding": "gzip"}), "something other than the JSON of CouchDB"),
        (answer(500, {"error": "x", "reason": "disk\nfull"}), "answers 500: disk\\nfull"),
    ],
)
def test_an_answer_that_is_no_use_is_explained(
    google: Path, couch: Couch, url: str, run: Run, response: Response, expected: str
) -> None:
    couch.before = lambda asked: response
    for command in ("diff", "apply"):
        done = run(command, "--couch", url)
        assert done.code == 1
        assert expected in done.err
        assert "\nnext: " in done.err


def test_half_a_character_that_is_kept_is_sent_back(google: Path, couch: Couch, url: str, run: Run) -> None:
    couch.put("google", theirs="\ud800")
    assert run("apply", "--couch", url).code == 0
    assert couch.documents is not None
    assert couch.documents["google"]["theirs"] == "\ud800"


def test_nobody_listens(google: Path, run: Run) -> None:
    done = run("apply", "--couch", f"127.0.0.1:{free_port()}")
    assert done.code == 1
    assert done.err.startswith("error: connection refused: nothing is listening at http://127.0.0.1:")


def test_an_unknown_host(google: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object, **options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    done = run("apply", "--couch", "http://couch.invalid:5984")
    assert done.err.startswith("error: the host of http://couch.invalid:5984 has no address\nnext: ")


def test_a_server_that_never_answers(google: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run("apply", "--timeout", "0.5", "--couch", f"127.0.0.1:{server.getsockname()[1]}")
    assert done.code == 1
    assert "within 0.5 s\nnext: " in done.err


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        yield server


def test_a_certificate_of_an_unknown_authority(google: Path, secure: HTTPServer, run: Run) -> None:
    serve(secure)
    done = run("diff", "--couch", secure.url_for(""))
    assert done.code == 1
    assert "is not trusted" in done.err
    assert "SSL_CERT_FILE" in done.err


def test_an_authority_that_is_named_is_trusted(
    google: Path, secure: HTTPServer, authority: trustme.CA, run: Run, folder: Path
) -> None:
    serve(secure)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    assert run("diff", "--couch", secure.url_for(""), env={"SSL_CERT_FILE": str(folder / "ca.pem")}).code == 0
    write(folder / "provision.yaml", f"targets: {{t: {{couch: '{secure.url_for('')}', tls: {{ca_cert: ca.pem}}}}}}\n")
    assert run("diff", "--target", "t").code == 0


def test_https_to_a_port_that_speaks_http(google: Path, couch: Couch, url: str, run: Run) -> None:
    done = run("diff", "--couch", url.replace("http://", "https://"))
    assert done.code == 1
    assert "no TLS connection" in done.err


def test_http_to_a_port_that_speaks_https(google: Path, secure: HTTPServer, run: Run) -> None:
    serve(secure)
    done = run("diff", "--couch", secure.url_for("").replace("https://", "http://"))
    assert done.code == 1
    assert done.err.startswith("error: ")


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:pa@marker@h",
        "http://ada:pa/marker@h",
        "http://ada:pa#marker@h",
        "http://ada:pa?marker@h",
        "ftp://ada:marker@h",
        "http://",
        "http://h:marker",
    ],
)
def test_an_address_that_cannot_be_meant_is_wrong_usage_and_not_printed(google: Path, run: Run, address: str) -> None:
    done = run("diff", "--couch", address)
    assert done.code == 2
    assert "marker" not in done.err


@settings(max_examples=40)
@given(
    status=st.sampled_from([200, 201, 204, 301, 400, 404, 409, 418, 500]),
    body=st.one_of(
        st.binary(max_size=30),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "rows",
                            "id",
                            "doc",
                            "error",
                            "rev",
                            "_id",
                            "_rev",
                            "version",
                            "key",
                            "account_types",
                            "owners",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_no_answer_gives_a_traceback(google: Path, couch: Couch, url: str, run: Run, status: int, body: bytes) -> None:
    couch.before = lambda asked: Response(body, status)
    for command in ("diff", "apply", "list"):
        assert run(command, "--couch", url).code in (0, 1)


@pytest.mark.parametrize("exists", [True, False])
def test_an_admin_of_the_database_alone_fills_an_empty_one(
    google: Path, couch: Couch, url: str, run: Run, exists: bool
) -> None:
    """CouchDB answers 401 to whoever is no server admin and creates a database, even if it exists."""
    couch.documents = {} if exists else None

    def no_server_admin(asked: Asked) -> Response | None:
        if asked.method == "PUT" and asked.path.rstrip("/") == f"/{DATABASE}":
            body = {"error": "unauthorized", "reason": "You are not a server admin."}
            return Response(json.dumps(body), 401, content_type="application/json")
        return None

    couch.before = no_server_admin
    done = run("apply", google, "--couch", url, env={"COUCHDB_USER": "anna", "COUCHDB_PASSWORD": "pw"})
    assert "refuses the user or password" not in done.err
    assert done.code == (0 if exists else 1)
    if exists:
        assert couch.documents is not None
        assert couch.documents.keys() == {"google"}
    else:
        assert "and this user may not create it: You are not a server admin." in done.err
        assert "next: let a server admin create it, and apply again" in done.err
        anonymous = run("apply", google, "--couch", url)
        assert "only an admin may create it: COUCHDB_USER is missing" in anonymous.err
