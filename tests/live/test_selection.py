"""The same words choose account types in every command; and many documents that only get an owner are a few lines."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live

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
def test_ids_and_globs_choose(folder: Path, live: Live, run: Run, name: str, words: list[str], meant: set[str]) -> None:
    at = [] if name == "validate" else ["--couch", live.url, "--database", live.database]
    for slug, id in enumerate(IDS):
        wrong = "token_mod: b\n" if name == "validate" else ""
        write(folder / f"account_types/{id}.yaml", f"grant_mode: secret\nslug: s{slug}\n{wrong}")
        live.put(id, {"grant_mode": "secret", "slug": f"t{slug}", "tokenmode": "c"})
    if name == "drift":
        assert run("apply", "--yes", "--owner", "team", "--allow", "public", *at).code == 0
        for id in IDS:
            live.put(id, {**live.get(id), "slug": "other"})
    write(folder / "account_types/c.yaml", "grant_mode: [\n")  # of what is not meant, nothing is wrong
    done = run(*COMMANDS[name], *words, *at)
    assert done.code in (0, 1), done.err
    shown = (done.out + done.err).replace("\\/", "/")
    mentioned = {id for id in IDS if f"{id}.yaml" in shown or json.dumps(id) in shown}
    assert mentioned == meant


@pytest.mark.parametrize("name", COMMANDS)
def test_globs_that_leave_nothing_are_an_error(folder: Path, live: Live, run: Run, name: str) -> None:
    live.put("a1", {"grant_mode": "secret", "slug": "a"})
    write(folder / "account_types/a1.yaml", "grant_mode: secret\nslug: a\n")
    at = [] if name == "validate" else ["--couch", live.url, "--database", live.database]
    done = run(*COMMANDS[name], "--only", "b*", *at)
    assert (done.code, "--only and --exclude leave no account type" in done.out + done.err) == (1, True)


def test_many_documents_that_only_get_an_owner_are_a_few_lines(folder: Path, live: Live, run: Run) -> None:
    ids = [f"service{number:02}" for number in range(23)]
    document = {
        "grant_mode": "authorization_code",
        "client_id": "7",
        "client_secret": "s3cr3t",
        "token_endpoint": "https://a.example/token",
    }
    for id in ids:
        live.put(id, {**document, **{f"{name}_endpoint": f"https://{id}.example/{name}" for name in ("auth", "token")}})
    at = ["--couch", live.url, "--database", live.database]
    assert run("import", "--out", "account_types", *at).code == 0
    planned = run("diff", "--owner", "team", *at)
    assert f"adopt 23 account types without an owner, and change nothing else: {', '.join(ids)}\n" in planned.out
    assert len((planned.out + planned.err).splitlines()) <= 6
    assert "adopt     service07\n" in run("diff", "--owner", "team", "--all", *at).out
    done = run("apply", "--owner", "team", "--yes", "--allow", "public", *at)
    assert done.code == 0
    assert f"adopted 23 account types without an owner, and nothing else changed: {', '.join(ids)}\n" in done.out
    assert done.out.endswith("0 created, 0 changed, 23 adopted, 0 unchanged\n")
    assert len((done.out + done.err).splitlines()) <= 6
    assert live.get("service07")["provision"]["owner"] == "team"
