"""What a running stack makes of documents, beside what we say of them; that we decode them alike, test_truth says."""

import json

import pytest

from provisioner.core.definitions.account_type import Decoded, Undecodable, conceal, decode
from provisioner.core.plan.health import document_findings
from provisioner.core.plan.store import Live
from provisioner.core.rules.remote_secrets import read_template
from provisioner.core.secret import Json, Secret
from tests.golden.agreement_fields import CONTEXTS, found_live, given
from tests.golden.look_up import LookUp, decode_text, look_up
from tests.golden.records import records

ABOUT_SLUGS = {"slug-not-unique", "push-slug", "slug-undecodable", "slug-of-no-konnector", "slug-too-common"}


def test_the_verdict_on_a_live_document_is_the_stacks() -> None:
    for record in records("decode"):
        document = record.get("document") or json.loads(record["document_text"])
        rules = [problem.rule for problem in found_live({record["id"]: document})]
        assert rules.count("undecodable") == (0 if record["decodes"] else 1), record["id"]
        said = {finding.message for finding in document_findings(Live(record["id"], "1-x", conceal(document)))}
        assert ("the stack can decode it" in said) == record["decodes"], record["id"]


def test_no_rule_about_slugs_says_anything_where_a_konnector_gets_its_secret() -> None:
    for record in records("konnector_secrets"):
        if all(given(record, context).secret is not None for context in CONTEXTS):
            assert not {problem.rule for problem in found_live(record["documents"])} & ABOUT_SLUGS, record["name"]


def test_of_more_than_a_hundred_documents_the_rest_is_not_seen() -> None:
    secret: dict[str, Json] = {"grant_mode": "secret", "slug": "s", "secret": "x"}
    others: dict[str, dict[str, Json]] = {f"z/{number:03}": {"slug": "s"} for number in range(100)}
    assert look_up({"a": secret, **others}, "", "s").secret is not None
    assert look_up({"zz": secret, **others}, "", "s") == LookUp(())
    assert "slug-too-common" in {problem.rule for problem in found_live({"zz": secret, **others})}


def _secret(result: Decoded) -> Json:
    secret = result.document["secret"]
    assert isinstance(secret, Secret)
    return secret.reveal()


CODE = {"grant_mode": "authorization_code", "client_id": "a"}


@pytest.mark.parametrize(
    ("document", "client_id"),
    [
        ({**CODE, "CLIENT_ID": "b"}, "b"),
        ({"CLIENT_ID": "b", **CODE}, "a"),
        ({**CODE, "CLIENT_ID": None}, "a"),
        ({**CODE, "Client_Id": "b", "cLIENT_ID": "c"}, "c"),
        ({"client_\u0131d": "b", "client_id ": "c", "clientid": "d"}, ""),
    ],
)
def test_the_last_key_of_a_field_counts_unless_it_is_null(document: dict[str, Json], client_id: str) -> None:
    result = decode(document)
    assert isinstance(result, Decoded)
    assert result.text("client_id") == client_id


def test_mappings_of_several_keys_are_merged_and_null_takes_them_away() -> None:
    both = decode({"extras": {"a": "1", "b": "1"}, "EXTRAS": {"b": None, "c": "2"}})
    assert isinstance(both, Decoded)
    assert both.extras == {"a": "1", "b": "", "c": "2"}
    none = decode({"extras": {"a": "1"}, "EXTRAS": None})
    assert isinstance(none, Decoded)
    assert none.extras is None


def test_a_secret_is_replaced_whole() -> None:
    result = decode({"secret": {"a": 1}, "\u017fecret": {"b": 2}})
    assert isinstance(result, Decoded)
    assert _secret(result) == {"b": 2}
    assert result.renamed == {"\u017fecret": "secret"}


def test_each_wrong_value_is_named_and_the_stack_tells_of_the_first() -> None:
    result = decode({"Slug": 5, "extras": {"a": "b", "c": True}, "client_id": []})
    assert isinstance(result, Undecodable)
    assert [(fault.key, fault.found) for fault in result.faults] == [
        ("Slug", "number"),
        ("extras", "bool"),
        ("client_id", "array"),
    ]
    fault = result.faults[0]
    assert fault.error == "json: cannot unmarshal number into Go struct field AccountType.slug of type string"


def test_a_number_beyond_64_bits_in_the_secret_breaks_the_document() -> None:
    assert isinstance(decode({"secret": {"a": [10**400]}}), Undecodable)
    assert isinstance(decode({"fcm_credentials": {"a": [10**400]}}), Decoded)


def test_of_equal_keys_the_last_one_stands_where_it_is_written() -> None:
    result = decode_text('{"client_id": "a", "CLIENT_ID": "b", "client_id": "c"}')
    assert isinstance(result, Decoded)
    assert result.text("client_id") == "c"
    with pytest.raises(ValueError, match="a document is a JSON object"):
        decode_text("[]")


def test_what_the_stack_does_not_know_is_named_without_what_is_couchdbs() -> None:
    result = decode({"_id": "a", "_attachments": {}, "x": 1, "redirect_url": "y", "client_id": "z"})
    assert isinstance(result, Decoded)
    assert result.ignored == ("x", "redirect_url")


def test_the_stack_misses_a_secret_where_the_template_asks_for_one_that_is_not_there() -> None:
    for record in records("remote_secrets"):
        template, document = read_template(record["request"]), record["document"] or {}
        missing = [name for name in template.secrets if not isinstance(document.get(name), str)]
        said = record["answer"]
        about = f"{record['name']} with {document}: {said}"
        assert bool(template.refused) == ("the request is not valid" in said), about
        if record["name"].startswith("function in"):  # only a body has functions: their words are a part of the name
            assert (template.secrets, record["status"]) == ((), 400), about
        else:
            assert bool(missing) == ("no value was given" in said), about


def test_a_line_break_in_a_value_breaks_a_header_or_its_meaning() -> None:
    broken = [each for each in records("remote_secrets") if each["name"] == "two" and each["document"]]
    answers = {
        each["document"]["token"]: each["status"] for each in broken if "\r" in str(each["document"].get("other"))
    }
    assert answers == {"a\nb": 502}
