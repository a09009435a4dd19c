"""A live document that is nested deeper than we go is told of, stays as it is, and stops nothing else."""

import json
import re
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conftest import Run, write

DEPTHS = [199, 600, 1000, 9_998, 100_000]
OTHER = {"_id": "other", "_rev": "1-b", "grant_mode": "secret", "slug": "other", "secret": "x"}


@pytest.fixture(params=DEPTHS)
def url(request: pytest.FixtureRequest, httpserver: HTTPServer) -> str:
    """A server with a document of some depth, another one, and nothing that may be written."""
    secret = "[" * request.param + '"marker"' + "]" * request.param
    deep = f'{{"_id": "deep", "_rev": "1-a", "grant_mode": "secret", "slug": "deep", "secret": {secret}}}'
    documents = {"deep": deep, "other": json.dumps(OTHER)}

    def rows(request: Request) -> Response:
        keys = (
            (request.get_json(silent=True) or {}).get("keys", [*documents]) if request.method == "POST" else documents
        )
        found = ",".join(
            f'{{"id": "{key}", "key": "{key}", "value": {{"rev": "1-a"}}, "doc": {documents[key]}}}' for key in keys
        )
        return Response(f'{{"total_rows": 2, "offset": 0, "rows": [{found}]}}')

    base = re.compile("/secrets/io-cozy-account_types/?")
    httpserver.expect_request(re.compile(f"{base.pattern}/_all_docs")).respond_with_handler(rows)
    closed = {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}
    httpserver.expect_request(re.compile(f"{base.pattern}/_security")).respond_with_json(closed)
    httpserver.expect_request(re.compile(f"{base.pattern}/_index")).respond_with_json({"indexes": []})
    httpserver.expect_request("/").respond_with_json({"couchdb": "Welcome", "version": "3.5.0"})
    httpserver.expect_request("/_all_dbs").respond_with_json(["secrets/io-cozy-account_types"])
    httpserver.expect_request(base).respond_with_json({"db_name": "x"})
    return httpserver.url_for("").rstrip("/")


@pytest.fixture(autouse=True)
def _catalogue(folder: Path) -> None:
    for id in ("deep", "other"):
        write(folder / f"account_types/{id}.yaml", f"grant_mode: secret\nslug: {id}\n")


def test_every_live_command_goes_on(url: str, run: Run) -> None:
    listed = run("list", "--couch", url)
    assert listed.code == 0
    assert "other" in listed.out
    checked = run("check", "--couch", url)
    assert "secret is nested more than 200 levels deep" in checked.out
    for command in (["diff"], ["rehearse"], ["import", "--out", "defs"], ["list", "deep"]):
        done = run(*command, "--couch", url)
        assert "marker" not in done.out + done.err
        assert done.code in (0, 1), done.err
        assert "JSON" not in done.err


def test_it_is_never_written(url: str, folder: Path, run: Run) -> None:
    write(folder / "account_types/deep.yaml", "grant_mode: secret\nslug: deeper\n")
    done = run("apply", "--yes", "--couch", url)
    assert done.code == 1
    assert "secret of the live document is nested more than 200 levels deep, and would be lost" in done.out + done.err


def test_an_import_leaves_it_out(url: str, folder: Path, run: Run) -> None:
    done = run("import", "--out", "defs", "--couch", url, "--with-secrets")
    assert "left out: secret is nested more than 200 levels deep" in done.out + done.err, done.err
    assert all("cut off" not in path.read_text() for path in (folder / "defs").rglob("*.yaml"))
