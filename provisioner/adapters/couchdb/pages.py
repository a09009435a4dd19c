"""The answers of ``_all_docs`` page by page, so that memory does not grow with what CouchDB sends at once."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from provisioner.adapters.couchdb.http import Answer

ROWS_A_PAGE = 5000


def pages(ask: Callable[[str], Answer]) -> Iterator[Answer]:
    """All pages; the next one is under way while a page is looked at.

    `ask` sends the request with more parameters, and raises `StoreError`. A page begins with the last document of the
    page before, because that one may be deleted meanwhile.
    """
    limit = f"&limit={ROWS_A_PAGE}"
    with ThreadPoolExecutor(1) as pool:
        answer, start = ask(limit), ""
        while (last := _last_id(answer)) and last != start:
            following, start = pool.submit(ask, f"{limit}&startkey={quote(json.dumps(last))}"), last
            yield answer
            answer = following.result()
        yield answer


def _last_id(answer: Answer) -> str:
    """The id in the last row of a full page; empty if the page is not full, or not of this form."""
    rows = answer.body.get("rows") if isinstance(answer.body, dict) else None
    last = rows[-1] if isinstance(rows, list) and len(rows) == ROWS_A_PAGE else None
    return str(last.get("id", "")) if isinstance(last, dict) else ""
