"""New account types without credentials, renamed ones, and secrets that exist only in the database."""

from pathlib import Path

import pytest
import yaml

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only

GOOGLE = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
redirect_uri: https://oauthcallback.one.example/accounts/{id}/redirect
"""
CREDENTIALS = {"client_id": "4711", "client_secret": "hush-marker"}


def config(folder: Path, live: Live, **target: object) -> None:
    row = {"couch": live.url, "database": live.database, "credentials": [{"file": "credentials.yaml"}], **target}
    write(folder / "provision.yaml", yaml.safe_dump({"owner": "team", "targets": {"one": row}}))
    write(folder / "credentials.yaml", "{}\n").chmod(0o600)


@pytest.fixture
def catalogue(folder: Path) -> Path:
    write(folder / "account_types/google.yaml", GOOGLE.format(id="google"))
    write(folder / "account_types/orange.yaml", "grant_mode: secret\nslug: orange\n")
    write(folder / "account_types/whole.yaml", "grant_mode: secret\nslug: whole\nsecret: ${W:-w}\n")
    return folder


@pytest.mark.parametrize("where", ["nowhere", "option", "target"])
def test_they_are_left_out_and_named_in_one_line(catalogue: Path, live: Live, run: Run, where: str) -> None:
    config(catalogue, live, **({"incomplete": "skip"} if where == "target" else {}))
    done = run("apply", "--target", "one", *(["--incomplete", "skip"] if where == "option" else []))
    assert done.code == 0
    assert (
        "skipped   google, orange: credentials are missing: add client_id and client_secret to credentials.yaml "
        "and so on (--incomplete warn writes them anyway)\n" in done.out
    )
    assert done.out.endswith("1 created, 0 changed, 0 unchanged, 2 skipped\n")
    assert live.documents().keys() == {"whole"}


def test_warn_writes_them_and_later_runs_name_them(catalogue: Path, live: Live, run: Run) -> None:
    config(catalogue, live, incomplete="warn")
    done = run("apply", "--target", "one")
    assert "warning: no client_id yet: google; no client_secret yet: google; no secret yet: orange" in done.err
    assert live.documents().keys() == {"google", "orange", "whole"}
    again = run("apply", "--target", "one")
    assert "warning: 2 live account types cannot work, because they lack credentials: google, orange" in again.err


def test_error_stops_before_any_write(catalogue: Path, live: Live, run: Run) -> None:
    config(catalogue, live, incomplete="error")
    done = run("apply", "--target", "one")
    assert done.code == 1
    assert "error: no client_id yet: google; no client_secret yet: google; no secret yet: orange" in done.err
    assert not live.exists


@pytest.fixture
def dropped(catalogue: Path, live: Live, run: Run) -> Path:
    """A catalogue without google, which is live with its secret."""
    config(catalogue, live)
    write(catalogue / "credentials.yaml", yaml.safe_dump({"google": CREDENTIALS}))
    assert run("apply", "--target", "one").code == 0
    (catalogue / "account_types/google.yaml").unlink()
    return catalogue


class TestRenames:
    @pytest.fixture
    def renamed(self, dropped: Path) -> Path:
        """A catalogue whose google is called search now."""
        write(dropped / "account_types/search.yaml", GOOGLE.format(id="search"))
        write(dropped / "credentials.yaml", "{}")
        return dropped

    def test_the_credentials_go_along_and_the_redirect_uri_is_pointed_at(
        self, renamed: Path, live: Live, run: Run
    ) -> None:
        shown = run("diff", "--target", "one")
        assert "rename    google → search\n" in shown.out
        uri = '"https://oauthcallback.one.example/accounts/search/redirect"'
        assert f"    register the new redirect URI with the provider: {uri}\n" in shown.out
        assert "only copy" not in shown.out
        assert run("apply", "--target", "one", "--prune", "--yes").code == 0
        documents = live.documents()
        assert "google" not in documents
        assert {name: documents["search"][name] for name in CREDENTIALS} == CREDENTIALS

    def test_json_and_markdown_say_so(self, renamed: Path, run: Run) -> None:
        rows = {row["id"]: row for row in only(run("diff", "--target", "one", "--format", "json").out)["changes"]}
        assert rows["search"]["renamed_from"] == "google"
        assert rows["google"]["renamed_from"] is None
        assert (
            "rename <code>google</code> → <code>search</code>"
            in run("diff", "--target", "one", "--format", "markdown").out
        )

    def test_a_saved_plan_keeps_it(self, renamed: Path, live: Live, run: Run) -> None:
        run("diff", "--target", "one", "--out", "plan.json")
        assert "rename    google → search" in run("diff", "--from", "plan.json").out
        assert run("apply", "--target", "one", "--plan", "plan.json").code == 0
        assert live.get("search")["client_secret"] == "hush-marker"

    def test_two_that_look_alike_are_no_rename(self, renamed: Path, run: Run) -> None:
        write(renamed / "account_types/other.yaml", GOOGLE.format(id="other"))
        said = run("diff", "--target", "one").out
        assert "rename" not in said
        assert "this is the only copy of client_secret: no credential source has it" in said

    def test_other_endpoints_are_no_rename(self, renamed: Path, run: Run) -> None:
        write(renamed / "account_types/search.yaml", GOOGLE.format(id="search").replace("a.example", "b.example"))
        assert "rename" not in run("diff", "--target", "one").out


class TestOnlyCopies:
    def test_a_secret_that_a_source_has_is_no_only_copy(self, dropped: Path, run: Run) -> None:
        assert "only copy" not in run("diff", "--target", "one").out

    def test_a_prune_asks_for_its_id(self, dropped: Path, live: Live, run: Run) -> None:
        write(dropped / "credentials.yaml", "{}")
        assert (
            "    this is the only copy of client_secret: no credential source has it\n"
            in run("diff", "--target", "one").out
        )
        for typed, left in (("y\nno\n", True), ("y\ngoogle\n", False)):
            said, _ = on_a_terminal(["apply", "--prune", "--target", "one"], dropped, typed, {"TERM": "dumb"})
            assert "google has the only copy of client_secret. Type its id to delete it" in said
            assert ("google" in live.documents()) is left

    def test_elsewhere_yes_is_warned_of(self, dropped: Path, live: Live, run: Run) -> None:
        write(dropped / "credentials.yaml", "{}")
        done = run("apply", "--target", "one", "--prune", "--yes")
        assert "warning: google has the only copy of client_secret, which is deleted with it" in done.err
        assert "google" not in live.documents()


def test_a_run_that_writes_none_of_what_was_named_fails(catalogue: Path, live: Live, run: Run) -> None:
    config(catalogue, live, incomplete="skip")
    assert run("apply", "google", "--target", "one").code == 1
    assert run("apply", "google", "whole", "--target", "one").code == 0
    assert run("apply", "--target", "one").code == 0


def test_a_database_is_closed_only_after_the_question(catalogue: Path, live: Live, run: Run) -> None:
    config(catalogue, live, protected=True)
    live.create()
    live.put("other", {"slug": "x"})
    everyone: dict[str, dict[str, list[str]]] = {
        "members": {"names": [], "roles": []},
        "admins": {"names": [], "roles": []},
    }
    live.http.put(f"{live.path}/_security", json=everyone).raise_for_status()
    done = run("apply", "--target", "one", "--make-private", "whole")
    assert done.code == 1
    assert "there is no terminal to ask on" in done.err
    assert live.http.get(f"{live.path}/_security").json()["members"]["roles"] == []
    assert run("apply", "--target", "one", "--make-private", "--yes", "whole").code == 0
    assert live.http.get(f"{live.path}/_security").json()["members"]["roles"] == ["_admin"]
    live.http.put(f"{live.path}/_security", json=everyone).raise_for_status()
    done = run("apply", "--target", "one", "--make-private", "whole")
    assert (done.code, "there is no terminal to ask on" in done.err) == (1, True), (
        "though nothing else is to be written"
    )
    assert live.http.get(f"{live.path}/_security").json()["members"]["roles"] == []
    assert run("apply", "--make-private", "--allow", "public", "--target", "one").code == 2
