"""Files that a command writes: nothing of somebody else's is overwritten, and - is stdout."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live


@pytest.fixture
def commands(folder: Path, live: Live) -> dict[str, list[str]]:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    return {
        "plan": ["diff", "--couch", live.url, "--database", live.database, "--out"],
        "page": ["catalogue", "google", "--html"],
    }


@pytest.mark.parametrize("kind", ["plan", "page"])
def test_it_overwrites_its_own_results_only(folder: Path, run: Run, commands: dict[str, list[str]], kind: str) -> None:
    command = commands[kind]
    for _ in range(2):
        assert run(*command, "result").code == 0
    (folder / "result").write_text("somebody's notes\n", "utf-8")
    done = run(*command, "result")
    assert done.code == 1
    assert done.err.splitlines()[-2:] == [
        "error: result exists, and provision did not write it",
        "next: choose another file, or overwrite it with --force",
    ]
    assert (folder / "result").read_text("utf-8") == "somebody's notes\n"
    assert run(*command, "result", "--force").code == 0
    assert run(*command, "result").code == 0
    write(folder / "empty", "")
    assert run(*command, "empty").code == 0


@pytest.mark.parametrize("kind", ["plan", "page"])
def test_a_folder_or_a_link_out_of_the_folder_is_an_error(
    folder: Path, run: Run, commands: dict[str, list[str]], kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (folder / "taken").mkdir()
    outside = tmp_path_factory.mktemp("outside") / "there"
    outside.touch()
    (folder / "link").symlink_to(outside)
    for name in ("taken", "link"):
        done = run(*commands[kind], name)
        assert done.code == 2
        assert f"error: {name} cannot be written: " in done.err
    assert outside.read_bytes() == b""


def test_stdout_gets_the_result_alone(folder: Path, run: Run, commands: dict[str, list[str]]) -> None:
    done = run(*commands["plan"], "-")
    write(folder / "plan.json", done.out)
    assert json.loads(done.out)["version"] > 0
    assert run("diff", "--from", "plan.json").code == 0
    assert run(*commands["page"], "-").out.startswith("<!doctype html>")
    assert not (folder / "-").exists()


@pytest.mark.parametrize("given", ["https://mycozy.cloud/", "a/b", "user@host", "a b"])
def test_a_domain_is_written_without_scheme_and_path(folder: Path, run: Run, given: str) -> None:
    done = run("catalogue", "--html", "page.html", "--domain", given)
    assert done.code == 2
    assert "is not a domain" in done.err
    assert "next: write a host, without a scheme or path: " in done.err
    assert not (folder / "page.html").exists()


def test_the_page_takes_the_domain_of_the_target(folder: Path, run: Run, live: Live) -> None:
    row = {"couch": live.url, "database": live.database, "vars": {"domain": "one.example"}}
    write(folder / "provision.yaml", json.dumps({"targets": {"one": row}}))
    live.create()
    assert run("catalogue", "google", "--html", "page.html", "--target", "one").code == 0
    assert "https://oauthcallback.one.example/accounts/google/redirect" in (folder / "page.html").read_text("utf-8")
