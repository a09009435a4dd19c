"""``provision drift``: what others changed since the last apply."""

from pathlib import Path

import pytest
import yaml

from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only

SECRET = "grant_mode: secret\nslug: {id}\nsecret: ${{S:-s}}\n"


@pytest.fixture
def place(folder: Path, live: Live, run: Run) -> list[str]:
    for id in ("a", "b", "c"):
        write(folder / f"account_types/{id}.yaml", SECRET.format(id=id))
    options = ["--couch", live.url, "--database", live.database, "--owner", "team"]
    assert run("apply", *options).code == 0
    return options


def test_nothing_that_is_pending_is_told(place: list[str], folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="other"))
    write(folder / "account_types/new.yaml", SECRET.format(id="new"))
    (folder / "account_types/b.yaml").unlink()
    done = run("drift", "--exit-code", *place)
    assert (done.code, done.out.splitlines()[1:]) == (0, ["0 account types changed by others"])


def test_all_that_others_did_is_told(place: list[str], live: Live, run: Run) -> None:
    live.put("a", {**live.get("a"), "slug": "edited", "secret": "hush-marker"})
    live.put("by-hand", {"grant_mode": "secret", "slug": "by-hand", "secret": "hush-marker"})
    live.http.delete(f"{live.path}/b", params={"rev": live.get("b")["_rev"]}).raise_for_status()
    live.put("c", {"_rev": live.get("c")["_rev"], "grant_mode": "secret", "slug": "c"})
    done = run("drift", *place)
    assert done.code == 0
    edited, deleted, new, replaced, summary = done.out.splitlines()[1:]
    assert edited == "edited    a: slug, secret"
    assert deleted.startswith("deleted   b: last written by this owner at 20")
    assert new == "new       by-hand"
    assert replaced == "replaced  c"
    assert summary == "4 account types changed by others"
    assert run("drift", "--exit-code", *place).code == 3
    rows = only(run("drift", "--format", "json", *place).out)["drift"]
    assert [(row["id"], row["kind"], row["fields"]) for row in rows] == [
        ("a", "edited", ["slug", "secret"]),
        ("b", "deleted", []),
        ("by-hand", "new", []),
        ("c", "replaced", []),
    ]
    said = run("drift", "--format", "markdown", *place).out
    assert "**Changed by others:** 4 account types" in said
    assert "- edited `a`: `slug, secret`\n" in said
    assert "hush" not in done.out + said
    assert live.get("a")["slug"] == "edited", "drift writes nothing"


def test_what_may_change_is_ignored(place: list[str], folder: Path, live: Live, run: Run) -> None:
    live.put("a", {**live.get("a"), "slug": "edited"})
    live.put("b", {**live.get("b"), "slug": "edited", "secret": "other"})
    live.put("by-hand-1", {"grant_mode": "secret", "slug": "x", "secret": "x"})
    write(folder / "provision.yaml", yaml.safe_dump({"ignore": ["by-hand-*", "a.slug", "b.secret"]}))
    assert run("drift", *place).out.splitlines()[1:] == ["edited    b: slug", "1 account type changed by others"]


def test_it_needs_an_owner(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(id="a"))
    done = run("drift", "--couch", live.url, "--database", live.database)
    assert done.code == 2
    assert "error: drift needs an owner" in done.err
