"""Which target a command works on, and what it says of several."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from pytest_httpserver import HTTPServer

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live, Team
from tests.outputs import by_target, only

DEFINITION = """\
grant_mode: authorization_code
client_id: "7"
client_secret: s3cr3t
auth_endpoint: https://a.example/auth
token_endpoint: https://a.example/token
token_mode: ${mode}
redirect_uri: https://oauthcallback.${domain}/accounts/ID/redirect
"""
NOWHERE = "connection refused: nothing is listening at http://127.0.0.1:1"


class TestNames:
    """Two targets on one server, whose databases are not there, and three definitions."""

    @pytest.fixture
    def team(self, team: Team, live: Live, monkeypatch: pytest.MonkeyPatch) -> Team:
        url = urlsplit(live.url)
        for name in ("ALPHA", "BETA"):
            monkeypatch.setenv(f"COUCHDB_USER_{name}", url.username or "")
            monkeypatch.setenv(f"COUCHDB_PASSWORD_{name}", url.password or "")
        for id in "abc":
            team.define(id, DEFINITION.replace("ID", id))
        configure(team)
        return team

    @pytest.mark.parametrize("command", ["diff", "apply", "drift", "list", "check", "undo"])
    def test_a_command_goes_to_no_server_that_nothing_names(self, team: Team, command: str) -> None:
        done = team.run(command)
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "error: provision.yaml has several targets, and none is selected: alpha, beta\n"
            "next: pass --target NAME or --all-targets\n"
        )

    def test_a_person_is_asked_for_the_target(self, team: Team, live: Live) -> None:
        said, code = on_a_terminal(["list"], team.folder, typed="beta\n")
        assert "Which target (alpha, beta):" in said
        assert f"target beta: {live.shown_url}, database {live.database}2" in said
        assert code == 0

    def test_a_missing_variable_is_one_message_that_names_the_target(self, team: Team) -> None:
        for name in ("alpha", "beta"):
            done = team.run("diff", "--target", name)
            assert (done.code, done.err.count("\n")) == (1, 2)
            assert done.err.startswith(f"error: target {name}: account_types/a.yaml:7:15: variable domain has no value")
            assert "; also in 2 other places\n" in done.err
        said = team.run("validate", "--target", "alpha").out.splitlines()
        (missing,) = [line for line in said if "missing-variable" in line]
        assert missing.endswith("; also in 2 other places [missing-variable]")

    @pytest.mark.parametrize(("given", "told"), [("DOMAIN", 1), ("domian", 1), ("other", 0)])
    def test_a_variable_of_almost_that_name_is_told_once(self, team: Team, given: str, told: int) -> None:
        done = team.run("diff", "--all-targets", env={f"PROVISION_VAR_{given}": "a.example"})
        warning = f"PROVISION_VAR_domain is not in the environment, and PROVISION_VAR_{given} is: did you mean that?"
        assert (done.code, done.err.count(warning)) == (1, told)

    def test_what_is_not_known_is_not_the_same(self, team: Team) -> None:
        assert team.run("apply", "--target", "alpha", "--set", "domain=a.example").code == 0
        states = [line.split()[-1] for line in team.run("list", "--target", "alpha").out.splitlines()[2:5]]
        assert states == ["known"] * 3
        configure(team, vars={"mode": "basic"})
        for options in ([], ["--set", "domain=b.example"]):
            assert team.run("list", "--target", "alpha", *options).out.count("changed") == 3

    def test_a_warning_of_a_definition_is_printed_once(self, team: Team) -> None:
        team.define("a", "extras: {scope: x}\n" + DEFINITION.replace("ID", "a"))
        done = team.run("diff", "--all-targets", "--set", "domain=a.example")
        assert (done.code, done.err.count("account_types/a.yaml:1:")) == (0, 1)

    @pytest.mark.parametrize(("where", "suffix"), [(["--target", "alpha"], "_ALPHA"), ([], "")])
    def test_a_refused_sign_in_says_which_variables_would_sign_in(
        self, team: Team, live: Live, monkeypatch: pytest.MonkeyPatch, where: list[str], suffix: str
    ) -> None:
        for name in ("COUCHDB_USER", "COUCHDB_PASSWORD"):
            monkeypatch.delenv(f"{name}_ALPHA")
        live.put("a", {"grant_mode": "secret", "slug": "a"})
        where = where or ["--couch", live.shown_url, "--database", live.database]
        named = f"COUCHDB_USER{suffix}", f"COUCHDB_PASSWORD{suffix}"
        nobody, wrong = team.run("list", *where), team.run("list", *where, env=dict.fromkeys(named, "wrong"))
        next = f"next: set {named[0]} and {named[1]}, or put them into the URL or netrc\n"
        refused = f"error: {live.shown_url} refuses the user or password (401)"
        assert nobody.err == f"{refused}: {named[0]} is missing\n{next}"
        assert wrong.err == f"{refused}\n{next}"

    def test_a_server_that_is_not_reached_says_which_variable_is_missing(
        self, team: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COUCHDB_USER_ALPHA")
        configure(team, tls={"ca_cert": "${CA_ALPHA}"})
        done = team.run("check", "--all-targets")
        assert (done.code, "error: target alpha: provision.yaml:" in done.err) == (1, True)
        assert "variable CA_ALPHA has no value (set CA_ALPHA in the environment)\nnext: set a value" in done.err
        done = team.run("check", "--all-targets", env={"CA_ALPHA": "x.pem", "COUCHDB_USER": "a"})
        assert "next: set COUCHDB_USER_ALPHA and COUCHDB_PASSWORD_ALPHA, or work on one target" in done.err


def configure(team: Team, **alpha: object) -> None:
    """Two targets without a password; some keys of the first."""
    live = team.live
    row = {"couch": live.shown_url, "vars": {"mode": "form"}}
    both = {"alpha": {**row, "database": live.database, **alpha}, "beta": {**row, "database": f"{live.database}2"}}
    team.save("provision.yaml", {"owner": "me", "targets": both})


class TestSeveral:
    @pytest.fixture
    def other(self, live: Live) -> Iterator[Live]:
        """A second database on the same server."""
        second = Live(live.url, live.http)
        yield second
        live.http.delete(second.path)

    @pytest.fixture
    def team(self, team: Team, live: Live, other: Live) -> Team:
        """It has google, in two targets with domains of their own."""
        team.define("google", DEFINITION.replace("ID", "google").replace("${mode}", "form"))
        both(team, other)
        return team

    def test_each_has_its_own_variables(self, team: Team, live: Live, other: Live) -> None:
        done = team.run("apply", "--all-targets")
        assert done.code == 0
        for name, each in (("one", live), ("two", other)):
            uri = f"https://oauthcallback.{name}.example/accounts/google/redirect"
            assert each.get("google")["redirect_uri"] == uri
            place = f"target {name}: {each.shown_url}, database {each.database}"
            assert f"{place}\ndatabase created\ncreated   google\n" in done.out

    def test_one_that_fails_does_not_stop_the_others(self, team: Team, live: Live, other: Live) -> None:
        both(team, other, couch="http://127.0.0.1:1")
        done = team.run("apply", "--format", "json", "--target", "two", "--target", "one")
        assert (done.code, f"error: two: {NOWHERE}" in done.err) == (1, True)
        assert by_target(done.out)["one"]["summary"]["created"] == 1
        assert live.get("google")

    def test_they_stand_side_by_side(self, team: Team, live: Live) -> None:
        team.run("apply", "--target", "one")
        listed = by_target(team.run("list", "--all-targets", "--format", "json").out)
        assert {name: row["account_types"][0]["state"] for name, row in listed.items()} == {"one": "same", "two": "new"}
        shown = team.run("list", "google", "--target", "one", "--target", "two").out
        assert shown.startswith(f"target one: {live.shown_url}, database {live.database}\n  google")
        assert ("state: same" in shown, "state: new" in shown) == (True, True)

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (["--target", "tow"], "unknown target tow: did you mean two?"),
            (["--target", "one", "--couch", "x"], "each select a server"),
            (["--config", "nowhere.yaml", "--target", "one"], "nowhere.yaml cannot be read"),
        ],
    )
    def test_options_that_cannot_be_meant(self, team: Team, options: list[str], expected: str) -> None:
        done = team.run("diff", *options)
        assert (done.code, expected in done.err) == (2, True), done.err


def both(team: Team, other: Live, **second: object) -> None:
    """Two targets: the database of the team, and another one."""
    rows = {
        name: {"couch": live.url, "database": live.database, "vars": {"domain": f"{name}.example"}, **more}
        for name, live, more in (("one", team.live, {}), ("two", other, second))
    }
    team.save("provision.yaml", {"targets": rows})


def test_the_configuration_is_found_upwards(team: Team, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    team.define("a", "grant_mode: secret\nslug: a\nsecret: ${S:-s}\n")
    path = team.configure()
    (team.folder / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(team.folder / "deep/er")
    write(path, path.read_text() + "catalogue: [account_types]\n")
    assert team("apply").code == 0
    assert team.run("validate").out == "1 file, 0 errors, 0 warnings\n"
    assert live.get("a")


def test_only_the_contexts_of_a_target_are_taken(team: Team, live: Live) -> None:
    ids = {"google": "google", "foo/google": "foo/google", "bar/google": "bar/google"}
    ids |= {"first": "bar/other", "second": "${other}/google", "third": "${ours}/third"}
    for slug, (file, id) in enumerate(ids.items()):
        text = f"grant_mode: secret\nslug: s{slug}\nsecret: s\n"
        team.define(file, text if file == id else f"_id: {id}\n{text}")
    team.configure(contexts=["foo"])
    team("apply", "--set", "ours=foo", "--set", "other=baz")
    assert live.ids == {"google", "foo/google", "foo/third"}


class TestProtected:
    @pytest.fixture
    def team(self, team: Team) -> Team:
        team.define("google", "grant_mode: secret\nslug: google\nsecret: s\n")
        team.configure(protected=True)
        return team

    def test_without_a_terminal_it_needs_yes(self, team: Team, live: Live) -> None:
        done = team("apply")
        assert (done.code, live.exists) == (1, False)
        assert "the target one is protected, and there is no terminal to ask on\nnext: add --yes" in done.err
        assert team("diff").code == 0
        assert team("apply", "--yes").code == 0
        assert team("apply").code == 0, "nothing is to be written, so nobody is asked"

    @pytest.mark.parametrize(("typed", "code"), [("one", 0), ("One", 1), ("", 1)])
    def test_on_a_terminal_it_wants_its_name(self, team: Team, live: Live, typed: str, code: int) -> None:
        said, ended = team.on_a_terminal(f"{typed}\n", "apply")
        assert (ended, "create    google" in said, "Type its name" in said) == (code, True, True)
        assert live.exists == (code == 0)


class TestCheck:
    def test_targets_are_listed_without_passwords(self, team: Team, live: Live) -> None:
        there = {"couch": "http://ada:hush-marker@127.0.0.1:1", "protected": True}
        team.save("provision.yaml", {"targets": {"here": {"couch": live.url}, "there": there}})
        done = team.run("check", "--all-targets")
        assert done.code == 1
        assert "marker" not in done.out + done.err
        database = "secrets/io-cozy-account_types"
        assert [line.split() for line in done.out.splitlines()[1:3]] == [
            ["here", live.shown_url, database, "no", "yes", "yes", "no", "1", "0"],
            ["there", "http://127.0.0.1:1", database, "yes", "no", "-", "-", "1", "0"],
        ]
        assert NOWHERE in done.out
        assert "your requests are accepted" not in done.out
        assert by_target(team.run("check", "--all-targets", "--format", "json").out).keys() == {"here", "there"}

    def test_a_target_that_is_wrong_does_not_hide_the_others(self, team: Team, live: Live) -> None:
        good = {"couch": live.url, "database": live.database}
        team.save("provision.yaml", {"targets": {"bad": {"couch": "${NOWHERE}"}, "good": good}})
        done = team.run("check", "--all-targets")
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
        self, httpserver: HTTPServer, folder: object, run: Run, status: int, facts: dict[str, str]
    ) -> None:
        body = {"error": "unauthorized" if status == 401 else "forbidden", "reason": "no"}
        httpserver.expect_request(re.compile(".*")).respond_with_json(body, status=status)
        done = run("check", "--couch", httpserver.url_for("/"), "--format", "json")
        assert (done.code, {row["check"]: row["result"] for row in only(done.out)["checks"]}) == (1, facts)


def test_the_stacks_configuration_can_stand_in(team: Team, live: Live) -> None:
    team.define("google", "grant_mode: secret\nslug: google\nsecret: s\n")
    text = "couchdb:\n  url: {{.Env.COUCH}}\n  clusters: [{url: http://b.example}]\nmail: {}\n"
    write(team.folder / "cozy.yml", text)
    given = ("--cozy-config", "cozy.yml", "--database", live.database, "--owner", "me")
    assert team.run("apply", *given, env={"COUCH": live.url}).code == 0
    assert live.get("google")
    team.drop("google")
    team.define("other", "grant_mode: secret\nslug: other\nsecret: x\n")
    done = team.run("diff", *given, env={"COUCH": live.url})
    what = "couchdb.clusters also has instances on http://b.example"
    assert f"{what}: list --accounts counts there how many accounts a removal reaches" in done.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("targts: {}\n", "provision.yaml:1:1: unknown key targts: did you mean targets?"),
        ("targets: {one: {couch: 5984}}\n", "provision.yaml:1:24: targets.one.couch must be a string, and this is a number: quote it"),
        ("targets: {one: {incomplete: skp}}\n", 'targets.one.incomplete cannot be "skp": did you mean skip?'),
        ("targets: {one: {credentials: [{file: a, env: B_}]}}\n", "must be exactly one of file, directory, env, command, age"),
        ("targets: {one: {credentials: [{age: a}]}}\n", "age needs identity"),
        ("targets: {one: {tls: {client_key: a}}}\n", "client_key needs client_cert"),
        ("owner: Team A\n", "owner must be lower-case letters, digits, - and _"),
        ("owner: [\n", "provision.yaml:2:1: not YAML"),
        ("targets: {one: {couch: 'http://${NOT_SET}'}}\n", "provision.yaml:1:24: variable NOT_SET has no value"),
    ],
)  # fmt: skip
def test_a_configuration_is_checked_like_a_definition(team: Team, text: str, expected: str) -> None:
    write(team.folder / "provision.yaml", text)
    done = team.run("diff", "--target", "one")
    assert (done.code in (1, 2), expected in done.err) == (True, True), done.err
