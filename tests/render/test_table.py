"""Tables on wide and narrow terminals, and long messages."""

import pytest

from provisioner.core.plan.live import DriftKind, Event
from provisioner.core.targets.target import Target
from provisioner.render.layout import Colour, Paint, table
from provisioner.render.live import MAX_LINES, chat_message

HEAD = ("ID", "STATE", "MESSAGE")
ROWS = [("google", "ok", "the stack can decode it"), ("a-very-long-id", "failed", "one two three four five six seven")]
ADDRESS = [("google", "ok", "see https://a.example/a-long/path-of/an-address at a.example")]
MARKED = [("~", "skip_redirect_uri_on_authorize", "x" * 50), ("", "slug", "a")]
EMPTY_COLUMN = [("a", "-", "x" * 30), ("b", "-", "y")]


@pytest.mark.parametrize(
    ("width", "head", "rows", "expected"),
    [
        (None, HEAD, ROWS, """\
ID              STATE   MESSAGE
google          ok      the stack can decode it
a-very-long-id  failed  one two three four five six seven"""),
        (48, HEAD, ROWS, """\
ID              STATE   MESSAGE
google          ok      the stack can decode it
a-very-long-id  failed  one two three four five
                        six seven"""),
        (44, HEAD, ADDRESS, """\
ID      STATE  MESSAGE
google  ok     see
               https://a.example/a-long/path-of/an-address
               at a.example"""),
        (40, HEAD, ROWS, """\
google
  STATE: ok
  MESSAGE: the stack can decode it
a-very-long-id
  STATE: failed
  MESSAGE: one two three four five six seven"""),
        (40, ("", "google", "LIVE"), MARKED, f"""\
google
~ skip_redirect_uri_on_authorize
  LIVE: {"x" * 50}
slug
  LIVE: a"""),
        (43, ("ID", "CONTEXT", "STATE"), EMPTY_COLUMN, f"ID  CONTEXT  STATE\na   -        {'x' * 30}\nb   -        y"),
        (40, ("ID", "CONTEXT", "STATE"), EMPTY_COLUMN, f"ID  STATE\na   {'x' * 30}\nb   y"),
        (12, ("ID", "CONTEXT", "STATE"), [EMPTY_COLUMN[0], ("b", "c", "-")], f"a\n  STATE: {'x' * 30}\nb\n  CONTEXT: c"),
    ],
)  # fmt: skip
def test_it_fits_the_terminal(
    width: int | None, head: tuple[str, ...], rows: list[tuple[str, ...]], expected: str
) -> None:
    """A last column is wrapped, an address is not broken, empty columns go first, and at last rows are paragraphs."""
    assert table(head, rows, Paint(width=width)) == expected


def test_every_line_of_a_coloured_row_is_coloured() -> None:
    shown = table(HEAD, ROWS, Paint(colours=True, width=48), [None, Colour.RED]).splitlines()
    assert [line.startswith("\x1b[31m") for line in shown] == [False, False, True, True]
    assert all(line.endswith("\x1b[0m") for line in shown[2:])


def test_a_long_message_counts_what_it_leaves_out() -> None:
    happened = [Event(f"id{number}", DriftKind.NEW) for number in range(MAX_LINES + 5)]
    said = chat_message("here", Target(), happened, "now")
    assert isinstance(said["text"], str)
    assert isinstance(said["events"], list)
    lines = said["text"].splitlines()
    assert (len(lines), lines[-1], len(said["events"])) == (MAX_LINES + 1, "here: 5 more", MAX_LINES + 5)
