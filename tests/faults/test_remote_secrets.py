"""A sample of the matrix on the second kind of document: what is said is so, no value is shown, the next run converges."""

import json
from pathlib import Path

from tests.conftest import Run, write
from tests.faults import some
from tests.faults.proxy import Fault, Proxy, Trouble
from tests.faults.scene import fresh
from tests.live_server import Live

IDS = ("org.one", "org.two")
NEW = {id: f"s3cr3t-marker-{id}" for id in IDS}
GIVEN = {f"REMOTE_SECRET_{id.upper().replace('.', '_')}_TOKEN": value for id, value in NEW.items()}
FAULTS = (Fault.RESET, Fault.SERVER_ERROR, Fault.EMPTY, Fault.GARBAGE, Fault.FORBIDDEN)
EVERY = [
    Trouble(fault, acts=acts, number=number) for fault in FAULTS for acts in (False, True) for number in range(1, 7)
]
FEW = [Trouble(fault, acts=number % 2 == 0, number=number) for number, fault in enumerate(FAULTS, start=2)]


def test_nothing_is_lost_and_nothing_false_is_said(folder: Path, live: Live, proxy: Proxy, run: Run) -> None:
    for id in IDS:
        write(folder / f"remote_secrets/{id}.yaml", "secrets: [token]\n")
    for trouble in some(EVERY, FEW):
        database = fresh(live)
        try:
            database.put(IDS[0], {"token": "old", "theirs": "kept"})
            reached = ["apply", "--owner", "me", "--database", database.database, "--format", "json", "--couch"]
            proxy.expect(trouble)
            done = run(*reached, proxy.url, env=GIVEN)
            proxy.expect(None)
            assert "marker" not in done.out + done.err, trouble
            after = database.documents()
            assert after[IDS[0]]["theirs"] == "kept", trouble
            rows = json.loads(done.out or "{}").get("targets", [{}])[0].get("outcomes", [])
            written = {row["id"] for row in rows if row["outcome"] in ("created", "changed")}
            assert {id for id in IDS if after.get(id, {}).get("token") == NEW[id]} >= written, trouble
            assert not [row for row in rows if row["outcome"] == "unknown"], trouble
            assert run(*reached, live.url, env=GIVEN).code == 0, trouble
            assert {id: each["token"] for id, each in database.documents().items()} == NEW, trouble
        finally:
            database.http.delete(database.path)
