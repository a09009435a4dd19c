"""What applying a catalogue would do."""

import html
import json
from collections.abc import Iterator

from provisioner.core.plan.changes import Change, FieldChange, Plan, Remove, action
from provisioner.core.secret import Json, Secret
from provisioner.core.text import listed, printable, shown
from provisioner.render.paint import Colour, Paint, plain


def as_text(plan: Plan, paint: Paint = plain) -> str:
    """A line an account type, with a line a field that changes, then the summary."""
    lines = [line for change in plan.changes for line in _lines(change, paint)]
    lines += [paint(Colour.RED, f"owned by {printable(owner)}: {printable(id)}") for id, owner in plan.foreign]
    lines += [f"skipped   {printable(id)}: it lacks credentials" for id in plan.skipped]
    return "\n".join([*lines, summary(plan)])


def summary(plan: Plan) -> str:
    """The numbers of changes."""
    text = f"{plan.created} to create, {plan.changed} to change, {plan.unchanged} unchanged"
    return f"{text}, {len(plan.removes)} to remove" if plan.removes else text


_COLOURS = {"create": Colour.GREEN, "change": Colour.YELLOW, "unchanged": Colour.DIM, "remove": Colour.RED}


def _lines(change: Change, paint: Paint) -> Iterator[str]:
    word = action(change)
    yield f"{paint(_COLOURS[word], f'{word:<9}')} {printable(change.id)}"
    yield from (f"    {_field(field, paint)}" for field in change.fields)
    if change.outside is not None:
        yield paint(Colour.YELLOW, f"    changed outside: {_outside(change.outside)}")
    if change.kept:
        yield paint(Colour.DIM, f"    kept: {listed(change.kept)}")


def _outside(names: tuple[str, ...]) -> str:
    return listed(names) or "nothing that we set"


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
    """The `values` of a plan as text."""
    return json.dumps(values(plan), indent=2, ensure_ascii=False)


def values(plan: Plan) -> dict[str, object]:
    """An object with ``changes`` (see `change_values`), ``foreign`` (id → owner), ``skipped`` and ``summary``."""
    figures = {
        "create": plan.created,
        "change": plan.changed,
        "unchanged": plan.unchanged,
        "remove": len(plan.removes),
    }
    return {
        "changes": [change_values(change) for change in plan.changes],
        "foreign": dict(plan.foreign),
        "skipped": list(plan.skipped),
        "summary": figures,
    }


def change_values(change: Change) -> dict[str, object]:
    """A change as ``id``, ``action``, ``rev``, ``fields``, ``kept`` and ``outside``.

    A field is its ``name``, ``action`` (add, change, remove) and its ``old`` and ``new`` value; a secret one has
    ``secret`` in place of the values.
    """
    return {
        "id": change.id,
        "action": action(change),
        "rev": change.rev,
        "fields": [_field_values(field) for field in change.fields],
        "kept": list(change.kept),
        "outside": None if change.outside is None else list(change.outside),
    }


def _field_values(field: FieldChange) -> dict[str, Json]:
    word = "add" if field.old is None else "remove" if field.new is None else "change"
    if isinstance(field.old, Secret) or isinstance(field.new, Secret):
        return {"name": field.name, "action": word, "secret": True}
    return {"name": field.name, "action": word, "old": field.old, "new": field.new}


def as_markdown(plan: Plan) -> str:
    """A summary and a table of the fields that change, fit for a comment on a pull request."""
    sections = [f"**Account types:** {summary(plan)}"]
    if plan.differs:
        rows = [row for change in plan.changes for row in _rows(change)]
        sections.append("\n".join(["| account type | action | field | old | new |", "|---|---|---|---|---|", *rows]))
    notes = [f"- owned by {_code(owner)}: {_code(id)}" for id, owner in plan.foreign]
    notes += [f"- skipped for lack of credentials: {_code(id)}" for id in plan.skipped]
    notes += [f"- kept in {_code(change.id)}: {_code(listed(change.kept))}" for change in plan.changes if change.kept]
    notes += [
        f"- changed outside in {_code(change.id)}: {_code(_outside(change.outside))}"
        for change in plan.changes
        if change.outside is not None
    ]
    if notes:
        sections.append("\n".join(notes))
    return "\n\n".join(sections)


def _rows(change: Change) -> Iterator[str]:
    if isinstance(change, Remove):
        yield f"| {_code(change.id)} | {action(change)} | | | |"
    for field in change.fields:
        values = (_cell(field.old), _cell(field.new))
        if isinstance(field.new, Secret) and field.old is not None:
            values = (_code("(secret)"), _code("(secret) changed"))
        yield f"| {_code(change.id)} | {action(change)} | {_code(field.name)} | {values[0]} | {values[1]} |"


def _cell(value: Json | Secret) -> str:
    return "" if value is None else _code(shown(value))


def _code(text: str) -> str:
    return f"<code>{html.escape(printable(text), quote=False).replace('|', '&#124;')}</code>"
