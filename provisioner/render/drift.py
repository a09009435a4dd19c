"""What others changed: lines, JSON and Markdown."""

from collections.abc import Mapping, Sequence

from provisioner.core.plan.drift import Drift, Kind
from provisioner.core.secret import Json
from provisioner.core.text import counted, listed
from provisioner.render.lines import lines
from provisioner.render.markdown import code
from provisioner.render.paint import Colour, Paint, plain

COLOURS: Mapping[str, Colour] = {
    Kind.EDITED: Colour.YELLOW,
    Kind.REPLACED: Colour.YELLOW,
    Kind.DELETED: Colour.RED,
    Kind.NEW: Colour.GREEN,
}


def as_text(found: Sequence[Drift], paint: Paint = plain) -> str:
    """One line per account type, then their number."""
    texts = [f"{paint(COLOURS[each.kind], f'{each.kind:<9}')} {': '.join(_parts(each))}" for each in found]
    return lines([*texts, f"{counted(len(found), 'account type')} changed by others"])


def as_markdown(found: Sequence[Drift]) -> str:
    """The number, and a list."""
    items = [f"- {each.kind} {': '.join(map(code, _parts(each)))}" for each in found]
    return "\n".join([f"**Changed by others:** {counted(len(found), 'account type')}", "", *items]).rstrip()


def values(found: Sequence[Drift]) -> dict[str, Json]:
    """``drift``: objects with id, kind, fields and at."""
    rows: list[Json] = [{"id": each.id, "kind": each.kind, "fields": [*each.fields], "at": each.at} for each in found]
    return {"drift": rows}


def _parts(drift: Drift) -> list[str]:
    """The id, and what is known beside it."""
    if drift.fields:
        return [drift.id, listed(drift.fields)]
    return [drift.id, *([f"last written by this owner at {drift.at}"] if drift.at else [])]
