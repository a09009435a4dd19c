"""``provision import``: definitions from what people have kept of their documents."""

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Run, write
from tests.live_server import Live

GOOGLE = {
    "grant_mode": "authorization_code",
    "client_id": "7",
    "client_secret": "s3cr3t",
    "auth_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
}
SCRIPT = """\
#!/bin/sh
# the account types, by hand
COUCH=localhost:5984; curl -s "$COUCH/_all_dbs" | grep secrets
curl -X PUT http://localhost:5984/secrets%2Fio-cozy-account_types
curl -X PUT http://admin:pw@localhost:5984/secrets%2Fio-cozy-account_types/google \\
  -H 'Content-Type: application/json' \\
  -d '{"grant_mode": "authorization_code", "client_id": "7", "client_secret": "s3cr3t",
       "auth_endpoint": "https://accounts.google.com/o/oauth2/v2/auth"}' && echo done
/usr/bin/curl --request=PUT localhost:5984/secrets%2Fio-cozy-account_types/foobar%2Fgoogle --data-raw '{"grant_mode":"secret","slug":"a"}'
curl -XPUT localhost:5984/secrets%2Fio-cozy-account_types/spotify -d @spotify.json
curl -X PUT localhost:5984/secrets%2Fio-cozy-account_types/_security -d '{"admins": {}}'
curl -X DELETE localhost:5984/secrets%2Fio-cozy-account_types/old
touch i-was-run
"""


def definitions(folder: Path) -> dict[str, object]:
    return {
        path.relative_to(folder).with_suffix("").as_posix(): yaml.safe_load(path.read_text("utf-8"))
        for path in folder.rglob("*.yaml")
        if not path.name.startswith(".")
    }


def test_documents_in_json(folder: Path, run: Run) -> None:
    write(folder / "google.json", json.dumps(GOOGLE))
    write(folder / "kept.json", json.dumps({"_id": "foobar/google", "_rev": "3-a", **GOOGLE}))
    done = run("import", "google.json", "kept.json", "--out", "out")
    assert done.code == 0
    assert "s3cr3t" not in done.out + done.err
    found = definitions(folder / "out")
    assert found.keys() == {"google", "foobar/google"}
    public = {name: value for name, value in GOOGLE.items() if name != "client_secret"}
    assert list(found.values()) == [public, public]


def test_the_output_of_all_docs(folder: Path, live: Live, run: Run) -> None:
    live.put("google", GOOGLE)
    live.put("spotify", {**GOOGLE, "client_id": "8"})
    listing = live.http.get(f"{live.path}/_all_docs", params={"include_docs": "true"}).text
    write(folder / "all.json", listing)
    assert run("import", "all.json", "--out", "imported").code == 0
    assert run("import", "--out", "exported", "--couch", live.url, "--database", live.database).code == 0
    assert definitions(folder / "imported") == definitions(folder / "exported")


def test_a_script_with_curl_which_is_not_run(folder: Path, run: Run) -> None:
    write(folder / "scripts/put.sh", SCRIPT)
    write(folder / "scripts/spotify.json", json.dumps({**GOOGLE, "client_id": "8"}))
    done = run("import", "scripts/put.sh", "--out", "out", "--with-secrets")
    assert done.code == 0, done.err
    assert "s3cr3t" not in done.out + done.err
    assert definitions(folder / "out").keys() == {"google", "foobar/google", "spotify"}
    secrets = yaml.safe_load((folder / "out/.credentials.yaml").read_text("utf-8"))
    assert secrets["google"] == {"client_id": "7", "client_secret": "s3cr3t"}
    assert not list(folder.rglob("i-was-run"))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "hello", "it is neither JSON nor a script with curl -X PUT"),
        ("a.sh", "curl -X PUT h/db/x -d '{", "it is not a shell script"),
        ("a.sh", "curl -X PUT h/db/x -d nonsense", "the data for x is not JSON"),
        ("a.sh", 'curl -X PUT h/db/x -d "{\\"client_secret\\": \\"$S\\"}"', "it uses shell variables for x"),
        ("a.sh", "curl -X PUT h/db/x -d @nowhere.json", "it takes nowhere.json, which cannot be read"),
        ("a.json", '{"rows": [{"id": "a", "value": {"rev": "1-a"}}]}', "ask for _all_docs?include_docs=true"),
        ("a.json", "[1]", "it lists something without _id"),
        ("a.json", "7", "its JSON is not a document"),
        ("a.json", "[" * 100_000, "nested too deep"),
    ],
)
def test_what_holds_no_document_is_an_error(folder: Path, run: Run, name: str, text: str, said: str) -> None:
    write(folder / name, text)
    done = run("import", name, "--out", "out")
    assert done.code == 1
    assert said in done.err
    assert not (folder / "out").exists()


def test_two_documents_of_one_id_are_an_error(folder: Path, run: Run) -> None:
    write(folder / "google.json", json.dumps(GOOGLE))
    write(folder / "b.json", json.dumps({"_id": "google", **GOOGLE}))
    done = run("import", "google.json", "b.json", "--out", "out")
    assert done.code == 1
    assert "google is in google.json and in b.json" in done.err
    assert run("import", "nowhere.json", "--out", "out").code == 2


def test_what_is_no_credential_is_left_out_and_secret_parameters_become_variables(folder: Path, run: Run) -> None:
    odd = {
        "client_id": "<your client id>",
        "client_secret": "(secret)",
        "extras": {"api_key": "s3cr3t", "prompt": "none"},
    }
    write(folder / "google.json", json.dumps({**GOOGLE, **odd}))
    done = run("import", "google.json", "--out", "out", "--with-secrets")
    assert done.code == 0
    assert "google: left out: client_id is a template that nothing filled in (<…>)" in done.err
    assert "google: left out: client_secret is hidden in the place that it was copied from" in done.err
    assert "google: extras.api_key is a secret: it is written as the variable google_api_key" in done.err
    assert definitions(folder / "out")["google"] == {
        "grant_mode": "authorization_code",
        "auth_endpoint": GOOGLE["auth_endpoint"],
        "extras": {"api_key": "${google_api_key}", "prompt": "none"},
    }
    assert not any("s3cr3t" in path.read_text() for path in (folder / "out").rglob("*") if path.is_file())
