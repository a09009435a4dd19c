"""``provision apply`` and ``diff`` against the live server."""

from pathlib import Path

import pytest

from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write
from tests.live_server import Live
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
SECRET_TYPE = "grant_mode: secret\nslug: {slug}\nsecret: ${{SECRET:-s3cr3t-marker}}\n"


@pytest.fixture
def facebook(folder: Path) -> Path:
    return write(
        folder / "account_types/facebook.yaml", "".join(f'{name}: "{value}"\n' for name, value in FACEBOOK.items())
    )


def options(live: Live) -> list[str]:
    return ["--couch", live.url, "--database", live.database]


def stored(live: Live, id: str) -> dict[str, object]:
    return {name: value for name, value in live.get(id).items() if not name.startswith("_")}


def test_the_tutorials_document_ends_with_exactly_its_keys_and_values(facebook: Path, live: Live, run: Run) -> None:
    done = run("apply", *options(live))
    assert done.code == 0
    assert done.out.splitlines()[-1] == "1 created, 0 changed, 0 unchanged"
    assert stored(live, "facebook") == FACEBOOK


def test_a_second_apply_writes_nothing(facebook: Path, live: Live, run: Run) -> None:
    run("apply", *options(live))
    before = live.documents(), live.http.get(live.path).json()["update_seq"]
    done = run("apply", *options(live))
    assert done.code == 0
    assert done.out.splitlines()[-1] == "0 created, 0 changed, 1 unchanged"
    assert (live.documents(), live.http.get(live.path).json()["update_seq"]) == before


def test_a_live_field_that_no_definition_mentions_survives(facebook: Path, live: Live, run: Run) -> None:
    live.put("facebook", {"grant_mode": "token", "secret": {"a": 1}, "note": "by hand"})
    done = run("apply", *options(live))
    assert done.code == 0
    assert "kept: secret, note" in done.out
    assert stored(live, "facebook") == {**FACEBOOK, "secret": {"a": 1}, "note": "by hand"}


def test_a_live_client_secret_survives(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: authorization_code\nauth_endpoint: https://a.example/new\n")
    live.put("a", {"grant_mode": "authorization_code", "client_id": "1", "client_secret": "by hand"})
    assert run("apply", *options(live)).code == 0
    assert stored(live, "a")["client_secret"] == "by hand"


def test_an_attachment_survives(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: new\n")
    note = {"content_type": "text/plain", "data": "aGVsbG8="}
    live.put("a", {"slug": "old", "grant_mode": "secret", "_attachments": {"note.txt": note}})
    assert run("apply", *options(live)).code == 0
    assert live.http.get(f"{live.path}/a/note.txt").text == "hello"


def test_diff_writes_nothing_and_creates_no_database(facebook: Path, live: Live, run: Run) -> None:
    done = run("diff", *options(live))
    assert done.code == 0
    assert "create    facebook" in done.out
    assert "does not exist: apply creates it" in done.err
    assert not live.exists


def test_diff_tells_differences_by_its_exit_code_only_when_asked(facebook: Path, live: Live, run: Run) -> None:
    assert run("diff", "--exit-code", *options(live)).code == 3
    assert run("diff", *options(live)).code == 0
    run("apply", *options(live))
    assert run("diff", "--exit-code", *options(live)).code == 0


def test_the_report_is_whole_whatever_the_exit_code(facebook: Path, live: Live, run: Run) -> None:
    done = run("diff", "--exit-code", "--format", "json", *options(live))
    assert done.code == 3
    assert only(done.out)["summary"] == {
        "create": 1,
        "change": 0,
        "adopt": 0,
        "unchanged": 0,
        "remove": 0,
        "skipped": 0,
        "refused": 0,
        "unmanaged": 0,
    }


def test_the_same_input_gives_the_same_bytes(facebook: Path, live: Live, run: Run) -> None:
    write(facebook.parent / "b.yaml", SECRET_TYPE.format(slug="b"))
    for format in ("text", "json", "markdown"):
        outputs = {run("diff", "--format", format, *options(live)).out for _ in range(3)}
        assert len(outputs) == 1


def test_a_changed_secret_shows_as_changed_and_is_never_printed(facebook: Path, live: Live, run: Run) -> None:
    run("apply", *options(live))
    facebook.write_text(facebook.read_text().replace("s3cr3t-marker", "n3w-marker"))
    for format in ("text", "json", "markdown"):
        done = run("diff", "--format", format, "--verbose", *options(live))
        assert "client_secret" in done.out
        assert "marker" not in done.out + done.err
    done = run("apply", "--verbose", *options(live))
    assert "~ client_secret: (secret) changed" in done.out
    assert "marker" not in done.out + done.err
    assert stored(live, "facebook")["client_secret"] == "n3w-marker"


def test_nothing_is_written_where_one_file_is_invalid(facebook: Path, live: Live, run: Run) -> None:
    write(facebook.parent / "bad.yaml", "grant_mode: authorisation_code\n")
    done = run("apply", *options(live))
    assert done.code == 1
    assert "did you mean authorization_code?" in done.err
    assert not live.exists


def test_a_missing_variable_stops_before_anything_is_written(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: ${ONE}\nsecret: ${TWO:?ask Ada}\n")
    done = run("apply", *options(live))
    assert done.code == 1
    assert "account_types/a.yaml:2:7: variable ONE has no value" in done.err
    assert "account_types/a.yaml:3:9: variable TWO has no value: ask Ada" in done.err
    assert not live.exists


def test_values_come_from_set_then_from_the_environment(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/a.yaml", "grant_mode: secret\nslug: x\nsecret: ${ONE}-${TWO}-${NO:-default}-$$\n")
    variables = {"PROVISION_VAR_ONE": "env", "PROVISION_VAR_TWO": "env"}
    assert run("apply", "--set", "ONE=set", *options(live), env=variables).code == 0
    assert live.get("a")["secret"] == "set-env-default-$"


def test_a_context_override_has_its_own_document(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/google.yaml", "grant_mode: secret\nslug: global\n")
    write(folder / "account_types/foobar/google.yaml", "grant_mode: secret\nslug: override\n")
    assert run("apply", "--incomplete", "warn", *options(live)).code == 0
    assert {id: document["slug"] for id, document in live.documents().items()} == {
        "google": "global",
        "foobar/google": "override",
    }


def test_a_file_of_a_context_keeps_its_context_when_it_is_named_alone(folder: Path, live: Live, run: Run) -> None:
    path = write(folder / "account_types/foobar/google.yaml", "grant_mode: secret\nslug: override\n")
    assert run("apply", path.relative_to(folder), "--incomplete", "warn", *options(live)).code == 0
    assert live.documents().keys() == {"foobar/google"}


def test_an_empty_database_that_is_open_is_closed_before_a_secret_is_written(
    folder: Path, live: Live, run: Run
) -> None:
    """As a run leaves it that was killed after it created the database, on a server that does not close it."""
    write(folder / "account_types/google.yaml", "grant_mode: secret\nslug: a\nsecret: ${S:-s3cr3t}\n")
    live.create()
    live.http.put(f"{live.path}/_security", json={"members": {}, "admins": {}}).raise_for_status()
    done = run("apply", *options(live))
    assert done.code == 0, done
    assert live.get("google")["secret"] == "s3cr3t"
    assert live.http.get(f"{live.path}/_security").json()["members"]["roles"] == ["_admin"]


def test_a_new_database_is_closed_and_has_the_stacks_index(facebook: Path, live: Live, run: Run) -> None:
    run("apply", *options(live))
    security = live.http.get(f"{live.path}/_security").json()
    assert "_admin" in security["members"]["roles"]
    indexes = live.http.get(f"{live.path}/_index").json()["indexes"]
    slug = next(index for index in indexes if index["ddoc"] == "_design/by-slug")
    assert [next(iter(field)) for field in slug["def"]["fields"]] == ["slug"]


def test_new_account_types_without_client_id_are_written_and_named_in_one_line(
    folder: Path, live: Live, run: Run
) -> None:
    for id in ("a", "b"):
        write(folder / f"account_types/{id}.yaml", "grant_mode: token\nauth_endpoint: https://a.example/\n")
    done = run("apply", "--incomplete", "warn", *options(live))
    assert "warning: no client_id yet: a, b\n" in done.err
    assert live.documents().keys() == {"a", "b"}


def test_many_documents_go_in_bulk_and_are_reported_each(folder: Path, live: Live, run: Run) -> None:
    for number in range(120):
        write(folder / f"account_types/t{number:03}.yaml", SECRET_TYPE.format(slug=f"t{number}"))
    done = run("apply", "--format", "json", *options(live))
    report = only(done.out)
    assert report["summary"]["created"] == 120
    assert {row["id"]: row["rev"] for row in report["outcomes"]} == {
        id: document["_rev"] for id, document in live.documents().items()
    }
    assert only(run("apply", "--format", "json", *options(live)).out)["summary"]["unchanged"] == 120


def test_an_empty_redirect_uri_is_no_difference_to_an_absent_one(folder: Path, live: Live, run: Run) -> None:
    text = 'grant_mode: token\nauth_endpoint: https://a.example/\nclient_id: "1"\nredirect_uri: ""\n'
    write(folder / "account_types/a.yaml", text)
    live.put("a", {"grant_mode": "token", "auth_endpoint": "https://a.example/", "client_id": "1"})
    assert run("diff", "--exit-code", *options(live)).code == 0


@pytest.mark.parametrize(("number", "shown"), [(100, False), (101, True)])
def test_a_bar_shows_the_progress_of_many_documents_on_a_terminal(
    folder: Path, live: Live, number: int, shown: bool
) -> None:
    for index in range(number):
        write(folder / f"account_types/t{index:03}.yaml", SECRET_TYPE.format(slug=f"t{index}"))
    said, code = on_a_terminal(["apply", *options(live)], folder)
    assert code == 0
    assert ("Writing" in said) == shown
