"""The whole catalogue goes into a real database, and comes back as it was written."""

from pathlib import Path

from tests.catalogue.shipped import FOLDER, IDS, Shipped
from tests.conftest import Run
from tests.live_server import Live


def test_the_whole_catalogue_is_applied_and_read_back(folder: Path, live: Live, run: Run) -> None:
    values = {
        name: "tenant.example"
        for id in IDS
        for name, rest in Shipped.of(id).variables.items()
        if not rest.startswith(":-")
    }
    where = ["--couch", live.url, "--database", live.database, "--incomplete", "warn"]
    sets = [option for name, value in values.items() for option in ("--set", f"{name}={value}")]
    done = run("apply", FOLDER, *where, *sets)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"{len(IDS)} created, 0 changed, 0 unchanged"
    written = live.documents()
    assert sorted(written) == IDS
    for id in IDS:
        sent = {key: value for key, value in Shipped.of(id).definition.items() if not key.startswith("x-")}
        got = {key: value for key, value in written[id].items() if not key.startswith("_")}
        assert got.keys() == sent.keys()
        assert all(got[key] == value for key, value in sent.items() if "${" not in str(value))
        assert "${" not in str(got)
        assert got["redirect_uri"] == f"https://oauthcallback.tenant.example/accounts/{id}/redirect"
    assert run("diff", FOLDER, *where, *sets, "--exit-code").code == 0
    assert run("apply", FOLDER, *where, *sets).out.splitlines()[-1] == f"0 created, 0 changed, {len(IDS)} unchanged"
