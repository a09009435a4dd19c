"""The answers of ``_all_docs`` page by page, so that memory does not grow with what CouchDB sends at once."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from provisioner.adapters.couchdb.http import Answer
from provisioner.core.errors import TooLarge

ROWS_A_PAGE = 5000
FEWEST_ROWS = 2
"""A page begins with the last document of the page before, because that one may be deleted meanwhile."""

MAX_BYTES = 512 * 1024 * 1024
"""Of all pages: a catalogue of 100,000 account types has some 100 MB."""


def pages(ask: Callable[[str], Answer]) -> Iterator[Answer]:
    """All pages; the next one is under way while a page is looked at.

    `ask` sends the request with more parameters, and raises `StoreError`. A page that is too large is asked for with
    fewer rows.
    """
    with ThreadPoolExecutor(1) as pool:
        (answer, rows), start, size = _page(ask, "", ROWS_A_PAGE), "", 0
        while (last := _last_id(answer, rows)) and last != start:
            following, start = pool.submit(_page, ask, last, min(ROWS_A_PAGE, 2 * rows)), last
            yield answer
            size += answer.size
            answer, rows = following.result()
            if size > MAX_BYTES:
                raise TooLarge(f"the database answers more than {MAX_BYTES // 2**20} MiB", "check what answers there")
        yield answer


def _page(ask: Callable[[str], Answer], start: str, rows: int) -> tuple[Answer, int]:
    """A page, and how many rows were asked for."""
    where = f"&startkey={quote(json.dumps(start))}" if start else ""
    while True:
        try:
            return ask(f"&limit={rows}{where}"), rows
        except TooLarge:
            if rows == FEWEST_ROWS:
                raise
            rows = max(FEWEST_ROWS, rows // 8)


def _last_id(answer: Answer, rows: int) -> str:
    """The id in the last row of a full page; empty if the page is not full, or not of this form."""
    found = answer.body.get("rows") if isinstance(answer.body, dict) else None
    last = found[-1] if isinstance(found, list) and len(found) == rows else None
    return str(last.get("id", "")) if isinstance(last, dict) else ""
