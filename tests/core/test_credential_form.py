"""What is no credential is told from one, whatever characters a real one has."""

import re
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.core.definitions.account_type import conceal
from provisioner.core.definitions.credential_form import PLAIN, Stopgap, forms, no_credentials, why_no_credential
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.secret import Json
from tests.core import credential_forms

FORM = re.compile(rf"({'|'.join(Stopgap)}) \((.*)\)")


def test_there_are_enough_real_ones() -> None:
    assert len(set(credential_forms.REAL)) >= 140


def _whole(pattern: re.Pattern[str]) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True)


@settings(max_examples=400, derandomize=True)
@given(st.sampled_from([form.pattern for form in forms() if not form.plain]).flatmap(_whole))
def test_a_form_that_is_not_looked_for_in_plain_values_fits_none(value: str) -> None:
    assert not PLAIN.fullmatch(value)


def test_a_real_one_passes_wherever_it_stands() -> None:
    for value in credential_forms.REAL:
        assert why_no_credential("client_id", value) is None, value
        assert why_no_credential("secret", value) is None, value
        if not value.startswith("https:"):
            assert why_no_credential("client_secret", value) is None, value
        document = conceal(
            {"client_id": value, "secret": {"password": value, "list": [value]}, "extras": {"api_key": value}}
        )
        assert not ACCOUNT_TYPE.unusable(document), value


@pytest.mark.parametrize(
    ("kinds", "values"),
    [
        ({Stopgap.REFERENCE}, credential_forms.REFERENCES),
        ({Stopgap.TEMPLATE}, credential_forms.TEMPLATES),
        ({Stopgap.ENCRYPTED, Stopgap.HASH}, credential_forms.ENCRYPTED),
        ({Stopgap.HIDDEN, Stopgap.TEMPLATE}, credential_forms.HIDDEN),
        ({Stopgap.PLACEHOLDER, Stopgap.TEMPLATE, Stopgap.HIDDEN}, credential_forms.PLACEHOLDERS),
    ],
)
def test_what_stands_in_place_of_one_is_told_by_its_form(kinds: set[Stopgap], values: Sequence[str]) -> None:
    for text in [*values, *(f" {value}\n" for value in values)]:
        why = why_no_credential("client_secret", text)
        assert why, f"{text} passes"
        assert any(why.startswith(kind) for kind in kinds), f"{text}: {why}"
        assert why in set(Stopgap) or FORM.fullmatch(why), f"{why} holds something of {text}"


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"client_id": "changeme", "client_secret": "a1"}, [("client_id",)]),
        ({"secret": "secret"}, [("secret",)]),
        ({"secret": {"login": "a", "password": "changeme"}}, [("secret", "password")]),
        ({"secret": {"mode": "none", "hint": "<id>", "format": "{{x}}", "url": "https://a.example/${b}"}}, []),
        ({"secret": {"url": "op://v/i/f", "deep": [{"x": "ENC[AES256_GCM,a]"}]}}, [("secret", "url"), ("secret", "deep", "x")]),
        ({"secret": {"secret": True}}, [("secret",)]),
        ({"secret": {"secret": False}}, []),
        ({"secret": {"valueFrom": {"secretKeyRef": {"name": "a"}}}}, [("secret",)]),
        ({"secret": {"Fn::Sub": "a"}}, [("secret",)]),
        ({"secret": ["a1", "***"]}, [("secret",)]),
        ({"fcm_credentials": {"type": "service_account", "private_key": "…", "client_email": "a@b"}}, [("fcm_credentials", "private_key")]),
        ({"fcm_credentials": "***"}, [("fcm_credentials",)]),
        ({"extras": {"api_key": "${KEY}", "prompt": "none", "hd": "<domain>"}}, [("extras", "api_key")]),
        ({"slug": "changeme", "auth_endpoint": "<url>"}, []),
        ({"client_id": "", "client_secret": None, "secret": 5}, []),
        ({"client_id": "test", "secret": {"login": "demo", "password": "test"}}, [("secret", "password")]),
    ],
)  # fmt: skip
def test_it_is_looked_for_where_a_credential_is_meant(fields: dict[str, Json], paths: list[tuple[str, ...]]) -> None:
    assert [path for path, _ in no_credentials(conceal(fields))] == paths


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "x",
        "{",
        "${",
        "{{",
        "<",
        "$(",
        ".",
        "x ",
        "A_",
        "a_",
        "-",
        "\u2022",
        "__",
        "%",
        "!a/",
        "[",
        "a.",
        "0-",
        "00",
    ],
)
def test_a_long_text_costs_little(part: str) -> None:
    text = part * 200_000
    begun = time.process_time()
    why_no_credential("client_secret", text + "!")
    assert time.process_time() - begun < 5
