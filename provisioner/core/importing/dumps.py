"""JSON that holds documents: one, lists and listings of them, and what programs that save databases write."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from provisioner.core import outside_json
from provisioner.core.definitions.account_type import field_of
from provisioner.core.secret import Json

_DECISIVE = frozenset({"grant_mode", "auth_endpoint", "fcm_credentials"})
"""Fields that nothing else has."""


class Unreadable(Exception):
    """A text from which no document can be taken; says why, and on which line and in which column, if it is known."""

    def __init__(self, why: str, line: int = 0, column: int = 0) -> None:
        super().__init__(why)
        self.line = line
        self.column = column


Fields: TypeAlias = Mapping[str, Json]
"""A document as somebody wrote it."""


def id_of(fields: Fields) -> str:
    """The id that a document states; empty if its place must say it."""
    id = fields.get("_id")
    return id if isinstance(id, str) else ""


def is_account_type(fields: Mapping[str, object]) -> bool:
    """Whether a document can be an account type: it has a field that nothing else has."""
    names = {field_of(name) for name in fields}
    return not _DECISIVE.isdisjoint(names) or {"slug", "secret"} <= names


def read_value(text: str) -> Any:
    """The value of a JSON text. Raises `Unreadable`."""
    try:
        return outside_json.read_json(text.encode(errors="surrogatepass"))
    except json.JSONDecodeError as error:
        position, why = outside_json.why_no_json(text, error.pos)
        line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
        raise Unreadable(f"it is not JSON: {why}", line, column) from None
    except outside_json.TooDeep as error:
        raise Unreadable(f"it is nested too deep: {str(error).removeprefix('nested ')}") from None
    except outside_json.TooMany as error:
        raise Unreadable(f"it contains {error}") from None
    except ValueError:
        raise Unreadable("it contains a number that JSON does not have, or one with too many digits") from None


def documents_of(content: Any) -> Iterator[Fields]:
    """The documents in a JSON value. Raises `Unreadable` for what is known to be something else."""
    match content:
        case {"results": [{"docs": list()}, *_] as results}:  # an answer of _bulk_get
            yield from (each["ok"] for row in results for each in row["docs"] if "ok" in each)
        case {"results": list(), "last_seq": _}:
            raise Unreadable(f"it is an answer of _changes; {_ASK}")
        case {"rows": list(rows)} | {"docs": list(rows)} | list(rows):
            for row in rows:
                yield from _of_row(row)
        case {"oauth": dict(fields)} if is_account_type(fields):  # konnector-dev-config.json
            yield fields
        case {"doc": dict() | None} | {"key": str(), "value": {"rev": str()}}:
            yield from _of_row(content)
        case dict():
            yield content
        case _:
            raise Unreadable("its JSON is not a document")


_ASK = "ask for _all_docs?include_docs=true"


def _of_row(row: Any) -> Iterator[Fields]:
    match row:
        case {"doc": {"_id": str()} as document}:
            yield document
        case {"error": str()} | {"value": {"deleted": True}}:
            return
        case {"key": _, "value": {"rev": str()}}:
            raise Unreadable(f"it lists ids without their documents; {_ASK}")
        case {"_id": str()}:
            yield row
        case {"value": {"_id": str()} as document}:  # a view that emits the documents
            yield document
        case _:
            raise Unreadable(f"it lists something without _id; {_ASK}")


_NEXT = re.compile(r"\n(?=[\[{])")
"""Where one value after another begins: on a line of its own, as jq and couchbackup write them."""


def is_lines(text: str) -> bool:
    """Whether a text is JSON value by value: there are several, and one of the first two is whole."""
    found = _NEXT.split(text.strip(), maxsplit=2) if text.lstrip()[:1] in ("{", "[") else []
    for value in found[:2] if len(found) > 1 else ():
        with suppress(Unreadable):
            read_value(value)
            return True
    return False


def documents_in_lines(text: str) -> Iterator[tuple[int, Fields | Unreadable]]:
    """The documents in each value of a text, with its line: a document, a row, or a list of them (couchbackup)."""
    number = 1
    for part in _NEXT.split(text):
        line, number = number, number + part.count("\n") + 1
        if not part.strip():
            continue
        try:
            content = read_value(part)
            if not _is_header(content):
                yield from ((line, each) for each in documents_of(content))
        except Unreadable as error:
            yield line + max(error.line, 1) - 1, error


def _is_header(content: Any) -> bool:
    """What couchbackup and pouchdb-dump write before and between the documents."""
    names = content.keys() if isinstance(content, dict) else {}
    return "db_info" in names or names == {"seq"} or ("name" in names and "mode" in names and "version" in names)
