"""``provision manifest`` over the relevant parts of konnectors' manifests, in today's and the older forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, write
from tests.live_server import Live

GOOGLE_SCOPE = "https://www.googleapis.com/auth/contacts+https://www.googleapis.com/auth/userinfo.email"
KNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "google": ({"oauth": {"scope": [GOOGLE_SCOPE]}}, GOOGLE_SCOPE.replace("+", " ")),
    "facebook": ({"oauth": {"account_type": "facebook", "scope": "user_photos"}}, "user_photos"),
    "toutatice": ({"oauth": {"scope": ["openid+toutatice+offline_access"]}}, "openid toutatice offline_access"),
    "orangeapi": ({"oauth": {"scope": ["profile_limited form_filling"]}}, "profile_limited form_filling"),
}


def konnector(folder: Path, slug: str, name: str = "manifest.konnector", **keys: object) -> Path:
    return write(folder / slug / name, json.dumps({"slug": slug, "type": "konnector", **keys}, indent=1))


def rules(run: Run, *arguments: object) -> list[tuple[str, str, int]]:
    """Each problem's severity, rule and line."""
    found = json.loads(run("manifest", *arguments, "--format", "json").out)
    return [(problem["severity"], problem["rule"], problem["line"]) for problem in found["problems"]]


@pytest.mark.parametrize("slug", KNOWN)
def test_known_konnectors_have_no_problem_with_the_shipped_catalogue(folder: Path, slug: str, run: Run) -> None:
    keys, scope = KNOWN[slug]
    konnector(folder, slug, **keys)
    done = run("manifest", folder, "--format", "json")
    assert done.code == 0
    (row,) = json.loads(done.out)["manifests"]
    assert row == {
        "path": f"{folder.as_posix()}/{slug}/manifest.konnector",
        "slug": slug,
        "account_type": slug,
        "found": "catalogue",
        "scope": scope,
    }


def test_a_konnector_whose_account_type_is_missing_is_told_with_the_nearest(folder: Path, run: Run) -> None:
    konnector(folder, "dummy-oauth", oauth={"account_type": "gogle", "scope": "a"})
    done = run("manifest", "dummy-oauth")
    assert done.code == 1
    place = "dummy-oauth/manifest.konnector:5:19"
    assert (
        f"{place}: error: there is no account type gogle: did you mean google? [manifest-no-account-type]" in done.out
    )
    assert "1 error" in done.out


def test_the_default_account_type_is_the_slug(folder: Path, run: Run) -> None:
    konnector(folder, "dummy-oauth", oauth={"scope": None})
    write(
        folder / "account_types/dummy-oauth.yaml", "grant_mode: authorization_code\nauth_endpoint: https://a.example/\n"
    )
    done = run("manifest", ".")
    assert done.code == 0
    assert done.out.splitlines() == [
        "KONNECTOR    ACCOUNT TYPE  FOUND IN   SCOPE AS SENT",
        "dummy-oauth  dummy-oauth   catalogue  -",
        "",
        "1 file, 0 errors, 0 warnings",
    ]


@pytest.mark.parametrize(
    ("scope", "sent"),
    [
        (["a", "b"], "a+b"),
        (["a+b"], "a b"),
        (["a b"], "a b"),
        ("a b", "a b"),
        ("a+b", "a b"),
        (False, None),
        (None, None),
        ([], None),
        ("", None),
    ],
)
def test_the_scope_is_shown_as_the_provider_receives_it(folder: Path, scope: object, sent: str, run: Run) -> None:
    konnector(folder, "asana", oauth={"scope": scope})
    (row,) = json.loads(run("manifest", "asana", "--format", "json").out)["manifests"]
    assert row["scope"] == sent


@pytest.mark.parametrize(
    ("slug", "keys", "expected"),
    [
        ("google", {"oauth": {"scope": ["a", "b"]}}, [("error", "manifest-scope-array", 5)]),
        ("google", {"oauth": {}}, [("error", "manifest-no-scope", 4)]),
        ("google", {"oauth": {"scope": False}}, [("error", "manifest-no-scope", 5)]),
        ("google", {"oauth": {"scope": "a,b"}}, [("warning", "manifest-scope-delimiter", 5)]),
        ("facebook", {"oauth": {"scope": "a b"}}, [("warning", "manifest-scope-delimiter", 5)]),
        ("facebook", {"oauth": {"scope": "a,b"}}, []),
        ("facebook", {"oauth": {"scope": "a, b"}}, []),
        ("google", {"oauth": True, "oauth_scope": "a"}, [("warning", "manifest-old-key", 4)]),
        ("google", {"oauth": True}, [("warning", "manifest-old-key", 4), ("error", "manifest-no-scope", 4)]),
        ("maif", {"fields": {"account": {"account_type": "maif"}}}, [("warning", "manifest-old-key", 6)]),
        ("maif", {"fields": {"account": {"type": "text"}}}, []),
        ("github", {"oauth": False}, []),
        ("github", {}, []),
    ],
)
def test_what_breaks_is_reported_at_its_line(
    folder: Path, slug: str, keys: dict[str, Any], expected: list[tuple[str, str, int]], run: Run
) -> None:
    konnector(folder, slug, **keys)
    assert sorted(rules(run, slug)) == sorted(expected)


def test_an_older_form_with_its_scope_is_understood(folder: Path, run: Run) -> None:
    konnector(folder, "google", oauth=True, oauth_scope=["a+b"])
    done = run("manifest", "google")
    assert done.code == 0
    assert 'google     google        catalogue  "a b"' in done.out
    assert run("manifest", "google", "--strict").code == 1


def test_a_database_is_asked_where_it_is_named(folder: Path, live: Live, run: Run) -> None:
    konnector(folder, "google", oauth={"scope": "a"})
    konnector(folder, "mine", oauth={"account_type": "mine"})
    live.put("mine", {"grant_mode": "authorization_code"})
    done = run("manifest", ".", "--couch", live.url, "--database", live.database, "--format", "json")
    found = json.loads(done.out)
    assert {row["slug"]: row["found"] for row in found["manifests"]} == {"google": "catalogue", "mine": "database"}
    assert [problem["rule"] for problem in found["problems"]] == ["manifest-no-account-type"]
    assert "google" in found["problems"][0]["path"]
    assert done.code == 1


def test_a_database_that_is_missing_has_no_account_type(folder: Path, live: Live, run: Run) -> None:
    konnector(folder, "google", oauth={"scope": "a"})
    assert rules(run, ".", "--couch", live.url, "--database", live.database) == [
        ("error", "manifest-no-account-type", 4)
    ]


def test_folders_are_searched_for_both_names(folder: Path, run: Run) -> None:
    konnector(folder / "a", "google", oauth={"scope": "x"})
    konnector(folder / "b", "drive", name="manifest.webapp")
    konnector(folder / "node_modules", "facebook", oauth={})
    konnector(folder / ".git", "facebook", oauth={})
    rows = json.loads(run("manifest", ".", "--format", "json").out)["manifests"]
    assert [row["path"] for row in rows] == ["a/google/manifest.konnector", "b/drive/manifest.webapp"]
    assert rows[1]["account_type"] is None


def test_a_bad_manifest_does_not_hide_the_others(folder: Path, run: Run) -> None:
    konnector(folder, "google", oauth={"scope": ["a", "b"]})
    write(folder / "broken/manifest.konnector", '{"slug": "x",\n}')
    write(folder / "list/manifest.konnector", "[]")
    (folder / "empty").mkdir()
    done = run("manifest", ".", "nowhere", "empty", "--format", "json")
    problems = json.loads(done.out)["problems"]
    assert done.code == 1
    assert [(problem["path"], problem["rule"]) for problem in problems] == [
        ("broken/manifest.konnector", "syntax"),
        ("empty", "empty-folder"),
        ("google/manifest.konnector", "manifest-scope-array"),
        ("list/manifest.konnector", "not-a-mapping"),
        ("nowhere", "unreadable"),
    ]


def test_annotations_point_at_the_manifest(folder: Path, run: Run) -> None:
    konnector(folder, "google", oauth={"scope": ["a", "b"]})
    done = run("manifest", ".", "--format", "github")
    assert done.out.startswith("::error file=google/manifest.konnector,line=5,col=12,title=manifest-scope-array::")


def test_a_path_is_wanted(run: Run) -> None:
    done = run("manifest")
    assert (done.code, "missing argument 'PATHS...'" in done.err) == (2, True), done
