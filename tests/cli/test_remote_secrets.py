"""Definitions of remote secrets in files: what is valid, what ``new`` writes, and what requests of doctypes ask for."""

import json
from pathlib import Path

import jsonschema
import pytest

from provisioner.adapters.files import shipped
from provisioner.core.definitions.kinds import REMOTE_SECRET
from tests.conftest import Run, write

WRONG = {
    "token: hush-marker\n": "unknown key token",
    "secrets: []\n": "secrets",
    "secrets: token\n": "secrets must be a list",
    "secrets: [token, other, token]\n": "secrets lists token twice",
    "secrets: [a b]\n": "must be letters, digits and _",
    "secrets: [_token]\n": "must be letters, digits and _",
    "secrets: [provision]\n": "and not provision",
    "x-notes: nothing\n": "the file needs secrets",
    "_id: a/b\nsecrets: [token]\n": "must be a doctype",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_definition_has_names_and_no_values(text: str, folder: Path, run: Run) -> None:
    write(folder / "remote_secrets/a.yaml", text)
    done = run("validate")
    assert (done.code, WRONG[text] in done.out, "marker" in done.out) == (1, True, False), done.out
    assert run("validate", "--kind", "account_type").code == 1, "there is no folder of account types"


def test_the_name_of_a_file_is_the_doctype(folder: Path, run: Run) -> None:
    write(folder / "remote_secrets/a@b.yaml", "secrets: [token]\n")
    write(folder / "remote_secrets/ctx/a.yaml", "secrets: [token]\n")
    out = run("validate").out
    assert "[remote-doctype]" in out
    assert "too deep in its folder: definitions are <folder>/<id>.yaml" in out


def test_both_folders_are_checked_and_formatted_together(folder: Path, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
    path = write(folder / "remote_secrets/org.x.yaml", "secrets: [token]\nx-notes: a note\n")
    assert run("validate").out == "2 files, 0 errors, 0 warnings\n"
    assert run("validate", "--kind", "remote_secret").out == "1 file, 0 errors, 0 warnings\n"
    assert run("validate", "org.x").out == "1 file, 0 errors, 0 warnings\n"
    assert run("fmt", "--fix").code == 0
    assert path.read_text() == "x-notes: a note\nsecrets: [token]\n"
    moved = write(folder / "elsewhere/org.x.yaml", path.read_text())
    assert run("validate", moved, "--kind", "remote_secret").code == 0
    assert run("validate", "account_types", "--kind", "remote_secret").code == 2


ROWS = {
    '{"cc.cozycloud.dacc": {"token": "x"}, "google": {"client_id": "x"}}': True,
    '{"my.service": {"client_id": "x", "secret": {"login": "x"}}}': True,
    '{"cc.cozycloud.dacc": {"token": 5}}': False,
    '{"google": {"token": "x"}}': False,
    '{"context/my.service": {"token": "x"}}': False,
}


@pytest.mark.parametrize("row", ROWS)
def test_an_editor_takes_the_credentials_of_both_kinds(row: str) -> None:
    schema = jsonschema.Draft7Validator(shipped.schema("credentials"))
    assert schema.is_valid(json.loads(row)) == ROWS[row]


def test_an_editor_finds_the_schema_that_init_writes(folder: Path, run: Run) -> None:
    assert run("init", "--yes").code == run("new", "cc.cozycloud.dacc").code == 0
    first = (folder / "remote_secrets/cc.cozycloud.dacc.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/remote_secret.schema.json"


def test_the_public_doctypes_are_known(folder: Path, run: Run) -> None:
    for doctype in REMOTE_SECRET.public:
        assert run("new", doctype).code == 0
    assert "REMOTE_SECRET_EU_MYCOZY_DACC_V2_TOKEN" in (folder / "remote_secrets/eu.mycozy.dacc_v2.yaml").read_text()
    assert run("validate", "--strict").out == f"{len(REMOTE_SECRET.public)} files, 0 errors, 0 warnings\n"
    assert run("new", "org.mps.store").code == 1
    assert run("new", "my.own", "--out", "there/remote_secrets").code == 0
    assert "secrets: [token]\n" in (folder / "there/remote_secrets/my.own.yaml").read_text()


def test_requests_are_compared_with_definitions(folder: Path, run: Run) -> None:
    write(folder / "doctypes/a/request", "GET https://x.example/{{secret_token}}\nX-Key: {{secret_other}}\n")
    write(folder / "doctypes/b/request", "POST https://x.example/\n\n{{json secret_key}} {{q}}\n")
    write(folder / "doctypes/c/request", "PUT https://x.example/\n")
    write(folder / "remote_secrets/a.yaml", "secrets: [token, left]\n")
    done = run("manifest", "--doctypes", "doctypes", "--format", "json")
    rows = {(row["doctype"], row["secret"]): (row["needed"], row["files"]) for row in json.loads(done.out)["doctypes"]}
    assert rows == {
        ("a", "token"): (True, True),
        ("a", "other"): (True, False),
        ("a", "left"): (False, True),
        ("b", "key"): (True, False),
    }
    found = {(each["path"], each["line"], each["rule"]) for each in json.loads(done.out)["problems"]}
    assert found == {
        ("doctypes/a/request", 2, "template-without-secret"),
        ("remote_secrets/a.yaml", 1, "secret-without-template"),
        ("doctypes/b/request", 3, "template-without-secret"),
        ("doctypes/c/request", 1, "template-refused"),
    }
    assert done.code == 1
    assert "remote" not in run("manifest", "--doctypes", "doctypes").err
    assert run("manifest").code == run("manifest", "a", "--doctypes", "doctypes").code == 2
