"""A demonstration: the catalogue into an empty CouchDB, twice, and a change made there by hand.

``python -m tests.demo [URL]``: without a URL, into a CouchDB-compatible server of its own, in memory. With one, into a
database of its own on that server, which it removes.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from provisioner.adapters.couchdb.address import read_address
from tests.couchdb.server import running

VARIABLES = {
    "PROVISION_VAR_domain": "mycozy.example",
    "PROVISION_VAR_cozy_host": "alice.mycozy.example",
    "PROVISION_VAR_okta_domain": "example.okta.com",
    "PROVISION_VAR_shopify_shop": "example.myshopify.com",
    "PROVISION_VAR_zendesk_subdomain": "example",
}
CREDENTIALS = {
    f"ACCOUNT_TYPE_{id}_{field}": f"made-up-{field.lower().replace('_', '-')}"
    for id in ("GITHUB", "GOOGLE", "SPOTIFY", "STRAVA")
    for field in ("CLIENT_ID", "CLIENT_SECRET")
}
"""The other account types of the catalogue are left out, because they have none."""


def main() -> None:
    """Run the demonstration; any surprise ends it with a failure."""
    with server() as url:
        database = f"demo-{uuid.uuid4().hex[:8]}/io-cozy-account_types"
        address = read_address(url, os.environ)
        auth = (address.user, str(address.password.reveal())) if address.user and address.password else None
        with httpx.Client(auth=auth, trust_env=False, timeout=60) as http:
            live = f"{address.url}/{database.replace('/', '%2F')}"
            try:
                show(Shell(url, database), http, live)
            finally:
                http.delete(live)


@contextmanager
def server() -> Iterator[str]:
    if len(sys.argv) > 1:
        yield sys.argv[1]
        return
    with running() as url:
        yield url


class Shell:
    """Runs commands against one database, and prints them as a session."""

    def __init__(self, url: str, database: str) -> None:
        self._environment = os.environ | VARIABLES | CREDENTIALS | {"PROVISION_COUCH": url}
        self._database = database

    def provision(self, command: str, expected: int = 0, last: int = 12) -> str:
        """Run a command, print its last lines, and return all it printed."""
        print(f"\n$ provision {command}", flush=True)
        program = [sys.executable, "-m", "provisioner", *command.split(), "--database", self._database]
        done = subprocess.run(program, env=self._environment, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        shown = [*(["…"] if len(lines) > last else []), *lines[-last:]]
        print("\n".join(shown) + "\n" + done.stderr.rstrip(), flush=True)
        if done.returncode != expected:
            raise SystemExit(f"the demo expected exit code {expected} and got {done.returncode}")
        return done.stdout


def show(shell: Shell, http: httpx.Client, live: str) -> None:
    shell.provision("diff --exit-code", expected=3)
    assert " 0 unchanged" in shell.provision("apply")
    before = http.get(f"{live}/_all_docs").json()["rows"]
    assert "0 created, 0 changed" in shell.provision("apply", last=1)
    assert http.get(f"{live}/_all_docs").json()["rows"] == before, "a second apply wrote something"

    print("\n# Somebody edits google by hand …", flush=True)
    google = http.get(f"{live}/google").json()
    edited = google | {"token_mode": "get", "slug": "put in by hand"}
    http.put(f"{live}/google", json=edited).raise_for_status()
    difference = shell.provision("diff account_types/google.yaml --exit-code", expected=3)
    assert 'token_mode: "get" → "form"' in difference
    assert "made-up" not in difference, "a secret was shown"
    shell.provision("apply account_types/google.yaml")
    assert http.get(f"{live}/google").json()["slug"] == "put in by hand", "a field that nobody defines was lost"
    print("\nThe demo ends here; what it made is gone.")


if __name__ == "__main__":
    main()
