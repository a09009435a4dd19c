"""New account types without credentials, renamed ones, and secrets that exist only in the database."""

import pytest

from tests.live_server import Live, Team
from tests.outputs import only

GOOGLE = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
redirect_uri: https://oauthcallback.one.example/accounts/{}/redirect
"""
CREDENTIALS = {"client_id": "4711", "client_secret": "hush-marker"}
SOURCE = [{"file": "credentials.yaml"}]
ONLY_COPY = "    this is the only copy of client_secret: no credential source has it\n"


@pytest.fixture
def team(team: Team) -> Team:
    """Its google and orange have no credentials."""
    team.define("google", GOOGLE.format("google"))
    team.define("orange", "grant_mode: secret\nslug: orange\n")
    team.define("whole", "grant_mode: secret\nslug: whole\nsecret: ${W:-w}\n")
    team.configure(credentials=SOURCE)
    team.save("credentials.yaml", {})
    return team


@pytest.mark.parametrize("where", ["nowhere", "option", "target"])
def test_they_are_left_out_and_named_in_one_line(team: Team, live: Live, where: str) -> None:
    if where == "target":
        team.configure(credentials=SOURCE, incomplete="skip")
    done = team("apply", *(["--incomplete", "skip"] if where == "option" else []))
    assert done.code == 0
    assert (
        "skipped   google, orange: credentials are missing: add client_id and client_secret to credentials.yaml "
        "and so on (--incomplete warn writes them anyway)\n" in done.out
    )
    assert done.out.endswith("1 created, 0 changed, 0 unchanged, 2 skipped\n")
    assert live.ids == {"whole"}
    assert [team("apply", *ids).code for ids in (["google"], ["google", "whole"])] == [1, 0], "none that was named"


def test_warn_writes_them_and_later_runs_name_them(team: Team, live: Live) -> None:
    team.configure(credentials=SOURCE, incomplete="warn")
    missing = "no client_id yet: google; no client_secret yet: google; no secret yet: orange"
    assert f"warning: {missing}" in team("apply").err
    assert live.ids == {"google", "orange", "whole"}
    cannot = "warning: 2 live account types cannot work, because they lack credentials: google, orange"
    assert cannot in team("apply").err
    live.http.delete(live.path)
    team.configure(credentials=SOURCE, incomplete="error")
    done = team("apply")
    assert (done.code, f"error: {missing}" in done.err, live.exists) == (1, True, False)


@pytest.fixture
def dropped(team: Team) -> Team:
    """Its google is live with its secret, and not in the catalogue."""
    team.save("credentials.yaml", {"google": CREDENTIALS})
    assert team("apply").code == 0
    team.drop("google")
    return team


class TestRenames:
    @pytest.fixture
    def renamed(self, dropped: Team) -> Team:
        """Its google is called search now."""
        dropped.define("search", GOOGLE.format("search"))
        dropped.save("credentials.yaml", {})
        return dropped

    def test_the_credentials_go_along_and_the_redirect_uri_is_pointed_at(self, renamed: Team, live: Live) -> None:
        shown = renamed("diff").out
        assert "rename    google → search\n" in shown
        uri = '"https://oauthcallback.one.example/accounts/search/redirect"'
        assert f"    register the new redirect URI with the provider: {uri}\n" in shown
        assert "only copy" not in shown
        rows = {row["id"]: row["renamed_from"] for row in only(renamed("diff", "--format", "json").out)["changes"]}
        assert (rows["search"], rows["google"]) == ("google", None)
        markdown = renamed("diff", "--format", "markdown").out
        assert "rename <code>google</code> → <code>search</code>" in markdown
        assert renamed("apply", "--prune", "--yes").code == 0
        documents = live.documents()
        assert "google" not in documents
        assert documents["search"].items() >= CREDENTIALS.items()

    def test_a_saved_plan_keeps_it(self, renamed: Team, live: Live) -> None:
        renamed("diff", "--out", "plan.json")
        assert "rename    google → search" in renamed.run("diff", "--from", "plan.json").out
        assert renamed("apply", "--plan", "plan.json").code == 0
        assert live.get("search")["client_secret"] == "hush-marker"

    def test_two_that_look_alike_and_other_endpoints_are_no_rename(self, renamed: Team) -> None:
        renamed.define("other", GOOGLE.format("other"))
        said = renamed("diff").out
        assert ("rename" in said, ONLY_COPY in said) == (False, True)
        renamed.drop("other")
        renamed.define("search", GOOGLE.format("search").replace("a.example", "b.example"))
        assert "rename" not in renamed("diff").out


def test_a_prune_asks_for_its_id(dropped: Team, live: Live) -> None:
    assert "only copy" not in dropped("diff").out, "a source has it"
    dropped.save("credentials.yaml", {})
    assert ONLY_COPY in dropped("diff").out
    for typed, left in (("y\nno\n", True), ("y\ngoogle\n", False)):
        said, _ = dropped.on_a_terminal(typed, "apply", "--prune")
        assert "google has the only copy of client_secret. Type its id to delete it" in said
        assert ("google" in live.documents()) is left


def test_elsewhere_yes_is_warned_of(dropped: Team, live: Live) -> None:
    dropped.save("credentials.yaml", {})
    done = dropped("apply", "--prune", "--yes")
    assert "warning: google has the only copy of client_secret, which is deleted with it" in done.err
    assert "google" not in live.documents()


def test_a_database_is_closed_only_after_the_question(team: Team, live: Live) -> None:
    team.configure(credentials=SOURCE, protected=True)
    live.put("other", {"slug": "x"})

    def private(*options: str) -> tuple[int, bool, list[str]]:
        """The exit code, whether a terminal was missed, and who may read the database that everyone could."""
        everyone: dict[str, list[str]] = {"names": [], "roles": []}
        live.http.put(f"{live.path}/_security", json={"members": everyone, "admins": everyone}).raise_for_status()
        done = team("apply", "--make-private", "whole", *options)
        roles = live.http.get(f"{live.path}/_security").json()["members"]["roles"]
        return done.code, "there is no terminal to ask on" in done.err, roles

    assert private() == (1, True, [])
    assert private("--yes") == (0, False, ["_admin"])
    assert private() == (1, True, []), "though nothing else is to be written"
    assert team("apply", "--make-private", "--allow", "public").code == 2
