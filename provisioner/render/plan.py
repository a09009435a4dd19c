"""What applying a catalogue would do."""

import html
import json
from collections.abc import Iterator
from typing import assert_never

from provisioner.core.plan import Change, Create, FieldChange, Plan, Unchanged, Update
from provisioner.core.secret import Json, Secret
from provisioner.core.text import listed, printable, shown
from provisioner.render.paint import Colour, Paint, plain


def as_text(plan: Plan, paint: Paint = plain) -> str:
    """A line an account type, with a line a field that changes, then the summary."""
    lines = [line for change in plan.changes for line in _lines(change, paint)]
    return "\n".join([*lines, summary(plan)])


def summary(plan: Plan) -> str:
    """The numbers of changes."""
    return f"{plan.created} to create, {plan.changed} to change, {plan.unchanged} unchanged"


def action(change: Change) -> str:
    """The word for a change: ``create``, ``change`` or ``unchanged``."""
    match change:
        case Create():
            return "create"
        case Update():
            return "change"
        case Unchanged():
            return "unchanged"
        case _:
            assert_never(change)


_COLOURS = {"create": Colour.GREEN, "change": Colour.YELLOW, "unchanged": Colour.DIM}


def _lines(change: Change, paint: Paint) -> Iterator[str]:
    word = action(change)
    yield f"{paint(_COLOURS[word], f'{word:<9}')} {printable(change.id)}"
    if not isinstance(change, Unchanged):
        yield from (f"    {_field(field, paint)}" for field in change.fields)
    if not isinstance(change, Create) and change.kept:
        yield paint(Colour.DIM, f"    kept: {listed(change.kept)}")


def _field(field: FieldChange, paint: Paint) -> str:
    name = printable(field.name)
    if field.old is None:
        return paint(Colour.GREEN, f"+ {name}: {shown(field.new)}")
    if field.new is None:
        return paint(Colour.RED, f"- {name}: {shown(field.old)}")
    if isinstance(field.new, Secret):
        return paint(Colour.YELLOW, f"~ {name}: {field.new} changed")
    return paint(Colour.YELLOW, f"~ {name}: {shown(field.old)} → {shown(field.new)}")


def as_json(plan: Plan) -> str:
    """An object with ``changes`` (see `change_values`) and ``summary``."""
    figures = {"create": plan.created, "change": plan.changed, "unchanged": plan.unchanged}
    changes = [change_values(change) for change in plan.changes]
    return json.dumps({"changes": changes, "summary": figures}, indent=2, ensure_ascii=False)


def change_values(change: Change) -> dict[str, object]:
    """A change as ``id``, ``action``, ``rev``, ``fields`` and ``kept``.

    A field is its ``name``, ``action`` (add, change, remove) and its ``old`` and ``new`` value; a secret one has
    ``secret`` in place of the values.
    """
    return {
        "id": change.id,
        "action": action(change),
        "rev": None if isinstance(change, Create) else change.rev,
        "fields": [] if isinstance(change, Unchanged) else [_field_values(field) for field in change.fields],
        "kept": [] if isinstance(change, Create) else list(change.kept),
    }


def _field_values(field: FieldChange) -> dict[str, Json]:
    word = "add" if field.old is None else "remove" if field.new is None else "change"
    if isinstance(field.old, Secret) or isinstance(field.new, Secret):
        return {"name": field.name, "action": word, "secret": True}
    return {"name": field.name, "action": word, "old": field.old, "new": field.new}


def as_markdown(plan: Plan) -> str:
    """A summary and a table of the fields that change, fit for a comment on a pull request."""
    sections = [f"**Account types:** {summary(plan)}"]
    if plan.writes:
        rows = [row for change in plan.writes for row in _rows(change)]
        sections.append("\n".join(["| account type | action | field | old | new |", "|---|---|---|---|---|", *rows]))
    kept = [change for change in plan.changes if not isinstance(change, Create) and change.kept]
    if kept:
        sections.append("\n".join(f"- kept in {_code(change.id)}: {_code(listed(change.kept))}" for change in kept))
    return "\n\n".join(sections)


def _rows(change: Create | Update) -> Iterator[str]:
    for field in change.fields:
        values = (_cell(field.old), _cell(field.new))
        if isinstance(field.new, Secret) and field.old is not None:
            values = (_code("(secret)"), _code("(secret) changed"))
        yield f"| {_code(change.id)} | {action(change)} | {_code(field.name)} | {values[0]} | {values[1]} |"


def _cell(value: Json | Secret) -> str:
    return "" if value is None else _code(shown(value))


def _code(text: str) -> str:
    return f"<code>{html.escape(printable(text), quote=False).replace('|', '&#124;')}</code>"
