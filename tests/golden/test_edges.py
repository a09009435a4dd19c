"""The edges of the stack: what fails there has a finding, and a rehearsal of it fails; what works there does here."""

from typing import Any

import pytest

from tests.golden.agreement_edges import edge_differs
from tests.golden.agreement_fields import UNEXPLAINED
from tests.golden.agreement_rehearsal import agreements
from tests.golden.records import records


@pytest.mark.parametrize("record", records("edges"), ids=lambda record: f"{record['kind'][:60]} {record['id']}")
def test_an_edge_is_that_of_the_stack(record: dict[str, Any]) -> None:
    assert edge_differs(record) != UNEXPLAINED


def test_a_rehearsal_comes_to_the_verdict_of_the_stack() -> None:
    found = agreements()
    reasons = {reason: number for each in found for reason, number in each.exceptions}
    assert UNEXPLAINED not in reasons
