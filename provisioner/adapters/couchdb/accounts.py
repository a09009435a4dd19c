"""Counts the connected accounts of instances; no value of an account is asked for but the name of its account type.

Each instance has a database ``<prefix>/io-cozy-accounts``; the key ``account_type`` of an account names the account
type that it was connected through (``model/account/accounts.go``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias
from urllib.parse import quote

from provisioner.adapters.couchdb.http import Connection
from provisioner.core.errors import AccessRefused, UnreadableAnswer
from provisioner.core.plan.overview import Connected

AT_A_TIME = 8
"""Instances that are asked at the same time."""

_END = "/io-cozy-accounts"
_PAGE = 1_000
"""Accounts in one answer."""

Tracked: TypeAlias = Callable[[Iterable[Counter[str]], int], Iterator[Counter[str]]]
"""Passes on the counts of so many instances as they come, and may show how far the run is."""


class InstanceAccounts:
    """The accounts of all instances on one server. Its methods raise `StoreError`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, ids: Sequence[str], tracked: Tracked) -> dict[str, Connected]:
        """The accounts that are connected through some account types, by their ids."""
        databases = self._databases()
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            counts = [*tracked(pool.map(lambda database: self._in(database, ids), databases), len(databases))]
        return {
            id: Connected(sum(each[id] for each in counts), sum(each[id] > 0 for each in counts), len(databases))
            for id in ids
        }

    def _databases(self) -> list[str]:
        """The databases of accounts, one an instance."""
        answer = self._connection.send("GET", "_all_dbs")
        if answer.status in (401, 403):
            what = f"{self._connection.url} does not let this user list its databases ({answer.status})"
            raise AccessRefused(what, "sign in as an admin of this CouchDB")
        if not isinstance(answer.body, list):
            raise self._unreadable(answer.status)
        return sorted(name for name in answer.body if isinstance(name, str) and name.endswith(_END))

    def _in(self, database: str, ids: Sequence[str]) -> Counter[str]:
        """How many accounts of an instance are connected through each account type."""
        path = f"{quote(database, safe='')}/_find"
        selector = {"account_type": {"$in": [*ids]}}
        query: dict[str, object] = {"selector": selector, "fields": ["account_type"], "limit": _PAGE}
        found: Counter[str] = Counter()
        while True:
            answer = self._connection.send("POST", path, query)
            docs = answer.body.get("docs") if isinstance(answer.body, dict) else None
            if answer.status == 404:  # the instance was deleted meanwhile
                return found
            if not isinstance(docs, list):
                raise self._unreadable(answer.status)
            found.update(str(doc.get("account_type")) for doc in docs if isinstance(doc, dict))
            if len(docs) < _PAGE:
                return found
            query["bookmark"] = answer.body.get("bookmark")

    def _unreadable(self, status: int) -> UnreadableAnswer:
        what = f"{self._connection.url} answers {status} with something other than a list"
        return UnreadableAnswer(what, "see the log of CouchDB, then try again")
