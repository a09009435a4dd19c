"""The server that a cozy-stack uses, by the files and the environment that the stack reads."""

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from provisioner.adapters.files.cozy_config import read_cozy_config
from provisioner.core.errors import ProvisionError
from provisioner.core.targets.target import Tls
from tests.conftest import Run, write
from tests.rules.examples import SECRET

IF = "couchdb:\n{{if .Env.A}}  url: http://a{{else if eq .Env.B `b` }}  url: http://b{{else}}  url: http://c{{end}}\n"
URL = "couchdb: {url: http://a}"


@pytest.mark.parametrize(
    ("file", "local", "environment", "couch"),
    [
        ("couchdb: {url: 'http://h:5984/'}", None, {}, "http://h:5984/"),
        ("CouchDB: {URL: 'http://h'}", None, {}, "http://h"),
        ("couchdb.url: http://h", None, {}, "http://h"),
        ('{"couchdb": {"url": "http://h"}}', None, {}, "http://h"),
        ("host: x", URL, {}, "http://a"),
        ("couchdb: {url: http://b, root_ca: ca}", URL, {}, "http://a"),
        (URL, "couchdb: {client_cert: c}", {}, "http://a"),
        (URL, URL, {"COZY_COUCHDB_URL": "http://e"}, "http://e"),
        ("host: x", None, {"COZY_COUCHDB_URL": "http://e"}, "http://e"),
        ("couchdb: {url: '{{.Env.GONE}}'}", None, {"COZY_COUCHDB_URL": "http://e"}, "http://e"),
        (URL, None, {"COZY_COUCHDB_URL": ""}, "http://a"),
        ("couchdb: {url: 'http://u:p@ss@w%2Fd@h:1/x'}", None, {}, "http://u:p%40ss%40w%2Fd@h:1/x"),
        ("couchdb: {url: 'http://{{ .Env.H }}/'} # {{mul .NumCPU 4}}", None, {"H": "h"}, "http://h/"),
        ("couchdb: {url: 'http://{{index .Env \"H\"}}/', n: {{.NumCPU}}}", None, {"H": "h"}, "http://h/"),
        ("couchdb: {url: 'http://{{- /* a */ -}} {{or .Env.H `d`}}'}", None, {}, "http://d"),
        ("jobs: {n: {{mul .NumCPU 4}}}\n" + URL, None, {}, "http://a"),
        (IF, None, {"A": "1", "B": "b"}, "http://a"),
        (IF, None, {"B": "b"}, "http://b"),
        (IF, None, {}, "http://c"),
        ("{{if and .Env.A (not .Env.B)}}{{end}}" + URL, None, {}, None),
        ("{{if .Env.A}}{{if .Env.B}}x: 1\n{{else}}y: 1\n{{end}}{{end}}" + URL, None, {"B": "1"}, "http://a"),
        ("{{if not .Env.A}}" + URL + "{{end}}", None, {}, "http://a"),
        ("{{range .Env}}{{end}}" + URL, None, {}, None),
        ("{{if .Env.A}}" + URL, None, {}, None),
        ("host: x", None, {}, None),
        ("host: x", "host: y", {}, None),
        ("couchdb: {url: ''}", None, {}, None),
        ("couchdb: {url: 'localhost:5984'}", None, {}, None),
        ("couchdb: {url: 'http://{{.Env.GONE}}/'}", None, {}, None),
        ("couchdb: {url: 'http://{{printf .Env.H}}/'}", None, {"H": "h"}, None),
        ("couchdb: {url: http://h, pinned_key: x}", None, {}, None),
        (URL, None, {"COZY_COUCHDB_INSECURE_SKIP_VALIDATION": "true"}, None),
    ],
)  # fmt: skip
def test_the_server_is_the_one_that_the_stack_uses_or_is_refused(
    tmp_path: Path, file: str, local: str | None, environment: dict[str, str], couch: str | None
) -> None:
    path = write(tmp_path / "cozy.yml", file)
    if local is not None:
        write(tmp_path / "cozy.yml.local", local)
    if couch is not None:
        assert read_cozy_config(path, environment).couch == couch
        return
    with pytest.raises(ProvisionError) as refused:
        read_cozy_config(path, environment)
    assert "cozy.yml" in refused.value.what
    assert refused.value.next


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("couchdb: {url: '{{.Env.GONE}}'}", "reads couchdb.url from the environment variable GONE, which is not set"),
        ("{{with .Env.A}}{{end}}", "contains {{with .Env.A}}, which only the stack can render"),
        ("host: x", "has no server: couchdb.url is missing, and COZY_COUCHDB_URL is not set"),
        ("couchdb: {url: 'http://u:hush/@h'}", "couchdb.url of cozy.yml cannot be read as a URL"),
    ],
)
def test_a_refusal_names_what_is_missing(folder: Path, run: Run, text: str, said: str) -> None:
    write(folder / "cozy.yml", text)
    done = run("diff", "--cozy-config", "cozy.yml")
    assert done.code == 2
    assert said in done.err
    assert "hush" not in done.err


def test_its_certificates_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "cozy.yml", "couchdb: {url: https://h, root_ca: ca, client_cert: c}")
    assert read_cozy_config(path, {"COZY_COUCHDB_CLIENT_KEY": "k"}).tls == Tls("ca", "c", "k")


def test_accounts_on_other_clusters_are_counted_there_and_told(folder: Path, httpserver: HTTPServer, run: Run) -> None:
    write(folder / "account_types/google.yaml", SECRET.format(slug="google"))
    missing = {"error": "not_found", "reason": "missing"}
    httpserver.expect_request("/a/secrets/io-cozy-account_types/_all_docs").respond_with_json(missing, 404)
    for name, accounts in (("a", ["google"]), ("b", ["google"] * 3)):
        httpserver.expect_request(f"/{name}/_all_dbs").respond_with_json(["x/io-cozy-accounts"])
        found = {"docs": [{"account_type": each} for each in accounts]}
        httpserver.expect_request(f"/{name}/x/io-cozy-accounts/_find").respond_with_json(found)
    url = httpserver.url_for("").rstrip("/")
    clusters = f"[{{url: {url}/a/}}, {{url: '{url.replace('//', '//u:hush@')}/b', instance_creation: false}}]"
    write(folder / "cozy.yml", f"couchdb: {{url: {url}/a, clusters: {clusters}}}")
    done = run("list", "--accounts", "--cozy-config", "cozy.yml")
    assert "4 on 2 of 2 instances" in done.out
    assert f"couchdb.clusters also has instances on {url}/b: their accounts are counted there" in done.err
    assert "hush" not in done.err
