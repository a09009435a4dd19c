"""``diff --out`` and ``apply --plan``: what was reviewed is what is applied."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from provisioner.core.plan.changes import checksum
from tests.live_server import Live, Team
from tests.program import Done

SECRET = "grant_mode: secret\nslug: {}\n"
SCHEMA = Path(__file__).parents[2] / "schemas/plan.schema.json"
PLAN = Path("plan.json")
NOT_REVIEWED = "not written: its change is not the one that was reviewed"


@pytest.fixture
def team(team: Team) -> Team:
    """It has no owner, and an account type with a secret."""
    team.options = team.options[:4]
    team.define("a", SECRET.format("a") + "secret: ${S}\n")
    return team


def save(team: Team, *words: str) -> str:
    return team("diff", "--out", str(PLAN), "--incomplete", "warn", "--set", "S=hush-marker", *words).out


def apply(team: Team, *words: str) -> Done:
    return team("apply", "--plan", str(PLAN), "--incomplete", "warn", "--set", "S=hush-marker", *words)


def test_a_saved_plan_is_applied_and_holds_no_secret(team: Team, live: Live) -> None:
    save(team)
    assert PLAN.stat().st_mode & 0o777 == 0o600
    content = json.loads(PLAN.read_text())
    jsonschema.validate(content, json.loads(SCHEMA.read_text()))
    assert "marker" not in json.dumps(content)
    assert apply(team).code == 0
    assert live.get("a")["secret"] == "hush-marker"


def test_it_says_the_same_for_every_secret(team: Team) -> None:
    texts = set()
    for secret in ("1234", "9876"):
        team("diff", "--out", PLAN, "--set", f"S={secret}")
        texts.add(PLAN.read_text())
    assert len(texts) == 1


@pytest.mark.parametrize("owner", [[], ["--owner", "team-a"]])
@pytest.mark.parametrize("value", ["api_key: {}", "hook: 'https://u:{}@a.example/'"])
def test_a_secret_that_somebody_changed_since_is_not_replaced(
    team: Team, live: Live, value: str, owner: list[str]
) -> None:
    definition = SECRET.format("a") + "extras:\n  " + value + "\n"
    team.define("a", definition.format("first-marker"))
    team("apply", "--incomplete", "warn", *owner)
    team.define("a", definition.format("second-marker"))
    shown = save(team, *owner)
    assert "(new secret)" in shown
    assert "marker" not in shown + PLAN.read_text()
    live.put("a", json.loads(json.dumps(live.get("a")).replace("first-marker", "theirs")))
    assert "since): run provision diff" in apply(team, *owner).out
    assert "theirs" in json.dumps(live.get("a"))


@pytest.mark.parametrize("field", ["secret: {}", "extras:\n  api_key: {}"])
def test_a_secret_that_was_not_to_change_is_not_written(team: Team, live: Live, field: str) -> None:
    definition = f"{SECRET.format('a')}{field}\nmanage_endpoint: https://a.example/{{}}\n"
    team.define("a", definition.format("first-marker", 1))
    team("apply", "--incomplete", "warn")
    team.define("a", definition.format("first-marker", 2))
    save(team)
    team.define("a", definition.format("second-marker", 2))
    assert NOT_REVIEWED in apply(team).out
    assert "first-marker" in json.dumps(live.get("a"))


def test_what_was_not_reviewed_fails_and_the_rest_is_written(team: Team, live: Live) -> None:
    live.put("b", {"slug": "old"})
    team.define("b", SECRET.format("b"))
    save(team)
    live.put("b", {"slug": "older"})
    team.define("c", SECRET.format("c"))
    done = apply(team)
    assert (done.code, "created   a" in done.out) == (1, True)
    assert f"failed    b: {NOT_REVIEWED} (slug)" in done.out
    assert f"failed    c: {NOT_REVIEWED} (create was not in it)" in done.out
    assert (live.ids, live.get("b")["slug"]) == ({"a", "b"}, "older")


def test_a_foreign_edit_beside_the_reviewed_change_is_kept(team: Team, live: Live) -> None:
    live.put("a", {"slug": "old"})
    save(team)
    live.put("a", {"slug": "old", "note": "theirs"})
    assert apply(team).code == 0
    assert live.get("a").items() >= {"slug": "a", "note": "theirs"}.items()


def test_a_document_that_changed_since_is_not_deleted(team: Team, live: Live) -> None:
    team.options += ["--owner", "team-a"]
    team.define("b", SECRET.format("b"))
    team("apply", "--incomplete", "warn", "--set", "S=hush-marker")
    team.drop("b")
    save(team)
    live.put("b", live.get("b"))
    done = apply(team, "--prune", "--yes")
    assert (done.code, f"failed    b: {NOT_REVIEWED} (the live document changed since)" in done.out) == (1, True)
    assert live.get("b")


def test_its_exit_code_says_whether_it_writes(team: Team) -> None:
    save(team)
    codes = [team.run("diff", "--from", PLAN, *more).code for more in (["--exit-code"], [])]
    assert (codes, apply(team).code) == ([3, 0], 0)
    save(team, "--force")
    assert team.run("diff", "--from", PLAN, "--exit-code").code == 0


@pytest.mark.parametrize("more", [("--all-targets",), ("--target", "x", "--target", "y")])
def test_it_is_for_one_target(team: Team, more: tuple[str, ...]) -> None:
    save(team)
    assert "--plan is for one target" in team.run("apply", "--plan", PLAN, *more, "--couch", "http://x").err


@pytest.mark.parametrize("id", ["_security", "_design/x", "a/b/c", "..", ""])
def test_no_account_type_in_it_has_an_id_that_none_can_have(team: Team, id: str) -> None:
    save(team)
    content = json.loads(PLAN.read_text())
    content["changes"][0]["id"] = id
    PLAN.write_text(json.dumps({**content, "checksum": checksum(content)}))
    for done in (team.run("diff", "--from", PLAN), apply(team)):
        assert (done.code, "plan.json is not a saved plan" in done.err) == (2, True)


def test_it_is_refused_for_another_database(team: Team, live: Live) -> None:
    save(team)
    team.options[-1] += "-2"
    assert "it was made for http" in apply(team).err
    assert live.http.get(f"{live.path}-2").status_code == 404


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace('"create"', '"change"'), "its checksum is wrong"),
        (lambda text: text.replace('"version": 4', '"version": 1'), "of another version"),
        (lambda text: text[:-20], "not JSON"),
        (lambda text: "[]", "is not a saved plan"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    team: Team, live: Live, change: Callable[[str], str], expected: str
) -> None:
    save(team)
    PLAN.write_text(change(PLAN.read_text()))
    done = apply(team)
    assert (done.code, expected in done.err, live.exists) == (2, True, False), done.err
