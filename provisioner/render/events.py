"""Events of a watch: a line, a JSON object, and a message for people who are not at a terminal."""

import json
from collections.abc import Mapping, Sequence

from provisioner.core.plan.drift import Kind
from provisioner.core.plan.event import APPLIED, FOREIGN, REMOVED, Event
from provisioner.core.secret import Json
from provisioner.core.text import listed
from provisioner.render import drift
from provisioner.render.lines import safe
from provisioner.render.paint import Colour, Paint, plain

MOST_LINES = 20
"""Lines of one message; the others are counted."""

_COLOURS: Mapping[str, Colour] = {
    **drift.COLOURS,
    APPLIED: Colour.DIM,
    FOREIGN: Colour.YELLOW,
    REMOVED: Colour.DIM,
}

_SENTENCES = {
    Kind.EDITED: "{id} was edited by someone else: {fields}",
    Kind.REPLACED: "{id} was replaced by someone else",
    Kind.DELETED: "{id} was deleted by someone else",
    Kind.NEW: "{id} is there, and no definition mentions it",
    APPLIED: "{id} is as the definitions were last applied",
    FOREIGN: "{id} was written by another owner",
    REMOVED: "{id} is gone, and its owner does not miss it",
}


def as_text(event: Event, paint: Paint = plain) -> str:
    """One line: the time, the target if it has a name, what happened, the id, and the fields."""
    target = [safe(event.target)] if event.target else []
    fields = f": {listed(event.fields)}" if event.fields else ""
    word = paint(_COLOURS[event.word], f"{event.word:<9}")
    return " ".join([event.at, *target, word, safe(f"{event.id}{fields}")])


def values(event: Event) -> dict[str, Json]:
    """The event as JSON: ``target``, ``id``, ``event``, ``fields``, ``rev`` and ``at``."""
    return {
        "target": event.target,
        "id": event.id,
        "event": event.word,
        "fields": [*event.fields],
        "rev": event.rev,
        "at": event.at,
    }


def as_json_line(event: Event) -> str:
    """The event as JSON in one line."""
    return json.dumps(values(event), ensure_ascii=False)


def message(place: str, events: Sequence[Event]) -> dict[str, Json]:
    """What is posted to a webhook: ``text``, as Slack and its like show it, and ``events``."""
    lines = [f"{place}: {_sentence(event)}" for event in events[:MOST_LINES]]
    if len(events) > MOST_LINES:
        lines.append(f"{place}: {len(events) - MOST_LINES} more")
    return {"text": "\n".join(lines), "events": [values(event) for event in events]}


def _sentence(event: Event) -> str:
    return _SENTENCES[event.word].format(id=_quoted(event.id), fields=_quoted(listed(event.fields)))


def _quoted(text: str) -> str:
    """A text from outside as code, in which a chat sees no link and no mention; escaped as Slack wants it."""
    plain = safe(text).replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"`{plain}`"
