"""The requests of ``apply`` and ``diff``, byte for byte, and how many there are."""

import base64
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from werkzeug import Response

from provisioner.adapters.couchdb.store import CouchStore
from provisioner.core.plan.store import Live, Write
from tests.conftest import Run, write
from tests.listening import listening
from tests.program import PATIENCE
from tests.wire.conftest import GOOGLE
from tests.wire.couch import DATABASE, Asked, Couch, answer, connected


def test_an_unchanged_apply_makes_two_requests_and_writes_nothing(
    google: Path, couch: Couch, url: str, run: Run
) -> None:
    for number in range(50):
        write(google.parent / f"t{number}.yaml", GOOGLE)
    assert run("apply", "--couch", url).code == 0
    couch.asked.clear()
    assert run("apply", "--couch", url).code == 0
    assert sorted((asked.method, asked.path) for asked in couch.asked) == [
        ("GET", f"/{DATABASE}/_all_docs?include_docs=true&conflicts=true&limit=5000"),
        ("GET", f"/{DATABASE}/_security"),
    ]


def test_more_documents_than_a_page_holds_are_read_in_several(couch: Couch, url: str) -> None:
    ids = [f"t{number:05}" for number in range(12_000)]
    for id in ids:
        couch.put(id)
    assert [*read_all(url)] == ids
    assert [asked.path.partition("startkey=")[2] for asked in couch.asked] == ["", "%22t04999%22", "%22t09998%22"]


def test_a_page_whose_last_document_is_deleted_meanwhile_hides_no_other(couch: Couch, url: str) -> None:
    def deleted(asked: Asked) -> None:
        if "startkey" in asked.path and couch.documents:
            del couch.documents["t04999"]

    for number in range(5_001):
        couch.put(f"t{number:05}")
    couch.before = deleted
    assert [*read_all(url)][-1] == "t05000"


def test_a_server_that_ignores_where_a_page_starts_is_not_asked_forever(couch: Couch, url: str) -> None:
    rows = [{"id": f"t{number:04}", "doc": {"_id": f"t{number:04}", "_rev": "1-a"}} for number in range(5_000)]
    couch.before = lambda asked: answer(200, {"rows": rows})
    assert len(read_all(url)) == 5_000


def read_all(url: str) -> Mapping[str, Live]:
    with connected(url) as connection:
        return CouchStore(connection, "secrets/io-cozy-account_types").read_all().documents


def test_an_apply_of_some_files_reads_only_their_documents(google: Path, couch: Couch, url: str, run: Run) -> None:
    write(google.parent / "other.yaml", GOOGLE)
    assert run("apply", google, "--couch", url).code == 0
    (read,) = (asked for asked in couch.asked if "_all_docs" in asked.path)
    assert read.body == {"keys": ["google"]}


def test_a_create_has_no_revision_and_an_update_the_one_that_was_read(
    google: Path, couch: Couch, url: str, run: Run
) -> None:
    write(google.parent / "foobar/a.yaml", f"{GOOGLE}redirect_uri: https://b.example/accounts/a/redirect\n")
    couch.put("foobar/a", slug="kept")
    run("apply", "--couch", url)
    puts = {asked.path: asked for asked in couch.asked if asked.method == "PUT"}
    assert puts.keys() == {f"/{DATABASE}/google", f"/{DATABASE}/foobar%2Fa"}
    assert puts[f"/{DATABASE}/google"].body == {
        "grant_mode": "authorization_code",
        "client_id": "1",
        "auth_endpoint": "https://a.example/",
    }
    update = puts[f"/{DATABASE}/foobar%2Fa"]
    assert update.body["_rev"] == "1-x"
    assert update.body["slug"] == "kept"
    assert update.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("id", "encoded"), [("a b", "a%20b"), ("é?#&%", "%C3%A9%3F%23%26%25")])
def test_an_id_is_percent_encoded(folder: Path, couch: Couch, url: str, run: Run, id: str, encoded: str) -> None:
    write(folder / "account_types/x.yaml", f'_id: "{id}"\n{GOOGLE}')
    run("apply", "--couch", url)
    assert f"/{DATABASE}/{encoded}" in [asked.path for asked in couch.asked if asked.method == "PUT"]


def test_a_missing_database_is_created_closed_and_indexed_before_any_document(
    google: Path, couch: Couch, url: str, run: Run
) -> None:
    couch.documents = None
    run("apply", "--couch", url)
    asked = [(asked.method, asked.path.removeprefix(f"/{DATABASE}")) for asked in couch.asked]
    assert {("GET", "/_session%2F"), ("GET", "/_all_dbs"), ("GET", "/_security")} < {*asked[:4]}, "read side by side"
    assert asked[4:9] == [
        ("PUT", ""),
        ("GET", "/_security"),
        ("PUT", "/_security"),
        ("POST", "/_index"),
        ("PUT", "/google"),
    ]
    assert couch.asked[6].body["members"]["roles"] == ["_admin"]
    assert couch.asked[7].body == {"ddoc": "by-slug", "index": {"fields": ["slug"]}}


def test_a_database_that_the_server_closes_itself_is_left_as_it_is(
    google: Path, couch: Couch, url: str, run: Run
) -> None:
    couch.documents = None
    closed = '{"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}'
    couch.before = lambda asked: Response(closed) if asked.path.endswith("_security") else None
    run("apply", "--couch", url)
    assert [asked.method for asked in couch.asked if asked.path.endswith("_security")] == ["GET", "GET"]


@pytest.mark.parametrize("status", [400, 500])
def test_nothing_is_written_where_the_index_cannot_be_defined(
    google: Path, couch: Couch, url: str, run: Run, status: int
) -> None:
    couch.documents = None
    couch.before = lambda asked: answer(status, {"error": "odd"}) if asked.path.endswith("_index") else None
    done = run("apply", "--couch", url)
    assert (done.code, f"answers {status}" in done.err) == (1, True)
    assert not couch.writes()[2:], "after the database and its _security"


def test_more_than_32_writes_go_in_bulk_of_500(folder: Path, couch: Couch, url: str, run: Run) -> None:
    for number in range(1010):
        write(folder / f"account_types/t{number:04}.yaml", GOOGLE)
    done = run("apply", "--couch", url)
    assert done.out.endswith("1010 created, 0 changed, 0 unchanged\n")
    assert [len(asked.body["docs"]) for asked in couch.asked if asked.path.endswith("_bulk_docs")] == [500, 500, 10]


def test_what_is_read_after_a_write_is_asked_of_most_nodes(google: Path, couch: Couch, run: Run, url: str) -> None:
    """``_all_docs`` asks one node alone, which may not have the write yet."""

    def before(asked: Asked) -> None:
        if asked.method == "PUT" and asked.path.endswith("/google") and not faster:
            faster.append(len(couch.asked))
            couch.put("google", slug="theirs")

    faster: list[int] = []
    couch.put("other")
    couch.before = before
    assert run("apply", "--couch", url).code == 0
    assert [(asked.method, asked.path) for asked in couch.asked[faster[0] :]] == [
        ("GET", f"/{DATABASE}/google?conflicts=true"),
        ("PUT", f"/{DATABASE}/google"),
    ]


def test_more_than_a_thousand_named_files_are_read_in_two_requests(couch: Couch, url: str) -> None:
    with connected(url) as connection:
        CouchStore(connection, "secrets/io-cozy-account_types").survey([f"t{number}" for number in range(1010)])
    assert [len(asked.body["keys"]) for asked in couch.asked if asked.body] == [1000, 10]


def test_32_writes_go_one_by_one_at_most_8_at_a_time(couch: Couch, url: str) -> None:
    full, running, most = threading.Barrier(8), 0, 0
    lock = threading.Lock()

    def count(asked: Asked) -> None:
        nonlocal running, most
        if asked.method == "PUT":
            with lock:
                running += 1
                most = max(most, running)
            full.wait(PATIENCE)  # passes only once eight are there together
            with lock:
                running -= 1

    couch.before = count
    with connected(url) as connection:
        results = list(
            CouchStore(connection, "secrets/io-cozy-account_types").write([Write(f"t{n}", None, {}) for n in range(32)])
        )
    assert len(results) == len(couch.writes()) == 32
    assert most == 8


@pytest.mark.parametrize(
    ("address", "environment", "expected"),
    [
        ("http://ada:p%40ss%2F@{host}", {}, b"ada:p@ss/"),
        ("ada:p%40ss@{host}", {}, b"ada:p@ss"),
        ("{host}", {"COUCHDB_USER": "bob", "COUCHDB_PASSWORD": "env"}, b"bob:env"),
        ("http://ada:url@{host}", {"COUCHDB_USER": "bob", "COUCHDB_PASSWORD": "env"}, b"ada:url"),
    ],
)
def test_user_and_password_come_from_the_url_then_the_environment(
    google: Path, couch: Couch, url: str, run: Run, address: str, environment: dict[str, str], expected: bytes
) -> None:
    done = run("apply", "--verbose", "--couch", address.format(host=url.removeprefix("http://")), env=environment)
    assert done.code == 0
    assert {asked.headers["authorization"] for asked in couch.asked} == {f"Basic {base64.b64encode(expected).decode()}"}
    assert expected.partition(b":")[2].decode() not in done.out + done.err


def test_user_and_password_come_from_netrc_last(google: Path, couch: Couch, url: str, run: Run, tmp_path: Path) -> None:
    netrc = write(tmp_path / "netrc", "machine localhost login carl password from-netrc\n")
    netrc.chmod(0o600)
    run("apply", "--couch", url.replace("127.0.0.1", "localhost"), env={"NETRC": str(netrc)})
    assert couch.asked[0].headers["authorization"] == f"Basic {base64.b64encode(b'carl:from-netrc').decode()}"


def test_the_environment_names_the_server(google: Path, couch: Couch, url: str, run: Run) -> None:
    assert run("apply", env={"PROVISION_COUCH": url}).code == 0
    assert couch.writes()


def test_a_path_before_the_database_is_kept(google: Path, couch: Couch, url: str, run: Run) -> None:
    run("diff", "--couch", f"{url}/couch/")
    assert f"/couch/{DATABASE}/_all_docs?include_docs=true&conflicts=true&limit=5000" in {
        asked.path for asked in couch.asked
    }


def test_a_proxy_in_the_environment_is_not_used_for_this_machine(
    google: Path, couch: Couch, url: str, run: Run
) -> None:
    environment = {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }
    assert run("diff", "--couch", url, env=environment).code == 0


def test_connections_are_kept_alive(folder: Path, run: Run) -> None:
    couch = Couch()
    ports = set()

    class Handler(BaseHTTPRequestHandler):
        """Speaks HTTP/1.1, which the other server of these tests does not."""

        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            ports.add(self.client_address[1])
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, {}, json.loads(body) if body else None, self.connection)
            answer = couch.answer(asked)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.get_data())))
            self.end_headers()
            self.wfile.write(answer.get_data())

        do_GET = do_PUT = do_POST = handle_any  # noqa: N815  # the names that the base class looks for

        def log_message(self, format: str, *args: object) -> None:
            pass

    for number in range(30):
        write(folder / f"account_types/t{number}.yaml", GOOGLE)
    with listening(Handler) as port:
        done = run("apply", "--couch", f"127.0.0.1:{port}")
    assert done.out.endswith("30 created, 0 changed, 0 unchanged\n")
    assert len(ports) <= 8
