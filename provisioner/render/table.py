"""Rows as a table of aligned columns, which folds where it is wider than the terminal."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from provisioner.render.lines import lines, safe
from provisioner.render.paint import Colour, Paint, plain

_GAP = "  "
_NARROWEST = 24
"""The last column is not wrapped into fewer columns than this."""


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint = plain, colours: Sequence[Colour | None] = ()
) -> str:
    """The rows under a head, one per line, with each column as wide as its widest cell.

    `colours`: one per row. If the terminal is narrower, the last column is wrapped; if too little room is left for
    it, each row becomes a paragraph with one cell per line, after its head.
    """
    cells = [[safe(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    before = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    painted = (Colour.BOLD, *colours) if colours else (Colour.BOLD, *(None for _ in rows))
    if paint.width is None or before + widths[-1] <= paint.width:
        folded = [[_line(row, widths)] for row in cells]
    elif paint.width - before >= _NARROWEST:
        folded = [[*_wrapped(row, widths, paint.width - before)] for row in cells]
    else:
        folded, painted = [[*_paragraph(head, row)] for row in cells[1:]], painted[1:]
    texts = [(lines(text), colour) for text, colour in zip(folded, painted, strict=True)]
    return "\n".join(paint(colour, line) if colour else line for text, colour in texts for line in text.split("\n"))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _wrapped(row: Sequence[str], widths: Sequence[int], room: int) -> Iterator[str]:
    *others, last = row
    first, *more = wrap(last, room) or [""]
    yield _line([*others, first], [*widths[:-1], room])
    for text in more:
        yield _line([*("" for _ in others), text], [*widths[:-1], room])


def _paragraph(head: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    names = 1 if head[0] else 2  # a mark without a head belongs to what follows it
    yield " ".join(filter(None, row[:names]))
    yield from (f"{_GAP}{title}: {cell}" for title, cell in zip(head[names:], row[names:], strict=True) if cell)
