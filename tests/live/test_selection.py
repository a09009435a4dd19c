"""The same words choose account types in every command; and many documents that only get an owner are a few lines."""

import json

import pytest

from tests.live_server import Live, Team
from tests.program import Done

IDS = ("a1", "a2", "foobar/b")
COMMANDS = {
    "import": ("import", "--out", "imported"),
    "list": ("list", "--format", "json"),
    "check": ("check", "--format", "json"),
    "drift": ("drift", "--owner", "team", "--format", "json"),
    "validate": ("validate", "--format", "json"),
    "diff": ("diff", "--format", "json"),
    "apply": ("apply", "--yes", "--owner", "team", "--format", "json"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["a1", "foobar/b"], {"a1", "foobar/b"}),
        (["--only", "a*"], {"a1", "a2"}),
        (["--exclude", "a*", "--exclude", "c"], {"foobar/b"}),
        (["a1", "a2", "--exclude", "a2"], {"a1"}),
    ],
)
def test_ids_and_globs_choose(team: Team, live: Live, name: str, words: list[str], meant: set[str]) -> None:
    for slug, id in enumerate(IDS):
        wrong = "token_mod: b\n" if name == "validate" else ""
        team.define(id, f"grant_mode: secret\nslug: s{slug}\n{wrong}")
        live.put(id, {"grant_mode": "secret", "slug": f"t{slug}", "tokenmode": "c"})
    if name == "drift":
        assert team("apply", "--yes", "--allow", "public").code == 0
        for id in IDS:
            live.put(id, {**live.get(id), "slug": "other"})
    team.define("c", "grant_mode: [\n")  # of what is not meant, nothing is wrong
    done = chosen(team, name, *words)
    assert done.code in (0, 1), done.err
    shown = (done.out + done.err).replace("\\/", "/")
    assert {id for id in IDS if f"{id}.yaml" in shown or json.dumps(id) in shown} == meant


def chosen(team: Team, name: str, *words: str) -> Done:
    return team.run(*COMMANDS[name], *words, *([] if name == "validate" else team.options[:4]))


@pytest.mark.parametrize("name", COMMANDS)
def test_globs_that_leave_nothing_are_an_error(team: Team, live: Live, name: str) -> None:
    live.put("a1", {"grant_mode": "secret", "slug": "a"})
    team.define("a1", "grant_mode: secret\nslug: a\n")
    done = chosen(team, name, "--only", "b*")
    assert (done.code, "--only and --exclude leave no account type" in done.out + done.err) == (1, True)


def test_many_documents_that_only_get_an_owner_are_a_few_lines(team: Team, live: Live) -> None:
    ids = [f"service{number:02}" for number in range(23)]
    document = {"grant_mode": "authorization_code", "client_id": "7", "client_secret": "s3cr3t"}
    for id in ids:
        live.put(id, {**document, **{f"{name}_endpoint": f"https://{id}.example/{name}" for name in ("auth", "token")}})
    assert team.ownerless("import", "--out", "account_types").code == 0
    planned = team("diff")
    assert f"adopt 23 account types without an owner, and change nothing else: {', '.join(ids)}\n" in planned.out
    assert "adopt     service07\n" in team("diff", "--all").out
    done = team("apply", "--yes", "--allow", "public")
    assert done.code == 0
    assert f"adopted 23 account types without an owner, and nothing else changed: {', '.join(ids)}\n" in done.out
    assert done.out.endswith("0 created, 0 changed, 23 adopted, 0 unchanged\n")
    assert max(len((each.out + each.err).splitlines()) for each in (planned, done)) <= 6
    assert live.get("service07")["provision"]["owner"] == "team"
