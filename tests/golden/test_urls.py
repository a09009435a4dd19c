"""URLs are read as Go reads them, and a finding and a failed login go together but for reasons that are written down."""

from tests.golden.agreement_fields import UNEXPLAINED
from tests.golden.agreement_urls import NETWORK, REPEATED, go_differs, mutated_differs
from tests.golden.records import records


def test_every_url_is_read_as_go_reads_it() -> None:
    assert [record for record in records("go_urls") if go_differs(record)] == []


def test_a_url_that_fails_has_a_finding_and_one_that_works_has_none() -> None:
    why = [(record, mutated_differs(record)) for record in records("mutated_urls")]
    differing = [record for record, reason in why if reason == UNEXPLAINED]
    assert [(record["field"], record["mutation"], record["stack"]) for record in differing] == []
    failing = [reason for record, reason in why if record["stack"] != "ok"]
    missed = [reason for reason in failing if reason]
    assert {*missed} <= {NETWORK, REPEATED}
    assert len(missed) * 100 <= len(failing)
