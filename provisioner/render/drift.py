"""What others changed: lines, JSON and Markdown."""

from collections.abc import Sequence

from provisioner.core.plan.drift import Drift, Kind
from provisioner.core.secret import Json
from provisioner.core.text import counted, listed
from provisioner.render.lines import lines
from provisioner.render.markdown import code
from provisioner.render.paint import Colour, Paint, plain

_COLOURS = {Kind.EDITED: Colour.YELLOW, Kind.REPLACED: Colour.YELLOW, Kind.DELETED: Colour.RED, Kind.NEW: Colour.GREEN}


def as_text(found: Sequence[Drift], paint: Paint = plain) -> str:
    """One line per account type, then their number."""
    texts = [f"{paint(_COLOURS[each.kind], f'{each.kind:<9}')} {each.id}{_more(each)}" for each in found]
    return lines([*texts, f"{counted(len(found), 'account type')} changed by others"])


def as_markdown(found: Sequence[Drift]) -> str:
    """The number, and a list."""
    items = [f"- {each.kind} {code(each.id)}{code(_more(each)[2:]) if _more(each) else ''}" for each in found]
    return "\n".join([f"**Changed by others:** {counted(len(found), 'account type')}", "", *items]).rstrip()


def values(found: Sequence[Drift]) -> dict[str, Json]:
    """``drift``: objects with id, kind, fields and at."""
    rows: list[Json] = [{"id": each.id, "kind": each.kind, "fields": [*each.fields], "at": each.at} for each in found]
    return {"drift": rows}


def _more(drift: Drift) -> str:
    if drift.fields:
        return f": {listed(drift.fields)}"
    return f": last written by this owner at {drift.at}" if drift.at else ""
