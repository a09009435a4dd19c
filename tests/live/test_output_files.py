"""Files that a command writes: nothing of somebody else's is overwritten, and - is stdout."""

import json
from pathlib import Path

import pytest

from tests.live_server import Live, Team
from tests.program import Done

KINDS = {"plan": ["diff", "--out"], "page": ["catalogue", "google", "--html"]}


def written(team: Team, kind: str, name: str, *more: str) -> Done:
    team.define("a", "grant_mode: secret\nslug: a\n")
    where = team.options[:4] if kind == "plan" else []
    return team.run(*KINDS[kind], name, *where, *more)


@pytest.mark.parametrize("kind", KINDS)
def test_it_overwrites_its_own_results_only(team: Team, kind: str) -> None:
    assert [written(team, kind, "result").code for _ in range(2)] == [0, 0]
    Path("result").write_text("somebody's notes\n", "utf-8")
    done = written(team, kind, "result")
    assert (done.code, done.err.splitlines()[-2:]) == (
        1,
        [
            "error: result exists, and provision did not write it",
            "next: choose another file, or overwrite it with --force",
        ],
    )
    assert Path("result").read_text("utf-8") == "somebody's notes\n"
    assert [written(team, kind, "result", *more).code for more in (["--force"], [])] == [0, 0]
    Path("empty").touch()
    assert written(team, kind, "empty").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_or_a_link_out_of_the_folder_is_an_error(
    team: Team, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    Path("taken").mkdir()
    outside = tmp_path_factory.mktemp("outside") / "there"
    outside.touch()
    Path("link").symlink_to(outside)
    for name in ("taken", "link"):
        done = written(team, kind, name)
        assert (done.code, f"error: {name} cannot be written: " in done.err) == (2, True)
    assert outside.read_bytes() == b""


def test_stdout_gets_the_result_alone(team: Team) -> None:
    done = written(team, "plan", "-")
    Path("plan.json").write_text(done.out, "utf-8")
    assert json.loads(done.out)["version"] > 0
    assert team.run("diff", "--from", "plan.json").code == 0
    assert written(team, "page", "-").out.startswith("<!doctype html>")
    assert not Path("-").exists()


@pytest.mark.parametrize("given", ["https://mycozy.cloud/", "a/b", "user@host", "a b"])
def test_a_domain_is_written_without_scheme_and_path(team: Team, given: str) -> None:
    done = team.run("catalogue", "--html", "page.html", "--domain", given)
    assert (done.code, "is not a domain" in done.err, Path("page.html").exists()) == (2, True, False)
    assert "next: write a host, without a scheme or path: " in done.err


def test_the_page_takes_the_domain_of_the_target(team: Team, live: Live) -> None:
    team.configure(vars={"domain": "one.example"})
    live.create()
    assert team("catalogue", "google", "--html", "page.html").code == 0
    assert "https://oauthcallback.one.example/accounts/google/redirect" in Path("page.html").read_text("utf-8")
