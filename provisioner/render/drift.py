"""What others changed, and what happened between two looks: lines, JSON, Markdown, and a message for a chat."""

import json
from collections.abc import Mapping, Sequence

from provisioner.core.plan.drift import DOWN, REMOVED, UP, Drift, DriftKind, Event, Look
from provisioner.core.secret import Json
from provisioner.core.targets.target import Target
from provisioner.core.text import counted, listed
from provisioner.render.layout import Colour, Paint, code, lines, plain, row, safe

_EVENTS: Mapping[str, tuple[Colour, str]] = {
    DriftKind.EDITED: (Colour.YELLOW, "someone else edited {id}: {fields}"),
    DriftKind.REPLACED: (Colour.YELLOW, "someone else replaced {id}"),
    DriftKind.DELETED: (Colour.RED, "someone else deleted {id}"),
    DriftKind.NEW: (Colour.GREEN, "{id} is unmanaged: no definition mentions it"),
    DriftKind.FOREIGN: (Colour.YELLOW, "another owner adopted {id}"),
    DriftKind.BROKEN: (Colour.RED, "{id} has a key provision that this version cannot read"),
    DriftKind.GONE: (Colour.RED, "the database does not exist any more"),
    DriftKind.APPLIED: (Colour.DIM, "{id} is as the definitions were last applied"),
    REMOVED: (Colour.DIM, "{id} is gone, and no definition needs it"),
    DOWN: (Colour.RED, "the database could not be read: {reason}"),
    UP: (Colour.GREEN, "the database can be read again"),
}
"""The colour of each kind of drift and of each event, and the sentence that a chat gets."""

_NOTES: Mapping[str, str] = {
    DriftKind.FOREIGN: "another owner owns it",
    DriftKind.BROKEN: "its key provision cannot be read: this version does not support its form",
    DriftKind.GONE: "the database does not exist",
    UP: "the database can be read again",
}


def as_text(look: Look, paint: Paint = plain) -> str:
    """One line per account type, then their number."""
    texts = [f"{paint(_EVENTS[each.kind][0], f'{each.kind:<9}')} {': '.join(_parts(each))}" for each in look.drift]
    return lines([*texts, summary(look)])


def summary(look: Look) -> str:
    """How much others changed."""
    if look.gone:
        return "the database does not exist: someone deleted it, or nothing was applied yet"
    return f"{counted(len(look.drift), look.noun)} changed by someone else"


def as_markdown(look: Look) -> str:
    """The number, and a list."""
    if look.gone:
        return f"**Changed by someone else:** {summary(look)}"
    items = [f"- {each.kind} {': '.join(map(code, _parts(each)))}" for each in look.drift]
    return "\n".join([f"**Changed by someone else:** {counted(len(items), look.noun)}", "", *items]).rstrip()


def values(look: Look) -> dict[str, object]:
    """``drift``: objects with id, kind, fields and at."""
    deleted = {each.id: each.at for each in look.drift if each.kind is DriftKind.DELETED}
    return {"drift": [{**row(each, "id", "kind", "fields"), "at": deleted.get(each.id)} for each in look.drift]}


def _parts(drift: Drift) -> list[str]:
    """The id, and what is known beside it."""
    if drift.id is None:
        return ["the database"]
    note = listed(drift.fields) or _NOTES.get(drift.kind)
    if drift.kind is DriftKind.DELETED and drift.at:
        note = note or f"last written by this owner at {drift.at}"
    return [drift.id, *filter(None, [note])]


MAX_LINES = 20
"""Events that one message lists; the others are counted."""


def event_text(event: Event, target: str | None, at: str, paint: Paint = plain) -> str:
    """One line: the time, the target if it has a name, what happened, the id, and the fields or the reason."""
    about = event.id if event.id is not None else event.reason or _NOTES.get(event.word, "")
    fields = f": {listed(event.fields)}" if event.fields else ""
    word = paint(_EVENTS[event.word][0], f"{event.word:<9}")
    return " ".join([at, *([safe(target)] if target else []), word, safe(f"{about}{fields}")])


def event_values(event: Event, target: Target, at: str) -> dict[str, Json]:
    """The event as JSON: ``target``, ``database``, ``id``, ``event``, ``fields``, ``rev``, ``reason`` and ``at``."""
    keys = ("id", "event=word", "fields", "rev", "reason")
    return {"target": target.name, "database": target.database, **row(event, *keys), "at": at}


def event_json(event: Event, target: Target, at: str) -> str:
    """The event as JSON in one line."""
    return json.dumps(event_values(event, target, at), ensure_ascii=False)


def chat_message(label: str, target: Target, events: Sequence[Event], at: str) -> dict[str, Json]:
    """What is posted to a webhook: ``text``, as Slack and its like show it, and ``events``."""
    sentences = [
        _EVENTS[event.word][1].format(
            id=_quoted(event.id or ""), fields=_quoted(listed(event.fields)), reason=_quoted(event.reason or "")
        )
        for event in events[:MAX_LINES]
    ]
    if len(events) > MAX_LINES:
        sentences.append(f"{len(events) - MAX_LINES} more")
    text = "\n".join(f"{label}: {sentence}" for sentence in sentences)
    return {"text": text, "events": [event_values(event, target, at) for event in events]}


def _quoted(text: str) -> str:
    """A text from outside as code, in which a chat sees no link and no mention; escaped as Slack wants it."""
    plain = safe(text).replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"`{plain}`"
