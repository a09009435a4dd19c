"""Finds what others changed since an owner's last apply."""

from collections.abc import Collection

from provisioner.core.plan.drift import Drift, Expected
from provisioner.core.plan.store import Live, Store


def run(expected: Expected, store: Store) -> list[Drift]:
    """The drift of all documents. Raises `StoreError`."""
    return look(expected, store)[1]


def look(expected: Expected, store: Store) -> tuple[Collection[Live], list[Drift]]:
    """All documents, and their drift. Raises `StoreError`."""
    snapshot = store.read_all()
    documents = snapshot.documents
    missing = [id for id in sorted(expected.defined) if id not in documents]
    deleted = store.deleted(missing) if missing and snapshot.ready else {}
    return documents.values(), expected.drift(documents.values(), deleted)
