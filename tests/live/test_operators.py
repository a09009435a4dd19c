"""Targets, credentials, ownership, saved plans and exports against the live server."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest
import yaml
from pytest_httpserver import HTTPServer

from provisioner.core.plan.saved_plan import checksum
from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, also_incomplete, write
from tests.faults.proxy import in_front_of
from tests.live_server import Live
from tests.outputs import by_target, only

GOOGLE = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
redirect_uri: https://oauthcallback.${domain}/accounts/google/redirect
"""
SECRET = "grant_mode: secret\nslug: {slug}\n"
SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture
def other(live: Live) -> Iterator[Live]:
    """A second database on the same server."""
    second = Live(live.url, live.http)
    yield second
    live.http.delete(second.path)


@pytest.fixture
def run(run: Run) -> Run:
    """Runs ``provision``; new account types are also written without credentials, which these definitions lack."""
    return also_incomplete(run)


def config(folder: Path, live: Live, **target: object) -> Path:
    row = {"couch": live.url, "database": live.database, "vars": {"domain": "one.example"}, **target}
    path = write(folder / "provision.yaml", yaml.safe_dump({"targets": {"one": row}}))
    path.chmod(0o600)  # it holds a password
    return path


@pytest.fixture
def google(folder: Path) -> Path:
    return write(folder / "account_types/google.yaml", GOOGLE)


class TestCredentials:
    def test_the_first_source_that_has_a_value_wins(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        google.write_text(GOOGLE + "client_id: from-yaml\n")
        (folder / "first").mkdir()
        write(folder / "first/google.client_secret", "from-directory\n")
        write(folder / "second.yaml", "google: {client_id: file, client_secret: file, secret: {from: file}}\n").chmod(
            0o600
        )
        live.put(
            "google", {"client_id": "live", "client_secret": "live", "secret": "live", "fcm_credentials": {"live": 1}}
        )
        config(folder, live, credentials=[{"directory": "first"}, {"file": "second.yaml"}])
        assert run("apply", "--target", "one").code == 0
        document = live.get("google")
        assert document["client_id"] == "from-yaml"
        assert document["client_secret"] == "from-directory"
        assert document["secret"] == {"from": "file"}
        assert document["fcm_credentials"] == {"live": 1}

    def test_a_slash_in_an_id_is_a_folder_of_the_directory(self, folder: Path, live: Live, run: Run) -> None:
        write(folder / "account_types/foobar/google.yaml", GOOGLE)
        write(folder / "mounted/foobar/google.client_id", "abc")
        config(folder, live, credentials=[{"directory": "mounted"}])
        run("apply", "--target", "one")
        assert live.get("foobar/google")["client_id"] == "abc"

    def test_the_environment_names_them_after_their_id(self, folder: Path, live: Live, run: Run) -> None:
        write(folder / "account_types/foobar/go-ogle.yaml", GOOGLE.replace("accounts/google", "accounts/go-ogle"))
        config(folder, live, credentials=[{"env": "PROD_"}])
        run(
            "apply",
            "--target",
            "one",
            env={"PROD_FOOBAR_GO_OGLE_CLIENT_ID": "abc", "PROD_FOOBAR_GO_OGLE_SECRET": '{"a": 1}'},
        )
        assert live.get("foobar/go-ogle")["client_id"] == "abc"
        assert live.get("foobar/go-ogle")["secret"] == {"a": 1}

    def test_without_a_target_the_environment_is_the_source(self, google: Path, live: Live, run: Run) -> None:
        environment = {"ACCOUNT_TYPE_GOOGLE_CLIENT_ID": "abc", "PROVISION_VAR_domain": "x.example"}
        run("apply", "--couch", live.url, "--database", live.database, env=environment)
        assert live.get("google")["client_id"] == "abc"

    @pytest.mark.parametrize(("one", "two"), [("a-b", "a_b"), ("a/b", "a-b"), ("x", "x_client")])
    def test_two_ids_that_map_to_one_name_are_refused(
        self, folder: Path, live: Live, run: Run, one: str, two: str
    ) -> None:
        write(folder / f"account_types/{one}.yaml", SECRET.format(slug="a"))
        write(folder / f"account_types/{two}.yaml", SECRET.format(slug="b"))
        config(folder, live, credentials=[{"env": "ACCOUNT_TYPE_"}])
        done = run("apply", "--target", "one")
        assert done.code == 2
        assert f"would belong to several account types: {', '.join(sorted([one, two]))}" in done.err
        assert not live.exists

    def test_a_command_prints_them(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        write(folder / "team/vault.json", '{"google": {"client_id": "abc", "client_secret": "hush-marker"}}')
        row = {
            "couch": live.url,
            "database": live.database,
            "vars": {"domain": "d"},
            "credentials": [{"command": ["cat", "vault.json"]}],
        }
        write(
            folder / "team/provision.yaml", yaml.safe_dump({"catalogue": ["../account_types"], "targets": {"one": row}})
        )
        done = run("apply", "--config", "team/provision.yaml", "--target", "one")
        assert done.code == 0
        assert live.get("google")["client_secret"] == "hush-marker"
        assert "marker" not in done.out + done.err

    @pytest.mark.parametrize(
        ("command", "expected"),
        [
            (
                ["sh", "-c", "echo out-marker; echo the vault is locked >&2; exit 3"],
                "target one: the command `sh …` failed with exit code 3\nthe vault is locked",
            ),
            (["sh", "-c", "echo 'google: {client_id: ['; echo marker"], "target one: output of `sh …`:"),
            (["sh", "-c", "echo 'google: {marker: 1}'"], "target one: output of `sh …`:1:10: unknown key marker"),
            (["sleep", "60"], "target one: the command `sleep …` did not finish within 0.2 s"),
            (["no-such-program"], "target one: the command `no-such-program` cannot be run"),
        ],
    )
    def test_a_command_that_fails_is_explained(
        self, google: Path, folder: Path, live: Live, run: Run, command: list[str], expected: str
    ) -> None:
        timeout = 0.2 if command[0] == "sleep" else 60
        config(folder, live, credentials=[{"command": command, "timeout": timeout}])
        done = run("apply", "--target", "one")
        assert done.code == 1
        assert expected in done.err + done.out, "what one account type gets wrong is its outcome"
        assert "out-marker" not in done.out + done.err
        assert not live.exists

    @pytest.mark.parametrize("by", ["command", "age"])
    def test_age_decrypts_them(self, google: Path, folder: Path, live: Live, run: Run, by: str) -> None:
        subprocess.run(["age-keygen", "-o", "key.txt"], check=True, capture_output=True)
        recipient = subprocess.run(
            ["age-keygen", "-y", "key.txt"], check=True, capture_output=True, text=True
        ).stdout.strip()
        plain = "google: {client_id: abc, client_secret: hush-marker}\n"
        subprocess.run(
            ["age", "-r", recipient, "-o", "prod.age"], input=plain.encode(), check=True, capture_output=True
        )
        source = (
            {"command": ["age", "-d", "-i", "key.txt", "prod.age"]}
            if by == "command"
            else {"age": "prod.age", "identity": "key.txt"}
        )
        config(folder, live, credentials=[source])
        done = run("apply", "--target", "one")
        assert done.code == 0
        assert live.get("google")["client_secret"] == "hush-marker"
        assert "marker" not in done.out + done.err

    def test_another_age_key_is_explained(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        for name in ("key.txt", "other.txt"):
            subprocess.run(["age-keygen", "-o", name], check=True, capture_output=True)
        recipient = subprocess.run(
            ["age-keygen", "-y", "key.txt"], check=True, capture_output=True, text=True
        ).stdout.strip()
        subprocess.run(
            ["age", "-r", recipient, "-o", "prod.age"], input=b"google: {}\n", check=True, capture_output=True
        )
        config(folder, live, credentials=[{"age": "prod.age", "identity": "other.txt"}])
        assert "prod.age cannot be decrypted with other.txt" in run("apply", "--target", "one").err

    def test_a_file_that_others_may_read_is_warned_of(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        write(folder / "secrets.yaml", "google: {client_id: abc, client_secret: def}\n").chmod(0o644)
        config(folder, live, credentials=[{"file": "secrets.yaml"}])
        assert "warning: other users can read the credentials in secrets.yaml" in run("diff", "--target", "one").err
        strict = run("apply", "--strict", "--target", "one")
        assert strict.code == 1
        assert not live.exists
        (folder / "secrets.yaml").chmod(0o600)
        assert "warning" not in run("apply", "--strict", "--target", "one").err

    def test_a_file_that_git_tracks_is_warned_of(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        write(folder / "secrets.yaml", "google: {client_id: abc}\n").chmod(0o600)
        config(folder, live, credentials=[{"file": "secrets.yaml"}])
        subprocess.run(["git", "init", "-q"], check=True)
        assert "git tracks" not in run("diff", "--target", "one").err
        subprocess.run(["git", "add", "secrets.yaml"], check=True)
        assert "warning: git tracks the credentials in secrets.yaml, unencrypted" in run("diff", "--target", "one").err

    def test_a_file_encrypted_with_sops_is_told_apart(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        write(folder / "secrets.yaml", "google: {client_id: 'ENC[x]'}\nsops: {version: 3}\n").chmod(0o600)
        config(folder, live, credentials=[{"file": "secrets.yaml"}])
        assert "secrets.yaml is encrypted with sops\nnext: read it with command" in run("diff", "--target", "one").err

    def test_credentials_that_a_source_no_longer_has_stay(
        self, google: Path, folder: Path, live: Live, run: Run
    ) -> None:
        path = write(folder / "secrets.yaml", "google: {client_id: abc, client_secret: hush}\n")
        path.chmod(0o600)
        config(folder, live, credentials=[{"file": "secrets.yaml"}])
        run("apply", "--target", "one")
        path.write_text("{}\n")
        assert run("apply", "--target", "one").out.endswith("0 created, 0 changed, 1 unchanged\n")
        assert live.get("google")["client_secret"] == "hush"


class TestTargets:
    def both(self, folder: Path, live: Live, other: Live, **second: object) -> None:
        rows = {
            "one": {"couch": live.url, "database": live.database, "vars": {"domain": "one.example"}},
            "two": {"couch": live.url, "database": other.database, "vars": {"domain": "two.example"}, **second},
        }
        write(folder / "provision.yaml", yaml.safe_dump({"targets": rows}))

    def test_each_target_has_its_own_variables(
        self, google: Path, folder: Path, live: Live, other: Live, run: Run
    ) -> None:
        self.both(folder, live, other)
        done = run("apply", "--all-targets")
        assert done.code == 0
        assert live.get("google")["redirect_uri"] == "https://oauthcallback.one.example/accounts/google/redirect"
        assert other.get("google")["redirect_uri"] == "https://oauthcallback.two.example/accounts/google/redirect"
        assert f"target one: {live.shown_url}, database {live.database}\n" in done.out
        assert (
            f"target two: {other.shown_url}, database {other.database}\ndatabase created\ncreated   google\n"
            in done.out
        )

    def test_one_that_fails_does_not_stop_the_others(
        self, google: Path, folder: Path, live: Live, other: Live, run: Run
    ) -> None:
        self.both(folder, live, other, couch="http://127.0.0.1:1")
        done = run("apply", "--format", "json", "--target", "two", "--target", "one")
        assert done.code == 1
        assert "error: two: connection refused: nothing is listening at http://127.0.0.1:1" in done.err
        assert by_target(done.out)["one"]["summary"]["created"] == 1
        assert live.get("google")

    def test_the_configuration_is_found_upwards(
        self, google: Path, folder: Path, live: Live, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config(folder, live)
        (folder / "deep/er").mkdir(parents=True)
        monkeypatch.chdir(folder / "deep/er")
        write(folder / "provision.yaml", (folder / "provision.yaml").read_text() + "catalogue: [account_types]\n")
        assert run("apply", "--target", "one").code == 0
        assert run("validate").out == "1 file, 0 errors, 0 warnings\n"
        assert live.get("google")

    def test_only_the_contexts_of_a_target_are_taken(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        for context in ("foo", "bar"):
            write(folder / f"account_types/{context}/google.yaml", GOOGLE)
        for name, id in {"first": "bar/other", "second": "${other}/google", "third": "${ours}/third"}.items():
            text = GOOGLE.replace("accounts/google", f"accounts/{id.partition('/')[2]}")
            write(folder / f"account_types/{name}.yaml", f"_id: {id}\n{text}")
        config(folder, live, contexts=["foo"])
        run("apply", "--target", "one", "--set", "ours=foo", "--set", "other=baz")
        assert live.documents().keys() == {"google", "foo/google", "foo/third"}

    def test_a_protected_target_without_a_terminal_needs_yes(
        self, google: Path, folder: Path, live: Live, run: Run
    ) -> None:
        config(folder, live, protected=True)
        done = run("apply", "--target", "one")
        assert done.code == 1
        assert "the target one is protected, and there is no terminal to ask on\nnext: add --yes" in done.err
        assert not live.exists
        assert run("diff", "--target", "one").code == 0
        assert run("apply", "--target", "one", "--yes").code == 0
        assert run("apply", "--target", "one").code == 0, "nothing is to be written, so nobody is asked"

    @pytest.mark.parametrize(("typed", "code"), [("one", 0), ("One", 1), ("", 1)])
    def test_a_protected_target_wants_its_name(
        self, google: Path, folder: Path, live: Live, typed: str, code: int
    ) -> None:
        config(folder, live, protected=True)
        said, ended = on_a_terminal(
            ["apply", "--incomplete", "warn", "--target", "one"], folder, f"{typed}\n", {"TERM": "dumb"}
        )
        assert ended == code
        assert "create    google" in said
        assert "Type its name" in said
        assert live.exists == (code == 0)

    def test_targets_are_listed_without_passwords(self, folder: Path, live: Live, run: Run) -> None:
        rows = {
            "here": {"couch": live.url},
            "there": {"couch": "http://ada:hush-marker@127.0.0.1:1", "protected": True},
        }
        write(folder / "provision.yaml", yaml.safe_dump({"targets": rows}))
        done = run("check", "--all-targets")
        assert done.code == 1
        assert "marker" not in done.out + done.err
        database = "secrets/io-cozy-account_types"
        assert [line.split() for line in done.out.splitlines()[1:3]] == [
            ["here", live.shown_url, database, "no", "yes", "yes", "no", "1", "0"],
            ["there", "http://127.0.0.1:1", database, "yes", "no", "-", "-", "1", "0"],
        ]
        assert "connection refused: nothing is listening at http://127.0.0.1:1" in done.out
        assert "your requests are accepted" not in done.out
        assert by_target(run("check", "--all-targets", "--format", "json").out).keys() == {"here", "there"}

    def test_a_target_that_is_wrong_does_not_hide_the_others(self, folder: Path, live: Live, run: Run) -> None:
        rows = {"bad": {"couch": "${NOWHERE}"}, "good": {"couch": live.url, "database": live.database}}
        write(folder / "provision.yaml", yaml.safe_dump({"targets": rows}))
        done = run("check", "--all-targets")
        assert done.code == 1
        assert [line.split()[0] for line in done.out.splitlines()[1:3]] == ["bad", "good"]
        assert "error: target bad: provision.yaml:3:12: " in done.err
        assert "the database is missing" in done.out

    @pytest.mark.parametrize(
        ("status", "facts"),
        [
            (401, {"reachable": "ok", "signed-in": "failed"}),
            (403, {"reachable": "ok", "signed-in": "ok", "access": "failed"}),
        ],
    )
    def test_a_refused_user_is_a_fact_of_its_own(
        self, folder: Path, httpserver: HTTPServer, run: Run, status: int, facts: dict[str, str]
    ) -> None:
        body = {"error": "unauthorized" if status == 401 else "forbidden", "reason": "no"}
        httpserver.expect_request(re.compile(".*")).respond_with_json(body, status=status)
        write(folder / "provision.yaml", yaml.safe_dump({"targets": {"one": {"couch": httpserver.url_for("/")}}}))
        done = run("check", "--target", "one", "--format", "json")
        assert done.code == 1
        assert {row["check"]: row["result"] for row in only(done.out)["checks"]} == facts

    def test_the_stacks_configuration_can_stand_in(self, google: Path, folder: Path, live: Live, run: Run) -> None:
        text = "couchdb:\n  url: {{.Env.COUCH}}\n  clusters: [{url: http://b.example}]\nmail: {}\n"
        write(folder / "cozy.yml", text)
        given = ("--cozy-config", "cozy.yml", "--database", live.database, "--owner", "me")
        environment = {"COUCH": live.url, "PROVISION_VAR_domain": "d"}
        assert run("apply", *given, env=environment).code == 0
        assert live.get("google")
        google.unlink()
        write(folder / "account_types/other.yaml", "grant_mode: secret\nslug: other\nsecret: x\n")
        done = run("diff", *given, env=environment)
        what = "couchdb.clusters also has instances on http://b.example"
        assert f"{what}: list --accounts counts there how many accounts a removal reaches" in done.err

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("targts: {}\n", "provision.yaml:1:1: unknown key targts: did you mean targets?"),
            (
                "targets: {one: {couch: 5984}}\n",
                "provision.yaml:1:24: targets.one.couch must be a string, and this is a number: quote it",
            ),
            (
                "targets: {one: {incomplete: skp}}\n",
                'targets.one.incomplete cannot be "skp": did you mean skip?',
            ),
            (
                "targets: {one: {credentials: [{file: a, env: B_}]}}\n",
                "must be exactly one of file, directory, env, command, age",
            ),
            ("targets: {one: {credentials: [{age: a}]}}\n", "age needs identity"),
            ("targets: {one: {tls: {client_key: a}}}\n", "client_key needs client_cert"),
            ("owner: Team A\n", "owner must be lower-case letters, digits, - and _"),
            ("owner: [\n", "provision.yaml:2:1: not YAML"),
            ("targets: {one: {couch: 'http://${NOT_SET}'}}\n", "provision.yaml:1:24: variable NOT_SET has no value"),
        ],
    )
    def test_a_configuration_is_checked_like_a_definition(
        self, google: Path, folder: Path, run: Run, text: str, expected: str
    ) -> None:
        write(folder / "provision.yaml", text)
        done = run("diff", "--target", "one")
        assert done.code in (1, 2)
        assert expected in done.err

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (["--target", "tow"], "unknown target tow: did you mean two?"),
            (["--target", "one", "--couch", "x"], "each select a server"),
            (["--config", "nowhere.yaml", "--target", "one"], "nowhere.yaml cannot be read"),
        ],
    )
    def test_options_that_cannot_be_meant(
        self, google: Path, folder: Path, live: Live, other: Live, run: Run, options: list[str], expected: str
    ) -> None:
        self.both(folder, live, other)
        done = run("diff", *options)
        assert done.code == 2
        assert expected in done.err


class TestOwnership:
    @pytest.fixture
    def options(self, live: Live, folder: Path) -> list[str]:
        for id in ("a", "b"):
            write(folder / f"account_types/{id}.yaml", SECRET.format(slug=id))
        return ["--couch", live.url, "--database", live.database, "--owner", "team-a"]

    def test_the_key_holds_no_value_and_stays_as_it_is(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a-marker") + "secret: ${S}\n")
        run("apply", *options, "--set", "S=s-marker")
        document = live.get("a")
        key = document["provision"]
        assert document.keys() == {"_id", "_rev", "grant_mode", "slug", "secret", "provision"}
        assert "marker" not in json.dumps(key)
        assert key["owner"] == "team-a"
        assert key["fields"].keys() == {"grant_mode", "slug", "secret"}
        assert {len(digest) for digest in key["fields"].values()} == {16, 4}
        assert key["since"] == {"secret": key["at"]}
        run("apply", *options, "--set", "S=s-marker")
        assert live.get("a") == document

    def test_without_an_owner_a_document_is_exactly_what_is_defined(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        run("apply", *options[:4])
        assert live.get("a").keys() == {"_id", "_rev", "grant_mode", "slug"}
        write(folder / "account_types/a.yaml", "grant_mode: token\nclient_id: a\nauth_endpoint: https://a.example/\n")
        run("apply", *options[:4])
        assert "unchanged a\n    kept: slug\n" in run("diff", "--all", *options[:4]).out
        done = run("apply", "--prune", "--yes", *options[:4])
        assert done.code == 2
        assert "--prune needs an owner" in done.err

    def test_the_owner_may_stand_in_the_configuration(self, folder: Path, live: Live, run: Run) -> None:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a"))
        write(folder / "provision.yaml", "owner: team-a\n")
        run("apply", "--couch", live.url, "--database", live.database)
        assert live.get("a")["provision"]["owner"] == "team-a"
        assert run("apply", "--owner", "Team A").code == 2

    def test_the_commit_of_the_catalogue_is_kept_with_what_it_wrote(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
            subprocess.run([*git, *words], check=True)
        commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        run("apply", *options)
        assert live.get("a")["provision"]["source"] == commit
        assert (
            f"owner: team-a, {live.get('a')['provision']['at']}, from commit {commit}"
            in run("list", "a", *options[:4]).out
        )
        write(folder / "account_types/a.yaml", SECRET.format(slug="new"))
        run("apply", *options)
        assert live.get("a")["provision"]["source"] == f"{commit}-dirty"
        assert live.get("b")["provision"]["source"] == commit

    def test_a_field_that_we_set_is_taken_away_and_others_are_kept(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a") + "token_mode: get\n")
        run("apply", *options)
        live.put("a", {**live.get("a"), "extras": {"by": "hand"}})
        write(folder / "account_types/a.yaml", SECRET.format(slug="a"))
        done = run("apply", *options)
        assert '- token_mode: "get"' in done.out
        assert "kept: extras" in done.out
        assert live.get("a").keys() == {"_id", "_rev", "grant_mode", "slug", "extras", "provision"}

    def test_a_document_replaced_by_hand_belongs_to_nobody_and_is_adopted(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a") + "token_mode: get\n")
        run("apply", *options)
        for id in ("a", "b"):
            live.put(id, {name: value for name, value in live.get(id).items() if name != "provision"})
        write(folder / "account_types/a.yaml", SECRET.format(slug="a"))
        (folder / "account_types/b.yaml").unlink()
        out = run("diff", *options).out
        assert "adopt     a\n    has no owner: apply will adopt it\n    kept: token_mode\n" in out
        assert out.endswith("0 to create, 0 to change, 1 to adopt, 0 unchanged, 1 unmanaged\n")
        assert run("diff", "--exit-code", *options).code == 3
        done = run("apply", "--prune", "--yes", *options)
        assert done.out.endswith("0 created, 0 changed, 1 adopted, 0 unchanged\n")
        assert live.get("a")["token_mode"] == "get"
        assert live.get("b")
        assert run("diff", "--exit-code", *options).code == 0

    def test_a_file_that_is_gone_is_told_left_and_pruned_when_asked(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        run("apply", *options)
        live.put("theirs", {"slug": "theirs"})
        (folder / "account_types/b.yaml").unlink()
        out = run("diff", *options).out
        assert (
            "skipped   b: would be removed with apply --prune\n    accounts connected through it can no longer refresh their tokens"
            in out
        )
        done = run("apply", *options)
        assert "skipped   b: would be removed with apply --prune" in done.out
        assert done.out.endswith("0 created, 0 changed, 1 unchanged, 1 skipped\n")
        refused = run("apply", "--prune", *options)
        assert refused.code == 1
        assert "add --yes" in refused.err
        assert live.documents().keys() == {"a", "b", "theirs"}
        assert run("apply", "--prune", "--yes", *options).out.endswith("0 created, 0 changed, 1 unchanged, 1 removed\n")
        assert live.documents().keys() == {"a", "theirs"}
        assert run("diff", "--exit-code", *options).code == 0

    def test_a_prune_leaves_what_somebody_changed_unless_told(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        run("apply", *options)
        live.put("b", {**live.get("b"), "extras": {"by": "hand"}})
        (folder / "account_types/b.yaml").unlink()
        done = run("apply", "--prune", "--yes", *options)
        assert "skipped   b: it also contains extras, which this owner did not set; --allow changed deletes" in done.out
        assert live.get("b")
        assert run("apply", "--prune", "--allow", "changed", "--yes", *options).code == 0
        assert live.documents().keys() == {"a"}

    @pytest.mark.parametrize(("typed", "left"), [("y", {"a"}), ("n", {"a", "b"})])
    def test_a_prune_asks(
        self, options: list[str], folder: Path, live: Live, run: Run, typed: str, left: set[str]
    ) -> None:
        run("apply", *options)
        (folder / "account_types/b.yaml").unlink()
        said, _ = on_a_terminal(
            ["apply", "--prune", "--incomplete", "warn", *options], folder, f"{typed}\n", {"TERM": "dumb"}
        )
        assert "Delete 1 document" in said
        assert live.documents().keys() == left

    def test_a_mass_delete_needs_its_option(self, options: list[str], folder: Path, live: Live, run: Run) -> None:
        for id in ("c", "d", "e"):
            write(folder / f"account_types/{id}.yaml", SECRET.format(slug=id))
        run("apply", *options)
        for id in ("c", "d", "e"):
            (folder / f"account_types/{id}.yaml").unlink()
        done = run("apply", "--prune", "--yes", *options)
        assert done.code == 1
        assert "prune would delete 3 of the 5 account types that this owner has here" in done.err
        assert "--allow mass-delete" in done.err
        assert len(live.documents()) == 5
        assert run("apply", "--prune", "--yes", "--allow", "mass-delete", *options).code == 0
        assert live.documents().keys() == {"a", "b"}

    def test_no_prune_with_a_broken_file_or_a_part_of_the_catalogue(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        run("apply", *options)
        (folder / "account_types/b.yaml").unlink()
        part = run("apply", "account_types/a.yaml", "--prune", "--yes", *options)
        assert part.code == 2
        assert "--prune compares with the whole catalogue" in part.err
        assert "remove" not in run("diff", "account_types/a.yaml", *options).out
        write(folder / "account_types/bad.yaml", "grant_mode: [\n")
        assert run("apply", "--prune", "--yes", *options).code == 1
        assert live.documents().keys() == {"a", "b"}

    def test_two_targets_with_different_contexts_on_one_database_leave_each_other_alone(
        self, folder: Path, live: Live, run: Run
    ) -> None:
        for id in ("global", "one/a", "two/a"):
            write(folder / f"account_types/{id}.yaml", SECRET.format(slug=id.replace("/", "-")))
        row = {"couch": live.url, "database": live.database}
        targets = {name: {**row, "contexts": [name]} for name in ("one", "two")}
        write(folder / "provision.yaml", yaml.safe_dump({"owner": "team-a", "targets": targets}))
        for name in ("one", "two"):
            assert run("apply", "--target", name, "--prune", "--yes").code == 0
        assert live.documents().keys() == {"global", "one/a", "two/a"}
        (folder / "account_types/one/a.yaml").unlink()
        assert run("apply", "--target", "two", "--prune", "--yes").code == 0
        assert live.documents().keys() == {"global", "one/a", "two/a"}
        assert run("apply", "--target", "one", "--prune", "--yes").code == 0
        assert live.documents().keys() == {"global", "two/a"}

    @pytest.mark.parametrize("extra", [[], ["--owner", "team-b"]])
    def test_what_another_owner_owns_is_refused_before_any_write(
        self, options: list[str], folder: Path, live: Live, run: Run, extra: list[str]
    ) -> None:
        run("apply", *options)
        write(folder / "account_types/a.yaml", SECRET.format(slug="new"))
        write(folder / "account_types/c.yaml", SECRET.format(slug="c"))
        assert "refused   a: belongs to the owner team-a" in run("diff", *options[:4], *extra).out
        done = run("apply", *options[:4], *extra)
        assert done.code == 1
        assert "these account types belong to another owner: a (owner team-a), b (owner team-a)\nnext: " in done.err
        assert live.documents().keys() == {"a", "b"}
        assert live.get("a")["slug"] == "a"

    def test_adopt_changes_the_owner_in_the_same_write(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a") + "token_mode: get\n")
        run("apply", *options)
        write(folder / "account_types/a.yaml", SECRET.format(slug="a"))
        mine = [*options[:4], "--owner", "team-b"]
        done = run("apply", "--allow", "adopt", *mine)
        assert done.code == 0
        assert "adopted from the owner team-a" in done.out
        assert live.get("a").keys() == {"_id", "_rev", "grant_mode", "slug", "provision"}
        assert {live.get(id)["provision"]["owner"] for id in ("a", "b")} == {"team-b"}
        assert {live.get(id)["_rev"][0] for id in ("a", "b")} == {"2"}
        assert "owned by" not in run("diff", *mine).out
        assert run("apply", "--allow", "adopt", *options[:4]).code == 2

    def test_a_key_in_an_unknown_form_stops_every_write(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        live.put("a", {"slug": "old", "provision": {"version": 9}})
        done = run("apply", *options)
        assert done.code == 1
        assert "a newer version of provision wrote a: this one cannot read the key `provision`" in done.err
        assert live.documents().keys() == {"a"}

    def test_an_edit_by_someone_else_is_told(self, options: list[str], live: Live, run: Run) -> None:
        run("apply", *options)
        live.put("a", {**live.get("a"), "slug": "theirs"})
        live.put("b", {**live.get("b"), "note": "theirs"})
        out = run("diff", *options).out
        assert '~ slug: "theirs" → "a"\n    edited by someone else: slug\n' in out
        assert "unchanged b\n    kept: note\n" in run("diff", "--all", *options).out


class TestOpenDatabases:
    @pytest.fixture
    def options(self, live: Live, folder: Path) -> list[str]:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a") + "secret: hush\n")
        live.put("theirs", {"slug": "theirs"})
        live.http.put(f"{live.path}/_security", json={}).raise_for_status()
        return ["--couch", live.url, "--database", live.database]

    def security(self, live: Live) -> Any:
        return live.http.get(f"{live.path}/_security").json()

    def test_no_secret_is_written_into_a_database_that_everyone_can_read(
        self, options: list[str], live: Live, run: Run
    ) -> None:
        assert "everyone can read" in run("diff", *options).err
        done = run("apply", *options)
        assert done.code == 1
        assert "everyone can read" in done.err
        assert "--make-private" in done.err
        assert live.documents().keys() == {"theirs"}
        assert run("apply", "--allow", "public", *options).code == 0
        assert live.get("a")["secret"] == "hush"
        assert self.security(live) == {}

    def test_it_is_closed_on_request(self, options: list[str], live: Live, run: Run) -> None:
        assert run("apply", "--make-private", *options).code == 0
        assert self.security(live)["members"]["roles"] == ["_admin"]
        assert live.get("a")["secret"] == "hush"

    @pytest.mark.parametrize(("typed", "written"), [("y", True), ("n", False)])
    def test_a_person_is_asked(self, options: list[str], folder: Path, live: Live, typed: str, written: bool) -> None:
        said, _ = on_a_terminal(["apply", "--incomplete", "warn", *options], folder, f"{typed}\n", {"TERM": "dumb"})
        assert "Restrict it to admins?" in said
        assert ("a" in live.documents()) is written


class TestSavedPlans:
    @pytest.fixture
    def options(self, live: Live, folder: Path) -> list[str]:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a") + "secret: ${S}\n")
        return ["--couch", live.url, "--database", live.database]

    def test_a_saved_plan_is_applied_and_holds_no_secret(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        run("diff", "--out", "plan.json", "--set", "S=hush-marker", *options)
        assert (folder / "plan.json").stat().st_mode & 0o777 == 0o600
        content = json.loads((folder / "plan.json").read_text())
        jsonschema.validate(content, json.loads((SCHEMAS / "plan.schema.json").read_text()))
        assert "marker" not in json.dumps(content)
        assert run("apply", "--plan", "plan.json", "--set", "S=hush-marker", *options).code == 0
        assert live.get("a")["secret"] == "hush-marker"

    def test_it_says_the_same_for_every_secret(self, options: list[str], folder: Path, run: Run) -> None:
        texts = []
        for secret in ("1234", "9876"):
            run("diff", "--out", "plan.json", "--set", f"S={secret}", *options)
            texts.append((folder / "plan.json").read_text())
        assert texts[0] == texts[1]

    @pytest.mark.parametrize("owner", [[], ["--owner", "team-a"]])
    @pytest.mark.parametrize("value", ["api_key: {}", "hook: 'https://u:{}@a.example/'"])
    def test_a_secret_that_somebody_changed_since_is_not_replaced(
        self, folder: Path, live: Live, run: Run, value: str, owner: list[str]
    ) -> None:
        options = ["--couch", live.url, "--database", live.database, *owner]
        definition = SECRET.format(slug="a") + "extras:\n  " + value + "\n"
        write(folder / "account_types/a.yaml", definition.format("first-marker"))
        run("apply", *options)
        write(folder / "account_types/a.yaml", definition.format("second-marker"))
        shown = run("diff", "--out", "plan.json", *options).out
        assert "(new secret)" in shown
        assert "marker" not in shown + (folder / "plan.json").read_text()
        live.put("a", json.loads(json.dumps(live.get("a")).replace("first-marker", "theirs")))
        done = run("apply", "--plan", "plan.json", *options)
        assert "since): run provision diff" in done.out
        assert "theirs" in json.dumps(live.get("a"))

    @pytest.mark.parametrize("field", ["secret: {}", "extras:\n  api_key: {}"])
    def test_a_secret_that_was_not_to_change_is_not_written(
        self, folder: Path, live: Live, run: Run, field: str
    ) -> None:
        options = ["--couch", live.url, "--database", live.database]
        definition = f"grant_mode: secret\nslug: a\n{field}\nmanage_endpoint: https://a.example/{{}}\n"
        write(folder / "account_types/a.yaml", definition.format("first-marker", 1))
        run("apply", "--incomplete", "warn", *options)
        write(folder / "account_types/a.yaml", definition.format("first-marker", 2))
        run("diff", "--out", "plan.json", *options)
        write(folder / "account_types/a.yaml", definition.format("second-marker", 2))
        done = run("apply", "--plan", "plan.json", *options)
        assert "not written: its change is not the one that was reviewed" in done.out
        assert "first-marker" in json.dumps(live.get("a"))

    def test_what_was_not_reviewed_fails_and_the_rest_is_written(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        live.put("b", {"slug": "old"})
        write(folder / "account_types/b.yaml", SECRET.format(slug="b"))
        run("diff", "--out", "plan.json", "--set", "S=one", *options)
        live.put("b", {"slug": "older"})
        write(folder / "account_types/c.yaml", SECRET.format(slug="c"))
        done = run("apply", "--plan", "plan.json", "--set", "S=one", *options)
        assert done.code == 1
        assert "created   a" in done.out
        assert "failed    b: not written: its change is not the one that was reviewed (slug)" in done.out
        assert (
            "failed    c: not written: its change is not the one that was reviewed (create was not in it)" in done.out
        )
        assert live.documents().keys() == {"a", "b"}
        assert live.get("b")["slug"] == "older"

    def test_a_foreign_edit_beside_the_reviewed_change_is_kept(self, options: list[str], live: Live, run: Run) -> None:
        live.put("a", {"slug": "old"})
        run("diff", "--out", "plan.json", "--set", "S=one", *options)
        live.put("a", {"slug": "old", "note": "theirs"})
        assert run("apply", "--plan", "plan.json", "--set", "S=one", *options).code == 0
        assert live.get("a")["slug"] == "a"
        assert live.get("a")["note"] == "theirs"

    def test_a_document_that_changed_since_is_not_deleted(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        mine = [*options, "--owner", "team-a", "--set", "S=one"]
        write(folder / "account_types/b.yaml", SECRET.format(slug="b"))
        run("apply", *mine)
        (folder / "account_types/b.yaml").unlink()
        run("diff", "--out", "plan.json", *mine)
        live.put("b", live.get("b"))
        done = run("apply", "--plan", "plan.json", "--prune", "--yes", *mine)
        assert done.code == 1
        assert (
            "failed    b: not written: its change is not the one that was reviewed (the live document changed since)"
            in done.out
        )
        assert live.get("b")

    def test_its_exit_code_says_whether_it_writes(self, options: list[str], folder: Path, run: Run) -> None:
        given = ("--set", "S=one", *options)
        run("diff", "--out", "first.json", *given)
        assert run("diff", "--from", "first.json", "--exit-code").code == 3
        assert run("diff", "--from", "first.json").code == 0
        assert run("apply", *given).code == 0
        run("diff", "--out", "second.json", *given)
        assert run("diff", "--from", "second.json", "--exit-code").code == 0

    @pytest.mark.parametrize("more", [("--all-targets",), ("--target", "x", "--target", "y")])
    def test_it_is_for_one_target(self, options: list[str], folder: Path, run: Run, more: tuple[str, ...]) -> None:
        run("diff", "--out", "plan.json", "--set", "S=one", *options)
        assert "--plan is for one target" in run("apply", "--plan", "plan.json", *more, "--couch", "http://x").err

    @pytest.mark.parametrize("id", ["_security", "_design/x", "a/b/c", "..", ""])
    def test_no_account_type_in_it_has_an_id_that_none_can_have(
        self, options: list[str], folder: Path, run: Run, id: str
    ) -> None:
        run("diff", "--out", "plan.json", "--set", "S=one", *options)
        content = json.loads((folder / "plan.json").read_text())
        content["changes"][0]["id"] = id
        write(folder / "plan.json", json.dumps({**content, "checksum": checksum(content)}))
        for command in (("diff", "--from", "plan.json"), ("apply", "--plan", "plan.json", *options)):
            done = run(*command)
            assert done.code == 2
            assert "plan.json is not a saved plan" in done.err

    def test_it_is_refused_for_another_database(self, options: list[str], other: Live, run: Run) -> None:
        run("diff", "--out", "plan.json", "--set", "S=one", *options)
        done = run("apply", "--plan", "plan.json", "--set", "S=one", *options[:3], other.database)
        assert "it was made for http" in done.err
        assert not other.exists

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
        self, options: list[str], folder: Path, live: Live, run: Run, change: object, expected: str
    ) -> None:
        run("diff", "--out", "plan.json", "--set", "S=one", *options)
        assert callable(change)
        write(folder / "plan.json", change((folder / "plan.json").read_text()))
        done = run("apply", "--plan", "plan.json", "--set", "S=one", *options)
        assert done.code == 2
        assert expected in done.err
        assert not live.exists


class TestExport:
    DOCUMENTS: ClassVar[dict[str, dict[str, Any]]] = {
        "google": {"grant_mode": "authorization_code", "client_id": "no", "client_secret": "hush-marker", "auth_endpoint": "https://a.example/?q=$b", "extras": {"a": "${x}", "b": "012"}},
        "foobar/google": {"grant_mode": "secret", "slug": "2026-01-01", "secret": {"deep": ["$$", 1.5, None, True]}},
        "a b&é": {"grant_mode": "token", "auth_endpoint": "https://a.example/", "redirect_uri": "", "client_id": "sp ace: #"},
        "123": {"grant_mode": "secret", "slug": "number"},
        "Google": {"grant_mode": "secret", "slug": "capital"},
        ".hidden": {"fcm_credentials": {"private_key": "hush-marker\n"}},
    }  # fmt: skip

    @pytest.fixture
    def options(self, live: Live, folder: Path) -> list[str]:
        for id, document in self.DOCUMENTS.items():
            live.put(id, document)
        return ["--couch", live.url, "--database", live.database]

    def test_right_after_an_export_diff_shows_no_change(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        done = run("import", "--out", "account_types", *options)
        assert done.code == 0
        assert (folder / "account_types/foobar/google.yaml").exists()
        assert "marker" not in done.out + done.err + "".join(path.read_text() for path in folder.rglob("*.yaml"))
        assert run("diff", "--exit-code", *options).code == 0

    def test_keys_come_in_a_fixed_order(self, options: list[str], folder: Path, run: Run) -> None:
        run("import", "--out", "out", *options)
        assert [line.partition(":")[0] for line in (folder / "out/google.yaml").read_text().splitlines()] == [
            "grant_mode",
            "client_id",
            "auth_endpoint",
            "extras",
            "  a",
            "  b",
        ]

    def test_applied_to_an_empty_server_it_gives_equal_documents(
        self, options: list[str], folder: Path, live: Live, other: Live, run: Run
    ) -> None:
        run("import", "--with-secrets", "--out", "account_types", *options)
        credentials = folder / "account_types/.credentials.yaml"
        assert credentials.stat().st_mode & 0o777 == 0o600
        row = {
            "couch": live.url,
            "database": other.database,
            "credentials": [{"file": "account_types/.credentials.yaml"}],
        }
        write(folder / "provision.yaml", yaml.safe_dump({"targets": {"empty": row}}))
        assert run("apply", "--target", "empty").code == 0

        def plain(database: Live) -> dict[str, object]:
            return {
                id: {name: value for name, value in document.items() if name != "_rev"}
                for id, document in database.documents().items()
            }

        assert plain(other) == plain(live)

    def test_a_file_is_never_overwritten_without_force(self, options: list[str], folder: Path, run: Run) -> None:
        kept = write(folder / "out/google.yaml", "mine\n")
        done = run("import", "--out", "out", *options)
        assert done.code == 1
        assert "these files exist: out/google.yaml" in done.err
        assert [path.name for path in (folder / "out").iterdir()] == ["google.yaml"]
        assert kept.read_text() == "mine\n"
        assert run("import", "--force", "--out", "out", *options).code == 0
        assert kept.read_text() != "mine\n"

    def test_what_the_schema_refuses_is_named_and_stays_live(self, folder: Path, live: Live, run: Run) -> None:
        live.put("old", {"grant_mode": "secret", "slug": "old", "android_api_key": "key-marker", "client_id": 7})
        live.put("bare", {"slug": "bare"})
        options = ["--couch", live.url, "--database", live.database]
        done = run("import", "--out", "account_types", *options)
        assert done.code == 0
        assert "warning: old: kept in the database only: android_api_key, client_id" in done.err
        assert "warning: left out: bare is not an account type" in done.err, "its values could be those of any document"
        assert "marker" not in (folder / "account_types/old.yaml").read_text()
        assert "refused   old: the stack " in run("diff", "--all", "account_types/old.yaml", *options).out

    def test_a_missing_database_is_told(self, folder: Path, live: Live, run: Run) -> None:
        done = run("import", "--couch", live.url, "--database", live.database, "--out", "out")
        assert done.code == 1
        assert "does not exist" in done.err


class TestLooking:
    @pytest.fixture
    def options(self, google: Path, folder: Path, live: Live, run: Run) -> list[str]:
        write(folder / "account_types/foobar/a.yaml", SECRET.format(slug="a") + "secret: ${S}\n")
        write(folder / "provision.yaml", "owner: team-a\n")
        options = [
            "--couch",
            live.url,
            "--database",
            live.database,
            "--set",
            "S=hush-marker",
            "--set",
            "domain=d.example",
        ]
        run("apply", *options)
        live.put("hand", {"grant_mode": "token"})
        live.put(
            "google", {**live.get("google"), "client_id": "1", "client_secret": "hush-marker", "token_mode": "get"}
        )
        write(folder / "account_types/new.yaml", SECRET.format(slug="new"))
        return options

    def test_list_shows_catalogue_and_live_side_by_side(self, options: list[str], run: Run) -> None:
        done = run("list", *options)
        assert done.code == 0
        assert [line.split() for line in done.out.splitlines()[2:-1]] == [
            ["foobar/a", "foobar", "secret", "present", "team-a", "same"],
            ["google", "-", "authorization_code", "present", "team-a", "same"],
            ["hand", "-", "token", "missing", "client_id", "-", "unmanaged"],
            ["new", "-", "secret", "missing", "secret", "-", "new"],
        ]

    def test_list_needs_no_values(self, options: list[str], run: Run) -> None:
        rows = only(run("list", "--format", "json", *options[:4]).out)["account_types"]
        assert [(row["id"], row["state"], row["unknown"]) for row in rows[:2]] == [
            ("foobar/a", "not known", ["secret"]),
            ("google", "not known", ["redirect_uri"]),
        ]

    def test_show_puts_the_definition_beside_the_live_one(self, options: list[str], run: Run) -> None:
        done = run("list", "google", *options)
        rows = {line[1:].split()[0]: line[1:].split()[1:] for line in done.out.splitlines() if line}
        assert rows["client_secret"] == ["-", "(secret)"]
        assert rows["redirect_uri"] == ['"https://oauthcallback.d.example/accounts/google/redirect"'] * 2
        assert "owner: team-a, 20" in done.out
        assert "marker" not in done.out + run("list", "google", "--format", "json", *options).out

    def test_several_targets_stand_side_by_side(
        self, google: Path, folder: Path, live: Live, other: Live, run: Run
    ) -> None:
        rows = {name: {"couch": live.url, "database": each.database} for name, each in (("one", live), ("two", other))}
        write(folder / "provision.yaml", yaml.safe_dump({"targets": rows}))
        run("apply", "--target", "one", "--set", "domain=d.example")
        listed = by_target(run("list", "--all-targets", "--format", "json", "--set", "domain=d.example").out)
        assert {name: row["account_types"][0]["state"] for name, row in listed.items()} == {"one": "same", "two": "new"}
        shown = run("list", "google", "--target", "one", "--target", "two", "--set", "domain=d.example").out
        assert shown.startswith(f"target one: {live.shown_url}, database {live.database}\n  google")
        assert "state: same" in shown
        assert "state: new" in shown

    def test_show_of_an_unknown_id_says_which_is_near(self, options: list[str], run: Run) -> None:
        done = run("list", "gogle", *options)
        assert done.code == 1
        assert "did you mean google?" in done.err


class TestConflicts:
    """Two revisions that were written side by side, as a cluster or a replication leaves them."""

    @pytest.fixture
    def options(self, live: Live, folder: Path) -> list[str]:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a"))
        return ["--couch", live.url, "--database", live.database, "--owner", "team-a"]

    def conflict(self, live: Live) -> None:
        rows = [
            {"_id": "a", "_rev": f"1-{letter * 32}", "grant_mode": "secret", "slug": "a", "secret": letter}
            for letter in "ab"
        ]
        live.create()
        answer = live.http.post(f"{live.path}/_bulk_docs", json={"docs": rows, "new_edits": False})
        answer.raise_for_status()
        assert live.http.get(f"{live.path}/a", params={"conflicts": "true"}).json()["_conflicts"]

    def test_it_is_shown_and_resolved_on_request(self, options: list[str], live: Live, run: Run) -> None:
        self.conflict(live)
        shown = "revision 1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa differs in secret"
        assert f"conflict: {shown}" in run("diff", *options).out
        assert "in conflict" in run("list", *options).out
        assert f"conflict: {shown}" in run("list", "a", *options).out
        assert f"the document has a conflicting revision: {shown}" in run("check", *options[:4]).out
        refused = run("apply", "--resolve-conflicts", *options)
        kept = f"a: the losing revision 1-{'a' * 32} has the only copy of secret, and no backup keeps it: add backup"
        assert (refused.code, kept in refused.out) == (1, True), refused
        assert live.http.get(f"{live.path}/a", params={"conflicts": "true"}).json()["_conflicts"]
        done = run("apply", "--resolve-conflicts", "--allow", "changed", *options)
        assert done.code == 0
        assert "resolved  a: removed 1 losing revision" in done.out
        assert live.get("a")["secret"] == "b"
        assert "_conflicts" not in live.http.get(f"{live.path}/a", params={"conflicts": "true"}).json()

    def test_a_prune_brings_no_old_secret_to_life(self, options: list[str], folder: Path, live: Live, run: Run) -> None:
        self.conflict(live)
        run("apply", *options)
        (folder / "account_types/a.yaml").rename(folder / "account_types/b.yaml")
        done = run("apply", "--prune", "--yes", *options)
        assert "skipped   a: " in done.out
        assert "it has conflicting revisions" in done.out
        assert live.get("a")
        assert run("apply", "--prune", "--allow", "changed", "--yes", *options).code == 0
        assert live.documents().keys() == {"b"}

    def test_what_a_killed_prune_left_is_removed_by_the_next_one(
        self, options: list[str], folder: Path, live: Live, run: Run
    ) -> None:
        self.conflict(live)
        run("apply", *options)
        (folder / "account_types/a.yaml").rename(folder / "account_types/b.yaml")
        winner = live.get("a")
        signed = {**winner["provision"], "fields": {}, "since": {}}
        live.put("a", {"_deleted": True, "provision": signed})
        live.put("stranger", {"grant_mode": "token"})
        assert live.get("a")["secret"] == "a", "it had lost"
        done = run("apply", "--prune", "--yes", *options)
        assert "skipped   a: it lost a conflict to a revision that this owner deleted; " in done.out
        assert live.documents().keys() == {"a", "b", "stranger"}
        assert run("apply", "--prune", "--allow", "changed", "--yes", *options).code == 0
        assert live.documents().keys() == {"b", "stranger"}


def test_only_what_a_person_agreed_to_is_written(folder: Path, live: Live) -> None:
    write(folder / "account_types/a.yaml", SECRET.format(slug="new") + "secret: s\n")
    live.put("a", {"grant_mode": "secret", "slug": "old"})
    faster: list[str] = []
    with in_front_of(live.url) as proxy:

        def meddle(number: int, dealt: bool) -> None:
            if proxy.asked[-1].method == "PUT" and not (dealt or faster):
                faster.append(live.put("a", {"grant_mode": "secret", "slug": "theirs"}))

        proxy.observe = meddle
        target = {"couch": proxy.url, "database": live.database, "protected": True}
        write(folder / "provision.yaml", yaml.safe_dump({"targets": {"one": target}}))
        said, code = on_a_terminal(["apply", "--target", "one"], folder, "one\n")
    assert (code, "its change is not the one that was reviewed (slug)" in said) == (1, True), said
    assert live.get("a")["_rev"] == faster[0]
