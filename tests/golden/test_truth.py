"""The page on the stack says what the records show, of each file of records; and what is missed is next to nothing."""

from tests.golden.agreement_fields import MISSED, UNEXPLAINED
from tests.golden.agreement_urls import NETWORK, REPEATED
from tests.golden.records import records
from tests.golden.truth import PAGE, agreements, page


def test_the_page_is_what_the_records_give_and_whatever_differs_has_a_reason() -> None:
    found = {each.name: each for each in agreements()}
    assert PAGE.read_text(encoding="utf-8") == page([*found.values()])
    for each in found.values():
        assert each.agreeing + sum(number for _, number in each.exceptions) == each.records, each.name
        assert UNEXPLAINED not in {reason for reason, _ in each.exceptions}, each.name

    for names, reasons, percent in (
        (("mutated_urls",), {NETWORK, REPEATED}, 1),  # nobody can see it in a file
        (("mutated_fields", "mutated_ids"), {*MISSED.values()}, 2),
    ):
        failing = [record for name in names for record in records(name) if record["stack"] != "ok"]
        exceptions = [each for name in names for each in found[name].exceptions]
        assert sum(number for reason, number in exceptions if reason in reasons) * 100 <= len(failing) * percent
