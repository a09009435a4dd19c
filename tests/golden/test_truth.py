"""The page on the stack says what the records show."""

from tests.golden.truth import PAGE, agreements, page


def test_the_page_is_what_the_records_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_whatever_differs_has_a_reason() -> None:
    for each in agreements():
        assert each.agreeing + sum(number for _, number in each.exceptions) == each.records, each.name
