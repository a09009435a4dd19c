"""What is no secret never replaces one: from each source, and whatever is live."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run, write
from tests.live_server import Live
from tests.rules.examples import CODE, SECRET

GOOD = {"client_id": "id-1", "client_secret": "s3cr3t-works"}
REFERENCE = "op://vault/google/secret-marker"
WHY = "client_secret is a reference that nothing resolved (1Password) (from a credential source)"


@pytest.fixture
def options(live: Live, folder: Path) -> list[str]:
    """Two account types of ours that work, a and b, of which b gets a new secret in each test."""
    for id in ("a", "b"):
        write(folder / f"account_types/{id}.yaml", CODE)
    return ["--couch", live.url, "--database", live.database, "--owner", "me"]


def environment(a: str, b: str) -> dict[str, str]:
    ids = {"ACCOUNT_TYPE_A_CLIENT_ID": "id-1", "ACCOUNT_TYPE_B_CLIENT_ID": "id-1"}
    return {**ids, "ACCOUNT_TYPE_A_CLIENT_SECRET": a, "ACCOUNT_TYPE_B_CLIENT_SECRET": b}


@pytest.mark.parametrize(
    "value", [REFERENCE, "${MARKER_SECRET}", "ENC[AES256_GCM,data:marker]", "***", "(secret)", "changeme"]
)
def test_it_fails_its_account_type_and_the_others_go_on(value: str, options: list[str], live: Live, run: Run) -> None:
    assert run("apply", *options, env=environment("first", "first")).code == 0
    done = run("diff", *options, env=environment(value, "second"))
    assert done.code == 1
    assert "refused   a: client_secret is " in done.out
    assert "change    b" in done.out
    done = run("apply", *options, env=environment(value, "second"))
    assert done.code == 1
    assert "failed    a: not written: client_secret is " in done.out
    assert "0 created, 1 changed, 0 unchanged, 1 failed" in done.out
    assert "marker" not in (done.out + done.err).lower()
    assert live.get("a")["client_secret"] == "first"
    assert live.get("b")["client_secret"] == "second"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("client_secret: ${value}", "client_secret"),
        ("client_id: x${value}", "client_id"),
        ("extras: {api_key: '${value}'}", "extras.api_key"),
        ("extras: {api_key: '${other:-changeme}'}", "extras.api_key"),
    ],
)
def test_a_variable_is_a_source_too(
    line: str, name: str, options: list[str], folder: Path, live: Live, run: Run
) -> None:
    write(folder / "account_types/a.yaml", f"{CODE}{line}\n")
    env = {**environment("first", "second"), "PROVISION_VAR_value": "works-1"}
    assert run("apply", *options, "--set", "other=works-2", env=env).code == 0
    before = live.get("a")
    env = {**environment("first", "third"), "PROVISION_VAR_value": "{{ marker }}"}
    done = run("apply", *options, env=env)
    assert (done.code, f"failed    a: not written: {name} is " in done.out) == (1, True), done.out + done.err
    assert " (from a variable)" in done.out
    assert "marker" not in done.out + done.err
    assert live.get("a") == before
    assert live.get("b")["client_secret"] == "third"
    assert f"{name} is " in run("list", *options[:4], env=env).out
    assert f": error: {name} is " in run("validate", env=env).out


def test_it_is_not_pruned(options: list[str], live: Live, run: Run) -> None:
    run("apply", *options, env=environment("first", "first"))
    run("apply", "--prune", "--yes", *options, env=environment(REFERENCE, "second"))
    assert live.get("a")["client_secret"] == "first"


def test_a_plan_names_it_in_every_format(options: list[str], folder: Path, run: Run) -> None:
    env = environment(REFERENCE, "second")
    [plan] = json.loads(run("diff", *options, "--format", "json", env=env).out)["targets"]
    assert plan["refused"] == {"a": WHY}
    assert plan["summary"]["refused"] == 1
    assert WHY in run("diff", *options, "--format", "markdown", env=env).out
    assert WHY.split("(", maxsplit=1)[0] in run("diff", *options, "--format", "html", env=env).out
    run("diff", *options, "--out", "plan.json", env=env)
    assert f"refused   a: {WHY}" in run("diff", "--from", "plan.json").out


@pytest.mark.parametrize("source", ["file", "directory", "command"])
def test_every_source_is_asked(source: str, live: Live, folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", CODE)
    live.put("a", GOOD)
    content = json.dumps({"a": {"client_id": "id-1", "client_secret": REFERENCE}})
    write(folder / "credentials.json", content).chmod(0o600)
    write(folder / "kept/a.client_secret", REFERENCE)
    sources = {
        "file": "file: credentials.json",
        "directory": "directory: kept",
        "command": "command: [cat, credentials.json]",
    }
    target = f"couch: '{live.url}', database: {live.database}, credentials: [{{{sources[source]}}}]"
    write(folder / "provision.yaml", f"targets: {{t: {{{target}}}}}\n")
    done = run("apply", "--target", "t")
    assert (done.code, f"failed    a: not written: {WHY}" in done.out) == (1, True), done.out + done.err
    assert live.get("a")["client_secret"] == GOOD["client_secret"]


def test_a_comment_in_the_definition_lets_it_pass(options: list[str], folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", f"# provision: ignore[placeholder-credential] it is called so\n{CODE}")
    assert run("apply", *options, env=environment("changeme", "second")).code == 0
    assert live.get("a")["client_secret"] == "changeme"


def test_a_document_without_content_is_never_written(options: list[str], folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/push.yaml", "x-fcm_credentials: elsewhere\n")
    done = run("apply", *options, "--incomplete", "warn", env=environment("one", "two"))
    assert done.code == 1
    assert "failed    push: not written: there is nothing to write" in done.out
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
    field: str, value: object, wrong: str, options: list[str], live: Live, run: Run
) -> None:
    definition = dict(line.split(": ", 1) for line in CODE.splitlines())
    live.put("a", {**definition, field: value})
    live.put("b", definition)
    done = run("diff", "--all", *options[:4])
    assert done.code == 1
    assert f"refused   a: the stack cannot decode the live document: {wrong}" in done.out
    assert "unchanged b" in done.out
    done = run("list", *options[:4])
    row = next(line for line in done.out.splitlines() if line.startswith("a "))
    assert "undecodable" in row
    assert "present" not in row
    assert "same" not in row


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "none"),
        ({"slug": "a"}, "none"),
        ({**GOOD, "grant_mode": "authorization_code", "client_secret": "***"}, "client_secret is hidden"),
        ({**GOOD, "grant_mode": "authorization_code", "client_id": "<id>"}, "client_id is a template"),
        ({"fcm_credentials": "(secret)"}, "fcm_credentials is hidden"),
        ({"extras": {"prompt": "none", "api_key": "changeme"}}, "extras.api_key is a placeholder"),
        ({"secret": {"login": "a", "password": "changeme"}}, "secret.password is a placeholder"),
        ({"CLIENT_SECRET": "changeme", "client_id": "id-1"}, "client_secret is a placeholder"),
        ({**GOOD, "grant_mode": "authorization_code"}, "present"),
    ],
)
def test_what_is_live_and_no_credential_is_not_present(
    document: dict[str, object], said: str, live: Live, run: Run
) -> None:
    live.put("a", document)
    done = run("list", "--couch", live.url, "--database", live.database)
    row = next(line for line in done.out.splitlines() if line.startswith("a "))
    assert said in row
    assert ("present" in row) == (said == "present")
    check = run("check", "--couch", live.url, "--database", live.database)
    assert (any("present" in line for line in check.out.splitlines() if line.startswith("a "))) == (said == "present")


def test_a_konnector_s_secret_is_looked_into(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(slug="s"))
    options = ["--couch", live.url, "--database", live.database]
    done = run(
        "apply", *options, env={"ACCOUNT_TYPE_A_SECRET": json.dumps({"login": "x", "password": "{{ pw_marker }}"})}
    )
    assert "failed    a: not written: secret.password is a template that nothing filled in ({{…}})" in done.out
    assert "marker" not in done.out + done.err
