"""The edges of the stack: what fails there has a finding, and a rehearsal of it fails; what works there does here."""

from typing import Any

import pytest

from tests.golden.agreement_edges import edge_differs
from tests.golden.agreement_fields import UNEXPLAINED
from tests.golden.records import records


@pytest.mark.parametrize("record", records("edges"), ids=lambda record: f"{record['kind'][:60]} {record['id']}")
def test_an_edge_is_that_of_the_stack(record: dict[str, Any]) -> None:
    assert edge_differs(record) != UNEXPLAINED
