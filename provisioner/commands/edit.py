"""Brings what others changed in the database into the definition files."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from provisioner.commands.planning import Inputs
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS
from provisioner.core.definitions.content import Content, Reading
from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.editing import CannotEditError, with_values
from provisioner.core.definitions.variables import Expansion, Lookup, escaped
from provisioner.core.errors import ProvisionError
from provisioner.core.plan.drift import Drift, DriftKind, Look
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json, Secret, is_secret, same_json
from provisioner.core.targets.target import Target


class FileEdit(Struct, frozen=True):
    """The text of a definition file before and after; `left` are the fields that are not accepted: credentials."""

    path: str
    before: str
    after: str
    left: tuple[str, ...]


_NOT_ACCEPTED: Mapping[DriftKind, tuple[str, str]] = {
    DriftKind.DELETED: ("someone deleted it", "delete its definition, or run provision apply to write it again"),
    DriftKind.NEW: ("no definition mentions it", "run provision import to write one"),
    DriftKind.FOREIGN: ("another owner owns it", "agree with the other owner who keeps it"),
    DriftKind.BROKEN: ("its key provision cannot be read", "see who wrote it"),
    DriftKind.GONE: ("the database does not exist", "run provision apply to create it"),
}


def edits_of(
    look: Look, inputs: Inputs, target: Target, text_of: Callable[[str], str], read: Callable[[str], Reading]
) -> tuple[list[FileEdit], list[ProvisionError]]:
    """The edits that bring what a look found into the files, and why there are none for some account types."""
    sources = {source.document_id: source for source in inputs.sources()}
    lookup = inputs.lookup(target)
    live = inputs.store(target).read([each.id for each in look.drift if each.id is not None]).documents
    edits: list[FileEdit] = []
    failed: list[ProvisionError] = []
    for each in look.drift:
        try:
            id = each.id or ""
            edits.append(_edit_of(each, sources.get(id), live.get(id), lookup, text_of, read))
        except ProvisionError as error:
            failed.append(error)
    return [edit for edit in edits if edit.before != edit.after or edit.left], failed


def _edit_of(
    drift: Drift,
    source: Source | None,
    live: Live | None,
    lookup: Lookup,
    text_of: Callable[[str], str],
    read: Callable[[str], Reading],
) -> FileEdit:
    """The edit that brings one account type into its file. Raises `ProvisionError` if there can be none."""
    if drift.kind in _NOT_ACCEPTED:
        what, next = _NOT_ACCEPTED[drift.kind]
        raise ProvisionError(f"{drift.id or 'it'} cannot be accepted: {what}", next)
    if source is None or source.content is None or live is None:
        raise ProvisionError(f"{drift.id} has no definition that can be edited", "run provision import to write one")
    changed = drift.fields if drift.kind is DriftKind.EDITED else {*source.fields, *live.document} - {"_id"}
    fields = [name for name in FIELDS if name in changed]
    left = tuple(name for name in fields if name in CREDENTIAL_FIELDS or isinstance(live.document.get(name), Secret))
    values = dict(_values(source.content, live, [name for name in fields if name not in left], lookup))
    before = text_of(source.path)
    try:
        if source.path.lower().endswith(".json"):
            merged = {**source.fields, **values}.items()
            kept = {key: value for key, value in merged if value is not None or key not in values}
            after = json.dumps(kept, indent=2, ensure_ascii=False) + "\n"
        else:
            after = with_values(before, read, values)
    except CannotEditError:
        what = f"{source.path} cannot be edited: its form is unusual"
        raise ProvisionError(what, "run provision fmt, or write the fields by hand") from None
    return FileEdit(source.path, before, after, left)


def _values(content: Content, live: Live, fields: Sequence[str], lookup: Lookup) -> Iterator[tuple[str, Json]]:
    """The new values of some fields as they are to stand in the file: what has not changed keeps its variables."""
    expansion = Expansion(lookup)
    expanded = expansion.definition(content)
    for name in fields:
        written, now = content.values.get(name), live.document.get(name)
        if expanded.has_gap((name,)):
            raise ProvisionError(f"a variable in {name} of {live.id} has no value", "set it with --set NAME=VALUE")
        value = _merged(written, expanded.values.get(name), None if isinstance(now, Secret) else now)
        if name not in content.values or not same_json(written, value):
            yield name, value


def _merged(written: Json, meant: Json, now: Json) -> Json:
    if same_json(meant, now):
        return written
    if not isinstance(now, dict):
        return escaped(now)
    old = written if isinstance(written, dict) else {}
    known = meant if isinstance(meant, dict) else {}
    secret = {key: item for key, item in old.items() if is_secret(key, item)}
    public = {key: _merged(old.get(key), known.get(key), item) for key, item in now.items() if not is_secret(key, item)}
    return {**{key: None for key in old if key in public or key in secret}, **public, **secret}
