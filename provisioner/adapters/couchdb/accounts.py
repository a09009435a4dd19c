"""Counts the connected accounts of instances; no value of an account is asked for but the name of its account type.

Each instance has a database ``<prefix>/io-cozy-accounts``, on the server of account types or on one of the clusters.
The key ``account_type`` of an account names the account type that it was connected through
(``model/account/accounts.go``). At each refresh the stack looks for an override of that for the context of the instance
first (``TypeInfo``), so an account is served by an override that came later.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias
from urllib.parse import quote

from provisioner.adapters.couchdb.connection import Connection
from provisioner.core.definitions.account_type import context_of, global_id
from provisioner.core.errors import AccessRefused, StoreError
from provisioner.core.plan.live import Connected

AT_A_TIME = 8
"""Instances that are asked at the same time."""

_INSTANCES = "global/instances"
_END = "/io-cozy-accounts"
_PAGE = 1_000
"""Accounts, or instances, in one answer."""

Tracked: TypeAlias = Callable[[Iterable[Counter[str]], int], Iterator[Counter[str]]]
"""Passes on the counts of so many instances as they come, and may show how far the run is."""


def count_accounts(
    servers: Sequence[Connection], ids: Sequence[str], live: Collection[str], tracked: Tracked
) -> dict[str, Connected]:
    """The accounts of all instances that some account types serve, by their ids; `live` are the ids of all documents.

    The first of the servers has the account types, and all of them may have instances. Raises `StoreError`.
    """
    databases = [(server, name) for server in servers for name in _databases(server)]
    contexts = _contexts(servers[0]) if any(context_of(id) is not None for id in live) else {}
    query = {"account_type": {"$in": sorted({*ids, *map(global_id, ids)})}}

    def count_in(place: tuple[Connection, str]) -> Counter[str]:
        context = contexts.get(place[1])
        served: Counter[str] = Counter()
        for account in _found(*place, query, ["account_type"]):
            name = str(account.get("account_type"))
            override = f"{context}/{name}"
            served[override if context is not None and override in live else name] += 1
        return served

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        counts = [*tracked(pool.map(count_in, databases), len(databases))]
    return {
        id: Connected(sum(each[id] for each in counts), sum(each[id] > 0 for each in counts), len(databases))
        for id in ids
    }


def _contexts(server: Connection) -> dict[str, str]:
    """The context of each instance, empty for none, by its database of accounts; names have hyphens for . and :."""
    found = _found(server, _INSTANCES, {"_id": {"$gt": None}}, ["domain", "prefix", "context"])
    names = ((str(each.get("prefix") or each.get("domain")), str(each.get("context") or "")) for each in found)
    return {f"{re.sub('[.:]', '-', name).lower()}{_END}": context for name, context in names}


def _databases(server: Connection) -> list[str]:
    """The databases of accounts on a server, one an instance."""
    answer = server.send("GET", "_all_dbs")
    if answer.status in (401, 403):
        what = f"{server.url} does not let this user list its databases ({answer.status})"
        raise AccessRefused(what, "sign in as an admin of this CouchDB")
    if not isinstance(answer.body, list):
        raise _unreadable(server, answer.status)
    return sorted(name for name in answer.body if isinstance(name, str) and name.endswith(_END))


def _found(
    server: Connection, database: str, selector: Mapping[str, object], fields: list[str]
) -> Iterator[dict[str, object]]:
    """Some fields of all documents that a selector finds; none if there is no such database."""
    query: dict[str, object] = {"selector": selector, "fields": fields, "limit": _PAGE}
    while True:
        answer = server.send("POST", f"{quote(database, safe='')}/_find", query)
        docs = answer.body.get("docs") if isinstance(answer.body, dict) else None
        if answer.status == 404:  # such as an instance that was deleted meanwhile
            return
        if not isinstance(docs, list):
            raise _unreadable(server, answer.status)
        yield from (doc for doc in docs if isinstance(doc, dict))
        if len(docs) < _PAGE:
            return
        query["bookmark"] = answer.body.get("bookmark")


def _unreadable(server: Connection, status: int) -> StoreError:
    what = f"{server.url} answers {status} with something other than a list"
    return StoreError(what, "see CouchDB's log, then try again")
