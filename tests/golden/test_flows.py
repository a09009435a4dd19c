"""What `provision token` sends and reads is what a running stack was seen to send and read."""

from tests.golden import agreement_http
from tests.golden.agreement_flows import agreements, differing


def test_every_record_of_a_flow_agrees() -> None:
    found = agreements()
    assert differing(found) == []
    assert {each.name: each.records for each in found} == {
        "authorize": 568,
        "flows": 284,
        "answers": 170,
        "redirects": 60,
        "callbacks": 36,
        "timing": 6,
        "start_parameters": 13,
    }


def test_odd_answers_are_read_as_the_stack_reads_them() -> None:
    (found,) = agreement_http.agreements()
    assert {why for why, _ in found.exceptions} <= {agreement_http.LENIENT, agreement_http.OLD}
    assert found.agreeing >= 31
