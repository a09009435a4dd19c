"""Credentials: where they come from, the traps around them, and what diff and apply say of them."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import write
from tests.live_server import Live, Team

CODE = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
redirect_uri: https://oauthcallback.x.example/accounts/{}/redirect
"""
SOURCES = [{"file": "creds.yaml"}, {"env": "ACCOUNT_TYPE_"}]
PAIR = {"client_id": "1", "client_secret": "s3cr3t"}


@pytest.fixture
def team(team: Team) -> Team:
    """It has google, with credentials."""
    team.define("google", CODE.format("google"))
    team.save("creds.yaml", {"google": PAIR})
    team.configure(owner=None, credentials=SOURCES)
    return team


def warnings(team: Team, *command: str, env: Mapping[str, str] | None = None) -> list[str]:
    done = team(*command, env=env)
    assert "s3cr3t" not in done.out + done.err
    return [line.removeprefix("warning: ") for line in done.err.splitlines() if line.startswith("warning: ")]


class TestSources:
    def test_the_first_one_that_has_a_value_wins(self, team: Team, live: Live) -> None:
        team.define("google", CODE.format("google") + "client_id: from-yaml\n")
        write(team.folder / "first/google.client_secret", "from-directory\n")
        team.save("second.yaml", {"google": {"client_id": "file", "client_secret": "file", "secret": {"from": "file"}}})
        live.put("google", {**dict.fromkeys(PAIR, "live"), "secret": "live", "fcm_credentials": {"live": 1}})
        team.configure(credentials=[{"directory": "first"}, {"file": "second.yaml"}])
        assert team("apply").code == 0
        assert (
            live.get("google").items()
            >= {
                "client_id": "from-yaml",
                "client_secret": "from-directory",
                "secret": {"from": "file"},
                "fcm_credentials": {"live": 1},
            }.items()
        )

    def test_a_slash_in_an_id_is_a_folder_of_the_directory_and_a_line_of_the_environment(
        self, team: Team, live: Live
    ) -> None:
        team.define("foobar/go-ogle", CODE.format("go-ogle"))
        write(team.folder / "mounted/foobar/go-ogle.client_id", "abc")
        team.configure(credentials=[{"directory": "mounted"}, {"env": "PROD_"}], incomplete="warn")
        assert (
            team("apply", env={"PROD_FOOBAR_GO_OGLE_SECRET": '{"a": 1}', "PROD_FOOBAR_GO_OGLE_CLIENT_ID": "x"}).code
            == 0
        )
        assert live.get("foobar/go-ogle").items() >= {"client_id": "abc", "secret": {"a": 1}}.items()
        team.configure(credentials=[{"env": "PROD_"}], incomplete="warn")
        assert team("apply", env={"PROD_FOOBAR_GO_OGLE_CLIENT_ID": "def"}).code == 0
        assert live.get("foobar/go-ogle")["client_id"] == "def"

    def test_without_a_target_the_environment_is_the_source(self, team: Team, live: Live) -> None:
        environment = {"ACCOUNT_TYPE_GOOGLE_CLIENT_ID": "abc", "ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "s3cr3t"}
        team.run("apply", "--couch", live.url, "--database", live.database, env=environment)
        assert live.get("google")["client_id"] == "abc"

    @pytest.mark.parametrize(("one", "two"), [("a-b", "a_b"), ("a/b", "a-b"), ("x", "x_client")])
    def test_two_ids_that_map_to_one_name_are_refused(self, team: Team, live: Live, one: str, two: str) -> None:
        for slug, id in (("a", one), ("b", two)):
            team.define(id, f"grant_mode: secret\nslug: {slug}\n")
        done = team("apply")
        assert (done.code, live.exists) == (2, False)
        assert f"would belong to several account types: {', '.join(sorted([one, two]))}" in done.err

    def test_a_command_prints_them_from_its_own_folder(self, team: Team, live: Live) -> None:
        team.configure(credentials=[{"command": ["cat", "vault.json"]}])
        text = (team.folder / "provision.yaml").read_text().replace("owner: team", "catalogue: [../account_types]")
        write(team.folder / "team/provision.yaml", text).chmod(0o600)
        write(team.folder / "team/vault.json", json.dumps({"google": PAIR}))
        assert warnings(team, "apply", "--config", "team/provision.yaml") == []
        assert live.get("google")["client_secret"] == "s3cr3t"

    def test_a_command_is_run_once_for_a_plan_with_removals(self, team: Team) -> None:
        program = write(
            team.folder / "vault.sh", f"echo asked >> asked\necho '{json.dumps({'a': PAIR, 'google': PAIR})}'\n"
        )
        team.configure(credentials=[{"command": ["sh", str(program)]}])
        team.define("a", CODE.format("a"))
        assert team("apply").code == 0
        team.drop("a")
        (team.folder / "asked").unlink()
        assert "the only copy" not in team("diff").out
        assert (team.folder / "asked").read_text() == "asked\n"

    @pytest.mark.parametrize(
        ("command", "expected"),
        [
            ("echo out-marker; echo the vault is locked >&2; exit 3", "the command `sh …` failed with exit code 3\nthe vault is locked"),
            ("echo 'google: {client_id: ['; echo marker", "output of `sh …`:"),
            ("echo 'google: {marker: 1}'", "output of `sh …`:1:10: unknown key marker"),
            ("sleep 60", "the command `sh …` did not finish within 0.2 s"),
            ("", "the command `no-such-program` cannot be run"),
        ],
    )  # fmt: skip
    def test_a_command_that_fails_is_explained(self, team: Team, live: Live, command: str, expected: str) -> None:
        words = ["sh", "-c", command] if command else ["no-such-program"]
        timeout = 0.2 if command.startswith("sleep") else 60
        team.configure(credentials=[{"command": words, "timeout": timeout}])
        done = team("apply")
        assert (done.code, live.exists) == (1, False)
        assert f"target one: {expected}" in done.err + done.out, "what one account type gets wrong is its outcome"
        assert "out-marker" not in done.out + done.err

    def test_age_decrypts_them(self, team: Team, live: Live) -> None:
        for name in ("key.txt", "other.txt"):
            subprocess.run(["age-keygen", "-o", name], check=True, capture_output=True)
        recipient = subprocess.run(["age-keygen", "-y", "key.txt"], check=True, capture_output=True, text=True).stdout
        encrypt = ["age", "-r", recipient.strip(), "-o", "prod.age"]
        subprocess.run(encrypt, input=json.dumps({"google": PAIR}).encode(), check=True, capture_output=True)
        command = {"command": ["age", "-d", "-i", "key.txt", "prod.age"]}
        for source in (command, {"age": "prod.age", "identity": "key.txt"}):
            team.configure(owner=None, credentials=[source])
            assert warnings(team, "apply") == []
            assert live.get("google")["client_secret"] == "s3cr3t"
            live.http.delete(live.path)
        team.configure(credentials=[{"age": "prod.age", "identity": "other.txt"}])
        assert "prod.age cannot be decrypted with other.txt" in team("apply").err

    def test_credentials_that_a_source_no_longer_has_stay(self, team: Team, live: Live) -> None:
        team("apply")
        team.save("creds.yaml", {})
        assert team("apply").out.endswith("0 created, 0 changed, 1 unchanged\n")
        assert live.get("google")["client_secret"] == "s3cr3t"


class TestFiles:
    def test_one_that_others_may_read_is_warned_of(self, team: Team, live: Live) -> None:
        (team.folder / "creds.yaml").chmod(0o644)
        assert warnings(team, "diff") == [
            "other users can read the credentials in creds.yaml: run chmod 600 creds.yaml"
        ]
        assert (team("apply", "--strict").code, live.exists) == (1, False)
        (team.folder / "creds.yaml").chmod(0o600)
        assert warnings(team, "apply", "--strict") == []

    def test_one_that_git_tracks_is_warned_of(self, team: Team) -> None:
        subprocess.run(["git", "init", "-q"], check=True)
        assert warnings(team, "diff") == []
        subprocess.run(["git", "add", "creds.yaml"], check=True)
        (said,) = warnings(team, "diff")
        assert said.startswith("git tracks the credentials in creds.yaml, unencrypted")

    def test_one_encrypted_with_sops_is_told_apart(self, team: Team) -> None:
        team.save("creds.yaml", {"google": {"client_id": "ENC[x]"}, "sops": {"version": 3}})
        assert "creds.yaml is encrypted with sops\nnext: read it with command" in team("diff").err


class TestWarnings:
    @pytest.mark.parametrize("command", ["diff", "apply"])
    def test_good_credentials_give_none(self, team: Team, command: str) -> None:
        assert warnings(team, command) == []

    def test_an_id_that_no_account_type_has(self, team: Team) -> None:
        team.save("creds.yaml", {"google": PAIR, "gogle": {"client_id": "x"}})
        told = "creds.yaml has credentials for gogle, and no account type has this id: did you mean google?"
        assert warnings(team, "diff") == [told]
        assert warnings(team, "diff", "google") == [], "a selection does not know all ids"

    def test_a_variable_that_no_account_type_takes(self, team: Team) -> None:
        env = {"ACCOUNT_TYPE_GOOGEL_CLIENT_ID": "x", "ACCOUNT_TYPE_OTHER": "x"}
        unused = "no account type uses the environment variable ACCOUNT_TYPE_GOOGEL_CLIENT_ID"
        assert warnings(team, "diff", env=env) == [f"{unused}: did you mean ACCOUNT_TYPE_GOOGLE_CLIENT_ID?"]

    def test_a_secret_that_the_grant_mode_does_not_use(self, team: Team) -> None:
        team.save("creds.yaml", {"google": {"client_id": "1"}})
        unused = "google: the environment has a secret, and the grant mode authorization_code does not use one"
        env = {"ACCOUNT_TYPE_GOOGLE_SECRET": "s3cr3t"}
        assert warnings(team, "diff", "--incomplete", "skip", env=env) == [f"{unused}: did you mean client_secret?"]

    @pytest.mark.parametrize("command", ["diff", "apply"])
    def test_a_secret_beside_another_client_id_is_told_in_one_line(self, team: Team, command: str) -> None:
        ids = ("google", "other")
        for id in ids:
            team.define(id, CODE.format(id) + "client_id: '7'\n")
        told = (
            "google, other: client_secret comes from creds.yaml, which has another client_id than the one in use: make "
            "sure that both belong to the same client"
        )
        secret = {"client_secret": "s3cr3t"}
        for fields, expected in ((PAIR, [told]), ({**PAIR, "client_id": "7"}, []), (secret, [])):
            team.save("creds.yaml", {id: {**fields} for id in ids})
            assert warnings(team, command) == expected


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "CLIENT_ID and ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET"),
        ({"ACCOUNT_TYPE_GOOGLE_CLIENTID": "x"}, "CLIENT_ID"),
        ({"ACCOUNT_TYPES_GOOGLE_CLIENT_ID": "x"}, "CLIENT_ID"),
        ({"account_type_google_client_id": "x"}, "CLIENT_ID"),
    ],
)
def test_what_is_missing_is_named_with_its_variable(team: Team, given: dict[str, str], missing: str) -> None:
    team.save("creds.yaml", {})
    secret = {"ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET": "s3cr3t"} if given else {}
    done = team("apply", "google", env={**given, **secret})
    assert done.code == 1
    assert f"skipped   google: credentials are missing: set ACCOUNT_TYPE_GOOGLE_{missing} (" in done.out
    assert [line for line in done.err.splitlines() if line.startswith("warning: ")] == [
        f"warning: no account type uses the environment variable {name}: did you mean ACCOUNT_TYPE_GOOGLE_CLIENT_ID?"
        for name in given
    ]
    assert "error: none of the selected account types can be written\n" in done.err
    assert team("apply").code == 0, "a catalogue may hold what has no credentials yet"


@pytest.mark.parametrize("padded", [" 1", "1 ", "1\n"])
def test_white_space_around_a_value_is_an_error(team: Team, padded: str) -> None:
    team.save("creds.yaml", {"google": {**PAIR, "client_id": padded}})
    done = team("apply")
    assert (done.code, "\nfailed    google: " in done.out) == (1, True)
    assert "the stack sends it as it is (from a credential source)" in done.out


def test_an_export_keeps_a_client_id_beside_its_secret(team: Team, live: Live) -> None:
    live.put("google", {"grant_mode": "authorization_code", **PAIR})
    assert team("import", "--with-secrets", "--out", "with").code == 0
    assert "client_id" not in Path("with/google.yaml").read_text()
    assert Path("with/.credentials.yaml").read_text() == "google:\n  client_id: '1'\n  client_secret: s3cr3t\n"
    assert team("import", "--out", "without").code == 0
    assert "client_id: '1'" in Path("without/google.yaml").read_text()


def test_a_password_that_could_be_for_two_targets_is_refused(team: Team) -> None:
    targets = {name: {"couch": "http://127.0.0.1:9"} for name in ("team-a", "team_a", "other")}
    team.save("provision.yaml", {"targets": targets})
    variables = {"COUCHDB_USER_TEAM_A": "ada", "COUCHDB_PASSWORD_TEAM_A": "s3cr3t"}
    done = team.run("diff", "--target", "team-a", env=variables)
    assert done.code == 2
    assert "COUCHDB_USER_TEAM_A would apply to several targets: team-a, team_a" in done.err
    assert team.run("diff", "--target", "other", env=variables).code == 1
