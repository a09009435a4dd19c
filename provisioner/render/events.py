"""Events between two looks: a line, a JSON object, and a message for people who are not at a terminal."""

import json
from collections.abc import Mapping, Sequence

from provisioner.core.plan.drift import DOWN, REMOVED, UP, Event, Kind
from provisioner.core.secret import Json
from provisioner.core.text import listed
from provisioner.render import drift
from provisioner.render.lines import safe
from provisioner.render.paint import Colour, Paint, plain

MOST_LINES = 20
"""Lines of one message; the others are counted."""

_COLOURS: Mapping[str, Colour] = {
    **drift.COLOURS,
    Kind.APPLIED: Colour.DIM,
    REMOVED: Colour.DIM,
    DOWN: Colour.RED,
    UP: Colour.GREEN,
}

_SENTENCES: Mapping[str, str] = {
    Kind.EDITED: "{id} was edited by someone else: {fields}",
    Kind.REPLACED: "{id} was replaced by someone else",
    Kind.DELETED: "{id} was deleted by someone else",
    Kind.NEW: "{id} is there, and no definition mentions it",
    Kind.FOREIGN: "another owner took over {id}",
    Kind.BROKEN: "{id} has a key provision that this version cannot read",
    Kind.GONE: "the database does not exist any more",
    Kind.APPLIED: "{id} is as the definitions were last applied",
    REMOVED: "{id} is gone, and its owner does not miss it",
    DOWN: "the database could not be looked at: {reason}",
    UP: "the database can be looked at again",
}

_PLAIN: Mapping[str, str] = {
    Kind.GONE: "the database does not exist",
    UP: "the database can be looked at again",
}


def as_text(event: Event, target: str | None, at: str, paint: Paint = plain) -> str:
    """One line: the time, the target if it has a name, what happened, the id, and the fields or the reason."""
    about = event.id if event.id is not None else event.reason or _PLAIN.get(event.word, "")
    fields = f": {listed(event.fields)}" if event.fields else ""
    word = paint(_COLOURS[event.word], f"{event.word:<9}")
    return " ".join([at, *([safe(target)] if target else []), word, safe(f"{about}{fields}")])


def values(event: Event, target: str | None, at: str) -> dict[str, Json]:
    """The event as JSON: ``target``, ``id``, ``event``, ``fields``, ``rev``, ``reason`` and ``at``."""
    return {
        "target": target,
        "id": event.id,
        "event": event.word,
        "fields": [*event.fields],
        "rev": event.rev,
        "reason": event.reason,
        "at": at,
    }


def as_json_line(event: Event, target: str | None, at: str) -> str:
    """The event as JSON in one line."""
    return json.dumps(values(event, target, at), ensure_ascii=False)


def message(place: str, target: str | None, events: Sequence[Event], at: str) -> dict[str, Json]:
    """What is posted to a webhook: ``text``, as Slack and its like show it, and ``events``."""
    lines = [f"{place}: {_sentence(event)}" for event in events[:MOST_LINES]]
    if len(events) > MOST_LINES:
        lines.append(f"{place}: {len(events) - MOST_LINES} more")
    return {"text": "\n".join(lines), "events": [values(event, target, at) for event in events]}


def _sentence(event: Event) -> str:
    return _SENTENCES[event.word].format(
        id=_quoted(event.id or ""), fields=_quoted(listed(event.fields)), reason=_quoted(event.reason or "")
    )


def _quoted(text: str) -> str:
    """A text from outside as code, in which a chat sees no link and no mention; escaped as Slack wants it."""
    plain = safe(text).replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"`{plain}`"
