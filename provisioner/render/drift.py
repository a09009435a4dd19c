"""What others changed, and what happened between two looks: lines, JSON, Markdown, and a message for a chat."""

import json
from collections.abc import Mapping, Sequence

from provisioner.core.plan.drift import DOWN, REMOVED, UP, Drift, DriftKind, Event, Look
from provisioner.core.secret import Json
from provisioner.core.targets.target import Target
from provisioner.core.text import counted, listed
from provisioner.render.formats import row
from provisioner.render.layout import Colour, Paint, code, lines, plain, safe

_COLOURS: Mapping[str, Colour] = {
    DriftKind.EDITED: Colour.YELLOW,
    DriftKind.REPLACED: Colour.YELLOW,
    DriftKind.DELETED: Colour.RED,
    DriftKind.NEW: Colour.GREEN,
    DriftKind.FOREIGN: Colour.YELLOW,
    DriftKind.BROKEN: Colour.RED,
    DriftKind.GONE: Colour.RED,
    DriftKind.APPLIED: Colour.DIM,
    REMOVED: Colour.DIM,
    DOWN: Colour.RED,
    UP: Colour.GREEN,
}

_NOTES: Mapping[str, str] = {
    DriftKind.FOREIGN: "another owner owns it",
    DriftKind.BROKEN: "its key provision cannot be read: this version does not support its form",
}


def as_text(look: Look, paint: Paint = plain) -> str:
    """One line per account type, then their number."""
    texts = [f"{paint(_COLOURS[each.kind], f'{each.kind:<9}')} {': '.join(_parts(each))}" for each in look.drift]
    return lines([*texts, summary(look)])


def summary(look: Look) -> str:
    """How much others changed."""
    if look.gone:
        return "the database does not exist: someone deleted it, or nothing was applied yet"
    return f"{counted(len(look.drift), look.noun)} changed by someone else"


def as_markdown(look: Look) -> str:
    """The number, and a list."""
    items = [f"- {each.kind} {': '.join(map(code, _parts(each)))}" for each in look.drift]
    number = counted(len(look.drift), look.noun)
    if look.gone:
        return f"**Changed by someone else:** {summary(look)}"
    return "\n".join([f"**Changed by someone else:** {number}", "", *items]).rstrip()


def values(look: Look) -> dict[str, object]:
    """``drift``: objects with id, kind, fields and at."""
    deleted = {each.id: each.at for each in look.drift if each.kind is DriftKind.DELETED}
    return {"drift": [{**row(each, "id", "kind", "fields"), "at": deleted.get(each.id)} for each in look.drift]}


def _parts(drift: Drift) -> list[str]:
    """The id, and what is known beside it."""
    if drift.id is None:
        return ["the database"]
    if drift.fields:
        return [drift.id, listed(drift.fields)]
    if drift.kind is DriftKind.DELETED and drift.at:
        return [drift.id, f"last written by this owner at {drift.at}"]
    return [drift.id, *filter(None, [_NOTES.get(drift.kind)])]


MAX_LINES = 20
"""Events that one message lists; the others are counted."""

_SENTENCES: Mapping[str, str] = {
    DriftKind.EDITED: "someone else edited {id}: {fields}",
    DriftKind.REPLACED: "someone else replaced {id}",
    DriftKind.DELETED: "someone else deleted {id}",
    DriftKind.NEW: "{id} is unmanaged: no definition mentions it",
    DriftKind.FOREIGN: "another owner adopted {id}",
    DriftKind.BROKEN: "{id} has a key provision that this version cannot read",
    DriftKind.GONE: "the database does not exist any more",
    DriftKind.APPLIED: "{id} is as the definitions were last applied",
    REMOVED: "{id} is gone, and no definition needs it",
    DOWN: "the database could not be read: {reason}",
    UP: "the database can be read again",
}

_PLAIN: Mapping[str, str] = {
    DriftKind.GONE: "the database does not exist",
    UP: "the database can be read again",
}


def event_text(event: Event, target: str | None, at: str, paint: Paint = plain) -> str:
    """One line: the time, the target if it has a name, what happened, the id, and the fields or the reason."""
    about = event.id if event.id is not None else event.reason or _PLAIN.get(event.word, "")
    fields = f": {listed(event.fields)}" if event.fields else ""
    word = paint(_COLOURS[event.word], f"{event.word:<9}")
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
    lines = [f"{label}: {_sentence(event)}" for event in events[:MAX_LINES]]
    if len(events) > MAX_LINES:
        lines.append(f"{label}: {len(events) - MAX_LINES} more")
    return {"text": "\n".join(lines), "events": [event_values(event, target, at) for event in events]}


def _sentence(event: Event) -> str:
    return _SENTENCES[event.word].format(
        id=_quoted(event.id or ""), fields=_quoted(listed(event.fields)), reason=_quoted(event.reason or "")
    )


def _quoted(text: str) -> str:
    """A text from outside as code, in which a chat sees no link and no mention; escaped as Slack wants it."""
    plain = safe(text).replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"`{plain}`"
