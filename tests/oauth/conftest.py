"""The OAuth servers, and konnectors in development that use them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import write
from tests.oauth import servers


def _running(script: str) -> Iterator[str]:
    try:
        with servers.running(script) as issuer:
            yield issuer
    except servers.NotInstalledError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def oidc() -> Iterator[str]:
    """The issuer of a certified OpenID provider."""
    yield from _running("oidc.mjs")


@pytest.fixture(scope="session")
def mock() -> Iterator[str]:
    """The issuer of a server that answers oddly where its client wants it."""
    yield from _running("mock.mjs")


Konnector = Callable[..., Path]


@pytest.fixture
def konnector(folder: Path) -> Konnector:
    """Makes the current folder a konnector, with one definition `demo`."""

    def make(definition: dict[str, object], **manifest: object) -> Path:
        write(folder / "account_types/demo.yaml", json.dumps(definition))
        if manifest:
            write(folder / "manifest.konnector", json.dumps({"slug": "demo", **manifest}))
        return folder

    return make


def code_type(issuer: str, **more: object) -> dict[str, object]:
    """An account type of oauth2-mock-server."""
    return {
        "grant_mode": "authorization_code",
        "client_id": "demo-client",
        "auth_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "redirect_uri": "https://oauthcallback.cozy.example/accounts/demo/redirect",
        **more,
    }
