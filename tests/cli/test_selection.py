"""Which definitions a command works on: paths, ids, globs, stdin."""

import io
import os
import sys
from pathlib import Path

import pytest

from provisioner.adapters.files.definitions import read_sources
from provisioner.cli import options
from provisioner.cli.wiring import Wiring
from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only


@pytest.fixture
def catalogue(folder: Path) -> Path:
    for id in ("google", "github", "spotify", "foobar/google"):
        slug = id.replace("/", "-")
        write(folder / f"account_types/{id}.yaml", f"grant_mode: secret\nslug: {slug}\n")
    return folder


def files(run: Run, *arguments: str) -> str:
    return run("validate", *arguments).out


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (["google"], 1),
        (["google", "spotify"], 2),
        (["foobar/google"], 1),
        (["google", "account_types/google.yaml"], 1),
        (["--only", "g*"], 2),
        (["--only", "g*", "--exclude", "*hub"], 1),
        (["--exclude", "*google"], 2),
        (["account_types/foobar", "spotify"], 2),
    ],
)
def test_ids_and_globs_choose_definitions(catalogue: Path, run: Run, arguments: list[str], number: int) -> None:
    assert files(run, *arguments).startswith(f"{number} file")


def test_the_id_in_a_file_counts(catalogue: Path, run: Run) -> None:
    write(catalogue / "account_types/other.yaml", "_id: music\ngrant_mode: secret\nslug: music\n")
    assert files(run, "music").startswith("1 file, 0 errors")
    assert files(run, "--only", "music").startswith("1 file, 0 errors")


def test_definitions_are_read_once_until_a_run_that_goes_on_reads_them_again(catalogue: Path) -> None:
    wiring = Wiring(options.Databases())
    found = wiring.catalogue(None)
    before = wiring.read(found)
    (catalogue / "account_types/google.yaml").unlink()
    assert wiring.read(found) == before
    wiring.read_again()
    assert len(wiring.read(found)) == len(before) - 1


def test_an_unknown_id_is_a_problem(catalogue: Path, run: Run) -> None:
    done = run("validate", "gogle")
    assert done.code == 1
    assert "gogle:1:1: error: no file, folder or account type has this name: did you mean google?" in done.out


def test_a_path_that_exists_is_not_an_id(catalogue: Path, run: Run) -> None:
    (catalogue / "google").mkdir()
    write(catalogue / "google/a.yaml", "grant_mode: secret\nslug: a\n")
    write(catalogue / "google/b.yaml", "grant_mode: secret\nslug: b\n")
    assert files(run, "google").startswith("2 files")


def test_a_definition_comes_from_stdin(catalogue: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    typed("_id: x\ngrant_mode: sekret\n")
    assert files(run, "-").startswith("-:2:13: error: ")
    typed("grant_mode: secret\nslug: a\n")
    assert "-:1:1: error: a definition from stdin needs the key _id" in files(run, "-")


def test_a_selection_is_applied_alone_and_never_prunes(catalogue: Path, live: Live, run: Run) -> None:
    place = ["--couch", live.url, "--database", live.database, "--owner", "team", "--incomplete", "warn"]
    assert run("apply", "google", *place).code == 0
    assert live.ids == {"google"}
    assert run("apply", "--exclude", "spotify", *place).code == 0
    assert live.ids == {"google", "github", "foobar/google"}
    assert "1 to create" in run("diff", "--only", "spot*", *place).out
    for chosen in (["google"], ["--only", "google"], ["--exclude", "x"]):
        done = run("apply", "--prune", "--yes", *chosen, *place)
        assert done.code == 2
        assert "--prune compares with the whole catalogue" in done.err


@pytest.mark.parametrize("catalogue", ["defs", "account_types", "defs/deep", "account_types/defs"])
def test_a_context_is_the_folder_below_the_catalogue_whatever_its_name(
    folder: Path, live: Live, run: Run, catalogue: str
) -> None:
    write(folder / "provision.yaml", f"catalogue: [{catalogue}]\n")
    for id in ("google", "foobar/google"):
        write(folder / f"{catalogue}/{id}.yaml", f"grant_mode: secret\nslug: {id.replace('/', '-')}\n")
    where = ["--couch", live.url, "--database", live.database, "--incomplete", "warn", "--format", "json"]

    def ids(*paths: str) -> set[str]:
        out = run("diff", *paths, *where).out
        return {change["id"] for change in only(out)["changes"]}

    assert ids(f"{catalogue}/foobar/google.yaml") == {"foobar/google"}
    assert (
        ids(f"{catalogue}/foobar")
        == ids(f"{catalogue}/../{catalogue.rsplit('/', maxsplit=1)[-1]}/foobar")
        == {"foobar/google"}
    )
    assert ids(f"{catalogue}/google.yaml") == {"google"}
    assert ids(catalogue) == ids() == {"google", "foobar/google"}
    write(folder / f"{catalogue}/foobar/deeper/x.yaml", "grant_mode: secret\nslug: x\n")
    assert "too deep in its folder" in run("validate", f"{catalogue}/foobar/deeper/x.yaml").out


def test_a_file_has_one_id_however_it_is_reached(folder: Path) -> None:
    for name in ("defs/a.yaml", "defs/work/b.yaml", "defs/account_types/c.yaml", "other/real/d.yaml"):
        write(folder / name, "grant_mode: secret\nslug: a\n")
    os.symlink("../other/real", folder / "defs/linked")
    os.symlink("../defs", folder / "defs/itself")
    os.symlink("defs/work", folder / "outside")
    own = (Path("defs"), folder / "other")
    ids = {
        "defs/a.yaml": "a",
        "defs/work/b.yaml": "work/b",
        "defs/account_types/c.yaml": "account_types/c",
        "defs/linked/d.yaml": "linked/d",
        "other/real/d.yaml": "real/d",
    }
    assert {source.path: source.document_id for source in read_sources([Path("defs"), Path("other")], own)} == ids
    for path, id in [*ids.items(), ("outside/b.yaml", "work/b"), ("defs/../defs/work/b.yaml", "work/b")]:
        for place in (Path(path), folder / path, Path(path).parent):
            assert read_sources([place], own)[0].document_id == id or (place.name == "defs" and id == "a")
