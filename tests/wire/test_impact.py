"""``provision impact``: how many connected accounts depend on an account type."""

import json

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import Run
from tests.outputs import only

DATABASES = {"alice": ["google"] * 1500 + ["other"], "bob": ["google"], "carol": ["other"]}
"""The account types of the accounts of each instance."""


@pytest.fixture
def url(httpserver: HTTPServer) -> str:
    """A server with three instances; a query for more than ids would fail."""

    def find(request: Request) -> Response:
        query = request.get_json()
        assert query["fields"] == ["_id"]
        name = request.path.split("/")[1]
        mine = [f"{number}" for number, each in enumerate(DATABASES[name]) if each == query["selector"]["account_type"]]
        start = int(query.get("bookmark", 0))
        page = mine[start : start + query["limit"]]
        return Response(json.dumps({"docs": [{"_id": id} for id in page], "bookmark": str(start + len(page))}))

    names = ["_users", "secrets/io-cozy-account_types", *(f"{name}/io-cozy-accounts" for name in DATABASES)]
    httpserver.expect_request("/_all_dbs").respond_with_json(names)
    for name in DATABASES:
        httpserver.expect_request(f"/{name}/io-cozy-accounts/_find", method="POST").respond_with_handler(find)
    return httpserver.url_for("").rstrip("/")


def test_accounts_are_counted_page_by_page(url: str, run: Run) -> None:
    done = run("impact", "google", "--couch", url)
    assert done.code == 0
    assert done.out.splitlines()[1:] == ["google: 1501 connected accounts on 2 of 3 instances"]
    row = only(run("impact", "google", "--couch", url, "--format", "json").out)
    assert (row["account_type"], row["accounts"], row["instances"], row["of"]) == ("google", 1501, 2, 3)


def test_an_account_type_that_nobody_uses(url: str, run: Run) -> None:
    assert "unused: 0 connected accounts on 0 of 3 instances\n" in run("impact", "unused", "--couch", url).out


def test_whoever_may_not_list_databases_is_told(httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request("/_all_dbs").respond_with_json({"error": "unauthorized"}, 401)
    done = run("impact", "google", "--couch", httpserver.url_for("").rstrip("/"))
    assert done.code == 1
    assert "does not let this user list its databases (401)" in done.err
    assert "next: sign in as an admin of this CouchDB" in done.err


def test_an_instance_that_is_deleted_meanwhile_counts_nothing(httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request("/_all_dbs").respond_with_json(["gone/io-cozy-accounts"])
    httpserver.expect_request("/gone/io-cozy-accounts/_find").respond_with_json({"error": "not_found"}, 404)
    done = run("impact", "google", "--couch", httpserver.url_for("").rstrip("/"))
    assert "google: 0 connected accounts on 0 of 1 instance\n" in done.out


def test_an_answer_of_another_shape_is_an_error(httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request("/_all_dbs").respond_with_json(["a/io-cozy-accounts"])
    httpserver.expect_request("/a/io-cozy-accounts/_find").respond_with_json({})
    assert run("impact", "google", "--couch", httpserver.url_for("").rstrip("/")).code == 1
