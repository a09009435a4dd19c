"""``provision import`` of a live database, and ``provision list``: the catalogue and the live documents side by side."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import write
from tests.live_server import Live, Team
from tests.outputs import only


class TestImport:
    DOCUMENTS: dict[str, dict[str, Any]] = {  # noqa: RUF012  # nobody changes it
        "google": {"grant_mode": "authorization_code", "client_id": "no", "client_secret": "hush-marker", "auth_endpoint": "https://a.example/?q=$b", "extras": {"a": "${x}", "b": "012"}},
        "foobar/google": {"grant_mode": "secret", "slug": "2026-01-01", "secret": {"deep": ["$$", 1.5, None, True]}},
        "a b&é": {"grant_mode": "token", "auth_endpoint": "https://a.example/", "redirect_uri": "", "client_id": "sp ace: #"},
        "123": {"grant_mode": "secret", "slug": "number"},
        "Google": {"grant_mode": "secret", "slug": "capital"},
        ".hidden": {"fcm_credentials": {"private_key": "hush-marker\n"}},
    }  # fmt: skip

    @pytest.fixture
    def team(self, team: Team, live: Live) -> Team:
        for id, document in self.DOCUMENTS.items():
            live.put(id, document)
        return team

    def test_right_after_it_diff_shows_no_change(self, team: Team) -> None:
        done = team.ownerless("import", "--out", "account_types")
        files = {path.relative_to(team.folder).as_posix(): path.read_text() for path in team.folder.rglob("*.yaml")}
        assert (done.code, "account_types/foobar/google.yaml" in files) == (0, True)
        assert "marker" not in done.out + done.err + "".join(files.values())
        lines = files["account_types/google.yaml"].splitlines()
        order = ["grant_mode", "client_id", "auth_endpoint", "extras", "  a", "  b"]
        assert [line.partition(":")[0] for line in lines] == order
        assert team.ownerless("diff", "--exit-code").code == 0

    def test_applied_to_an_empty_server_it_gives_equal_documents(self, team: Team, live: Live) -> None:
        team.ownerless("import", "--with-secrets", "--out", "account_types")
        credentials = Path("account_types/.credentials.yaml")
        assert credentials.stat().st_mode & 0o777 == 0o600
        before = {id: {**document, "_rev": ""} for id, document in live.documents().items()}
        live.http.delete(live.path)
        team.configure(owner=None, credentials=[{"file": str(credentials)}])
        assert team("apply", "--incomplete", "warn").code == 0
        assert {id: {**document, "_rev": ""} for id, document in live.documents().items()} == before

    def test_a_file_is_never_overwritten_without_force(self, team: Team) -> None:
        kept = write(team.folder / "out/google.yaml", "mine\n")
        done = team.ownerless("import", "--out", "out")
        assert (done.code, "these files exist: out/google.yaml" in done.err) == (1, True)
        assert [path.name for path in (team.folder / "out").iterdir()] == ["google.yaml"]
        assert kept.read_text() == "mine\n"
        assert team.ownerless("import", "--force", "--out", "out").code == 0
        assert kept.read_text() != "mine\n"

    def test_what_the_schema_refuses_is_named_and_stays_live(self, team: Team, live: Live) -> None:
        live.put("old", {"grant_mode": "secret", "slug": "old", "android_api_key": "key-marker", "client_id": 7})
        live.put("bare", {"slug": "bare"})
        done = team.ownerless("import", "--out", "account_types")
        assert (done.code, "warning: old: kept in the database only: android_api_key, client_id" in done.err) == (
            0,
            True,
        )
        assert "warning: left out: bare is not an account type" in done.err, "its values could be those of any document"
        assert "marker" not in Path("account_types/old.yaml").read_text()
        assert "refused   old: the stack " in team.ownerless("diff", "--all", "account_types/old.yaml").out

    def test_a_missing_database_is_told(self, team: Team, live: Live) -> None:
        live.http.delete(live.path)
        done = team.ownerless("import", "--out", "out")
        assert (done.code, "does not exist" in done.err) == (1, True)


class TestList:
    SET = ("--set", "S=hush-marker", "--set", "domain=d.example")

    @pytest.fixture
    def team(self, team: Team, live: Live) -> Team:
        """It applied two account types; one by hand and a new one stand beside them."""
        uri = "https://oauthcallback.${domain}/accounts/google/redirect"
        code = "auth_endpoint: https://a.example/authorize\ntoken_endpoint: https://a.example/token\n"
        team.define("google", f"grant_mode: authorization_code\n{code}redirect_uri: {uri}\n")
        team.define("foobar/a", "grant_mode: secret\nslug: a\nsecret: ${S}\n")
        assert team("apply", "--incomplete", "warn", *self.SET).code == 0
        live.put("hand", {"grant_mode": "token"})
        by_hand = {"client_id": "1", "client_secret": "hush-marker", "token_mode": "get"}
        live.put("google", {**live.get("google"), **by_hand})
        team.define("new", "grant_mode: secret\nslug: new\n")
        return team

    def test_both_stand_side_by_side(self, team: Team) -> None:
        done = team("list", *self.SET)
        assert done.code == 0
        assert [line.split() for line in done.out.splitlines()[2:-1]] == [
            ["foobar/a", "foobar", "secret", "present", "team", "same"],
            ["google", "-", "authorization_code", "present", "team", "same"],
            ["hand", "-", "token", "missing", "client_id", "-", "unmanaged"],
            ["new", "-", "secret", "missing", "secret", "-", "new"],
        ]

    def test_it_needs_no_values(self, team: Team) -> None:
        rows = only(team("list", "--format", "json").out)["account_types"]
        assert [(row["id"], row["state"], row["unknown"]) for row in rows[:2]] == [
            ("foobar/a", "not known", ["secret"]),
            ("google", "not known", ["redirect_uri"]),
        ]

    def test_one_is_shown_in_full(self, team: Team) -> None:
        done = team("list", "google", *self.SET)
        rows = {line[1:].split()[0]: line[1:].split()[1:] for line in done.out.splitlines() if line}
        assert rows["client_secret"] == ["-", "(secret)"]
        assert rows["redirect_uri"] == ['"https://oauthcallback.d.example/accounts/google/redirect"'] * 2
        assert "owner: team, 20" in done.out
        assert "marker" not in done.out + team("list", "google", "--format", "json", *self.SET).out
        done = team("list", "gogle", *self.SET)
        assert (done.code, "did you mean google?" in done.err) == (1, True)
