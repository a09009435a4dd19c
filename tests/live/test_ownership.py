"""Whose a document is, what a prune removes, conflicts, and open databases."""

import json
import subprocess

import pytest

from tests.faults.proxy import in_front_of
from tests.live_server import Live, Team

SECRET = "grant_mode: secret\nslug: {}\n"
FIELDS = {"_id", "_rev", "grant_mode", "slug"}


@pytest.fixture
def team(team: Team) -> Team:
    """It has a and b, which are also written without credentials."""
    team.options += ["--incomplete", "warn"]
    for id in ("a", "b"):
        team.define(id, SECRET.format(id))
    return team


def apply(team: Team, *words: str) -> None:
    assert team("apply", *words).code == 0


class TestKey:
    def test_it_holds_no_value_and_stays_as_it_is(self, team: Team, live: Live) -> None:
        team.define("a", SECRET.format("a-marker") + "secret: ${S}\n")
        apply(team, "--set", "S=s-marker")
        document = live.get("a")
        key = document["provision"]
        assert document.keys() == {*FIELDS, "secret", "provision"}
        assert "marker" not in json.dumps(key)
        assert (key["owner"], key["since"]) == ("team", {"secret": key["at"]})
        assert key["fields"].keys() == {"grant_mode", "slug", "secret"}
        assert {len(digest) for digest in key["fields"].values()} == {16, 4}
        apply(team, "--set", "S=s-marker")
        assert live.get("a") == document

    def test_without_an_owner_a_document_is_exactly_what_is_defined(self, team: Team, live: Live) -> None:
        team.ownerless("apply", "--incomplete", "warn")
        assert live.get("a").keys() == FIELDS
        team.define("a", "grant_mode: token\nclient_id: a\nauth_endpoint: https://a.example/\n")
        team.ownerless("apply")
        assert "unchanged a\n    kept: slug\n" in team.ownerless("diff", "--all").out
        done = team.ownerless("apply", "--prune", "--yes")
        assert (done.code, "--prune needs an owner" in done.err) == (2, True)

    def test_the_owner_may_stand_in_the_configuration(self, team: Team, live: Live) -> None:
        team.save("provision.yaml", {"owner": "team-a"})
        team.ownerless("apply", "--incomplete", "warn")
        assert live.get("a")["provision"]["owner"] == "team-a"
        assert team.run("apply", "--owner", "Team A").code == 2

    def test_the_commit_of_the_catalogue_is_kept_with_what_it_wrote(self, team: Team, live: Live) -> None:
        git = ["git", "-C", str(team.folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
            subprocess.run([*git, *words], check=True)
        commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        apply(team)
        key = live.get("a")["provision"]
        assert key["source"] == commit
        assert f"owner: team, {key['at']}, from commit {commit}" in team.ownerless("list", "a").out
        team.define("a", SECRET.format("new"))
        apply(team)
        assert [live.get(id)["provision"]["source"] for id in ("a", "b")] == [f"{commit}-dirty", commit]

    def test_one_in_an_unknown_form_stops_every_write(self, team: Team, live: Live) -> None:
        live.put("a", {"slug": "old", "provision": {"version": 9}})
        done = team("apply")
        assert (done.code, live.ids) == (1, {"a"})
        assert "a newer version of provision wrote a: this one cannot read the key `provision`" in done.err


class TestFields:
    def test_one_that_we_set_is_taken_away_and_others_are_kept(self, team: Team, live: Live) -> None:
        team.define("a", SECRET.format("a") + "token_mode: get\n")
        apply(team)
        live.put("a", {**live.get("a"), "extras": {"by": "hand"}})
        team.define("a", SECRET.format("a"))
        out = team("apply").out
        assert ('- token_mode: "get"' in out, "kept: extras" in out) == (True, True)
        assert live.get("a").keys() == {*FIELDS, "extras", "provision"}

    def test_an_edit_by_someone_else_is_told(self, team: Team, live: Live) -> None:
        apply(team)
        live.put("a", {**live.get("a"), "slug": "theirs"})
        live.put("b", {**live.get("b"), "note": "theirs"})
        assert '~ slug: "theirs" → "a"\n    edited by someone else: slug\n' in team("diff").out
        assert "unchanged b\n    kept: note\n" in team("diff", "--all").out


class TestOwner:
    def test_a_document_replaced_by_hand_belongs_to_nobody_and_is_adopted(self, team: Team, live: Live) -> None:
        team.define("a", SECRET.format("a") + "token_mode: get\n")
        apply(team)
        for id in ("a", "b"):
            live.put(id, {name: value for name, value in live.get(id).items() if name != "provision"})
        team.define("a", SECRET.format("a"))
        team.drop("b")
        done = team("diff", "--exit-code")
        assert (
            done.code,
            "adopt     a\n    has no owner: apply will adopt it\n    kept: token_mode\n" in done.out,
        ) == (3, True)
        assert done.out.endswith("0 to create, 0 to change, 1 to adopt, 0 unchanged, 1 unmanaged\n")
        assert team("apply", "--prune", "--yes").out.endswith("0 created, 0 changed, 1 adopted, 0 unchanged\n")
        assert live.get("a")["token_mode"] == "get"
        assert live.get("b")
        assert team("diff", "--exit-code").code == 0

    @pytest.mark.parametrize("extra", [[], ["--owner", "team-b"]])
    def test_what_another_owner_owns_is_refused_before_any_write(
        self, team: Team, live: Live, extra: list[str]
    ) -> None:
        apply(team)
        team.define("a", SECRET.format("new"))
        team.define("c", SECRET.format("c"))
        assert "refused   a: belongs to the owner team" in team.ownerless("diff", *extra).out
        done = team.ownerless("apply", "--incomplete", "warn", *extra)
        assert done.code == 1
        assert "these account types belong to another owner: a (owner team), b (owner team)\nnext: " in done.err
        assert (live.ids, live.get("a")["slug"]) == ({"a", "b"}, "a")

    def test_adopt_changes_the_owner_in_the_same_write(self, team: Team, live: Live) -> None:
        team.define("a", SECRET.format("a") + "token_mode: get\n")
        apply(team)
        team.define("a", SECRET.format("a"))
        done = team.ownerless("apply", "--allow", "adopt", "--owner", "team-b")
        assert (done.code, "adopted from the owner team" in done.out) == (0, True)
        documents = live.documents()
        assert documents["a"].keys() == {*FIELDS, "provision"}
        assert {(each["provision"]["owner"], each["_rev"][0]) for each in documents.values()} == {("team-b", "2")}
        assert "owned by" not in team.ownerless("diff", "--owner", "team-b").out
        assert team.ownerless("apply", "--allow", "adopt").code == 2


class TestPrune:
    def test_a_file_that_is_gone_is_told_left_and_pruned_when_asked(self, team: Team, live: Live) -> None:
        apply(team)
        live.put("theirs", {"slug": "theirs"})
        team.drop("b")
        skipped = "skipped   b: would be removed with apply --prune\n"
        meaning = "    accounts connected through it can no longer refresh their tokens"
        assert skipped + meaning in team("diff").out
        out = team("apply").out
        assert (skipped in out, out.endswith("0 created, 0 changed, 1 unchanged, 1 skipped\n")) == (True, True)
        refused = team("apply", "--prune")
        assert (refused.code, "add --yes" in refused.err) == (1, True)
        assert live.ids == {"a", "b", "theirs"}
        assert team("apply", "--prune", "--yes").out.endswith("0 created, 0 changed, 1 unchanged, 1 removed\n")
        assert live.ids == {"a", "theirs"}
        assert team("diff", "--exit-code").code == 0

    def test_it_leaves_what_somebody_changed_unless_told(self, team: Team, live: Live) -> None:
        apply(team)
        live.put("b", {**live.get("b"), "extras": {"by": "hand"}})
        team.drop("b")
        out = team("apply", "--prune", "--yes").out
        assert "skipped   b: it also contains extras, which this owner did not set; --allow changed deletes" in out
        assert live.get("b")
        apply(team, "--prune", "--allow", "changed", "--yes")
        assert live.ids == {"a"}

    @pytest.mark.parametrize(("typed", "left"), [("y", {"a"}), ("n", {"a", "b"})])
    def test_it_asks(self, team: Team, live: Live, typed: str, left: set[str]) -> None:
        apply(team)
        team.drop("b")
        said, _ = team.on_a_terminal(f"{typed}\n", "apply", "--prune")
        assert ("Delete 1 document" in said, live.ids) == (True, left)

    def test_a_mass_delete_needs_its_option(self, team: Team, live: Live) -> None:
        for id in "cde":
            team.define(id, SECRET.format(id))
        apply(team)
        for id in "cde":
            team.drop(id)
        done = team("apply", "--prune", "--yes")
        assert (done.code, "--allow mass-delete" in done.err, len(live.documents())) == (1, True, 5)
        assert "prune would delete 3 of the 5 account types that this owner has here" in done.err
        apply(team, "--prune", "--yes", "--allow", "mass-delete")
        assert live.ids == {"a", "b"}

    def test_none_with_a_broken_file_or_a_part_of_the_catalogue(self, team: Team, live: Live) -> None:
        apply(team)
        team.drop("b")
        part = team("apply", "account_types/a.yaml", "--prune", "--yes")
        assert (part.code, "--prune compares with the whole catalogue" in part.err) == (2, True)
        assert "remove" not in team("diff", "account_types/a.yaml").out
        team.define("bad", "grant_mode: [\n")
        assert team("apply", "--prune", "--yes").code == 1
        assert live.ids == {"a", "b"}

    def test_two_targets_with_different_contexts_on_one_database_leave_each_other_alone(
        self, team: Team, live: Live
    ) -> None:
        for id in ("one/a", "two/a"):
            team.define(id, SECRET.format(id.replace("/", "-")))
        row = {"couch": live.url, "database": live.database, "incomplete": "warn"}
        team.save(
            "provision.yaml",
            {"owner": "team", "targets": {name: {**row, "contexts": [name]} for name in ("one", "two")}},
        )

        def prune(*targets: str) -> set[str]:
            for name in targets:
                assert team.run("apply", "--target", name, "--prune", "--yes").code == 0
            return {*live.documents()}

        assert prune("one", "two") == {"a", "b", "one/a", "two/a"}
        team.drop("one/a")
        assert prune("two") == {"a", "b", "one/a", "two/a"}
        assert prune("one") == {"a", "b", "two/a"}


class TestOpenDatabases:
    @pytest.fixture
    def team(self, team: Team, live: Live) -> Team:
        """Everyone can read its database, in which there is a document of somebody else."""
        team.define("a", SECRET.format("a") + "secret: hush\n")
        team.drop("b")
        live.put("theirs", {"slug": "theirs"})
        live.http.put(f"{live.path}/_security", json={}).raise_for_status()
        return team

    def test_no_secret_is_written_into_a_database_that_everyone_can_read(self, team: Team, live: Live) -> None:
        assert "everyone can read" in team("diff").err
        done = team("apply")
        assert (done.code, "everyone can read" in done.err, "--make-private" in done.err) == (1, True, True)
        assert live.ids == {"theirs"}
        apply(team, "--allow", "public")
        assert live.get("a")["secret"] == "hush"
        assert live.http.get(f"{live.path}/_security").json() == {}

    def test_it_is_closed_on_request(self, team: Team, live: Live) -> None:
        apply(team, "--make-private")
        assert live.http.get(f"{live.path}/_security").json()["members"]["roles"] == ["_admin"]
        assert live.get("a")["secret"] == "hush"

    @pytest.mark.parametrize(("typed", "written"), [("y", True), ("n", False)])
    def test_a_person_is_asked(self, team: Team, live: Live, typed: str, written: bool) -> None:
        said, _ = team.on_a_terminal(f"{typed}\n", "apply")
        assert ("Restrict it to admins?" in said, "a" in live.documents()) == (True, written)


class TestConflicts:
    """Two revisions that were written side by side, as a cluster or a replication leaves them."""

    @pytest.fixture
    def team(self, team: Team, live: Live) -> Team:
        team.drop("b")
        row = {"_id": "a", "grant_mode": "secret", "slug": "a"}
        rows = [{**row, "_rev": f"1-{letter * 32}", "secret": letter} for letter in "ab"]
        live.create()
        written = {"docs": rows, "new_edits": False}
        live.http.post(f"{live.path}/_bulk_docs", json=written).raise_for_status()
        assert in_conflict(live)
        return team

    def test_it_is_shown_and_resolved_on_request(self, team: Team, live: Live) -> None:
        shown = f"revision 1-{'a' * 32} differs in secret"
        assert f"conflict: {shown}" in team("diff").out
        assert "in conflict" in team.ownerless("list").out
        assert f"conflict: {shown}" in team.ownerless("list", "a").out
        assert f"the document has a conflicting revision: {shown}" in team.ownerless("check").out
        refused = team("apply", "--resolve-conflicts")
        kept = f"a: the losing revision 1-{'a' * 32} has the only copy of secret, and no backup keeps it: add backup"
        assert (refused.code, kept in refused.out, in_conflict(live)) == (1, True, True), refused
        done = team("apply", "--resolve-conflicts", "--allow", "changed")
        assert (done.code, "resolved  a: removed 1 losing revision" in done.out) == (0, True)
        assert (live.get("a")["secret"], in_conflict(live)) == ("b", False)

    def test_a_prune_brings_no_old_secret_to_life(self, team: Team, live: Live) -> None:
        apply(team)
        rename(team)
        out = team("apply", "--prune", "--yes").out
        assert ("skipped   a: " in out, "it has conflicting revisions" in out) == (True, True)
        assert live.get("a")
        apply(team, "--prune", "--allow", "changed", "--yes")
        assert live.ids == {"b"}

    def test_what_a_killed_prune_left_is_removed_by_the_next_one(self, team: Team, live: Live) -> None:
        apply(team)
        rename(team)
        signed = {**live.get("a")["provision"], "fields": {}, "since": {}}
        live.put("a", {"_deleted": True, "provision": signed})
        live.put("stranger", {"grant_mode": "token"})
        assert live.get("a")["secret"] == "a", "it had lost"
        out = team("apply", "--prune", "--yes").out
        assert "skipped   a: it lost a conflict to a revision that this owner deleted; " in out
        assert live.ids == {"a", "b", "stranger"}
        apply(team, "--prune", "--allow", "changed", "--yes")
        assert live.ids == {"b", "stranger"}


def in_conflict(live: Live) -> bool:
    return "_conflicts" in live.http.get(f"{live.path}/a", params={"conflicts": "true"}).json()


def rename(team: Team) -> None:
    team.drop("a")
    team.define("b", SECRET.format("a"))


def test_only_what_a_person_agreed_to_is_written(team: Team, live: Live) -> None:
    team.define("a", SECRET.format("new") + "secret: s\n")
    team.drop("b")
    live.put("a", {"grant_mode": "secret", "slug": "old"})
    faster: list[str] = []
    with in_front_of(live.url) as proxy:

        def meddle(number: int, dealt: bool) -> None:
            if proxy.asked[-1].method == "PUT" and not (dealt or faster):
                faster.append(live.put("a", {"grant_mode": "secret", "slug": "theirs"}))

        proxy.observe = meddle
        team.configure(couch=proxy.url, protected=True)
        said, code = team.on_a_terminal("one\n", "apply")
    assert (code, "its change is not the one that was reviewed (slug)" in said) == (1, True), said
    assert live.get("a")["_rev"] == faster[0]
