"""Reads and writes what the owners of account types recorded."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.core.errors import StoreError
from provisioner.core.plan.ownership import (
    INDEX,
    VERSION,
    Ownership,
    Record,
    local_name,
    local_of,
    owners_of,
    record_of,
)
from provisioner.core.plan.store import Local, Store

if TYPE_CHECKING:
    from provisioner.core.secret import Json


def read(store: Store, owner: str, new_key: str) -> Ownership:
    """Read our record and those of the other owners; `new_key` (hex) is for a record that does not exist yet."""
    index = store.read_local(INDEX)
    others = [name for name in owners_of(index) if name != owner]
    own = record_of(owner, store.read_local(local_name(owner)), new_key)
    records = (record_of(name, store.read_local(local_name(name)), new_key) for name in others)
    return Ownership(own, tuple(records), index.rev if index else None, listed=owner in owners_of(index))


def write(store: Store, before: Ownership, after: Record, adopted: Iterable[str] = ()) -> None:
    """Write our record where it changed, once; what we adopted leaves the records of its former owners.

    Raises `StoreError`: the documents are written then, and the next apply takes over what it finds equal.
    """
    try:
        _write(store, before, after, frozenset(adopted))
    except StoreError as error:
        what = f"the documents are written, but not the record of what {after.owner} owns: {error}"
        raise StoreError(what, "apply again: it takes over what it finds equal") from error


def _write(store: Store, before: Ownership, after: Record, adopted: frozenset[str]) -> None:
    if after.account_types and not before.listed:
        names: list[Json] = [*before.owners]
        store.write_local(Local(INDEX, before.index_rev, {"version": VERSION, "owners": names}))
    if after.account_types != before.own.account_types:
        store.write_local(local_of(after))
    for record in before.others:
        kept = {id: owned for id, owned in record.account_types.items() if id not in adopted}
        if len(kept) < len(record.account_types):
            store.write_local(local_of(replace(record, account_types=kept)))
