"""Rows as a table of aligned columns."""

from collections.abc import Sequence

from provisioner.render.lines import lines, safe
from provisioner.render.paint import Colour, Paint, plain


def table(head: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint = plain) -> str:
    """The rows under a head, one per line, with each column as wide as its widest cell."""
    cells = [[safe(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    first, *others = lines(texts).split("\n")
    return "\n".join([paint(Colour.BOLD, first), *others])
