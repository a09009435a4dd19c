"""The shipped catalogue as a list; the catalogue of a team and the live documents side by side."""

from collections.abc import Callable, Sequence

from provisioner.core.definitions.account_type import FIELDS, Document
from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE
from provisioner.core.plan.changes import losing_revision, losing_text
from provisioner.core.plan.overview import AccountTypeRow, Standing
from provisioner.core.plan.ownership import Ownership, UnknownForm
from provisioner.core.secret import Json, Secret, redacted
from provisioner.core.text import counted, listed, shown
from provisioner.render.formats import row
from provisioner.render.layout import Paint, lines, plain, table


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


def brief(entries: Sequence[AccountTypeRow], paint: Paint = plain, kind: Kind = ACCOUNT_TYPE) -> str:
    """One line per account type, then their number."""
    cells: dict[str, Callable[[AccountTypeRow], str]] = {
        "ID": lambda entry: entry.id,
        **({"CONTEXT": lambda entry: entry.context or "-"} if kind.has_contexts else {}),
        **({"GRANT MODE": lambda entry: entry.grant_mode or "-"} if kind.is_client else {}),
        "CREDENTIALS": _credentials,
        "OWNER": lambda entry: entry.owner or "-",
        "STATE": _state,
        **({"ACCOUNTS": _connected} if any(entry.connected for entry in entries) else {}),
    }
    rows = [tuple(cell(entry) for cell in cells.values()) for entry in entries]
    return f"{table(tuple(cells), rows, paint)}\n{counted(len(entries), kind.noun)}"


def _state(entry: AccountTypeRow) -> str:
    return f"{entry.state}, in conflict" if entry.conflicts else entry.state


def _connected(entry: AccountTypeRow) -> str:
    found = entry.connected
    return "-" if found is None else f"{found.accounts} on {found.instances} of {counted(found.of, 'instance')}"


def _credentials(entry: AccountTypeRow) -> str:
    if entry.state is Standing.UNDECODABLE:
        return "not readable by the stack"
    if entry.missing or entry.unusable:
        missing = [f"missing {listed(entry.missing)}"] if entry.missing else []
        return "; ".join([*missing, *(f"{name} is {why}" for name, why in entry.unusable.items())])
    if not entry.kind.credentials(entry.effective):
        return "none"
    return str(entry.expiry) if entry.expiry and entry.expiry.near else "present"


def _age(entry: AccountTypeRow) -> list[str]:
    """What is known of the life of the client secret."""
    known = [f"client_secret: live since {entry.since}"] if entry.since else []
    return [*known, *([f"client_secret: until {entry.expiry.end}"] if entry.expiry else [])]


def values(entries: Sequence[AccountTypeRow], kind: Kind = ACCOUNT_TYPE, *, full: bool) -> dict[str, Json]:
    """``account_types``, or the folder of another kind: an object each.

    `full`: with both documents, in which a secret is ``{"secret": true}``.
    """
    return {kind.folder: [{**_values(entry), **(_documents(entry) if full else {})} for entry in entries]}


def _values(entry: AccountTypeRow) -> dict[str, Json]:
    counts = {} if entry.connected is None else {"accounts": row(entry.connected, "accounts", "instances", "of")}
    of_client = {
        **row(entry, "client_secret_since=since"),
        "client_secret_expires": entry.expiry.end.isoformat() if entry.expiry else None,
    }
    return {
        **row(entry, "id"),
        **(row(entry, "context") if entry.kind.has_contexts else {}),
        **(row(entry, "grant_mode") if entry.kind.is_client else {}),
        "missing_credentials": [*entry.missing, *(name for name in entry.unusable if name not in entry.missing)],
        **row(entry, "owner", "state"),
        "conflicts": [losing.rev for losing in entry.conflicts],
        **row(entry, "unknown"),
        **(of_client if entry.kind.is_client else {}),
        **counts,
    }


def in_full(entries: Sequence[AccountTypeRow], paint: Paint = plain) -> str:
    """Each account type: one line per field, with the value in the definition and the live value."""
    return "\n\n".join(_in_full(entry, paint) for entry in entries)


def _in_full(entry: AccountTypeRow, paint: Paint) -> str:
    definition, live = _sides(entry)
    rows = [
        (_mark(entry, name), name, _cell(definition.get(name)), _cell(live.get(name)))
        for name in _names(entry, definition, live)
    ]
    facts = [f"state: {entry.state}", f"owner: {_owner(entry)}", f"credentials: {_credentials(entry)}"]
    facts += _age(entry)
    if entry.connected:
        facts.append(f"connected accounts: {_connected(entry)}")
    if entry.definition:
        facts.append(f"file: {entry.definition.path}")
    facts += [f"conflict: {losing_text(losing_revision(losing, live))}" for losing in entry.conflicts]
    if entry.unknown:
        facts.append(f"without a value: {listed(entry.unknown)}")
    return f"{table(('', entry.id, 'DEFINITION', 'LIVE'), rows, paint)}\n\n{lines(facts)}"


def _mark(entry: AccountTypeRow, name: str) -> str:
    """``~`` beside a field that an apply would add or change."""
    return "~" if name in entry.differing else ""


def _owner(entry: AccountTypeRow) -> str:
    """The owner of a live document, the time of its last write, and the commit."""
    own = entry.live.ownership if entry.live else None
    match own:
        case None:
            return "-"
        case UnknownForm():
            return "in a form that this version does not support"
        case Ownership():
            return f"{own.owner}, {own.at}" + (f", from commit {own.source}" if own.source else "")


def _documents(entry: AccountTypeRow) -> dict[str, Json]:
    definition, live = _sides(entry)
    return {
        "definition": _open(definition) if entry.definition else None,
        "live": _open(live) if entry.live else None,
        "differing": [*entry.differing],
    }


def _sides(entry: AccountTypeRow) -> tuple[Document, Document]:
    return entry.definition.document if entry.definition else {}, entry.live.document if entry.live else {}


def _names(entry: AccountTypeRow, definition: Document, live: Document) -> list[str]:
    present = definition.keys() | live.keys() | set(entry.asked)
    return [*(name for name in FIELDS if name in present), *sorted(present - set(FIELDS))]


def _cell(value: Json | Secret) -> str:
    return "-" if value is None else shown(value)


def _open(document: Document) -> dict[str, Json]:
    return {
        name: {"secret": True} if isinstance(value, Secret) else redacted(value) for name, value in document.items()
    }
