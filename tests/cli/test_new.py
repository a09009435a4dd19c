"""``provision new``: definitions of the catalogue, and of what a provider publishes about itself."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer

from tests.catalogue.shipped import IDS
from tests.cli.terminal import on_a_terminal
from tests.conftest import Run, write

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


@pytest.mark.parametrize("id", IDS)
def test_every_shipped_definition_can_be_had_and_validates(folder: Path, id: str, run: Run) -> None:
    done = run("new", id)
    assert (done.code, done.out) == (0, f"account_types/{id}.yaml\n")
    assert run("validate", "--strict").out == "1 file, 0 errors, 0 warnings\n"


def test_it_says_where_the_credentials_go_and_what_comes_next(folder: Path, run: Run) -> None:
    done = run("new", "google")
    text = (folder / "account_types/google.yaml").read_text()
    assert "ACCOUNT_TYPE_GOOGLE_CLIENT_ID and ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET" in text
    assert "$schema" not in text, "there is no schema here to point at"
    assert "provision validate account_types/google.yaml" in done.err


@pytest.mark.parametrize(("id", "way"), [("google", "../schemas"), ("ctx/google", "../../schemas")])
def test_an_editor_finds_the_schema_of_a_checkout(folder: Path, id: str, way: str, run: Run) -> None:
    write(folder / "schemas/account_type.schema.json", "{}")
    run("new", id)
    first, second = (folder / f"account_types/{id}.yaml").read_text().splitlines()[:2]
    assert first == f"# yaml-language-server: $schema={way}/account_type.schema.json"
    assert second == f"# $schema: {way}/account_type.schema.json"


def test_nothing_is_overwritten(folder: Path, run: Run) -> None:
    mine = write(folder / "account_types/google.yaml", "mine")
    done = run("new", "google")
    assert done.code == 1
    assert "account_types/google.yaml already exists" in done.err
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(("id", "near"), [("gogle", "google"), ("ctx/gogle", "google"), ("git-hub", "github")])
def test_a_name_near_a_shipped_one_is_asked_about(folder: Path, run: Run, id: str, near: str) -> None:
    for done in (run("new", id), run("init", "--yes", "--account-type", id, "new")):
        assert done.code == 1
        assert f"did you mean {near}?" in done.err
    assert not any(folder.iterdir())
    assert on_a_terminal(["new", id], folder, "n\n")[1] == 1
    assert not any(folder.iterdir())
    assert on_a_terminal(["new", id], folder, "y\n")[1] == 0
    assert (folder / f"account_types/{id}.yaml").is_file()
    assert run("new", id, "--template", "--out", "out").code == 0


def test_a_template_does_not_validate_until_it_is_filled_in(folder: Path, run: Run) -> None:
    assert run("new", "unheard-of-service").code == 0
    done = run("validate")
    assert done.code == 1
    assert done.out.count("is still that of the template") == 2
    path = folder / "account_types/unheard-of-service.yaml"
    text = path.read_text("utf-8")
    assert "/accounts/unheard-of-service/redirect" in text
    assert text.count("# ") > 10
    path.write_text(path.read_text().replace("provider.example", "unheard.example"))
    assert run("validate", "--strict").code == 0


def test_another_definition_can_be_the_start(folder: Path, run: Run) -> None:
    assert run("new", "my-google", "--from", "google", "--out", "types").code == 0
    definition = yaml.safe_load((folder / "types/my-google.yaml").read_text())
    assert definition["redirect_uri"] == "https://oauthcallback.${domain}/accounts/my-google/redirect"
    assert definition["extras"] == {"access_type": "offline", "prompt": "consent"}
    assert run("validate", "types", "--strict").code == 0


def test_a_context_override_keeps_the_route_of_the_stack(folder: Path, run: Run) -> None:
    run("new", "foobar/google")
    definition = yaml.safe_load((folder / "account_types/foobar/google.yaml").read_text())
    assert definition["redirect_uri"].endswith("/accounts/google/redirect")
    assert run("validate", "--strict").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["mine", "--from", "gogle"], 1, "no shipped definition for gogle: did you mean google?"),
        (["x", "--from", "y"], 1, "no shipped definition for y"),
        (["../x"], 2, "the id ../x cannot be used as a file name"),
        (["/x"], 2, "the id /x cannot be used as a file name"),
        (["a/b/c"], 2, "the id a/b/c cannot be used as a file name"),
        ([""], 2, "an argument is empty"),
        (["x", "--from", "google", "--from-discovery", "https://x.example"], 2, "cannot be combined"),
        (["x", "--from-discovery", "http://provider.example"], 2, "must start with https://"),
        (["x", "--from-discovery", "ftp://provider.example"], 2, "must start with https://"),
        (["x", "--from-discovery", "https://[x"], 2, "must start with https://"),
        (["x", "--from-discovery", "https://x:y"], 2, "must start with https://"),
        (["x", "--from-discovery", ""], 2, "--from-discovery is empty"),
    ],
)
def test_what_cannot_be_is_said(folder: Path, arguments: list[str], code: int, message: str, run: Run) -> None:
    done = run("new", *arguments)
    assert done.code == code
    assert message in done.err
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(folder: Path, run: Run) -> None:
    write(folder / "file", "")
    done = run("new", "google", "--out", "file")
    assert done.code == 2
    assert "file/google.yaml cannot be written" in done.err


def metadata(issuer: str, **more: object) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        **more,
    }


@pytest.mark.parametrize(
    ("methods", "mode"),
    [
        (["client_secret_basic"], "basic"),
        (["client_secret_post"], "form"),
        (["private_key_jwt", "client_secret_basic", "client_secret_post"], "form"),
        (None, "basic"),  # OpenID Connect Discovery 1.0, section 3: the default is client_secret_basic
    ],
)
def test_openid_discovery_gives_a_definition_that_validates(
    folder: Path, httpserver: HTTPServer, methods: list[str] | None, mode: str, run: Run
) -> None:
    issuer = httpserver.url_for("/realms/x")
    more = {"token_endpoint_auth_methods_supported": methods} if methods else {}
    scopes = ["openid", "offline_access"]
    httpserver.expect_request(f"/realms/x{OPENID}").respond_with_json(metadata(issuer, scopes_supported=scopes, **more))
    done = run("new", "mine", "--from-discovery", f"{issuer}/")
    assert done.code == 0, done.err
    definition = yaml.safe_load((folder / "account_types/mine.yaml").read_text())
    assert definition["grant_mode"] == "authorization_code"
    assert definition["auth_endpoint"] == f"{issuer}/authorize"
    assert definition["token_endpoint"] == f"{issuer}/token"
    assert definition["token_mode"] == mode
    assert definition["redirect_uri"] == "https://oauthcallback.${domain}/accounts/mine/redirect"
    assert definition["x-scopes"] == "openid offline_access"
    assert "offline_access" in definition["x-refresh"]
    assert run("validate", "--strict").code == 0, run("validate").out


@pytest.mark.parametrize("address", ["/tenant", f"{OAUTH}/tenant"])
def test_the_oauth_metadata_stands_before_the_path_of_the_issuer(
    folder: Path, httpserver: HTTPServer, address: str, run: Run
) -> None:
    issuer = httpserver.url_for("/tenant")
    httpserver.expect_request(f"{OAUTH}/tenant").respond_with_json(metadata(issuer))
    done = run("new", "mine", "--from-discovery", httpserver.url_for(address))
    assert done.code == 0, done.err
    assert (folder / "account_types/mine.yaml").exists()


def test_the_address_of_the_metadata_will_do(folder: Path, httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request(OPENID).respond_with_json(metadata(httpserver.url_for("/").rstrip("/")))
    assert run("new", "mine", "--from-discovery", httpserver.url_for(OPENID)).code == 0
    text = (folder / "account_types/mine.yaml").read_text()
    assert metadata(httpserver.url_for("/").rstrip("/"))["token_endpoint"] in text


def test_texts_of_the_provider_cannot_add_keys_or_variables(folder: Path, httpserver: HTTPServer, run: Run) -> None:
    issuer = httpserver.url_for("/").rstrip("/")
    odd = metadata(issuer, scopes_supported=["a'b", "${HOME}", "c\nclient_secret: x"])
    odd["authorization_endpoint"] += "?a='\nclient_secret: x"
    odd["token_endpoint_auth_methods_supported"] = ["client_secret_post", "x\nsecret: y"]
    httpserver.expect_request(OPENID).respond_with_json(odd)
    assert run("new", "mine", "--from-discovery", issuer).code == 0
    definition = yaml.safe_load((folder / "account_types/mine.yaml").read_text())
    assert not {"client_secret", "secret"} & definition.keys()
    assert definition["x-scopes"].startswith("a'b $${HOME} ")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (metadata("https://other.example"), "is for another issuer: https://other.example"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "supports none of client_secret_post, client_secret_basic"),
        ({"token_endpoint": None}, "publishes no token_endpoint"),
        ({"authorization_endpoint": "javascript:x"}, "publishes no authorization_endpoint"),
        ({"scopes_supported": 1, "token_endpoint_auth_methods_supported": "x"}, "publishes invalid metadata"),
        ({"scopes_supported": 1}, "publishes invalid metadata"),
    ],
)  # fmt: skip
def test_metadata_that_the_stack_cannot_use_is_refused(
    folder: Path, httpserver: HTTPServer, answer: dict[str, Any], message: str, run: Run
) -> None:
    issuer = httpserver.url_for("/").rstrip("/")
    httpserver.expect_request(OPENID).respond_with_json({**metadata(issuer), **answer})
    done = run("new", "mine", "--from-discovery", issuer)
    assert done.code == 1
    assert message in done.err
    assert list(folder.iterdir()) == []


def test_a_provider_without_metadata_is_told_with_what_was_asked(
    folder: Path, httpserver: HTTPServer, run: Run
) -> None:
    httpserver.expect_request(OPENID).respond_with_data("<html>", content_type="text/html")
    httpserver.expect_request(OAUTH).respond_with_json([])
    done = run("new", "mine", "--from-discovery", httpserver.url_for("/"))
    assert done.code == 1
    assert f"{OPENID} answers with something other than a JSON object" in done.err
    assert f"{OAUTH} answers with something other than a JSON object" in done.err


def test_metadata_without_end_is_not_read_to_its_end(folder: Path, httpserver: HTTPServer, run: Run) -> None:
    httpserver.expect_request(OPENID).respond_with_data(b" " * (1024 * 1024 + 1))
    done = run("new", "mine", "--from-discovery", httpserver.url_for("/"))
    assert done.code == 1
    assert "sends more than 1 MiB" in done.err


def test_an_existing_definition_is_told_before_the_provider_is_asked(
    folder: Path, httpserver: HTTPServer, run: Run
) -> None:
    write(folder / "account_types/mine.yaml", "mine")
    done = run("new", "mine", "--from-discovery", httpserver.url_for("/"))
    assert "exists" in done.err
    assert httpserver.log == []


def test_a_copy_takes_over_no_name_links_or_notes(folder: Path, run: Run) -> None:
    run("new", "mine", "--from", "google")
    definition = yaml.safe_load((folder / "account_types/mine.yaml").read_text("utf-8"))
    notes = {key for key in definition if key.startswith("x-")}
    assert notes <= {"x-domains", "x-scopes", "x-scope-delimiter", "x-scope-required"}
    assert "google" not in " ".join(str(definition.get(key)) for key in ("x-scopes",))
    assert run("validate", "--strict").code == 0
