"""What others changed: lines, JSON and Markdown."""

from collections.abc import Mapping

from provisioner.core.plan.drift import Drift, Kind, Look
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
    Kind.FOREIGN: Colour.YELLOW,
    Kind.BROKEN: Colour.RED,
    Kind.GONE: Colour.RED,
}

_NOTES: Mapping[str, str] = {
    Kind.FOREIGN: "another owner owns it",
    Kind.BROKEN: "its key provision cannot be read: this version does not know its form",
}


def as_text(look: Look, paint: Paint = plain) -> str:
    """One line per account type, then their number."""
    texts = [f"{paint(COLOURS[each.kind], f'{each.kind:<9}')} {': '.join(_parts(each))}" for each in look.drift]
    return lines([*texts, summary(look)])


def summary(look: Look) -> str:
    """How much others changed."""
    if look.gone:
        return "the database does not exist: somebody deleted it, or nothing was applied to it yet"
    return f"{counted(len(look.drift), 'account type')} changed by others"


def as_markdown(look: Look) -> str:
    """The number, and a list."""
    items = [f"- {each.kind} {': '.join(map(code, _parts(each)))}" for each in look.drift]
    number = counted(len(look.drift), "account type")
    if look.gone:
        return f"**Changed by others:** {summary(look)}"
    return "\n".join([f"**Changed by others:** {number}", "", *items]).rstrip()


def values(look: Look) -> dict[str, Json]:
    """``drift``: objects with id, kind, fields and at."""
    rows: list[Json] = [
        {
            "id": each.id,
            "kind": each.kind,
            "fields": [*each.fields],
            "at": each.at if each.kind is Kind.DELETED else None,
        }
        for each in look.drift
    ]
    return {"drift": rows}


def _parts(drift: Drift) -> list[str]:
    """The id, and what is known beside it."""
    if drift.id is None:
        return ["the database"]
    if drift.fields:
        return [drift.id, listed(drift.fields)]
    if drift.kind is Kind.DELETED and drift.at:
        return [drift.id, f"last written by this owner at {drift.at}"]
    return [drift.id, *filter(None, [_NOTES.get(drift.kind)])]
