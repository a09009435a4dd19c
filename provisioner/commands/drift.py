"""Finds what others changed since an owner's last apply."""

from collections.abc import Iterable, Mapping

from provisioner.core.plan.drift import Drift, Expected
from provisioner.core.plan.store import Live, Snapshot, Store


def run(expected: Expected, store: Store) -> list[Drift]:
    """The drift of all documents. Raises `StoreError`."""
    return of_all(expected, store, store.read_all())


def of_all(expected: Expected, store: Store, snapshot: Snapshot) -> list[Drift]:
    """The drift of all documents, which were read. Raises `StoreError`."""
    return of_some(expected, store, snapshot.documents, sorted(expected.defined) if snapshot.ready else ())


def of_some(expected: Expected, store: Store, documents: Mapping[str, Live], ids: Iterable[str]) -> list[Drift]:
    """The drift of documents that were read by these ids. Raises `StoreError`."""
    missing = [id for id in ids if id not in documents and id in expected.defined]
    deleted = store.deleted(missing) if missing else {}
    return expected.drift(documents.values(), deleted)
