"""How many connected accounts depend on an account type: counts only."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from provisioner.core.plan.impact import Impact

AT_A_TIME = 8
"""Instances that are asked at the same time."""


class Accounts(Protocol):
    """The accounts of all instances. Its methods raise `StoreError`."""

    def databases(self) -> Sequence[str]:
        """The databases of accounts, one an instance."""
        ...

    def count(self, database: str, account_type: str) -> int:
        """How many accounts of an instance are connected through an account type."""
        ...


Tracked = Callable[[Iterable[int], int], Iterator[int]]
"""Passes on the counts of so many instances as they come, and may show how far the run is."""


def run(id: str, accounts: Accounts, tracked: Tracked) -> Impact:
    """Count the accounts of all instances. Raises `StoreError`."""
    databases = accounts.databases()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        counts = [*tracked(pool.map(lambda database: accounts.count(database, id), databases), len(databases))]
    return Impact(id, sum(counts), sum(count > 0 for count in counts), len(databases))
