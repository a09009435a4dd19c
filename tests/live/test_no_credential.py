"""What is no secret never replaces one: from each source, and whatever is live."""

import json
from shutil import rmtree

import pytest

from tests.conftest import write
from tests.live_server import Live, Team
from tests.outputs import only
from tests.rules.examples import CODE, SECRET

GOOD = {"client_id": "id-1", "client_secret": "s3cr3t-works"}
GOOD_CODE = {**GOOD, "grant_mode": "authorization_code"}
REFERENCE = "op://vault/google/secret-marker"
WHY = "client_secret is a reference that nothing resolved (1Password) (from a credential source)"


@pytest.fixture
def team(team: Team) -> Team:
    """It has two account types that work, a and b, of which b gets a new secret in each test."""
    for id in ("a", "b"):
        team.define(id, CODE)
    return team


def environment(a: str, b: str) -> dict[str, str]:
    ids = {"ACCOUNT_TYPE_A_CLIENT_ID": "id-1", "ACCOUNT_TYPE_B_CLIENT_ID": "id-1"}
    return {**ids, "ACCOUNT_TYPE_A_CLIENT_SECRET": a, "ACCOUNT_TYPE_B_CLIENT_SECRET": b}


def row_of_a(team: Team) -> str:
    return next(line for line in team.ownerless("list").out.splitlines() if line.startswith("a "))


@pytest.mark.parametrize(
    "value", [REFERENCE, "${MARKER_SECRET}", "ENC[AES256_GCM,data:marker]", "***", "(secret)", "changeme"]
)
def test_it_fails_its_account_type_and_the_others_go_on(value: str, team: Team, live: Live) -> None:
    assert team("apply", env=environment("first", "first")).code == 0
    done = team("diff", env=environment(value, "second"))
    assert (done.code, "refused   a: client_secret is " in done.out, "change    b" in done.out) == (1, True, True)
    done = team("apply", "--prune", "--yes", env=environment(value, "second"))
    assert (done.code, "failed    a: not written: client_secret is " in done.out) == (1, True)
    assert "0 created, 1 changed, 0 unchanged, 1 failed" in done.out
    assert "marker" not in (done.out + done.err).lower()
    assert [live.get(id)["client_secret"] for id in ("a", "b")] == ["first", "second"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("client_secret: ${value}", "client_secret"),
        ("client_id: x${value}", "client_id"),
        ("extras: {api_key: '${value}'}", "extras.api_key"),
        ("extras: {api_key: '${other:-changeme}'}", "extras.api_key"),
    ],
)
def test_a_variable_is_a_source_too(line: str, name: str, team: Team, live: Live) -> None:
    team.define("a", f"{CODE}{line}\n")
    env = {**environment("first", "second"), "PROVISION_VAR_value": "works-1"}
    assert team("apply", "--set", "other=works-2", env=env).code == 0
    before = live.get("a")
    env = {**environment("first", "third"), "PROVISION_VAR_value": "{{ marker }}"}
    done = team("apply", env=env)
    assert (done.code, f"failed    a: not written: {name} is " in done.out) == (1, True), done.out + done.err
    assert " (from a variable)" in done.out
    assert "marker" not in done.out + done.err
    assert (live.get("a"), live.get("b")["client_secret"]) == (before, "third")
    assert f"{name} is " in team.ownerless("list", env=env).out
    assert f": error: {name} is " in team.run("validate", env=env).out


def test_a_plan_names_it_in_every_format(team: Team) -> None:
    env = environment(REFERENCE, "second")
    plan = only(team("diff", "--format", "json", env=env).out)
    assert (plan["refused"], plan["summary"]["refused"]) == ({"a": WHY}, 1)
    assert WHY in team("diff", "--format", "markdown", env=env).out
    assert WHY.split("(", maxsplit=1)[0] in team("diff", "--format", "html", env=env).out
    team("diff", "--out", "plan.json", env=env)
    assert f"refused   a: {WHY}" in team.run("diff", "--from", "plan.json").out


@pytest.mark.parametrize("source", [{"file": "kept/credentials.yaml"}, {"directory": "kept"}, {"command": ["cat", "kept/credentials.yaml"]}])  # fmt: skip
def test_every_source_is_asked(source: dict[str, object], team: Team, live: Live) -> None:
    team.drop("b")
    live.put("a", GOOD)
    write(team.folder / "kept/a.client_secret", REFERENCE)
    team.save("kept/credentials.yaml", {"a": {"client_id": "id-1", "client_secret": REFERENCE}})
    team.configure(credentials=[source])
    done = team("apply", "--allow", "adopt")
    assert (done.code, f"failed    a: not written: {WHY}" in done.out) == (1, True), done.out + done.err
    assert live.get("a")["client_secret"] == GOOD["client_secret"]


def test_a_comment_in_the_definition_lets_it_pass(team: Team, live: Live) -> None:
    team.define("a", f"# provision: ignore[placeholder-credential] it is called so\n{CODE}")
    assert team("apply", env=environment("changeme", "second")).code == 0
    assert live.get("a")["client_secret"] == "changeme"


def test_a_document_without_content_is_never_written(team: Team, live: Live) -> None:
    team.define("push", "x-fcm_credentials: elsewhere\n")
    done = team("apply", "--incomplete", "warn", env=environment("one", "two"))
    assert (done.code, "failed    push: not written: there is nothing to write" in done.out) == (1, True)
    assert "push" not in live.documents()


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("client_id", 4711, "client_id is a number, and must be text"),
        ("Client_ID", ["a"], "Client_ID (which it reads as client_id) is a list, and must be text"),
        ("extras", {"a": 1}, "extras contains a number, and its values must be text"),
        ("skip_state_on_token", "yes", "skip_state_on_token is text, and must be true or false"),
        ("slug", False, "slug is true or false, and must be text"),
    ],
)
def test_what_the_stack_cannot_decode_is_not_unchanged(
    field: str, value: object, wrong: str, team: Team, live: Live
) -> None:
    definition = dict(line.split(": ", 1) for line in CODE.splitlines())
    live.put("a", {**definition, field: value})
    live.put("b", definition)
    done = team.ownerless("diff", "--all")
    assert done.code == 1
    assert f"refused   a: the stack cannot decode the live document: {wrong}" in done.out
    assert "unchanged b" in done.out
    assert [word in row_of_a(team) for word in ("undecodable", "present", "same")] == [True, False, False]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "none"),
        ({"slug": "a"}, "none"),
        ({**GOOD_CODE, "client_secret": "***"}, "client_secret is hidden"),
        ({**GOOD_CODE, "client_id": "<id>"}, "client_id is a template"),
        ({"fcm_credentials": "(secret)"}, "fcm_credentials is hidden"),
        ({"extras": {"prompt": "none", "api_key": "changeme"}}, "extras.api_key is a placeholder"),
        ({"secret": {"login": "a", "password": "changeme"}}, "secret.password is a placeholder"),
        ({"CLIENT_SECRET": "changeme", "client_id": "id-1"}, "client_secret is a placeholder"),
        (GOOD_CODE, "present"),
    ],
)
def test_what_is_live_and_no_credential_is_not_present(
    document: dict[str, object], said: str, team: Team, live: Live
) -> None:
    rmtree(team.folder / "account_types")
    live.put("a", document)
    assert (said in row_of_a(team), "present" in row_of_a(team)) == (True, said == "present")
    check = team.ownerless("check").out.splitlines()
    assert any("present" in line for line in check if line.startswith("a ")) == (said == "present")


def test_a_konnector_s_secret_is_looked_into(team: Team) -> None:
    team.define("a", SECRET.format(slug="s"))
    done = team("apply", env={"ACCOUNT_TYPE_A_SECRET": json.dumps({"login": "x", "password": "{{ pw_marker }}"})})
    assert "failed    a: not written: secret.password is a template that nothing filled in ({{…}})" in done.out
    assert "marker" not in done.out + done.err
