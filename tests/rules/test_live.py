"""The rules over what is in the database now, by ``check`` and by ``diff``."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only
from tests.rules.examples import CODE, GOOGLE, SECRET

GOOD: dict[str, Any] = {
    "grant_mode": "authorization_code",
    "client_id": "1",
    "client_secret": "hush-marker",
    "auth_endpoint": "https://provider.example/authorize",
    "token_endpoint": "https://provider.example/token",
    "redirect_uri": "https://oauthcallback.cozy.example/accounts/a/redirect",
}


@pytest.fixture
def options(live: Live) -> list[str]:
    return ["--couch", live.url, "--database", live.database]


def problems(run: Run, options: list[str], *more: object) -> list[str]:
    """What is wrong with documents, in the form of ``validate``."""
    done = run("check", *options, "--format", "json", *more)
    assert "marker" not in done.out + done.err
    severities = {"failed": "error", "warning": "warning"}
    return [
        f"couchdb:{row['account_type']}:1:1: {severities[row['result']]}: {row['message']} [{row['check']}]"
        for row in only(done.out)["checks"]
        if row["account_type"] and row["result"] in severities
    ]


def test_a_good_document_has_no_problem(folder: Path, live: Live, options: list[str], run: Run) -> None:
    live.put("a", GOOD)
    assert problems(run, options, "--strict") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_id": 1}, "error: the stack cannot decode this document: client_id is a number, and must be text: logins and refreshes fail in each context without an override of it [document]"),
        ({"extras": {"a": True}, "slug": "k"}, "error: the stack cannot decode this document: extras contains true or false, and its values must be text: logins and refreshes fail in each context without an override of it, and the konnector k gets no secret in any context [document]"),
        ({"client_secret": ["hush-marker"], "Slug": 5}, "error: the stack cannot decode this document: client_secret is a list, and must be text; Slug (which it reads as slug) is a number, and must be text: logins and refreshes fail in each context without an override of it [document]"),
        ({"android_api_key": "hush-marker"}, "warning: the stack ignores android_api_key [ignored-key]"),
        ({"redirect_url": "x"}, "warning: the stack ignores redirect_url: did you mean redirect_uri? [ignored-key]"),
        ({"token_mode": "post"}, "warning: token_mode must be one of form, basic, get (the stack uses form) [wrong-value]"),
        ({"fcm_credentials": "hush-marker", "grant_mode": None}, "error: fcm_credentials must be a mapping of keys to values [wrong-type]"),
        ({"client_id": ""}, "error: without client_id [credentials]"),
        ({"client_id": None}, "error: without client_id [credentials]"),
        ({"client_secret": None}, "warning: without client_secret [credentials]"),
        ({"grant_mode": "secret", "slug": "a"}, "error: without secret [credentials]"),
        ({"grant_mode": "implicit"}, "error: grant_mode must be one of authorization_code, authorization_code+secret, token, token_redirect_url, bi_webauth, bi_webauth+secret, bi_webview, bi_webview+secret, secret [wrong-value]"),
        ({"grant_mode": "bi_webauth", "reconnect_endpoint": ""}, "error: grant_mode bi_webauth needs reconnect_endpoint [bi-endpoints]"),
        ({"redirect_uri": "https://x.example/accounts/b/redirect"}, "error: the path of redirect_uri must be /accounts/a/redirect: the callback would answer “bad state” [redirect-path]"),
        ({"secret": "hush-marker"}, "warning: no one gets the secret: grant_mode authorization_code never passes it to the konnector [secret-never-used]"),
        ({"token_endpoint": "https://${x}.elsewhere.example/"}, "warning: token_endpoint is on elsewhere.example, auth_endpoint on provider.example: if both are the provider's, say x-domains: [provider.example, elsewhere.example] [foreign-endpoint]"),
    ],
)  # fmt: skip
def test_a_broken_document_is_told_at_its_id(
    changes: dict[str, Any], expected: str, folder: Path, live: Live, options: list[str], run: Run
) -> None:
    live.put("a", {**GOOD, **changes})
    found = problems(run, options)
    assert f"couchdb:a:1:1: {expected}" in found
    assert "[document]" in expected or not any("[document]" in line for line in found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"TOKEN_MODE": "basic"}, ["warning: the stack reads TOKEN_MODE as token_mode: write token_mode [key-in-other-case]"]),
        ({"to\u212aen_mode": "post"}, [
            r"warning: the stack reads to\u212aen_mode as token_mode: write token_mode [key-in-other-case]",
            "warning: token_mode must be one of form, basic, get (the stack uses form) [wrong-value]",
        ]),
        ({"Client_Id": ""}, ["error: without client_id [credentials]", "warning: the stack reads Client_Id as client_id, next to client_id: the last that is not null counts [key-in-other-case]"]),
        ({"CLIENT_ID": None}, ["warning: the stack reads CLIENT_ID as client_id, next to client_id: the last that is not null counts [key-in-other-case]"]),
        ({"Slug": "k"}, ["warning: the stack looks konnectors up by slug, and does not find Slug: write slug [key-in-other-case]"]),
        ({"Redirect_URI": "https://x.example/accounts/b/redirect"}, [
            "error: the path of redirect_uri must be /accounts/a/redirect: the callback would answer “bad state” [redirect-path]",
            "warning: the stack reads Redirect_URI as redirect_uri, next to redirect_uri: the last that is not null counts [key-in-other-case]",
        ]),
    ],
)  # fmt: skip
def test_a_key_in_another_case_is_what_the_stack_takes_it_for(
    changes: dict[str, Any], expected: list[str], folder: Path, live: Live, options: list[str], run: Run
) -> None:
    live.put("a", {**GOOD, **changes})
    found = [line.removeprefix("couchdb:a:1:1: ") for line in problems(run, options)]
    assert sorted(found) == sorted(expected)


def test_a_slug_under_another_key_is_none(folder: Path, live: Live, options: list[str], run: Run) -> None:
    live.put("a", {"grant_mode": "secret", "slug": "s", "secret": "hush-marker"})
    live.put("b", {"grant_mode": "secret", "Slug": "s", "secret": "hush-marker"})
    found = problems(run, options)
    assert "couchdb:b:1:1: error: grant_mode secret needs slug [missing-key]" in found
    assert not any("[slug-not-unique]" in line for line in found)


def test_an_undecodable_document_says_whom_it_hits(folder: Path, live: Live, options: list[str], run: Run) -> None:
    live.put("a", {"grant_mode": "secret", "slug": "k", "secret": "hush-marker"})
    live.put("ctx/b", {**GOOD, "slug": "k", "extras": ["hush-marker"]})
    wrong = "the stack cannot decode this document: extras is a list, and must be a mapping of text to text"
    only_there = "other contexts have no such account type [override-without-global]"
    hit = "logins and refreshes with b fail in the context ctx, which does not fall back to the global b"
    assert problems(run, options) == [
        f"couchdb:ctx/b:1:1: error: {wrong}: {hit}, and the konnector k gets no secret in any context [document]",
        "couchdb:a:1:1: error: the konnector k gets no secret: the stack cannot decode ctx/b [slug-undecodable]",
        f"couchdb:ctx/b:1:1: warning: it overrides b, which does not exist: {only_there}",
    ]


def test_check_sees_what_the_stack_decodes(folder: Path, live: Live, options: list[str], run: Run) -> None:
    document = {name: value for name, value in GOOD.items() if name != "client_secret"}
    live.put("a", {**document, "CLIENT_SECRET": "hush-marker"})
    live.put("b", {**GOOD, "Slug": 5})
    out = run("check", *options).out
    assert "without client_secret" not in out
    assert "Slug (which it reads as slug) is a number, and must be text" in out
    assert "marker" not in out


def test_credentials_of_live_documents_are_judged(folder: Path, live: Live, options: list[str], run: Run) -> None:
    live.put("a", {**GOOD, "client_secret": "hush-marker\n", "token_mode": "basic", "client_id": "x:y"})
    live.put("b", {"grant_mode": "secret", "slug": "b", "Secret": {"hush-marker": 2**60}})
    rules = [line.rpartition(" ")[2] for line in problems(run, options)]
    assert {"[padded-credential]", "[colon-in-client-id]", "[number-loses-digits]"} <= set(rules)


def test_null_and_empty_values_are_missing_ones(folder: Path, live: Live, options: list[str], run: Run) -> None:
    live.put("a", {**GOOD, "slug": "", "extras": None, "token_mode": None, "reconnect_endpoint": ""})
    assert problems(run, options) == []


def test_attachments_are_no_key_of_an_account_type(folder: Path, live: Live, options: list[str], run: Run) -> None:
    live.put("a", {**GOOD, "_attachments": {"x": {"content_type": "text/plain", "data": "eA=="}}})
    assert problems(run, options) == []


def test_rules_over_all_documents_look_at_all_of_them(folder: Path, live: Live, options: list[str], run: Run) -> None:
    for id in ("a", "ctx/b"):
        live.put(id, {"grant_mode": "secret", "slug": "s", "secret": "hush-marker"})
    shared = "a, ctx/b; the konnector gets no secret [slug-not-unique]"
    only_there = "other contexts have no such account type [override-without-global]"
    assert problems(run, options) == [
        f"couchdb:ctx/b:1:1: warning: it overrides b, which does not exist: {only_there}",
        f"couchdb:ctx/b:1:1: error: several account types match the slug s in the context ctx: {shared}",
    ]


def test_domains_that_a_definition_states_are_known(folder: Path, live: Live, options: list[str], run: Run) -> None:
    google = {**GOOD, "auth_endpoint": "https://accounts.google.com/o?access_type=offline&prompt=consent"}
    live.put("a", {**google, "token_endpoint": "https://oauth2.googleapis.com/token"})
    assert problems(run, options) == []
    live.put("a", {**google, "token_endpoint": "https://own.example/token"})
    assert "[foreign-endpoint]" in problems(run, options)[0]
    write(folder / "account_types/b.yaml", f"x-domains: [google.com, own.example]\n{CODE}")
    assert problems(run, options) == []


def test_the_policy_of_the_configuration_holds_for_what_is_live(
    folder: Path, live: Live, options: list[str], run: Run
) -> None:
    live.put("a", {**GOOD, "auth_endpoint": "http://provider.example/authorize"})
    assert any("warning" in line and "[plain-http]" in line for line in problems(run, options))
    write(folder / "provision.yaml", "rules: {plain-http: 'off'}\n")
    assert problems(run, options) == []


def test_only_problems_are_printed_if_asked(folder: Path, live: Live, options: list[str], run: Run) -> None:
    live.put("a", {**GOOD, "x": 1})
    live.put("b", {**GOOD, "redirect_uri": "https://oauthcallback.cozy.example/accounts/b/redirect"})
    out = run("check", "-q", *options).out
    assert "[" not in out
    assert "the stack ignores x" in out
    assert "the stack can decode it" not in out
    assert "see provision explain ignored-key" in out
    assert "the stack can decode it" in run("check", *options).out


def test_a_missing_database_says_what_to_do(folder: Path, options: list[str], run: Run) -> None:
    done = run("check", *options)
    assert done.code == 1
    assert "provision apply creates it" in done.out


def test_validate_asks_no_server(folder: Path, run: Run) -> None:
    for option in ("--couch", "--database", "--timeout"):
        done = run("validate", option, "x")
        assert done.code == 2
        assert done.err == f"error: no such option {option}\nnext: run provision check, for the live database\n"


class TestDiff:
    def test_a_live_document_with_the_same_slug_is_warned_of(
        self, folder: Path, live: Live, options: list[str], run: Run
    ) -> None:
        live.put("other", {"grant_mode": "secret", "slug": "s", "secret": "hush-marker"})
        write(folder / "account_types/a.yaml", SECRET.format(slug="s"))
        done = run("diff", "--incomplete", "warn", *options)
        assert done.code == 0
        assert (
            "warning: account_types/a.yaml:2:7: warning: several account types match the slug s: a, other; "
            "the konnector gets no secret [slug-not-unique]"
        ) in done.err
        assert run("diff", "--strict", "--incomplete", "warn", *options).code == 1

    def test_a_live_document_that_cannot_be_decoded_takes_the_secret(
        self, folder: Path, live: Live, options: list[str], run: Run
    ) -> None:
        live.put("ctx/other", {"grant_mode": "secret", "slug": "s", "client_id": 5})
        write(folder / "account_types/a.yaml", SECRET.format(slug="s"))
        said = "the konnector s gets no secret: the stack cannot decode ctx/other [slug-undecodable]"
        assert (
            f"warning: account_types/a.yaml:2:7: warning: {said}" in run("diff", "--incomplete", "warn", *options).err
        )

    def test_a_comment_in_the_file_silences_it(self, folder: Path, live: Live, options: list[str], run: Run) -> None:
        live.put("other", {"grant_mode": "secret", "slug": "s", "secret": "x"})
        text = SECRET.format(slug="s").replace("slug: s", "slug: s # provision: ignore[slug-not-unique]")
        write(folder / "account_types/z.yaml", text)
        assert "[slug-not-unique]" not in run("diff", "--incomplete", "warn", *options).err

    def test_what_is_wrong_between_live_documents_alone_is_not_told(
        self, folder: Path, live: Live, options: list[str], run: Run
    ) -> None:
        for id in ("x", "y"):
            live.put(id, {"grant_mode": "secret", "slug": "s"})
        write(folder / "account_types/a.yaml", SECRET.format(slug="t"))
        assert "[slug-not-unique]" not in run("diff", "--incomplete", "warn", *options).err

    def test_a_slug_that_is_only_live_counts(self, folder: Path, live: Live, options: list[str], run: Run) -> None:
        live.put("other", {"grant_mode": "secret", "slug": "s"})
        live.put("a", {**GOOD, "slug": "s"})
        write(folder / "account_types/a.yaml", CODE)
        assert "[slug-not-unique]" in run("diff", "--incomplete", "warn", *options).err

    def test_rules_stop_a_diff_before_it_reads(self, folder: Path, options: list[str], run: Run) -> None:
        write(folder / "account_types/a.yaml", f"{CODE}redirect_uri: https://x.example/\n")
        done = run("diff", "--incomplete", "warn", *options)
        assert done.code == 1
        assert "[redirect-path]" in done.err

    def test_warnings_of_rules_are_told(self, folder: Path, options: list[str], run: Run) -> None:
        write(folder / "account_types/a.yaml", GOOGLE)
        assert "[google-offline]" in run("diff", "--incomplete", "warn", *options).err
        assert run("diff", "--strict", "--incomplete", "warn", *options).code == 1


@pytest.mark.parametrize("command", [("list", "a"), ("list",), ("diff",), ("import", "--out", "out")])
def test_a_secret_is_not_shown_however_its_key_is_spelled(
    command: tuple[str, ...], folder: Path, live: Live, options: list[str], run: Run
) -> None:
    live.put("a", {**GOOD, "CLIENT_SECRET": "hush-marker", "\u017fecret": {"k": "hush-marker"}})
    write(folder / "account_types/a.yaml", CODE)
    done = run(*command, *options)
    assert "marker" not in done.out + done.err
    assert not any("marker" in path.read_text() for path in folder.rglob("out/*.yaml"))


def test_apply_leaves_no_other_spelling_of_a_field_that_it_writes(
    folder: Path, live: Live, options: list[str], run: Run
) -> None:
    live.put("a", {"CLIENT_ID": "old", **GOOD, "Token_Mode": "get", "Client_Secret": "hush-marker", "X": 1})
    write(folder / "account_types/a.yaml", f"{CODE}client_id: new\ntoken_mode: basic\n")
    done = run("apply", *options)
    assert done.code == 0
    assert "marker" not in done.out + done.err
    kept = live.get("a")
    assert {"client_id": "new", "token_mode": "basic", "Client_Secret": "hush-marker", "X": 1}.items() <= kept.items()
    assert not {"CLIENT_ID", "Token_Mode"} & kept.keys()
    assert run("diff", "--exit-code", *options).code == 0
