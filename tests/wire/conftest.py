"""A server in which a test decides every answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.conftest import Run, also_incomplete, write
from tests.wire.couch import Couch, serve

GOOGLE = 'grant_mode: authorization_code\nclient_id: "1"\nauth_endpoint: https://a.example/\n'


@pytest.fixture(scope="session")
def server() -> Iterator[HTTPServer]:
    """One server for all tests, which answers several requests at a time."""
    with HTTPServer(threaded=True) as running:
        yield running


@pytest.fixture
def couch(server: HTTPServer) -> Couch:
    return serve(server)


@pytest.fixture
def url(server: HTTPServer) -> str:
    return server.url_for("").rstrip("/")


@pytest.fixture
def google(folder: Path) -> Path:
    return write(folder / "account_types/google.yaml", GOOGLE)


@pytest.fixture
def run(run: Run) -> Run:
    """Runs ``provision``; new account types are also written without credentials, which these definitions lack."""
    return also_incomplete(run)
