"""Tables on wide and narrow terminals."""

from provisioner.render.layout import Colour, Paint, table

HEAD = ("ID", "STATE", "MESSAGE")
ROWS = [("google", "ok", "the stack can decode it"), ("a-very-long-id", "failed", "one two three four five six seven")]


def test_without_a_limit_each_row_is_a_line() -> None:
    assert table(HEAD, ROWS).splitlines() == [
        "ID              STATE   MESSAGE",
        "google          ok      the stack can decode it",
        "a-very-long-id  failed  one two three four five six seven",
    ]


def test_the_last_column_is_wrapped() -> None:
    assert table(HEAD, ROWS, Paint(width=48)).splitlines() == [
        "ID              STATE   MESSAGE",
        "google          ok      the stack can decode it",
        "a-very-long-id  failed  one two three four five",
        "                        six seven",
    ]


def test_an_address_is_not_broken() -> None:
    rows = [("google", "ok", "see https://a.example/a-long/path-of/an-address at a.example")]
    assert table(HEAD, rows, Paint(width=44)).splitlines()[1:] == [
        "google  ok     see",
        "               https://a.example/a-long/path-of/an-address",
        "               at a.example",
    ]


def test_at_40_columns_rows_are_paragraphs() -> None:
    assert table(HEAD, ROWS, Paint(width=40)).splitlines() == [
        "google",
        "  STATE: ok",
        "  MESSAGE: the stack can decode it",
        "a-very-long-id",
        "  STATE: failed",
        "  MESSAGE: one two three four five six seven",
    ]
    marked = table(
        ("", "google", "LIVE"), [("~", "skip_redirect_uri_on_authorize", "x" * 50), ("", "slug", "a")], Paint(width=40)
    )
    assert marked.splitlines() == [
        "google",
        "~ skip_redirect_uri_on_authorize",
        f"  LIVE: {'x' * 50}",
        "slug",
        "  LIVE: a",
    ]


def test_every_line_of_a_coloured_row_is_coloured() -> None:
    shown = table(HEAD, ROWS, Paint(colours=True, width=48), [None, Colour.RED]).splitlines()
    assert [line.startswith("\x1b[31m") for line in shown] == [False, False, True, True]
    assert all(line.endswith("\x1b[0m") for line in shown[2:])


def test_columns_that_hold_nothing_go_first() -> None:
    rows = [("a", "-", "x" * 30), ("b", "-", "y")]
    assert table(("ID", "CONTEXT", "STATE"), rows, Paint(width=43)).splitlines()[1] == f"a   -        {'x' * 30}"
    assert table(("ID", "CONTEXT", "STATE"), rows, Paint(width=40)).splitlines()[1] == f"a   {'x' * 30}"
    assert table(("ID", "CONTEXT", "STATE"), [("a", "-", "x" * 30), ("b", "c", "-")], Paint(width=12)).splitlines() == [
        "a",
        f"  STATE: {'x' * 30}",
        "b",
        "  CONTEXT: c",
    ]
