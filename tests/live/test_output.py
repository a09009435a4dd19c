"""What diff and apply say: where they work, what matters, and no more."""

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.cli.terminal import on_a_terminal
from tests.live_server import Live, Team
from tests.outputs import only

SECRET = "grant_mode: secret\nslug: {}\nsecret: s\n"
NUMBER = 56


@pytest.fixture
def many(team: Team) -> None:
    for number in range(NUMBER):
        team.define(f"t{number:02}", SECRET.format(f"t{number}"))


def heading(live: Live, owner: str = ", owner team") -> str:
    return f"{live.shown_url}, database {live.database}{owner}"


class TestWhere:
    def test_the_first_line_says_it(self, many: None, team: Team, live: Live) -> None:
        for command in ("diff", "apply", "list"):
            assert team(command).out.splitlines()[0] == heading(live)
            row = only(team(command, "--format", "json").out)
            where: dict[str, object] = {
                "target": None,
                "url": live.shown_url,
                "database": live.database,
                "owner": "team",
                "errors": [],
            }
            assert row.items() >= where.items()
        for words in (["check"], ["import", "--out", "new"]):
            assert team.ownerless(*words).out.splitlines()[0] == heading(live, "")

    def test_it_is_said_before_a_server_that_does_not_answer(self, team: Team) -> None:
        team.define("a", SECRET.format("a"))
        done = team.run("diff", "--couch", "http://anna:hush-marker@localhost:1")
        assert (done.code, done.out) == (1, "http://localhost:1, database secrets/io-cozy-account_types\n")
        assert "marker" not in done.err

    def test_a_database_that_was_created_is_said(self, many: None, team: Team) -> None:
        assert "\ndatabase created\n" in team("apply").out
        assert "database created" not in team("apply").out

    def test_apply_does_not_guess_a_server(self, many: None, team: Team, live: Live) -> None:
        done = team.run("apply")
        assert (done.code, "no CouchDB given" in done.err, "--couch URL" in done.err) == (2, True, True)
        named = ["apply", "--database", live.database]
        said, code = on_a_terminal(named, team.folder, "\n")
        assert (code, "no CouchDB given" in said) == (2, True)
        said, code = on_a_terminal(named, team.folder, f"{live.url}\n")
        assert (code, "Which CouchDB should be written to?" in said, len(live.documents())) == (0, True, NUMBER), said
        done = team.run(*named, env={"PROVISION_COUCH": live.url})
        assert (done.code, done.out.splitlines()[-1]) == (0, f"0 created, 0 changed, {NUMBER} unchanged")


class TestWhatMatters:
    def test_one_change_among_many_is_a_few_lines(self, many: None, team: Team) -> None:
        first = team("apply")
        assert len(first.out.splitlines()) == NUMBER + 3
        assert first.out.endswith(f"\n{NUMBER} created, 0 changed, 0 unchanged\n")
        team.define("t03", SECRET.format("new"))
        summary = f"0 created, 1 changed, {NUMBER - 1} unchanged"
        assert team("apply").out.splitlines()[1:] == ["changed   t03", '    ~ slug: "t3" → "new"', summary]

    def test_all_lists_what_is_unchanged(self, many: None, team: Team) -> None:
        team("apply")
        for command in ("diff", "apply"):
            assert "unchanged" not in "\n".join(team(command).out.splitlines()[:-1])
            listed = [line for line in team(command, "--all").out.splitlines() if line.startswith("unchanged t")]
            assert listed == [f"unchanged t{number:02}" for number in range(NUMBER)]

    def test_quiet_shows_only_the_summary_and_what_failed(self, many: None, team: Team) -> None:
        assert team("diff", "--quiet").out == f"{NUMBER} to create, 0 to change, 0 unchanged\n"
        team("diff", "--out", "plan.json")
        team.define("t03", SECRET.format("new"))
        failed, _ = team("apply", "--quiet", "--plan", "plan.json").out.splitlines()
        assert failed.startswith("failed    t03: ")
        assert team("apply", "--quiet").out == f"1 created, 0 changed, {NUMBER - 1} unchanged\n"
        done = team("diff", "--all", "--quiet")
        assert (done.code, "--all" in done.err, "--quiet" in done.err) == (2, True, True), done

    def test_what_no_definition_mentions_is_counted_and_listed_on_request(
        self, many: None, team: Team, live: Live
    ) -> None:
        team("apply")
        live.put("theirs", {"grant_mode": "token"})
        assert team("diff").out.splitlines()[-1] == f"0 to create, 0 to change, {NUMBER} unchanged, 1 unmanaged"
        assert "unmanaged theirs\n" in team("diff", "--all").out
        assert [team("diff", "--exit-code", *more).code for more in ([], ["--unmanaged"])] == [0, 3]
        assert only(team("diff", "--format", "json").out)["unmanaged"] == ["theirs"]
        assert "unmanaged" not in team("diff", "account_types/t01.yaml").out

    def test_what_someone_else_deleted_is_said(self, many: None, team: Team, live: Live) -> None:
        team("apply")
        live.delete("t07")
        done = team("diff", "--exit-code")
        deleted = r"create    t07\n(    \+ .*\n)+    deleted by someone else: this owner last wrote it at 20"
        assert (done.code, bool(re.search(deleted, done.out))) == (3, True)
        assert only(team("diff", "--format", "json").out)["changes"][7]["deleted_since"].startswith("20")

    def test_what_a_prune_removes_is_said_and_was_not_deleted_by_someone_else(self, many: None, team: Team) -> None:
        team("apply")
        team.drop("t07")
        out = team("diff").out
        assert "skipped   t07: would be removed with apply --prune\n" in out
        assert out.splitlines()[-1].endswith("unchanged, 1 would be removed with apply --prune")
        markdown = team("diff", "--format", "markdown").out
        assert "1 would be removed with apply --prune" in markdown
        assert "<summary>would be removed with <code>apply --prune</code> <code>t07</code>" in markdown
        assert "skipped   t07: would be removed with apply --prune\n" in team("apply").out
        team("apply", "--prune", "--yes")
        team.define("t07", SECRET.format("t7"))
        out = team("diff").out
        assert ("create    t07" in out, "deleted by someone else" in out) == (True, False)

    def test_a_question_shows_the_plan_once(self, many: None, team: Team) -> None:
        team.configure(protected=True)
        said, code = team.on_a_terminal("one\n", "apply")
        assert code == 0, said
        assert said.count(" t03\r\n") == 2  # in the plan, and as its outcome
        assert said.count('+ slug: "t3"') == 1


class TestMarkdown:
    def test_each_account_type_is_collapsed_with_its_warnings(self, many: None, team: Team, live: Live) -> None:
        team("apply")
        live.put("t03", {**live.get("t03"), "slug": "theirs"})
        text = team("diff", "--format", "markdown").out
        (section,) = re.findall(
            r"<details><summary>change <code>t03</code> ⚠️</summary>\n\n(.*?)\n\n</details>", text, re.DOTALL
        )
        assert '| `slug` | `"theirs"` | `"t3"` |' in section
        assert "- `edited by someone else: slug`" in section
        assert text.count("<details>") == 1

    def test_three_targets_fit_one_comment(self, team: Team, live: Live) -> None:
        content = {"grant_mode": "token", "auth_endpoint": f"https://a.example/{'x' * 900}", "client_id": "1"}
        for number in range(NUMBER):
            team.define(f"t{number:02}", yaml.safe_dump(content))
        target = {"couch": live.url, "database": live.database}
        team.save("provision.yaml", {"targets": {name: {**target} for name in "abc"}})
        text = team.run("diff", "--format", "markdown", "--all-targets").out
        assert len(text) < 60_000
        assert text.count(" more are not shown here: run `provision diff`") == 3
        assert text.count("<details>") == text.count("</details>") > 30


@pytest.mark.parametrize("format", ["text", "markdown", "json"])
def test_a_saved_plan_is_shown_as_it_was(many: None, team: Team, live: Live, format: str) -> None:
    live.put("t03", {"slug": "theirs"})
    live.put("theirs", {"slug": "theirs"})
    shown = team("diff", "--format", format, "--out", "plan.json").out
    assert format != "text" or shown.startswith(f"{heading(live)}\n")
    live.http.delete(live.path)
    assert team.run("diff", "--format", format, "--from", "plan.json").out == shown


def test_show_marks_what_differs(many: None, team: Team, live: Live) -> None:
    team("apply")
    live.put("t03", {**live.get("t03"), "slug": "theirs"})
    rows = [line[:8].strip() for line in team("list", "t03").out.splitlines() if line.startswith("~")]
    assert rows == ["~  slug"]
    assert only(team("list", "t03", "--format", "json").out)["account_types"][0]["differing"] == ["slug"]


class TestSimilarNames:
    """A database whose name was mistyped is not created beside the real one."""

    @pytest.fixture
    def mistyped(self, team: Team, live: Live) -> Iterator[list[str]]:
        live.create()
        team.define("a", "grant_mode: secret\nslug: a\n")
        yield ["--couch", live.url, "--database", live.database.removesuffix("s")]
        live.http.delete(live.path.removesuffix("s"))

    def test_apply_refuses_to_create_it(self, mistyped: list[str], team: Team, live: Live) -> None:
        done = team.run("apply", "--yes", *mistyped)
        said = re.sub(r"similar name (\S+)", lambda found: found[0].replace("/", ""), done.err)
        named = f"but a database with the similar name {live.database.replace('/', '')} does"
        assert (done.code, named in said) == (1, True), said
        assert "if you mean that one; to create the new one, add --allow new-database" in done.err
        assert live.http.get(live.path.removesuffix("s")).status_code == 404

    def test_check_looks_for_such_databases(self, mistyped: list[str], team: Team) -> None:
        assert team.run("apply", "--yes", "--allow", "new-database", "--incomplete", "warn", *mistyped).code == 0
        said = team.ownerless("check").out.replace("/", "")
        assert f"the stack does not read the database {mistyped[-1].replace('/', '')}, whose name is almost" in said
