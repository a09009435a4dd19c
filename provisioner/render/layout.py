"""How results are laid out: as text, in which nothing from outside acts as code, and as JSON."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, repeat
from math import inf
from textwrap import wrap
from typing import Generic, TypeVar
from uuid import uuid4

from msgspec import Struct, to_builtins

from provisioner.core.errors import InvalidCatalogue, InvalidFile, ProvisionError
from provisioner.core.secret import Json, Secret
from provisioner.core.targets.target import Place
from provisioner.core.text import printable


class Colour(StrEnum):
    """The colours of our output, as ANSI codes."""

    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    DIM = "2"
    BOLD = "1"


OURS = f"\x1f{uuid4().hex}\x1f"
"""Stands beside each of our escape codes until it is printed: a code from outside cannot have it."""


class Paint(Struct, frozen=True):
    """How text is shown: in colours, by the escape codes of ECMA-48, and in how many columns (``None``: no limit)."""

    colours: bool = False
    width: int | None = None

    def __call__(self, colour: Colour, text: str) -> str:
        """The text in a colour, if there are colours."""
        return f"\x1b[{colour}m{OURS}{text}{OURS}\x1b[0m" if self.colours else text


plain = Paint()

_OURS = rf"(\x1b\[(?:{'|'.join(Colour)})m{OURS}|{OURS}\x1b\[0m)"
"""The escape codes of our own colours, as `Paint` writes them."""

_COMMAND = re.compile(r"##(?=\w{0,20}\[)")
"""What starts a command for the runners of GitHub, Azure and TeamCity, wherever it stands in a line."""


def safe(line: str) -> str:
    """A line without commands for a runner, and with all unprintable characters escaped but those of our colours."""
    line = _COMMAND.sub(r"#\\u0023", line)
    if line.isprintable():
        return line
    return "".join(part if re.fullmatch(_OURS, part) else printable(part) for part in re.split(_OURS, line))


def printed(line: str) -> str:
    """A line as it goes to a terminal: safe, and with our colours."""
    return safe(line).replace(OURS, "")


def lines(texts: Iterable[str]) -> str:
    """Texts as lines, in which a line break, an escape code or a workflow command from outside has no effect."""
    return "\n".join(re.sub(r"^(\s*)::", r"\1\\u003a:", safe(text)) for text in texts)


_GAP = "  "
_NARROWEST = 24
"""The last column is not wrapped into fewer columns than this."""

_NOTHING = ("", "-")
"""What stands in a cell without a value."""


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint = plain, colours: Sequence[Colour | None] = ()
) -> str:
    """The rows under a head, one per line, with each column as wide as its widest cell.

    `colours`: one per row. If the terminal is narrower, columns that hold nothing are left out, then the last column is
    wrapped; if too little room is left for it, each row becomes a paragraph with one cell per line, after its head.
    """
    columns = [[safe(cell) for cell in column] for column in zip(head, *rows, strict=True)]
    limit = inf if paint.width is None else paint.width
    if rows and sum(_width(column) + len(_GAP) for column in columns) - len(_GAP) > limit:
        columns = [column for column in columns if not (column[0] and all(cell in _NOTHING for cell in column[1:]))]
    widths = [*map(_width, columns)]
    cells = [*zip(*columns, strict=True)]
    room = limit - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    painted: Sequence[Colour | None] = (Colour.BOLD, *(colours or [None for _ in rows]))
    if room >= min(widths[-1], _NARROWEST):
        folded = [_folded(row, widths, room) for row in cells]
    else:
        titled = [] if cells[0][0] else [[cells[0][1]]]  # the head of a mark is that of what follows it
        folded = [*titled, *(_paragraph(cells[0], row) for row in cells[1:])]
        painted = painted[1 - len(titled) :]
    texts = [(lines(text), colour) for text, colour in zip(folded, painted, strict=True)]
    return "\n".join(paint(colour, line) if colour else line for text, colour in texts for line in text.split("\n"))


def _width(column: Sequence[str]) -> int:
    return max(map(len, column))


def _folded(row: Sequence[str], widths: Sequence[int], room: float) -> list[str]:
    """The lines of a row, of which only the last cell may have more than one."""
    *others, last = row
    parts = [last]
    if len(last) > room:
        parts = wrap(last, int(room), break_long_words=False, break_on_hyphens=False) or [""]
    starts = chain([others], repeat([""] * len(others)))
    padded = (zip([*start, part], widths, strict=True) for start, part in zip(starts, parts, strict=False))
    return [_GAP.join(cell.ljust(width) for cell, width in line).rstrip() for line in padded]


def _paragraph(head: Sequence[str], row: Sequence[str]) -> list[str]:
    names = 1 if head[0] else 2  # a mark without a head belongs to what follows it
    rest = [f"{_GAP}{title}: {cell}" for title, cell in [*zip(head, row, strict=True)][names:] if cell not in _NOTHING]
    return [" ".join(filter(None, row[:names])), *rest]


def code(text: str) -> str:
    """A text as a code span for a table cell, in which links, images and tags have no effect (GitHub's Markdown)."""
    text = re.sub(r"(?<!\\)(\\*)\|", lambda match: f"{match[1] * 2}\\|", printable(text))
    if not text.strip(" "):
        return f"`{text}`" if text else ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def plain_markdown(text: str) -> str:
    """A sentence in which no link, image, tag or mention has an effect, also where it is shown as it is."""
    return unlinked(re.sub(r"[\[\]<@]", r"\\\g<0>", printable(text)))


def unlinked(text: str) -> str:
    """A text in which no address begins as those do that are made links of wherever they stand."""
    return re.sub(r"(?i)\b[a-z]{2,6}:(?=//)|\bwww(?=\.)", r"\g<0>\\", text)


def heading(place: Place, owner: str | None = None, paint: Paint = plain) -> str:
    """The target if there is one, the server, the database, and the owner if there is one."""
    target = f"target {place.target}: " if place.target else ""
    server = place.url or "no server that can be reached"
    whose = f", owner {owner}" if owner else ""
    return paint(Colour.BOLD, safe(f"{target}{server}, database {place.database}{whose}"))


VERSION = 1
"""The version of the form; it grows when a key changes its meaning or goes away."""

PROBLEM = ("path", "line", "column", "severity", "rule", "message")
"""The keys of a problem."""

T = TypeVar("T")


class Formats(Generic[T]):
    """The formats of one command's results, each with what renders it; its names are those of ``--format``."""

    def __init__(
        self,
        text: Callable[[T, Paint], str],
        json: Callable[[T], Mapping[str, object]],
        **others: Callable[[T], str],
    ) -> None:
        self.text = text
        self.json = json
        self.others = others

    def __iter__(self) -> Iterator[str]:
        return iter(("text", "json", *self.others))

    def render(self, format: str, result: T, paint: Paint) -> str:
        """A result in one of the formats."""
        if format == "json":
            return as_json(self.json(result))
        return self.text(result, paint) if format == "text" else self.others[format](result)


def as_json(content: Mapping[str, object], errors: Sequence[ProvisionError] = ()) -> str:
    """The content of a command's result, with the errors that stopped the run."""
    whole = {"version": VERSION, **content, "errors": [error_values(error) for error in errors]}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def row(result: object, *keys: str) -> dict[str, Json]:
    """Some attributes of a result by their names; ``result=verdict`` gives one another key. An empty text is null."""
    pairs = (key.partition("=")[::2] for key in keys)
    values = ((key, getattr(result, attribute or key)) for key, attribute in pairs)
    return {key: None if value == "" else to_builtins(value, enc_hook=_without_secret) for key, value in values}


def _without_secret(value: object) -> Json:
    if isinstance(value, Secret):
        return {"secret": True}
    raise TypeError(type(value).__name__)


def error_values(error: ProvisionError) -> dict[str, Json]:
    """An error as JSON: ``what``, ``next``, and the ``problems`` in files."""
    if isinstance(error, InvalidCatalogue):
        problems = error.validation.problems
    else:
        problems = error.problems if isinstance(error, InvalidFile) else ()
    return {**row(error, "what", "next"), "problems": [row(each, *PROBLEM) for each in problems]}
