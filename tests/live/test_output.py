"""What diff and apply say: where they work, what matters, and no more."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only

SECRET = "grant_mode: secret\nslug: {slug}\nsecret: s\n"
NUMBER = 56


@pytest.fixture
def options(live: Live) -> list[str]:
    return ["--couch", live.url, "--database", live.database, "--owner", "team"]


@pytest.fixture
def many(folder: Path) -> None:
    for number in range(NUMBER):
        write(folder / f"account_types/t{number:02}.yaml", SECRET.format(slug=f"t{number}"))


def heading(live: Live) -> str:
    return f"{live.shown_url}, database {live.database}, owner team"


class TestWhere:
    @pytest.mark.parametrize("command", ["diff", "apply", "list"])
    def test_the_first_line_says_it(self, many: None, options: list[str], live: Live, run: Run, command: str) -> None:
        assert run(command, *options).out.splitlines()[0] == heading(live)

    @pytest.mark.parametrize("command", [["check"], ["import", "--out", "new"]])
    def test_it_says_it_without_an_owner_too(
        self, folder: Path, options: list[str], live: Live, run: Run, command: list[str]
    ) -> None:
        live.put("a", {"grant_mode": "secret"})
        assert run(*command, *options[:4]).out.splitlines()[0] == f"{live.shown_url}, database {live.database}"

    def test_it_is_said_before_a_server_that_does_not_answer(self, folder: Path, run: Run) -> None:
        write(folder / "account_types/a.yaml", SECRET.format(slug="a"))
        done = run("diff", "--couch", "http://anna:hush-marker@localhost:1")
        assert done.code == 1
        assert done.out == "http://localhost:1, database secrets/io-cozy-account_types\n"
        assert "marker" not in done.err

    def test_a_database_that_was_created_is_said(self, many: None, options: list[str], run: Run) -> None:
        assert "\ndatabase created\n" in run("apply", *options).out
        assert "database created" not in run("apply", *options).out

    def test_it_is_in_the_json(self, many: None, options: list[str], live: Live, run: Run) -> None:
        for command in ("diff", "apply", "list"):
            row = only(run(command, "--format", "json", *options).out)
            where = {"target": None, "url": live.shown_url, "database": live.database, "owner": "team"}
            assert row.items() >= where.items()
            assert row["errors"] == []

    def test_apply_does_not_guess_a_server(self, many: None, run: Run) -> None:
        done = run("apply")
        assert done.code == 2
        assert "no CouchDB given" in done.err
        assert "--couch URL" in done.err

    def test_a_terminal_is_asked_for_the_server(self, many: None, folder: Path, live: Live) -> None:
        arguments = ["apply", "--database", live.database]
        said, code = on_a_terminal(arguments, folder, f"{live.url}\n")
        assert code == 0, said
        assert "Which CouchDB should be written to?" in said
        assert len(live.documents()) == NUMBER
        said, code = on_a_terminal(arguments, folder, "\n")
        assert code == 2
        assert "no CouchDB given" in said

    def test_the_environment_names_a_server(self, many: None, live: Live, run: Run) -> None:
        assert run("apply", "--database", live.database, env={"PROVISION_COUCH": live.url}).code == 0
        assert len(live.documents()) == NUMBER


class TestWhatMatters:
    def test_one_change_among_many_is_a_few_lines(self, many: None, folder: Path, options: list[str], run: Run) -> None:
        first = run("apply", *options)
        assert len(first.out.splitlines()) == NUMBER + 3
        assert first.out.endswith(f"\n{NUMBER} created, 0 changed, 0 unchanged\n")
        write(folder / "account_types/t03.yaml", SECRET.format(slug="new"))
        lines = run("apply", *options).out.splitlines()
        assert lines[1:] == [
            "changed   t03",
            '    ~ slug: "t3" → "new"',
            f"0 created, 1 changed, {NUMBER - 1} unchanged",
        ]

    def test_all_lists_what_is_unchanged(self, many: None, options: list[str], run: Run) -> None:
        run("apply", *options)
        for command in ("diff", "apply"):
            assert "unchanged" not in "\n".join(run(command, *options).out.splitlines()[:-1])
            lines = run(command, "--all", *options).out.splitlines()
            assert [line for line in lines if line.startswith("unchanged t")] == [
                f"unchanged t{number:02}" for number in range(NUMBER)
            ]

    def test_quiet_shows_only_the_summary(self, many: None, options: list[str], run: Run) -> None:
        assert run("diff", "--quiet", *options).out == f"{NUMBER} to create, 0 to change, 0 unchanged\n"
        assert run("apply", "--quiet", *options).out == f"{NUMBER} created, 0 changed, 0 unchanged\n"

    def test_quiet_shows_what_failed(self, many: None, folder: Path, options: list[str], live: Live, run: Run) -> None:
        run("diff", "--out", "plan.json", *options)
        write(folder / "account_types/t03.yaml", SECRET.format(slug="new"))
        done = run("apply", "--quiet", "--plan", "plan.json", *options)
        assert done.out.splitlines()[0].startswith("failed    t03: ")
        assert len(done.out.splitlines()) == 2

    def test_all_and_quiet_contradict_each_other(self, many: None, options: list[str], run: Run) -> None:
        done = run("diff", "--all", "--quiet", *options)
        assert (done.code, "--all" in done.err, "--quiet" in done.err) == (2, True, True), done

    def test_what_no_definition_mentions_is_counted_and_listed_on_request(
        self, many: None, options: list[str], live: Live, run: Run
    ) -> None:
        run("apply", *options)
        live.put("theirs", {"grant_mode": "token"})
        done = run("diff", *options)
        assert done.out.splitlines()[-1] == f"0 to create, 0 to change, {NUMBER} unchanged, 1 unmanaged"
        assert "unmanaged theirs\n" in run("diff", "--all", *options).out
        assert run("diff", "--exit-code", *options).code == 0
        assert run("diff", "--exit-code", "--unmanaged", *options).code == 3
        assert only(run("diff", "--format", "json", *options).out)["unmanaged"] == ["theirs"]
        assert "unmanaged" not in run("diff", "account_types/t01.yaml", *options).out

    def test_what_someone_else_deleted_is_said(self, many: None, options: list[str], live: Live, run: Run) -> None:
        run("apply", *options)
        rev = live.get("t07")["_rev"]
        live.http.delete(f"{live.path}/t07", params={"rev": rev}).raise_for_status()
        done = run("diff", "--exit-code", *options)
        assert done.code == 3
        assert re.search(
            r"create    t07\n(    \+ .*\n)+    deleted by someone else: this owner last wrote it at 20", done.out
        )
        assert only(run("diff", "--format", "json", *options).out)["changes"][7]["deleted_since"].startswith("20")

    def test_what_we_pruned_was_not_deleted_by_someone_else(
        self, many: None, folder: Path, options: list[str], run: Run
    ) -> None:
        run("apply", *options)
        text = (folder / "account_types/t07.yaml").read_text()
        (folder / "account_types/t07.yaml").unlink()
        run("apply", "--prune", "--yes", *options)
        write(folder / "account_types/t07.yaml", text)
        done = run("diff", *options)
        assert "create    t07" in done.out
        assert "deleted by someone else" not in done.out

    def test_what_a_prune_would_remove_is_said(self, many: None, folder: Path, options: list[str], run: Run) -> None:
        run("apply", *options)
        (folder / "account_types/t07.yaml").unlink()
        out = run("diff", *options).out
        assert "skipped   t07: would be removed with apply --prune\n" in out
        assert out.splitlines()[-1].endswith("unchanged, 1 would be removed with apply --prune")
        markdown = run("diff", "--format", "markdown", *options).out
        assert "1 would be removed with apply --prune" in markdown
        assert "<summary>would be removed with <code>apply --prune</code> <code>t07</code>" in markdown
        assert "skipped   t07: would be removed with apply --prune\n" in run("apply", *options).out

    def test_a_question_shows_the_plan_once(self, many: None, folder: Path, options: list[str]) -> None:
        config = {"couch": options[1], "database": options[3], "protected": True}
        write(folder / "provision.yaml", json.dumps({"owner": "team", "targets": {"live": config}}))
        said, code = on_a_terminal(["apply", "--target", "live"], folder, "live\n")
        assert code == 0, said
        assert said.count(" t03\r\n") == 2  # in the plan, and as its outcome
        assert said.count('+ slug: "t3"') == 1


class TestMarkdown:
    def test_each_account_type_is_collapsed_with_its_warnings(
        self, many: None, options: list[str], live: Live, run: Run
    ) -> None:
        run("apply", *options)
        live.put("t03", {**live.get("t03"), "slug": "theirs"})
        text = run("diff", "--format", "markdown", *options).out
        section = re.search(
            r"<details><summary>change <code>t03</code> ⚠️</summary>\n\n(.*?)\n\n</details>", text, re.DOTALL
        )
        assert section
        assert '| `slug` | `"theirs"` | `"t3"` |' in section[1]
        assert "- `edited by someone else: slug`" in section[1]
        assert text.count("<details>") == 1

    def test_three_targets_fit_one_comment(self, folder: Path, options: list[str], run: Run) -> None:
        for number in range(NUMBER):
            path = f"https://a.example/{'x' * 900}"
            content = {"grant_mode": "token", "auth_endpoint": path, "client_id": "1"}
            write(folder / f"account_types/t{number:02}.json", json.dumps(content))
        config = {"couch": options[1], "database": options[3]}
        write(folder / "provision.yaml", json.dumps({"targets": dict.fromkeys(("a", "b", "c"), config)}))
        text = run("diff", "--format", "markdown", "--all-targets").out
        assert len(text) < 60_000
        assert text.count(" more are not shown here: run `provision diff`") == 3
        assert text.count("<details>") == text.count("</details>") > 30


class TestSavedPlan:
    def test_a_saved_plan_is_shown_as_it_was(self, many: None, options: list[str], live: Live, run: Run) -> None:
        live.put("t03", {"slug": "theirs"})
        live.put("theirs", {"slug": "theirs"})
        for format in ("text", "markdown"):
            shown = run("diff", "--format", format, "--out", "plan.json", *options).out
            assert run("diff", "--format", format, "--from", "plan.json").out == shown
        shown = run("diff", *options).out
        live.http.delete(live.path)
        assert run("diff", "--from", "plan.json").out == shown
        assert shown.startswith(f"{heading(live)}\n")

    def test_it_is_json_too(self, many: None, options: list[str], run: Run) -> None:
        shown = only(run("diff", "--format", "json", "--out", "plan.json", *options).out)
        assert only(run("diff", "--format", "json", "--from", "plan.json").out) == shown


def test_show_marks_what_differs(many: None, options: list[str], live: Live, run: Run) -> None:
    run("apply", *options)
    live.put("t03", {**live.get("t03"), "slug": "theirs"})
    rows = [line[:8].strip() for line in run("list", "t03", *options).out.splitlines() if line.startswith("~")]
    assert rows == ["~  slug"]
    assert only(run("list", "t03", "--format", "json", *options).out)["account_types"][0]["differing"] == ["slug"]


class TestSimilarNames:
    """A database whose name was mistyped is not created beside the real one."""

    @pytest.fixture
    def mistyped(self, folder: Path, live: Live) -> list[str]:
        live.create()
        write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: a\n")
        return ["--couch", live.url, "--database", live.database.removesuffix("s")]

    def test_apply_refuses_to_create_it(self, mistyped: list[str], live: Live, run: Run) -> None:
        done = run("apply", "--yes", *mistyped)
        assert done.code == 1
        said = re.sub(r"similar name (\S+)", lambda found: found[0].replace("/", ""), done.err)
        assert f"but a database with the similar name {live.database.replace('/', '')} does" in said
        assert "if you mean that one; to create the new one, add --allow new-database" in done.err
        assert live.http.get(live.path.removesuffix("s")).status_code == 404

    def test_check_looks_for_such_databases(self, mistyped: list[str], live: Live, run: Run) -> None:
        beside = live.path.removesuffix("s")
        try:
            assert run("apply", "--yes", "--allow", "new-database", "--incomplete", "warn", *mistyped).code == 0
            done = run("check", "--couch", live.url, "--database", live.database)
            said = done.out.replace("/", "")
            assert f"the stack does not read the database {mistyped[-1].replace('/', '')}, whose name is almost" in said
        finally:
            live.http.delete(beside)
