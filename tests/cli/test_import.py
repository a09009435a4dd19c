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
        ("a.sh", 'curl -X PUT h/db/x -d "$DOCUMENT"', "a.sh:1: the data for x comes from $DOCUMENT"),
        ("a.sh", "make | curl -X PUT h/db/x -d @-", "the data for x comes from another command, which is not run"),
        ("a.sh", "curl -X PUT h/db/x -d @nowhere.json", "the data for x comes from nowhere.json, which cannot be read"),
        ("a.sh", 'curl -X PUT h/db/x -d \'{"client_secret": "s3cr3t"}\'', "x is not an account type"),
        (
            "a.sh",
            'curl -X PUT h/db/$x -d \'{"grant_mode": "secret"}\'',
            "the id is $x, which only the shell can expand",
        ),
        (
            "a.json",
            '{"grant_mode": "secret",\n "slug": s3cr3t}',
            "a.json:2:10: it is not JSON: a value is missing here",
        ),
        ("a.json", '{"grant_mode": "secret",}', "a.json:1:25: it is not JSON: there is a comma before the closing"),
        ("a.json", '{"grant_mode": "secret" ', "it is not JSON: it ends too early"),
        ("package.json", '{"name": "a", "version": "1.0.0", "dependencies": {}}', "package is not an account type"),
        ("manifest.konnector", '{"slug": "a", "type": "konnector", "oauth": {"scope": "b"}}', "is not an account type"),
        ("api.json", '{"openapi": "3.0.0", "info": {}, "paths": {}}', "api is not an account type"),
        ("a.json", '{"results": [{"seq": 1, "id": "a", "changes": []}], "last_seq": 1}', "an answer of _changes"),
        ("a.json", '{"rows": []}', "it contains no document of an account type"),
        ("a.json", '{"oauth": {"grant_mode": "authorization_code"}}', "has no id: add _id"),
        ("a.md", "Don't\n\n```sh\nls\n```\n", "it is neither JSON nor a script"),
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
    assert "s3cr3t" not in done.err
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


SECRET = '{"grant_mode": "secret", "slug": "a"}'
ESCAPED = SECRET.replace('"', '\\"')
AS_FORMS = [
    f"curl -sX PUT $DB/x -d '{SECRET}'",
    f"curl -sSf -XPUT \"$DB/x\" -d'{SECRET}'",
    f"curl --data-raw '{SECRET}' -H 'A: b/c' --request PUT --url http://u:p@h:5984/db/x?new_edits=true",
    f"sudo -u couch curl --data-binary '{SECRET}' -X PUT h/db/x",
    f"X=1 curl --json '{SECRET}' -X 'PUT' --cacert /etc/ca.pem h/db/x",
    f"docker exec -it couch curl -X PUT h/db/x -d '{SECRET}' | jq .",
    f"if true; then curl -o /dev/null -X PUT h/db/x -d '{SECRET}' && echo done; fi",
    f"curl -X PUT h/db/x -d @- <<EOF\n{SECRET}\nEOF\n",
    f"\tcurl -X PUT h/db/x -d @- <<-'EOF' > /dev/null\n\t{SECRET}\n\tEOF\n",
    f"curl -X PUT h/db/x -d @- <<< '{SECRET}'",
    f"cat <<EOF | curl -X PUT h/db/x -T -\n{SECRET}\nEOF\n",
    f'curl -X PUT h/db/x -d "$(cat <<EOF\n{SECRET}\nEOF\n)"',
    f"DOC='{SECRET}'\ncurl -X PUT $DB/x -d \"$DOC\"",
    f"echo '{SECRET}' | curl -X PUT h/db/x -d @-",
    'curl -X PUT h/db/x -d "{\\"grant_mode\\": \\"secret\\", \\"slug\\": \\"a\\"}"',
    """curl -X PUT h/db/x -d $'{"grant_mode": "secret",\\n "slug": "a"}'""",
    """curl -X POST h/db -d '{"_id": "x", "grant_mode": "secret", "slug": "a"}'""",
    """curl h/db/_bulk_docs -d '{"docs": [{"_id": "x", "grant_mode": "secret", "slug": "a"}]}'""",
    "curl -X PUT $COUCH/secrets%2Fio-cozy-account_types\ncurl -X PUT $COUCH/secrets%2Fio-cozy-account_types/x -d @x.json",
    "curl -T x.json h/db/x",
    "http PUT h/db/x grant_mode=secret slug=a",
    "http --auth u:p PUT :5984/db/x grant_mode=secret slug:='\"a\"' If-Match:1-a rev==1-a",
    "http PUT h/secrets%2Fio-cozy-account_types/x\ngrant_mode=secret\nslug=a\n",
    "http PUT h/db/x < x.json",
    f"wget -qO- --method=PUT --body-data='{SECRET}' h/db/x",
    "wget --method PUT --body-file x.json --header 'A: b/c' h/db/x",
    f"ssh -p 22 host 'curl -X PUT h/db/x -d @-' <<< '{SECRET}'",
    f"ssh host <<'END'\ncurl -X PUT h/db/x -d '{SECRET}'\nEND\n",
    f"docker exec couch bash -lc \"curl -X PUT h/db/x -d '{ESCAPED}'\"",
    f"sudo su - couchdb -c \"curl -X PUT h/db/x -d '{ESCAPED}'\"",
    f"out=$(curl -s -X PUT h/db/x -d '{SECRET}')",
    f"CURL='curl -s'; OPTIONS=(-X PUT)\n$CURL \"${{OPTIONS[@]}}\" h/db/x -d '{SECRET}'",
    f"$CURL -X PUT h/db/x -d '{SECRET}'",
    f'put() {{\n  local id=$1\n  curl -X PUT "$DB/$id" -d "$2"\n}}\nput x \'{SECRET}\'\n',
    f"function put {{\n  curl -X PUT $DB/$1 -d @-\n}}\nput x <<END\n{SECRET}\nEND\n",
    f"put() {{ curl -X PUT $DB/$1 -d \"$2\"; }}\nls\nput x '{SECRET}'",
    "curl -X PUT h/db/x --data @<(envsubst < x.json)",
    "for id in x; do curl -X PUT $DB/$id -d @$id.json; done",
    f"cat > new.json <<END\n{SECRET}\nEND\ncurl -X PUT h/db/x -d @new.json",
    'curl -X PUT h/db/x -d "$(<x.json)"',
    "envsubst < x.json | curl -X PUT h/db/x -d @-",
    """printf '{"grant_mode": "%s", "slug": "a"}' secret | curl -X PUT h/db/x -d @-""",
    f'curl -X PUT h/db/x ^\n  -d "{ESCAPED}"',
    f"script:\n  - curl -X PUT h/db/x -d '{SECRET}'\n",
    f"PUT /secrets%2Fio-cozy-account_types/x HTTP/1.1\nHost: h\n\n{SECRET}\n",
    f"# Don't run this\nDon't\ncurl -X PUT h/db/x -d '{SECRET}'",
]


@pytest.mark.parametrize("script", AS_FORMS)
@pytest.mark.parametrize("fence", ["", "```sh\n{}\n```\n", "1. Don't:\n\n   ~~~\n{}\n   ~~~\n"])
def test_each_form_of_a_script(folder: Path, run: Run, script: str, fence: str) -> None:
    write(folder / "x.json", SECRET)
    write(folder / "put.md" if fence else folder / "put.sh", fence.format(script) if fence else script)
    done = run("import", "put.md" if fence else "put.sh", "--out", "out")
    assert (done.code, done.err) == (0, "1 account type imported\n")
    assert definitions(folder / "out") == {"x": {"grant_mode": "secret", "slug": "a"}}


def test_a_block_within_a_quotation(folder: Path, run: Run) -> None:
    write(folder / "a.md", f"> Don't:\n> ```\n> curl -X PUT h/db/x \\\n>   -d '{SECRET}'\n> ```\n")
    assert run("import", "a.md", "--out", "out").code == 0
    assert definitions(folder / "out").keys() == {"x"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dumps", "error: dumps cannot be read: it is a folder\nnext: pass the files in it, such as dumps/*\n"),
        ("nowhere", "error: nowhere is not a file, and no database was given\n"),
    ],
)
def test_what_is_no_file_says_what_to_name(folder: Path, run: Run, name: str, said: str) -> None:
    (folder / "dumps").mkdir()
    done = run("import", name, "--out", "out")
    assert (done.code, said in done.err) == (2, True)


def test_variables_of_a_script(folder: Path, run: Run) -> None:
    write(
        folder / "put.sh",
        """curl -X PUT h/db/google -d '{"grant_mode": "authorization_code", "client_id": "'$CLIENT_ID'",
          "client_secret": "'"${CLIENT_SECRET:-s3cr3t}"'", "auth_endpoint": "https://a.example/$x",
          "redirect_uri": "https://oauthcallback.'${DOMAIN:-cozy.example}'/accounts/google/redirect"}'""",
    )
    done = run("import", "put.sh", "--out", "out", "--with-secrets")
    assert done.code == 0
    assert "google: client_id is $CLIENT_ID in the script: it is left out" in done.err
    assert "google: client_secret is $CLIENT_SECRET in the script: it is left out" in done.err
    assert "google: redirect_uri uses $DOMAIN, which is also a variable of the definition" in done.err
    assert "s3cr3t" not in done.out + done.err
    assert definitions(folder / "out")["google"] == {
        "grant_mode": "authorization_code",
        "auth_endpoint": "https://a.example/$$x",
        "redirect_uri": "https://oauthcallback.${DOMAIN:-cozy.example}/accounts/google/redirect",
    }


def test_a_variable_outside_of_quotes_is_a_credential_or_must_be_written_out(folder: Path, run: Run) -> None:
    document = """{"grant_mode": "secret", "slug": "a", "token_endpoint": "https://$HOST/t", "KEY": '$VALUE'}"""
    write(folder / "put.sh", "curl -X PUT h/db/x -d '" + document.replace("KEY", "secret") + "'")
    done = run("import", "put.sh", "--out", "out")
    assert done.code == 0
    assert "x: secret is $VALUE without quotes in the script: it is left out" in done.err
    write(folder / "put.sh", "curl -X PUT h/db/x -d '" + document.replace("KEY", "skip_state_on_token") + "'")
    done = run("import", "put.sh", "--out", "other")
    assert done.code == 1
    assert (
        "skip_state_on_token of x is $VALUE without quotes, which only the shell can expand: write it out" in done.err
    )


def test_a_document_that_cannot_be_read_keeps_no_other_one_back(folder: Path, run: Run) -> None:
    good = f"curl -X PUT h/db/ID -d '{SECRET}'"
    lines = [good.replace("ID", "a"), "curl -X PUT h/db/b -d '{\"secret\": s3cr3t}'", good.replace("ID", "c")]
    write(folder / "put.sh", "\n".join([*lines, "curl -X PUT h/db/d -d '{"]))
    done = run("import", "put.sh", "--out", "out")
    assert done.code == 1
    assert "put.sh:2: the data for b is not JSON: a value is missing here (line 1, column 12 of the data)" in done.err
    assert "put.sh:4: it is not a shell script: a single quote is not closed" in done.err
    assert "s3cr3t" not in done.err
    assert definitions(folder / "out").keys() == {"a", "c"}


X = {"_id": "x", "_rev": "1-a", "grant_mode": "secret", "slug": "a"}
Y = {"_id": "foobar/x", "_rev": "1-b", "grant_mode": "secret", "slug": "b"}
DESIGN = {"_id": "_design/index", "language": "query"}
DUMPS = {
    "all_docs": json.dumps(
        {"total_rows": 3, "offset": 0, "rows": [{"id": d["_id"], "doc": d} for d in (DESIGN, X, Y)]}
    ),
    "find": json.dumps({"docs": [X, Y], "bookmark": "nil", "warning": "No matching index found"}),
    "bulk": json.dumps({"new_edits": False, "docs": [X, Y, DESIGN]}, indent=2),
    "list": json.dumps([X, Y]),
    "lines": "\n".join(json.dumps(each) for each in (X, Y)) + "\n",
    "rows": "\n".join(json.dumps({"id": each["_id"], "value": {"rev": "1-a"}, "doc": each}) for each in (X, Y)),
    "couchbackup": '{"name": "@cloudant/couchbackup", "version": "2.10.2", "mode": "full"}\n'
    + "\n".join(json.dumps(each) for each in ([X, DESIGN], [Y, {"_id": "z", "_rev": "2-c", "_deleted": True}])),
    "jq": "\n".join(json.dumps(each, indent=2) for each in (X, Y)),
    "bulk_get": json.dumps({"results": [{"id": each["_id"], "docs": [{"ok": each}]} for each in (X, Y)]}),
    "view": json.dumps({"total_rows": 2, "rows": [{"id": each["_id"], "key": "a", "value": each} for each in (X, Y)]}),
    "pouchdb": '{"version": "1", "db_info": {}, "url": "a"}\n' + json.dumps({"docs": [X, Y]}) + '\n{"seq": 2}\n',
    "design": json.dumps({"docs": [DESIGN, X, {"_id": "z", "_deleted": True}, Y]}),
    "markdown": f'Don\'t\n\n```json\n{json.dumps(X, indent=2)}\n```\n\n~~~\n{json.dumps(Y)}\n~~~\n```json\n{{"a": …}}\n```',
}


@pytest.mark.parametrize("name", DUMPS)
def test_each_form_of_a_dump(folder: Path, run: Run, name: str) -> None:
    write(folder / "dump.md" if name == "markdown" else folder / "dump.json", DUMPS[name])
    done = run("import", "dump.md" if name == "markdown" else "dump.json", "--out", "out")
    assert (done.code, done.err) == (0, "2 account types imported\n")
    assert definitions(folder / "out") == {
        "x": {"grant_mode": "secret", "slug": "a"},
        "foobar/x": {"grant_mode": "secret", "slug": "b"},
    }


def test_the_configuration_of_a_konnector_holds_its_account_type(folder: Path, run: Run) -> None:
    given = {**GOOGLE, "redirect_uri": "https://oauthcallback.mycozy.cloud/accounts/google/redirect"}
    write(folder / "konnector-dev-config.json", json.dumps({"COZY_URL": "http://cozy.tools:8080", "oauth": given}))
    assert run("import", "konnector-dev-config.json", "--out", "out").code == 0
    assert definitions(folder / "out").keys() == {"google"}


@pytest.mark.parametrize("written", ["", '"redirect_uri": "https://oauthcallback.x.example/accounts/bank/redirect"'])
def test_the_configuration_of_a_konnector_may_have_comments(folder: Path, run: Run, written: str) -> None:
    text = """{ // of my Cozy
      "COZY_URL": "http://cozy.tools:8080", /* see "oauth" */
      fields: {},
      "oauth": {"grant_mode": 'authorization_code', "auth_endpoint": "https://a.example/auth", %s},
    }"""
    write(folder / "konnector-dev-config.json", text % written)
    write(folder / "manifest.konnector", '{"slug": "konnector", "oauth": {"account_type": "of-manifest"}}')
    done = run("import", "konnector-dev-config.json", "--out", "out")
    assert (done.code, done.err) == (0, "1 account type imported\n")
    assert definitions(folder / "out").keys() == {"bank" if written else "of-manifest"}


def test_a_dump_of_which_one_line_is_broken_or_in_utf_16(folder: Path, run: Run) -> None:
    lines = [json.dumps(X), '{"_id": "broken", "secret": s3cr3t}', json.dumps(Y, indent=1), '{"_id": "end"']
    (folder / "dump.json").write_bytes("\n".join(lines).encode("utf-16"))
    done = run("import", "dump.json", "--out", "out")
    assert done.code == 1
    assert "dump.json:2:29: it is not JSON: a value is missing here" in done.err
    assert "dump.json:9:14: it is not JSON: it ends too early" in done.err
    assert "s3cr3t" not in done.err
    assert definitions(folder / "out").keys() == {"x", "foobar/x"}


def test_a_misspelled_key_is_kept_as_a_note_and_what_is_lost_is_named(folder: Path, live: Live, run: Run) -> None:
    odd = {**GOOGLE, "redirect_url": "https://cozy.example/accounts/google/redirect", "clientSecret": "s3cr3t"}
    write(folder / "google.json", json.dumps(odd))
    live.put("google", odd)
    of_files = run("import", "google.json", "--out", "files")
    of_couch = run("import", "--couch", live.url, "--database", live.database, "--out", "couch")
    for done, out in ((of_files, "files"), (of_couch, "couch")):
        assert "google: unknown key redirect_url: did you mean redirect_uri? Its value is kept as the note" in done.err
        assert "s3cr3t" not in done.err
        assert definitions(folder / out)["google"]["x-redirect_url"] == odd["redirect_url"]  # type: ignore[index]
        assert not any("s3cr3t" in path.read_text() for path in (folder / out).rglob("*.yaml"))
    assert "google: left out: unknown key clientSecret: did you mean client_secret?" in of_files.err
    assert "in the database" not in of_files.err
    assert "google: kept in the database only: clientSecret" in of_couch.err


def test_ids_and_globs_choose_what_is_imported(folder: Path, live: Live, run: Run) -> None:
    write(folder / "dump.json", json.dumps([{**X, "_id": id} for id in ("a1", "a2", "foobar/b")]))
    for id in ("a1", "a2", "foobar/b"):
        live.put(id, {"grant_mode": "secret", "slug": "a"})
    for source in (["dump.json"], ["--couch", live.url, "--database", live.database]):
        for chosen, ids in (
            (["a1", "foobar/b"], {"a1", "foobar/b"}),
            (["--only", "a*"], {"a1", "a2"}),
            (["--exclude", "a*"], {"foobar/b"}),
        ):
            out = f"out-{len([*folder.iterdir()])}"
            assert run("import", *source, *chosen, "--out", out).code == 0
            assert definitions(folder / out).keys() == ids
        unknown = run("import", *source, "foobar/c", "--out", "out")
        assert unknown.code == 1
        assert "there is no file or account type foobar/c: did you mean foobar/b?" in unknown.err
