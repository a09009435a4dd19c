"""``provision apply`` and ``diff`` against the live server."""

import pytest
import yaml

from tests.cli.terminal import on_a_terminal
from tests.live_server import Live, Team
from tests.outputs import only

FACEBOOK = {
    "grant_mode": "authorization_code",
    "redirect_uri": "https://oauthcallback.mycozy.cloud/accounts/facebook/redirect",
    "token_mode": "basic",
    "token_endpoint": "https://graph.facebook.com/v3.2/oauth/access_token",
    "auth_endpoint": "https://www.facebook.com/v3.2/dialog/oauth",
    "client_id": "788",
    "client_secret": "s3cr3t-marker",
}
SECRET = "grant_mode: secret\nslug: {}\nsecret: s3cr3t-marker\n"
CODE = {"grant_mode": "authorization_code", "client_id": "1", "client_secret": "by hand"}
SUMMARY = ("create", "change", "adopt", "unchanged", "remove", "skipped", "refused", "unmanaged")
NOTE = {"content_type": "text/plain", "data": "aGVsbG8="}


@pytest.fixture
def team(team: Team) -> Team:
    """It has no owner."""
    team.options = team.options[:4]
    return team


@pytest.fixture
def facebook(team: Team) -> None:
    team.define("facebook", yaml.safe_dump(FACEBOOK))


def stored(live: Live, id: str) -> dict[str, object]:
    return {name: value for name, value in live.get(id).items() if not name.startswith("_")}


def test_the_tutorials_document_is_written_once_with_exactly_its_keys_and_values(
    facebook: None, team: Team, live: Live
) -> None:
    done = team("apply")
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 created, 0 changed, 0 unchanged")
    assert stored(live, "facebook") == FACEBOOK
    before = live.documents(), live.http.get(live.path).json()["update_seq"]
    done = team("apply")
    assert (done.code, done.out.splitlines()[-1]) == (0, "0 created, 0 changed, 1 unchanged")
    assert (live.documents(), live.http.get(live.path).json()["update_seq"]) == before


def test_live_fields_that_no_definition_mentions_survive(facebook: None, team: Team, live: Live) -> None:
    live.put("facebook", {"grant_mode": "token", "secret": {"a": 1}, "note": "by hand"})
    team.define("a", "grant_mode: authorization_code\nauth_endpoint: https://a.example/new\n")
    live.put("a", CODE)
    team.define("b", "grant_mode: secret\nslug: new\n")
    live.put("b", {"slug": "old", "grant_mode": "secret", "_attachments": {"note.txt": NOTE}})
    done = team("apply")
    assert (done.code, "kept: secret, note" in done.out) == (0, True)
    assert stored(live, "facebook") == {**FACEBOOK, "secret": {"a": 1}, "note": "by hand"}
    assert stored(live, "a") == {**CODE, "auth_endpoint": "https://a.example/new"}
    assert live.http.get(f"{live.path}/b/note.txt").text == "hello"


def test_diff_writes_nothing_and_tells_differences_by_its_exit_code_only_when_asked(
    facebook: None, team: Team, live: Live
) -> None:
    done = team("diff")
    assert (done.code, "create    facebook" in done.out) == (0, True)
    assert "does not exist: apply creates it" in done.err
    assert not live.exists
    done = team("diff", "--exit-code", "--format", "json")
    assert (done.code, only(done.out)["summary"]) == (3, {**dict.fromkeys(SUMMARY, 0), "create": 1})
    team("apply")
    assert team("diff", "--exit-code").code == 0


def test_the_same_input_gives_the_same_bytes(facebook: None, team: Team) -> None:
    team.define("b", SECRET.format("b"))
    for format in ("text", "json", "markdown"):
        assert len({team("diff", "--format", format).out for _ in range(3)}) == 1


def test_a_changed_secret_shows_as_changed_and_is_never_printed(facebook: None, team: Team, live: Live) -> None:
    team("apply")
    team.define("facebook", yaml.safe_dump({**FACEBOOK, "client_secret": "n3w-marker"}))
    runs = [team("diff", "--format", format, "--verbose") for format in ("text", "json", "markdown")]
    assert ["client_secret" in done.out for done in runs] == [True] * 3
    runs.append(team("apply", "--verbose"))
    assert "~ client_secret: (secret) changed" in runs[-1].out
    assert "marker" not in "".join(done.out + done.err for done in runs)
    assert stored(live, "facebook")["client_secret"] == "n3w-marker"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grant_mode: authorisation_code\n", ["did you mean authorization_code?"]),
        (
            "grant_mode: secret\nslug: ${ONE}\nsecret: ${TWO:?ask Ada}\n",
            [
                "account_types/bad.yaml:2:7: variable ONE has no value",
                "account_types/bad.yaml:3:9: variable TWO has no value: ask Ada",
            ],
        ),
    ],
)
def test_nothing_is_written_where_one_file_is_invalid(
    facebook: None, team: Team, live: Live, text: str, expected: list[str]
) -> None:
    team.define("bad", text)
    done = team("apply")
    assert (done.code, [each for each in expected if each not in done.err], live.exists) == (1, [], False), done.err


def test_values_come_from_set_then_from_the_environment(team: Team, live: Live) -> None:
    team.define("a", "grant_mode: secret\nslug: x\nsecret: ${ONE}-${TWO}-${NO:-default}-$$\n")
    variables = {"PROVISION_VAR_ONE": "env", "PROVISION_VAR_TWO": "env"}
    assert team("apply", "--set", "ONE=set", env=variables).code == 0
    assert live.get("a")["secret"] == "set-env-default-$"


def test_a_context_override_has_its_own_document(team: Team, live: Live) -> None:
    path = team.define("foobar/google", SECRET.format("override"))
    assert team("apply", path.relative_to(team.folder)).code == 0
    assert live.ids == {"foobar/google"}, "a file that is named alone keeps its context"
    team.define("google", SECRET.format("global"))
    assert team("apply").code == 0
    slugs = {id: document["slug"] for id, document in live.documents().items()}
    assert slugs == {"google": "global", "foobar/google": "override"}


def test_an_empty_database_that_is_open_is_closed_before_a_secret_is_written(team: Team, live: Live) -> None:
    """As a run leaves it that was killed after it created the database, on a server that does not close it."""
    team.define("google", SECRET.format("a"))
    live.create()
    live.http.put(f"{live.path}/_security", json={"members": {}, "admins": {}}).raise_for_status()
    assert team("apply").code == 0
    assert live.get("google")["secret"] == "s3cr3t-marker"
    assert live.http.get(f"{live.path}/_security").json()["members"]["roles"] == ["_admin"]


def test_a_new_database_is_closed_and_has_the_stacks_index(facebook: None, team: Team, live: Live) -> None:
    team("apply")
    assert "_admin" in live.http.get(f"{live.path}/_security").json()["members"]["roles"]
    indexes = live.http.get(f"{live.path}/_index").json()["indexes"]
    slug = next(index for index in indexes if index["ddoc"] == "_design/by-slug")
    assert [next(iter(field)) for field in slug["def"]["fields"]] == ["slug"]


def test_new_account_types_without_client_id_are_written_and_named_in_one_line(team: Team, live: Live) -> None:
    for id in ("a", "b"):
        team.define(id, "grant_mode: token\nauth_endpoint: https://a.example/\n")
    assert "warning: no client_id yet: a, b\n" in team("apply", "--incomplete", "warn").err
    assert live.ids == {"a", "b"}


def test_many_documents_go_in_bulk_and_are_reported_each(team: Team, live: Live) -> None:
    for number in range(120):
        team.define(f"t{number:03}", SECRET.format(f"t{number}"))
    report = only(team("apply", "--format", "json").out)
    assert report["summary"]["created"] == 120
    revisions = {id: document["_rev"] for id, document in live.documents().items()}
    assert {row["id"]: row["rev"] for row in report["outcomes"]} == revisions
    assert only(team("apply", "--format", "json").out)["summary"]["unchanged"] == 120


def test_an_empty_redirect_uri_is_no_difference_to_an_absent_one(team: Team, live: Live) -> None:
    document = {"grant_mode": "token", "auth_endpoint": "https://a.example/", "client_id": "1"}
    team.define("a", yaml.safe_dump({**document, "redirect_uri": ""}))
    live.put("a", document)
    assert team("diff", "--exit-code").code == 0


@pytest.mark.parametrize(("number", "shown"), [(100, False), (101, True)])
def test_a_bar_shows_the_progress_of_many_documents_on_a_terminal(team: Team, number: int, shown: bool) -> None:
    for index in range(number):
        team.define(f"t{index:03}", SECRET.format(f"t{index}"))
    said, code = on_a_terminal(["apply", *team.options], team.folder)
    assert (code, "Writing" in said) == (0, shown)
