"""Documents of account types in what people have kept of them: JSON, dumps, scripts, and Markdown that shows them."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from provisioner.core import outside_json
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS, field_of
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind, kind_in
from provisioner.core.definitions.variables import escaped
from provisioner.core.importing.requests import ScriptRequest, requests_of
from provisioner.core.importing.script import CLOSE, OPEN, ReadFile, Script, ShellExpansion, Text, clean
from provisioner.core.oauth.konnector import CONFIG
from provisioner.core.plan.ownership import KEY
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json
from provisioner.core.text import listed

_FENCE = re.compile(r"^[ \t>]*+(`{3,}|~{3,})([^`\n]*)", re.MULTILINE)
_QUOTE = re.compile(r"^\s*>\s?")
_PROMPT = re.compile(r"^[$>] ", re.MULTILINE)
_PROMPTED = re.compile(r"^\$ ", re.MULTILINE)
_STRING_OR_MARK = re.compile(f'"(?:[^"\\\\]++|\\\\.)*+"|({OPEN}[0-9]+{CLOSE})', re.DOTALL)
_CALLBACK = re.compile(r"/accounts/([^/?#]+)/redirect")
_MAX_LENIENT = 64 * 1024
"""Characters: json5 takes its time."""

_ASK = "ask for _all_docs?include_docs=true"
_NOTHING = "it is neither JSON nor a script with curl -X PUT … -d '{…}'"
NO_ACCOUNT_TYPE = "is not an account type: it has neither grant_mode, auth_endpoint nor fcm_credentials"

_NEXT = re.compile(r"\n(?=[\[{])")
"""Where one value after another begins: on a line of its own, as jq and couchbackup write them."""

_DECISIVE = frozenset({"grant_mode", "auth_endpoint", "fcm_credentials"})
"""Fields that nothing else has."""


class Unreadable(Exception):
    """A text from which no document can be taken; says why, and on which line and in which column, if it is known."""

    def __init__(self, why: str, line: int = 0, column: int = 0) -> None:
        super().__init__(why)
        self.line, self.column = line, column


def id_of(fields: Mapping[str, Json]) -> str:
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


def _documents_of(content: Any) -> Iterator[Mapping[str, Json]]:
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


def _of_row(row: Any) -> Iterator[Mapping[str, Json]]:
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


class FoundDocuments(Struct):
    """What a text holds: the documents, with the notes on them; and what could not be taken.

    The texts of the documents are those of a definition: their dollars are doubled, and variables are ``${name}``.
    """

    documents: dict[str, Live] = {}
    notes: list[str] = []
    troubles: list[Unreadable] = []
    lines: dict[str, int] = {}
    kind: Kind = ACCOUNT_TYPE

    def trouble(self, message: str, line: int = 0, column: int = 0) -> None:
        """Note what cannot be taken."""
        self.troubles.append(Unreadable(message, line, column))

    def add(self, fields: Mapping[str, Json], id: str | None, line: int = 0) -> None:
        """Take a document that no shell has seen."""
        if not id:
            self.trouble("this document has no id: add _id", line)
            return
        written = {name: _as_written(name, value, self.kind) for name, value in fields.items()}
        self.take(id, written, line, self.kind)

    def take(self, id: str, fields: Mapping[str, Json], line: int, kind: Kind) -> None:
        """Take a document, if it can be one of its kind."""
        if id.startswith("_") or fields.get("_deleted") is True:
            return
        if kind.states_fields and not is_account_type(fields):
            self.trouble(f"{id} {NO_ACCOUNT_TYPE}", line)
            return
        kept = {name: value for name, value in fields.items() if not name.startswith("_") and name != KEY}
        live = Live(id, str(fields.get("_rev", "")), kind.conceal(kept), kind=kind)
        if self.documents.setdefault(id, live).document == live.document:
            self.lines.setdefault(id, line)
        else:
            before_it = f"is on line {self.lines[id]} too" if self.lines[id] else "is there twice"
            self.trouble(f"{id} {before_it}, with different content: only the first is used", line)


def documents_in(text: str, name: str, read: ReadFile, kind: Kind = ACCOUNT_TYPE) -> FoundDocuments:
    """The documents in a text, which a file of this name holds. Raises `Unreadable` if there is nothing to take.

    JSON is a document (its id is ``_id``, else the file's name), a list or a listing of documents, or one of these a
    line. In Markdown each fenced block is JSON or a script. Any other text is a script. `kind`: what the documents are
    if no database says it.
    """
    text, found = clean(text), FoundDocuments(kind=kind)
    try:
        content = read_value(text)
    except Unreadable as error:
        is_json = text.lstrip()[:1] in ("{", "[")
        if (content := _config(text, name)) is None:
            if is_json and _take_lines(text, found):
                return found
            blocks = [*_blocks(text)] if name.endswith((".md", ".markdown")) or _FENCE.search(text) else []
            for line, block in blocks:
                _take_block(block, line, found, read)
            if not blocks:
                _take_script(text, 1, found, read)
            if not found.documents and not found.troubles:
                raise error if is_json else Unreadable(_NOTHING) from None
            return found
    for each in _documents_of(content):
        usual = PurePosixPath(name).stem if each is content else _said(each) or _of_manifest(read)
        found.add(each, id_of(each) or usual)
    if not found.documents and not found.troubles:
        raise Unreadable("it contains no document of an account type")
    return found


def _take_lines(text: str, found: FoundDocuments) -> bool:
    """Take what a text holds value by value: documents, rows, or lists of them; false if it is no such text.

    It is one if there are several values, and one of the first two is whole.
    """
    values: list[tuple[int, Any]] = []
    number = 1
    for part in _NEXT.split(text):
        line, number = number, number + part.count("\n") + 1
        if part.strip():
            try:
                values.append((line, read_value(part)))
            except Unreadable as error:
                values.append((line + max(error.line, 1) - 1, error))
    if len(values) < 2 or all(isinstance(value, Unreadable) for _, value in values[:2]):
        return False
    for line, value in values:
        names = value.keys() if isinstance(value, dict) else {}
        if "db_info" in names or names == {"seq"} or {"name", "mode", "version"} <= {*names}:
            continue  # what couchbackup and pouchdb-dump write before and between the documents
        try:
            if isinstance(value, Unreadable):
                raise value
            for each in _documents_of(value):
                found.add(each, id_of(each), line)
        except Unreadable as error:
            found.trouble(str(error), line, error.column)
    return True


def _config(text: str, name: str) -> Any:
    """What the configuration of a konnector holds, in which people write comments; none for another text."""
    if not name.endswith((".json", ".json5", ".jsonc")) or len(text) > _MAX_LENIENT:
        return None
    import json5  # few runs need it

    try:
        content = json5.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and (name == CONFIG or "oauth" in content) else None


def _said(fields: Mapping[str, Json]) -> str | None:
    """The id that the callback of a document names, else its slug."""
    if match := _CALLBACK.search(f"{fields.get('redirect_uri')} {fields.get('redirect_url')}"):
        return unquote(match[1])
    slug = fields.get("slug")
    return slug if isinstance(slug, str) else None


def _of_manifest(read: ReadFile) -> str | None:
    """The account type that the manifest beside a configuration names, else the konnector's slug."""
    try:
        match read_value(read("manifest.konnector")):
            case {"oauth": {"account_type": str(id)}} | {"slug": str(id)}:
                return id
    except (OSError, Unreadable):
        pass
    return None


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks of a Markdown text, each with its first line."""
    fence, first, block, quoted = "", 0, list[str](), False
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        match = _FENCE.match(line)
        if not fence and match:
            fence, first, block, quoted = match[1], number + 1, list[str](), line.lstrip().startswith(">")
        elif fence and match and match[1].startswith(fence) and not match[2].strip():
            yield first, "\n".join(block)
            fence = ""
        elif fence:
            block.append(_QUOTE.sub("", line) if quoted else line)
    if fence:
        yield first, "\n".join(block)


def _take_block(block: str, first: int, found: FoundDocuments, read: ReadFile) -> None:
    """Take what a fenced block shows: JSON of account types, which is passed over if it is of other things."""
    if block.lstrip()[:1] not in ("{", "["):
        _take_script(_PROMPT.sub("", block) if _PROMPTED.search(block) else block, first, found, read)
        return
    try:
        for each in [*_documents_of(read_value(block))]:
            if is_account_type(each):
                found.add(each, id_of(each) or _said(each), first)
    except Unreadable as error:
        if "grant_mode" in block:
            found.trouble(str(error), first + max(error.line, 1) - 1, error.column)


def _take_script(text: str, first: int, found: FoundDocuments, read: ReadFile) -> None:
    script = Script(read)
    for request in requests_of(text, script, first):
        if request.broken:
            found.trouble(f"it is not a shell script: {request.broken}", request.line)
        elif request.method in ("PUT", "POST"):
            _Taking(script, found, request).take()


class _Taking(Struct, frozen=True):
    """How the document of a request is taken."""

    script: Script
    found: FoundDocuments
    request: ScriptRequest

    def take(self) -> None:
        """Take the document, or say why not; what a request sends to something else is passed over."""
        database, id = self.request.place
        kind, puts = kind_in(database), self.request.method == "PUT"
        if database.startswith("_") or (id.startswith("_") and id != "_bulk_docs"):
            return
        certain = kind is not None or (puts and bool(id))
        of = self.script.replaced(id, _shown) or "the request"
        try:
            match self._content():
                case {"docs": list(rows)} if id == "_bulk_docs":
                    for row in rows:
                        self._document(row, "", kind, certain=True)
                case _ if id == "_bulk_docs":
                    self._trouble("the data for _bulk_docs has no list of docs")
                case dict() as fields:
                    self._document(fields, id if puts else "", kind, certain=certain)
                case None:
                    if id and kind and puts:
                        self._trouble(f"{of} is put without a document")
                case _ if certain:
                    self._trouble(f"the data for {of} is not a document")
        except Unreadable as error:
            if certain:
                self._trouble(f"the data for {of} {error}")

    def _content(self) -> Any:
        """What is sent; a variable outside of strings becomes a string that says so. Raises `Unreadable`."""
        if not isinstance(body := self.request.body, Text):
            return body
        if expansion := self.script.only_mark(body.text):
            raise Unreadable(f"comes from {_shown(expansion)}")

        def quoted(match: re.Match[str]) -> str:
            marks = self.script.marks(match[1] or "")
            return f'"{self.script.marked(f"{_shown(marks[0])} without quotes")}"' if marks else match[0]

        try:
            return read_value(_STRING_OR_MARK.sub(quoted, body.text) if self.script.expansions else body.text)
        except Unreadable as error:
            where = f" (line {error.line}, column {error.column} of the data)" if error.line else ""
            raise Unreadable(f"{str(error).removeprefix('it ')}{where}") from None

    def _document(self, fields: Any, id: str, of: Kind | None, *, certain: bool) -> None:
        kind = of or self.found.kind
        if not isinstance(fields, dict) or id_of(fields).startswith("_") or fields.get("_deleted") is True:
            return
        is_one = not kind.states_fields or is_account_type(fields)
        if not certain and not (kind.states_fields and is_one):
            return
        given = id_of(fields)
        if not id or (given and self.script.marks(id) and not self.script.marks(given)):
            id = given
        if not id:
            self._trouble("this document has no _id: CouchDB would make one up")
        elif self.script.marks(id):
            shown = self.script.replaced(id, _shown)
            self._trouble(f"the id is {shown}, which only the shell can expand: write it out")
        elif not is_one:
            self._trouble(f"{id} {NO_ACCOUNT_TYPE}")
        else:
            self._settled(id, fields, kind)

    def _settled(self, id: str, fields: Mapping[str, Json], kind: Kind) -> None:
        """Take a document in which variables stand in place of the expansions; credentials are left out."""
        settled: dict[str, Json] = {}
        notes: list[str] = []
        for name, value in fields.items():
            marks = self.script.marks(json.dumps(value, ensure_ascii=False))
            shown = listed(dict.fromkeys(map(_shown, marks)))
            if marks and (name in CREDENTIAL_FIELDS or name not in FIELDS or not kind.states_fields):
                notes.append(f"{id}: {name} is {shown} in the script: it is left out")
                settled |= {} if kind.states_fields else {name: ""}
                continue
            if unknown := [mark for mark in marks if not mark.variable]:
                self._trouble(f"{name} of {id} is {_shown(unknown[0])}, which only the shell can expand: write it out")
                return
            settled[name] = _as_written(name, value, kind)
            if marks:
                notes.append(f"{id}: {name} uses {shown}, which is also a variable of the definition: set its value")
                text = json.dumps(settled[name], ensure_ascii=False)
                settled[name] = json.loads(self.script.replaced(text, lambda mark: f"${{{mark.variable}}}"))
        self.found.notes += notes
        self.found.take(id, settled, self.request.line, kind)

    def _trouble(self, message: str) -> None:
        self.found.trouble(message, self.request.line)


def _shown(expansion: ShellExpansion) -> str:
    return f"${expansion.variable.partition(':')[0].partition('-')[0]}" if expansion.variable else expansion.why


def _as_written(name: str, value: Json, kind: Kind) -> Json:
    """A value as a definition writes it, with its dollars doubled, unless it is a credential or a key of CouchDB."""
    stated = kind.states_fields and name not in CREDENTIAL_FIELDS and not name.startswith("_")
    return escaped(value) if stated else value
