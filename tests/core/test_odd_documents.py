"""Whatever somebody wrote by hand into a database or a manifest is looked at without a fall."""

import json
import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.adapters.files import shipped
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.adapters.files.text_files import read_json
from provisioner.commands import check as command
from provisioner.core.definitions.account_type import FIELDS, conceal
from provisioner.core.definitions.definition import ALL
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import ProvisionError
from provisioner.core.http import Answer
from provisioner.core.oauth.konnector import manifest_faults, manifest_request
from provisioner.core.oauth.requests import Client, Request, Start, authorize_url, refresh_request, token_request
from provisioner.core.outside_json import why_no_json
from provisioner.core.plan.health import CheckResult, Inspection
from provisioner.core.plan.ownership import Ownership, UnknownForm, ownership_json, read_ownership
from provisioner.core.plan.planning import PlanOptions, make_plan
from provisioner.core.plan.store import Live, Snapshot, read_security
from provisioner.core.secret import Json
from provisioner.render import checks as render
from tests.oauth.servers import answered

CHECK = schema_check(shipped.schema())
URLS = st.sampled_from(["https://a.example/x?y=1", "http://[bad", "//x", "https://a:99999/", "", "a", "ftp://x"])
TEXTS = st.sampled_from(["authorization_code", "token", "bi_webauth", "secret", "form", "basic", "get", "é\n"]) | URLS
JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["names", "roles", "members", "a"]), inner)
    ),
    max_leaves=4,
)
DOCUMENTS = st.dictionaries(st.sampled_from([*FIELDS[1:], "else"]), TEXTS | JSON, max_size=8)


@dataclass(frozen=True)
class OddProviders:
    """Providers that answer everything alike, and publish odd metadata."""

    answer: Answer
    published: dict[str, Json]

    def page(self, url: str, cookies: dict[str, str]) -> Answer:
        return self.answer

    def probe(self, method: str, url: str) -> Answer:
        return self.answer

    def exchange(self, request: Request) -> Answer:
        return self.answer

    def metadata(self, url: str) -> dict[str, Json]:
        return {**self.published, "issuer": url.partition("/.well-known")[0]}


BODIES = st.sampled_from(
    [
        b"",
        b'{"error": ["odd"]}',
        b"[[1]]",
        b"[" * 200 + b"]" * 200,
        b"<title>Error</title>",
        b"\xff<script>",
        b'{"error": 1e999}',
    ]
)
LOCATIONS = st.none() | st.sampled_from(["", "//", "http://[bad", "/a", "#error=x", "?error=invalid_scope"])


@given(DOCUMENTS, JSON, JSON, st.sampled_from([200, 302, 401, 500]), st.booleans(), BODIES, LOCATIONS)
def test_a_check_of_anything_ends_in_results(
    document: dict[str, Json], security: Json, index: Json, status: int, exists: bool, body: bytes, location: str | None
) -> None:
    inspection = Inspection("x", status, read_security(security) if exists else None, ["x"], [index])
    documents = {"a/b": Live("a/b", "1-x", conceal(document))}
    found = command.provisioned(inspection, documents, ALL)
    results = [*found.results, *command.rule_findings(found, documents, CHECK, DOMAINS, {})]
    providers = OddProviders(answered(status, "text/html", body, location, 1.0), document)
    for client in found.clients:
        results += command.ask_endpoints(client, "", providers)
        results += command.ask_for_credentials(client, providers, random.Random(1).choice, try_modes=True)
    assert all(isinstance(result, CheckResult) for result in results)
    assert render.as_text(results)
    assert render.as_annotations(results)
    json.dumps(render.values(results))


@given(st.dictionaries(st.sampled_from(["slug", "oauth", "oauth_scope", "fields"]), JSON | st.just(True)), JSON, JSON)
def test_a_manifest_of_any_shape_is_read(manifest: dict[str, Json], scope: Json, notes: Json) -> None:
    if isinstance(manifest.get("oauth"), dict):
        manifest = {**manifest, "oauth": {"scope": scope, "account_type": notes}}
    content = read_json(json.dumps(manifest)).content
    requested = manifest_request(content) if content else None
    if requested is not None:
        list(manifest_faults(requested, ["a"], {"x-scope-delimiter": notes, "x-scope-required": notes}))


@given(DOCUMENTS)
def test_a_client_is_had_or_it_is_said_why_not(document: dict[str, Json]) -> None:
    try:
        client = Client.of("a", conceal(document))
        assert client.token_place
        assert authorize_url(client, "http://localhost/", Start(scope="a b"), "s")
        assert "the-code" not in repr(token_request(client, "http://localhost/", "the-code", "s"))
        refresh_request(client, "r")
    except ProvisionError as error:
        assert error.next  # noqa: PT017  # both ways are right


@given(
    JSON
    | st.fixed_dictionaries(
        {
            "owner": JSON,
            "salt": JSON,
            "fields": JSON | st.dictionaries(st.just("slug"), TEXTS),
            "at": JSON,
            "since": JSON,
        },
        optional={"source": JSON, "more": JSON},
    ),
    DOCUMENTS,
)
def test_a_key_of_any_shape_is_an_owner_s_or_of_an_unknown_form(key: Json, document: dict[str, Json]) -> None:
    ownership = read_ownership(key)
    live = Live("a", "2-x", conceal(document), ownership)
    plan = make_plan([], Snapshot({"a": live}), PlanOptions("a", whole=True))
    assert plan.unreadable_owner == (("a",) if isinstance(ownership, UnknownForm) else ())
    if isinstance(ownership, Ownership):
        assert ownership_json(ownership) == key
        assert bool(plan.removes) == (ownership.owner == "a")
    else:
        assert not plan.removes


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ('{"a": 1, }', 9, "there is a comma before the closing bracket"),
        ("[1,\n]", 4, "there is a comma before the closing bracket"),
        ('{"a"', 4, "it ends too early"),
        ('{"a": "b', 6, "a string is not closed"),
        ('{"a": "b\n"}', 8, "a string contains a control character, such as a line break"),
        (r'{"a": "\x"}', 7, "JSON does not have this escape"),
        ("{'a': 1}", 1, "single quotes do not make a string"),
        ("{1: 1}", 1, "a key in double quotes is missing here"),
        ('{"a": x}', 6, "a value is missing here"),
        ('{"a" 1}', 5, "a comma, a colon or a closing bracket is missing here"),
        ('{"a": 1} x', 9, "a comma, a colon or a closing bracket is missing here"),
    ],
)
def test_what_is_no_json_is_told_in_the_same_words_by_every_python(text: str, position: int, why: str) -> None:
    with pytest.raises(json.JSONDecodeError) as error:
        json.loads(text)
    assert why_no_json(text, error.value.pos) == (position, why)
