"""When a run keeps what it changes: before the first byte of a write, and again if somebody else was faster."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Run, write
from tests.wire.conftest import GOOGLE
from tests.wire.couch import Asked, Couch


@pytest.fixture
def target(google: Path, url: str) -> list[str]:
    folder = google.parent.parent
    rows = {"one": {"couch": url, "backup": {"folder": str(folder / "backups")}}}
    write(folder / "provision.yaml", yaml.safe_dump({"targets": rows}))
    return ["--target", "one"]


def kept(folder: Path) -> list[dict[str, Any]]:
    """The documents that each backup holds."""
    rows = [list(map(json.loads, path.read_text().splitlines())) for path in (folder / "backups").glob("*.jsonl")]
    return [{row["id"]: row for row in lines if "before" in row} for lines in rows]


def test_a_document_is_kept_before_it_is_written(target: list[str], google: Path, couch: Couch, run: Run) -> None:
    seen: list[Any] = []

    def before(asked: Asked) -> None:
        if asked.method == "PUT" and asked.body and "grant_mode" in asked.body:
            seen.append(kept(google.parent.parent))

    couch.put("google", grant_mode="secret", slug="mine")
    rev = couch.documents["google"]["_rev"] if couch.documents else None
    couch.before = before
    assert run("apply", *target).code == 0
    assert seen == [
        [
            {
                "google": {
                    "id": "google",
                    "rev": rev,
                    "before": {"grant_mode": "secret", "slug": "mine"},
                    "after": {**yaml.safe_load(GOOGLE), "slug": "mine"},
                    "left_out": [],
                    "losing": {},
                }
            }
        ]
    ]


def test_what_somebody_else_wrote_meanwhile_is_kept_too(
    target: list[str], google: Path, couch: Couch, run: Run
) -> None:
    def before(asked: Asked) -> None:
        if asked.method == "PUT" and asked.body and "grant_mode" in asked.body and not faster:
            faster.append(asked)
            couch.put("google", grant_mode="secret", slug="theirs")

    faster: list[Asked] = []
    couch.put("google", grant_mode="secret", slug="mine")
    couch.before = before
    assert run("apply", *target).code == 0
    (documents,) = kept(google.parent.parent)
    assert documents["google"]["before"] == {"grant_mode": "secret", "slug": "theirs"}
    assert run("undo", *target, "--yes").code == 0
    assert couch.documents
    assert couch.documents["google"]["slug"] == "theirs"
    assert couch.documents["google"]["grant_mode"] == "secret"


def test_a_write_that_cannot_be_recorded_is_told(target: list[str], google: Path, couch: Couch, run: Run) -> None:
    def before(asked: Asked) -> None:
        if asked.method == "PUT" and asked.body and "grant_mode" in asked.body:
            (path,) = (google.parent.parent / "backups").iterdir()
            path.unlink()

    couch.before = before
    done = run("apply", *target)
    assert (done.code, "created   google" in done.out) == (0, True), done
    assert "warning: the backup is incomplete, so provision undo cannot restore everything: " in done.err


def test_a_document_that_cannot_be_kept_again_is_not_written(
    target: list[str], google: Path, couch: Couch, run: Run
) -> None:
    def before(asked: Asked) -> None:
        if asked.method == "PUT" and asked.body and "grant_mode" in asked.body:
            couch.put("google", grant_mode="secret", slug="theirs")
            folder = google.parent.parent / "backups"
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
            write(folder, "a file in place of the folder")

    couch.put("google", grant_mode="secret", slug="mine")
    couch.before = before
    done = run("apply", *target)
    assert done.code == 1
    assert "failed    google: its new revision could not be backed up; not written: " in done.out
    assert couch.documents
    assert couch.documents["google"]["slug"] == "theirs"
