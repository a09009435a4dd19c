"""A finding and a failed login go together, but for reasons that are written down."""

import pytest

from tests.golden.agreement_fields import MISSED, UNEXPLAINED, agreements, bi_differs, mutated_differs
from tests.golden.records import records

MUTATED = ("mutated_fields", "mutated_ids")


@pytest.mark.parametrize("name", MUTATED)
def test_what_fails_has_a_finding_and_what_works_has_none(name: str) -> None:
    differing = [record for record in records(name) if mutated_differs(record) == UNEXPLAINED]
    assert [(record["id"], record["field"], record["mutation"]) for record in differing] == []


def test_hardly_anything_that_fails_is_missed() -> None:
    failing = [record for name in MUTATED for record in records(name) if record["stack"] != "ok"]
    missed = [record for record in failing if mutated_differs(record)]
    assert {mutated_differs(record) for record in missed} <= set(MISSED.values())
    assert len(missed) * 100 < len(failing) * 2  # three of 240: each is impossible to see in one file


def test_budget_insight_needs_what_its_pages_need() -> None:
    assert [record for record in records("bi") if bi_differs(record)] == []


def test_every_file_of_records_is_counted() -> None:
    counted = {each.name: each for each in agreements()}
    assert all(each.records == len(records(name)) for name, each in counted.items())
    explained = {name: sum(number for _, number in each.exceptions) for name, each in counted.items()}
    assert {name: each.agreeing + explained[name] for name, each in counted.items()} == {
        name: each.records for name, each in counted.items()
    }
    assert not any(reason == UNEXPLAINED for each in counted.values() for reason, _ in each.exceptions)
