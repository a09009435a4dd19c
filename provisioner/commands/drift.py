"""Looks at what others changed since an owner's last apply."""

from provisioner.core.plan.drift import UNSEEN, Expected, Look
from provisioner.core.plan.store import Snapshot, Store


def run(expected: Expected, store: Store, before: Look = UNSEEN) -> Look:
    """Look at a database; `before` is what the last look found. Raises `StoreError`."""
    return look(expected, store, store.read_all(), before)


def look(expected: Expected, store: Store, snapshot: Snapshot, before: Look = UNSEEN) -> Look:
    """The same, of documents that were read. Raises `StoreError`."""
    absent = [] if snapshot.missing else expected.absent(snapshot, before)
    return expected.look(snapshot, store.deleted(absent) if absent else {}, before)
