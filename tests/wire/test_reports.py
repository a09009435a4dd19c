"""Reports on live documents."""

from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.wire.couch import Couch


@pytest.mark.parametrize("format", ["sarif", "gitlab"])
def test_live_documents_are_left_out_of_a_report_that_shows_files(
    folder: Path, couch: Couch, url: str, run: Run, format: str
) -> None:
    couch.documents = {}
    couch.put("live", grant_mode="nonsense")
    write(folder / "account_types/a.yaml", "grant_mode: nonsense\n")
    command = ["validate", "account_types", "--couch", url]
    assert "couchdb:live" in run(*command).out
    done = run(*command, "--format", format)
    assert done.code == 1
    assert "couchdb:live" not in done.out
    assert "account_types/a.yaml" in done.out
