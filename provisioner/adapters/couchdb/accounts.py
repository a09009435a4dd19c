"""Counts the connected accounts of instances; no value of an account is asked for.

Each instance has a database ``<prefix>/io-cozy-accounts``; the key ``account_type`` of an account names the account
type that it was connected through (``model/account/accounts.go``).
"""

from urllib.parse import quote

from provisioner.adapters.couchdb.http import Connection
from provisioner.core.errors import AccessRefused, UnreadableAnswer

_END = "/io-cozy-accounts"
_PAGE = 1_000
"""Accounts in one answer."""


class InstanceAccounts:
    """The accounts of all instances on one server. Its methods raise `StoreError`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def databases(self) -> list[str]:
        """The databases of accounts, one an instance."""
        answer = self._connection.send("GET", "_all_dbs")
        if answer.status in (401, 403):
            what = f"{self._connection.url} does not let this user list its databases ({answer.status})"
            raise AccessRefused(what, "sign in as an admin of this CouchDB")
        if not isinstance(answer.body, list):
            raise self._unreadable(answer.status)
        return sorted(name for name in answer.body if isinstance(name, str) and name.endswith(_END))

    def count(self, database: str, account_type: str) -> int:
        """How many accounts of an instance are connected through an account type."""
        path = f"{quote(database, safe='')}/_find"
        query: dict[str, object] = {"selector": {"account_type": account_type}, "fields": ["_id"], "limit": _PAGE}
        total = 0
        while True:
            answer = self._connection.send("POST", path, query)
            docs = answer.body.get("docs") if isinstance(answer.body, dict) else None
            if answer.status == 404:  # the instance was deleted meanwhile
                return total
            if not isinstance(docs, list):
                raise self._unreadable(answer.status)
            total += len(docs)
            if len(docs) < _PAGE:
                return total
            query["bookmark"] = answer.body.get("bookmark")

    def _unreadable(self, status: int) -> UnreadableAnswer:
        what = f"{self._connection.url} answers {status} with something other than a list"
        return UnreadableAnswer(what, "see the log of CouchDB, then try again")
