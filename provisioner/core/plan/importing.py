"""Finds documents of account types in what people have kept of them: JSON, listings, and scripts with ``curl``."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from provisioner.core.definitions.account_type import conceal
from provisioner.core.plan.ownership import KEY
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json

ReadFile = Callable[[str], str]
"""The text of a file that a script names with ``-d @FILE``. Raises `OSError`."""

_DATA = ("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json")
_METHOD = ("-X", "--request")
_OTHERS = ("-H", "--header", "-u", "--user", "-o", "--output", "-A", "--user-agent", "-b", "-c", "--cacert", "-m")
"""Options of curl whose value is a word of its own, and could be taken for the URL."""

_BETWEEN = ";|&\n"
"""What separates the commands of a script."""

_VARIABLE = re.compile(r"\$[A-Za-z_{(]")


class Unreadable(Exception):
    """A text from which no document can be taken; says why."""


@dataclass(frozen=True, slots=True)
class _Put:
    """A document that a script writes, and the URL that it is written to."""

    url: str
    body: str


def documents_in(text: str, name: str, read: ReadFile) -> list[Live]:
    """The documents in a text, without those of a design. Raises `Unreadable`.

    JSON is a document (its id is ``_id``, else the file's `name`), a list of documents, or the answer to ``_all_docs``
    with ``include_docs=true``. Any other text is a shell script: each ``curl`` that puts JSON is a document, whose id
    is the last part of the URL. Nothing of a script is run.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise Unreadable("its JSON is nested too deep") from None
    except ValueError:
        found = [document for put in _puts(text) for document in _of_put(put, read)]
        if not found:
            raise Unreadable("it is neither JSON nor a script with curl -X PUT … -d '{…}'") from None
    else:
        found = [*_of_json(content, name)]
    return [_live(id, document) for id, document in found if not id.startswith("_design/")]


def _of_json(content: Any, name: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    match content:
        case {"rows": list(rows)} | {"docs": list(rows)}:
            yield from (pair for row in rows for pair in _of_row(row))
        case list():
            yield from (pair for row in content for pair in _of_row(row))
        case {"_id": str(id)}:
            yield id, content
        case dict():
            yield name, content
        case _:
            raise Unreadable("its JSON is not a document")


def _of_row(row: Any) -> Iterator[tuple[str, Mapping[str, Json]]]:
    document = row.get("doc", row) if isinstance(row, dict) else row
    match document:
        case {"_id": str(id)}:
            yield id, document
        case _:
            raise Unreadable("it lists something without _id; ask for _all_docs?include_docs=true")


def _puts(script: str) -> Iterator[_Put]:
    """The requests of a script, command by command."""
    lines = [line for line in script.replace("\\\n", " ").split("\n") if not line.lstrip().startswith("#")]
    lexer = shlex.shlex("\n".join(lines), posix=True, punctuation_chars=_BETWEEN)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    command: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(_BETWEEN):
                yield from _of_command(command)
                command = []
            else:
                command.append(word)
    except ValueError as error:
        raise Unreadable(f"it is not a shell script: {error}") from None
    yield from _of_command(command)


def _of_command(words: list[str]) -> Iterator[_Put]:
    if not words or words[0].rpartition("/")[2] != "curl":
        return
    method, url, body = "", "", None
    rest = iter(words[1:])
    for word in rest:
        option, equals, value = word.partition("=")
        if option in _METHOD:
            method = value if equals else next(rest, "")
        elif option in _DATA:
            body = value if equals else next(rest, "")
        elif word.startswith("-X"):
            method = word[2:]
        elif word in _OTHERS:
            next(rest, "")
        elif not word.startswith("-") and ("/" in word):
            url = word
    if method.upper() == "PUT" and body is not None and url:
        yield _Put(url, body)


def _of_put(put: _Put, read: ReadFile) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The document of a request; one to a database itself, or to ``_security``, is none."""
    parts = [unquote(part) for part in urlsplit(put.url if "//" in put.url else f"//{put.url}").path.split("/") if part]
    if len(parts) < 2 or parts[-1].startswith("_"):
        return
    if _VARIABLE.search(put.body) or _VARIABLE.search(parts[-1]):
        raise Unreadable(f"it uses shell variables for {parts[-1]}: write their values in their place")
    try:
        text = read(put.body[1:]) if put.body.startswith("@") else put.body
        content = json.loads(text)
    except OSError as error:
        raise Unreadable(f"it takes {put.body[1:]}, which cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Unreadable(f"the data for {parts[-1]} is not JSON") from None
    if isinstance(content, dict):
        yield parts[-1], content


def _live(id: str, document: Mapping[str, Json]) -> Live:
    fields = {name: value for name, value in document.items() if not name.startswith("_") and name != KEY}
    return Live(id, str(document.get("_rev", "")), conceal(fields))
