"""A catalogue far larger than any real one is applied twice, and what was removed from it is still known as ours."""

import json
from pathlib import Path

from tests.conftest import Run, write
from tests.faults import FULL
from tests.faults.scene import NEW, OWNER
from tests.live_server import Live
from tests.outputs import only

NUMBER = 20_000 if FULL else 600
"""The smaller number still needs more than one request to write."""


def test_a_large_catalogue_is_applied_twice_and_a_removed_file_is_still_ours(
    folder: Path, live: Live, run: Run
) -> None:
    for number in range(NUMBER):
        write(folder / f"account_types/t{number:05}.json", json.dumps(NEW))
    apply = ["apply", "--yes", "--format", "json", "--timeout", 600, "--owner", OWNER]
    apply += ["--couch", live.url, "--database", live.database]
    first = run(*apply)
    assert first.code == 0, first.err
    assert only(first.out)["summary"]["created"] == NUMBER
    writes = live.revisions()
    assert only(run(*apply).out)["summary"]["unchanged"] == NUMBER
    assert live.revisions() == writes
    (folder / "account_types/t00007.json").unlink()
    pruned = only(run(*apply, "--prune").out)["outcomes"]
    assert [(row["id"], row["outcome"]) for row in pruned] == [("t00007", "removed")]
    assert len(live.documents()) == NUMBER - 1
