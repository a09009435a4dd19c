"""``provision list --accounts``: how many connected accounts depend on an account type."""

import json
import re
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import Run, write
from tests.outputs import only
from tests.rules.examples import SECRET

DATABASES = {"alice": ["google"] * 1500 + ["other"], "bob": ["google"], "carol": ["other"]}
"""The account types of the accounts of each instance."""


@pytest.fixture
def url(httpserver: HTTPServer) -> str:
    """A server with three instances; a query for other values than the names of account types would fail."""

    def find(request: Request) -> Response:
        query = request.get_json()
        assert query["fields"] == ["account_type"]
        name = request.path.split("/")[1]
        mine = [each for each in DATABASES[name] if each in query["selector"]["account_type"]["$in"]]
        start = int(query.get("bookmark", 0))
        page = mine[start : start + query["limit"]]
        return Response(
            json.dumps({"docs": [{"account_type": each} for each in page], "bookmark": str(start + len(page))})
        )

    names = ["_users", "secrets/io-cozy-account_types", *(f"{name}/io-cozy-accounts" for name in DATABASES)]
    httpserver.expect_request("/_all_dbs").respond_with_json(names)
    for name in DATABASES:
        httpserver.expect_request(f"/{name}/io-cozy-accounts/_find", method="POST").respond_with_handler(find)
    return ask(httpserver)


def ask(httpserver: HTTPServer) -> str:
    """The address of a server that has no account type."""
    httpserver.expect_request(re.compile("/secrets/.*")).respond_with_json({"error": "not_found"}, 404)
    return httpserver.url_for("").rstrip("/")


@pytest.fixture(autouse=True)
def _catalogue(folder: Path) -> None:
    for id in ("google", "unused"):
        write(folder / f"account_types/{id}.yaml", SECRET.format(slug=id))


def test_accounts_are_counted_page_by_page(url: str, run: Run) -> None:
    done = run("list", "google", "--accounts", "--couch", url)
    assert done.code == 0
    assert "connected accounts: 1501 on 2 of 3 instances" in done.out
    (row,) = only(run("list", "google", "--accounts", "--couch", url, "--format", "json").out)["account_types"]
    assert row["accounts"] == {"accounts": 1501, "instances": 2, "of": 3}


def test_without_ids_each_account_type_has_its_number(url: str, run: Run) -> None:
    lines = run("list", "--accounts", "--couch", url).out.splitlines()
    assert [line.split()[0] + line.partition(" new")[2] for line in lines[2:4]] == [
        "google    1501 on 2 of 3 instances",
        "unused    0 on 0 of 3 instances",
    ]
    assert "ACCOUNTS" not in run("list", "--couch", url).out


def test_whoever_may_not_list_databases_is_told(httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request("/_all_dbs").respond_with_json({"error": "unauthorized"}, 401)
    done = run("list", "google", "--accounts", "--couch", ask(httpserver))
    assert done.code == 1
    assert "does not let this user list its databases (401)" in done.err
    assert "next: sign in as an admin of this CouchDB" in done.err


def test_an_instance_that_is_deleted_meanwhile_counts_nothing(httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request("/_all_dbs").respond_with_json(["gone/io-cozy-accounts"])
    httpserver.expect_request("/gone/io-cozy-accounts/_find").respond_with_json({"error": "not_found"}, 404)
    done = run("list", "google", "--accounts", "--couch", ask(httpserver))
    assert "connected accounts: 0 on 0 of 1 instance\n" in done.out


def test_an_answer_of_another_shape_is_an_error(httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request("/_all_dbs").respond_with_json(["a/io-cozy-accounts"])
    httpserver.expect_request("/a/io-cozy-accounts/_find").respond_with_json({})
    done = run("list", "google", "--accounts", "--couch", ask(httpserver))
    assert (done.code, "answers 200 with something other than a list" in done.err) == (1, True), done


OVERRIDDEN = {
    "cozy1": ("ctx", ["late"] * 3 + ["ctx/late"]),
    "bob-example-8080": ("ctx", ["late"]),
    "cozy2": ("", ["late"] * 2 + ["ctx/late"]),
    "cozy3": ("other", ["late"] * 5),
}
"""The context of each instance, and the account types of its accounts."""


@pytest.fixture
def overridden(httpserver: HTTPServer) -> str:
    """A server whose instances have contexts, with an override for one of them and one for instances without any."""
    instances = [
        {"prefix": name, "domain": f"{name}.example", "context": context} for name, (context, _) in OVERRIDDEN.items()
    ]
    instances[1] = {"domain": "Bob.example:8080", "context": "ctx"}
    live = [
        {"_id": id, "_rev": "1-a", "slug": "late", "grant_mode": "secret", "secret": "x"} for id in ("late", "ctx/late")
    ]

    def found(request: Request) -> Response:
        assert set(request.get_json()["fields"]) == {"domain", "prefix", "context"}
        return Response(json.dumps({"docs": instances, "bookmark": "x"}))

    httpserver.expect_request("/_all_dbs").respond_with_json([f"{name}/io-cozy-accounts" for name in OVERRIDDEN])
    httpserver.expect_request("/global/instances/_find", method="POST").respond_with_handler(found)
    for name, (_, accounts) in OVERRIDDEN.items():
        docs = {"docs": [{"account_type": each} for each in accounts], "bookmark": "x"}
        httpserver.expect_request(f"/{name}/io-cozy-accounts/_find", method="POST").respond_with_json(docs)
    rows = [{"id": each["_id"], "key": each["_id"], "value": {"rev": "1-a"}, "doc": each} for each in live]
    answer = {"total_rows": len(rows), "offset": 0, "rows": rows}
    httpserver.expect_request("/secrets/io-cozy-account_types/_all_docs").respond_with_json(answer)
    httpserver.expect_request(re.compile("/secrets/.*")).respond_with_json({"error": "not_found"}, 404)
    return httpserver.url_for("").rstrip("/")


@pytest.mark.parametrize("id", ["late", "ctx/late"])
def test_an_account_counts_for_the_override_that_serves_it_now(overridden: str, run: Run, id: str) -> None:
    (row,) = only(run("list", id, "--accounts", "--couch", overridden, "--format", "json").out)["account_types"]
    numbers = {"late": (2 + 5, 2), "ctx/late": (3 + 1 + 1 + 1, 3)}
    assert (row["accounts"]["accounts"], row["accounts"]["instances"]) == numbers[id]
