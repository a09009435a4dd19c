"""The changes that an apply would make."""

import json
from collections.abc import Iterator

from provisioner.core.definitions.account_type import Document
from provisioner.core.plan.changes import (
    Change,
    Create,
    FieldChange,
    Plan,
    Remove,
    TakeOver,
    Unchanged,
    Update,
    action,
    losing_text,
)
from provisioner.core.plan.saved_plan import field_values
from provisioner.core.secret import Json, Secret
from provisioner.core.text import listed, shown
from provisioner.render.lines import lines
from provisioner.render.markdown import code
from provisioner.render.paint import Colour, Paint, plain


def as_text(plan: Plan, paint: Paint = plain) -> str:
    """One line per account type, with one line per changed field, then the summary."""
    texts = [line for change in plan.changes for line in _lines(change, paint)]
    texts += [paint(Colour.RED, f"owned by {owner}: {id}") for id, owner in plan.foreign]
    texts += [paint(Colour.RED, f"owner unreadable: {id}") for id in plan.unknown_form]
    texts += [f"skipped   {id}: credentials are missing" for id in plan.skipped]
    return lines([*texts, summary(plan)])


def summary(plan: Plan) -> str:
    """How many changes there are of each kind; the rarer kinds only if there are any."""
    figures = _figures(plan)
    take_over, remove = figures.pop("take over"), figures.pop("remove")
    parts = [f"{figures['create']} to create", f"{figures['change']} to change"]
    parts += [f"{take_over} to take over"] if take_over else []
    parts += [f"{figures['unchanged']} unchanged"]
    return ", ".join([*parts, *([f"{remove} to remove"] if remove else [])])


def _figures(plan: Plan) -> dict[str, int]:
    return {
        "create": plan.number(Create),
        "change": plan.number(Update),
        "take over": plan.number(TakeOver),
        "unchanged": plan.number(Unchanged),
        "remove": plan.number(Remove),
    }


_COLOURS = {
    "create": Colour.GREEN,
    "change": Colour.YELLOW,
    "take over": Colour.YELLOW,
    "unchanged": Colour.DIM,
    "remove": Colour.RED,
}


def _lines(change: Change, paint: Paint) -> Iterator[str]:
    word = action(change)
    yield f"{paint(_COLOURS[word], f'{word:<9}')} {change.id}"
    yield from (f"    {_field(field, paint)}" for field in change.fields)
    yield from (paint(Colour.YELLOW, f"    {note}") for note in _warnings(change))
    if change.notes.kept:
        yield paint(Colour.DIM, f"    kept: {listed(change.notes.kept)}")


def _warnings(change: Change) -> Iterator[str]:
    """What a reader should know about a change besides its fields."""
    notes = change.notes
    if notes.taken_from == "" and not isinstance(change, Create):
        yield "has no owner: apply will take it over"
    elif notes.taken_from:
        yield f"taken over from {notes.taken_from}"
    if notes.edited and not isinstance(change, Remove):
        yield f"edited by someone else: {listed(notes.edited)}"
    if notes.released:
        yield f"left alone, because someone else changed it: {listed(notes.released)}"
    if isinstance(change, Remove):
        yield "accounts connected through it can no longer refresh their tokens: the stack answers 404"
        yield from (f"--prune will not delete it: {obstacle}" for obstacle in change.obstacles)
    for losing in change.conflicts:
        yield f"conflict: {losing_text(losing, _document(change))}"


def _document(change: Change) -> Document:
    return {} if isinstance(change, Create) else change.before


def _field(field: FieldChange, paint: Paint) -> str:
    name = field.name
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
    return {
        "changes": [change_values(change) for change in plan.changes],
        "foreign": dict(plan.foreign),
        "unreadable_owner": list(plan.unknown_form),
        "skipped": list(plan.skipped),
        "summary": _figures(plan),
    }


def change_values(change: Change) -> dict[str, object]:
    """A change as ``id``, ``action``, ``rev``, ``fields`` and the `Notes` on its document.

    A field is its ``name``, ``action`` (add, change, remove) and its ``old`` and ``new`` value; a secret one has
    ``secret`` in place of the values.
    """
    return {
        "id": change.id,
        "action": action(change),
        "rev": change.rev,
        "fields": [field_values(field) for field in change.fields],
        "kept": list(change.notes.kept),
        "released": list(change.notes.released),
        "edited": list(change.notes.edited),
        "taken_from": change.notes.taken_from,
        "obstacles": list(change.obstacles) if isinstance(change, Remove) else [],
        "conflicts": [losing.rev for losing in change.conflicts],
    }


def as_markdown(plan: Plan) -> str:
    """A summary and a table of the changed fields, for a comment on a pull request."""
    sections = [f"**Account types:** {summary(plan)}"]
    if plan.differs or plan.removes:
        rows = [row for change in plan.changes for row in _rows(change)]
        sections.append("\n".join(["| account type | action | field | old | new |", "|---|---|---|---|---|", *rows]))
    notes = [f"- owned by {code(owner)}: {code(id)}" for id, owner in plan.foreign]
    notes += [f"- skipped because credentials are missing: {code(id)}" for id in plan.skipped]
    notes += [f"- kept in {code(each.id)}: {code(listed(each.notes.kept))}" for each in plan.changes if each.notes.kept]
    notes += [f"- {code(change.id)}: {code(warning)}" for change in plan.changes for warning in _warnings(change)]
    if notes:
        sections.append("\n".join(notes))
    return "\n\n".join(sections)


def _rows(change: Change) -> Iterator[str]:
    if isinstance(change, Remove | TakeOver):
        yield f"| {code(change.id)} | {action(change)} | | | |"
    for field in change.fields:
        values = (_cell(field.old), _cell(field.new))
        if isinstance(field.new, Secret) and field.old is not None:
            values = (code("(secret)"), code("(secret) changed"))
        yield f"| {code(change.id)} | {action(change)} | {code(field.name)} | {values[0]} | {values[1]} |"


def _cell(value: Json | Secret) -> str:
    return "" if value is None else code(shown(value))
