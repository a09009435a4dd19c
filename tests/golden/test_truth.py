"""The page on the stack says what the records show."""

from tests.golden.agreement_fields import UNEXPLAINED
from tests.golden.truth import PAGE, agreements, page


def test_the_page_is_what_the_records_give_and_whatever_differs_has_a_reason() -> None:
    found = agreements()
    assert PAGE.read_text(encoding="utf-8") == page(found)
    for each in found:
        assert each.agreeing + sum(number for _, number in each.exceptions) == each.records, each.name
        assert UNEXPLAINED not in {reason for reason, _ in each.exceptions}, each.name
