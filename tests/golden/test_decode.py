"""The decoder makes of every recorded document what the stack makes of it."""

import pytest

from provisioner.core.definitions.account_type import Decoded, Undecodable, decode
from provisioner.core.secret import Json, Secret
from tests.golden.agreement_fields import decoded, decoding_as_recorded
from tests.golden.look_up import decode_text
from tests.golden.records import records


def test_a_document_is_decoded_as_the_stack_does() -> None:
    for record in records("decode"):
        assert isinstance(decoded(record), Decoded) is record["decodes"], record["id"]
        assert decoding_as_recorded(record), record["id"]


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
    assert result.error == "json: cannot unmarshal number into Go struct field AccountType.slug of type string"


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
