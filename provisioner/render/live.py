"""What is live beside what is defined, and what others changed: text, JSON, Markdown, and a message for a chat."""

import json
from collections.abc import Callable, Mapping, Sequence

from provisioner.core.definitions.account_type import Document
from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind
from provisioner.core.plan.changes import losing_revision, ordered
from provisioner.core.plan.live import DOWN, REMOVED, UP, Drift, DriftKind, Event, Look, OverviewRow, Standing
from provisioner.core.plan.ownership import Ownership, UnknownForm
from provisioner.core.secret import Json, Secret, redacted
from provisioner.core.targets.target import Target
from provisioner.core.text import counted, listed, shown
from provisioner.render.layout import Colour, Paint, code, lines, plain, row, safe, table


def shipped(providers: Sequence[Source], paint: Paint = plain) -> str:
    """One line per provider, then their number."""
    rows = [(each.id, each.name, each.note("console") or each.note("homepage") or "-") for each in providers]
    return f"{table(('ID', 'PROVIDER', 'WHERE TO REGISTER'), rows, paint)}\n{counted(len(providers), 'account type')}"


def shipped_values(providers: Sequence[Source]) -> dict[str, object]:
    """``definitions``: objects with id, name, homepage, console, docs, scopes, refresh, notes, hosts."""
    notes = ("homepage", "console", "docs", "scopes", "refresh", "notes")
    rows = [
        {**row(each, "id", "name"), **{name: each.note(name) or None for name in notes}, **row(each, "hosts")}
        for each in providers
    ]
    return {"definitions": rows}


def brief(entries: Sequence[OverviewRow], paint: Paint = plain, kind: Kind = ACCOUNT_TYPE) -> str:
    """One line per account type, then their number."""
    cells: dict[str, Callable[[OverviewRow], str]] = {
        "ID": lambda entry: entry.id,
        **({"CONTEXT": lambda entry: entry.context or "-"} if kind.has_contexts else {}),
        **({"GRANT MODE": lambda entry: entry.grant_mode or "-"} if kind.is_client else {}),
        "CREDENTIALS": _credentials,
        "OWNER": lambda entry: entry.owner or "-",
        "STATE": lambda entry: f"{entry.state}, in conflict" if entry.conflicts else entry.state,
        **({"ACCOUNTS": _connected} if any(entry.connected for entry in entries) else {}),
    }
    rows = [tuple(cell(entry) for cell in cells.values()) for entry in entries]
    return f"{table(tuple(cells), rows, paint)}\n{counted(len(entries), kind.noun)}"


def _connected(entry: OverviewRow) -> str:
    found = entry.connected
    return f"{found.accounts} on {found.instances} of {counted(found.of, 'instance')}" if found else "-"


def _credentials(entry: OverviewRow) -> str:
    if entry.state is Standing.UNDECODABLE:
        return "not readable by the stack"
    if entry.missing or entry.unusable:
        missing = [f"missing {listed(entry.missing)}"] if entry.missing else []
        return "; ".join([*missing, *(f"{name} is {why}" for name, why in entry.unusable.items())])
    if not entry.kind.credentials(entry.effective):
        return "none"
    return str(entry.expiry) if entry.expiry and entry.expiry.near else "present"


def rows_values(entries: Sequence[OverviewRow], kind: Kind = ACCOUNT_TYPE, *, full: bool) -> dict[str, Json]:
    """``account_types``, or the folder of another kind: an object each.

    `full`: with both documents, in which a secret is ``{"secret": true}``.
    """
    return {kind.folder: [_values(entry, full=full) for entry in entries]}


def _values(entry: OverviewRow, *, full: bool) -> dict[str, Json]:
    found = row(entry, "id", *(["context"] if entry.kind.has_contexts else []))
    if entry.kind.is_client:
        found |= row(entry, "grant_mode")
    found["missing_credentials"] = [*dict.fromkeys([*entry.missing, *entry.unusable])]
    found |= row(entry, "owner", "state")
    found["conflicts"] = [losing.rev for losing in entry.conflicts]
    found |= row(entry, "unknown")
    if entry.kind.is_client:
        found |= row(entry, "client_secret_since=since")
        found["client_secret_expires"] = entry.expiry.end.isoformat() if entry.expiry else None
    if entry.connected:
        found["accounts"] = row(entry.connected, "accounts", "instances", "of")
    if full:
        for name, side in (("definition", entry.definition), ("live", entry.live)):
            found[name] = _open(side.document) if side else None
        found |= row(entry, "differing")
    return found


def _open(document: Document) -> dict[str, Json]:
    return {
        name: {"secret": True} if isinstance(value, Secret) else redacted(value) for name, value in document.items()
    }


def in_full(entries: Sequence[OverviewRow], paint: Paint = plain) -> str:
    """Each account type: one line per field, with the value in the definition and the live value.

    ``~`` stands beside a field that an apply would add or change.
    """
    return "\n\n".join(_in_full(entry, paint) for entry in entries)


def _in_full(entry: OverviewRow, paint: Paint) -> str:
    definition, live = (side.document if side else {} for side in (entry.definition, entry.live))
    rows = [
        ("~" if name in entry.differing else "", name, _cell(definition.get(name)), _cell(live.get(name)))
        for name in ordered({*entry.asked, *definition, *live})
    ]
    facts = [f"state: {entry.state}", f"owner: {_owner(entry)}", f"credentials: {_credentials(entry)}"]
    facts += [f"client_secret: live since {entry.since}"] if entry.since else []
    facts += [f"client_secret: until {entry.expiry.end}"] if entry.expiry else []
    facts += [f"connected accounts: {_connected(entry)}"] if entry.connected else []
    facts += [f"file: {entry.definition.path}"] if entry.definition else []
    facts += [f"conflict: {losing_revision(losing, live)}" for losing in entry.conflicts]
    facts += [f"without a value: {listed(entry.unknown)}"] if entry.unknown else []
    return f"{table(('', entry.id, 'DEFINITION', 'LIVE'), rows, paint)}\n\n{lines(facts)}"


def _cell(value: Json | Secret) -> str:
    return "-" if value is None else shown(value)


def _owner(entry: OverviewRow) -> str:
    """The owner of a live document, the time of its last write, and the commit."""
    match entry.live.ownership if entry.live else None:
        case None:
            return "-"
        case UnknownForm():
            return "in a form that this version does not support"
        case Ownership() as own:
            return f"{own.owner}, {own.at}" + (f", from commit {own.source}" if own.source else "")


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


def drift_text(look: Look, paint: Paint = plain) -> str:
    """One line per account type, then their number."""
    texts = [f"{paint(_EVENTS[each.kind][0], f'{each.kind:<9}')} {': '.join(_parts(each))}" for each in look.drift]
    return lines([*texts, drift_summary(look)])


def drift_summary(look: Look) -> str:
    """How much others changed."""
    if look.gone:
        return "the database does not exist: someone deleted it, or nothing was applied yet"
    return f"{counted(len(look.drift), look.noun)} changed by someone else"


def drift_markdown(look: Look) -> str:
    """The number, and a list."""
    if look.gone:
        return f"**Changed by someone else:** {drift_summary(look)}"
    items = [f"- {each.kind} {': '.join(map(code, _parts(each)))}" for each in look.drift]
    return "\n".join([f"**Changed by someone else:** {counted(len(items), look.noun)}", "", *items]).rstrip()


def drift_values(look: Look) -> dict[str, object]:
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
