"""A konnector is given what the stack was seen to give it, and a rule says so if that is nothing."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.golden.agreement_fields import CONTEXTS, found_live, given, secrets_as_recorded
from tests.golden.look_up import LookUp, look_up
from tests.golden.records import records

if TYPE_CHECKING:
    from provisioner.core.secret import Json

SECRETS = pytest.mark.parametrize("record", records("konnector_secrets"), ids=lambda record: record["name"])
ABOUT_SLUGS = {"slug-not-unique", "push-slug", "slug-undecodable", "slug-of-no-konnector", "slug-too-common"}


@SECRETS
def test_a_konnector_is_given_what_the_stack_gives(record: dict[str, Any]) -> None:
    assert secrets_as_recorded(record)


@SECRETS
def test_a_secret_that_is_not_given_is_told(record: dict[str, Any]) -> None:
    lost = [context for context in CONTEXTS if given(record, context).secret is None]
    rules = {problem.rule for problem in found_live(record["documents"])}
    assert bool(rules) or not lost or not record["documents"]
    assert lost or not rules & ABOUT_SLUGS


def test_of_more_than_a_hundred_documents_the_rest_is_not_seen() -> None:
    secret: dict[str, Json] = {"grant_mode": "secret", "slug": "s", "secret": "x"}
    others: dict[str, dict[str, Json]] = {f"z/{number:03}": {"slug": "s"} for number in range(100)}
    assert look_up({"a": secret, **others}, "", "s").secret is not None
    assert look_up({"zz": secret, **others}, "", "s") == LookUp(())
    assert "slug-too-common" in {problem.rule for problem in found_live({"zz": secret, **others})}
