"""Documents of account types in what people have kept of them: JSON, dumps, scripts, and Markdown that shows them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS
from provisioner.core.definitions.kind import Kind
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS
from provisioner.core.importing import dumps
from provisioner.core.importing.dumps import Unreadable, id_of, is_account_type, read_value
from provisioner.core.importing.requests import ScriptRequest, requests_of
from provisioner.core.importing.script import CLOSE, OPEN, ReadFile, Script, ShellExpansion, Text
from provisioner.core.oauth.konnector import CONFIG
from provisioner.core.plan.ownership import KEY
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json
from provisioner.core.text import listed

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FENCE = re.compile(r"^[ \t>]*+(`{3,}|~{3,})([^`\n]*)", re.MULTILINE)
_QUOTE = re.compile(r"^\s*>\s?")
_PROMPT = re.compile(r"^[$>] ", re.MULTILINE)
_STRING_OR_MARK = re.compile(f'"(?:[^"\\\\]++|\\\\.)*+"|({OPEN}[0-9]+{CLOSE})', re.DOTALL)
_CALLBACK = re.compile(r"/accounts/([^/?#]+)/redirect")
NO_ACCOUNT_TYPE = "is not an account type: it has neither grant_mode, auth_endpoint nor fcm_credentials"


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

    def take(self, id: str, fields: Mapping[str, Json], line: int = 0, kind: Kind | None = None) -> None:
        """Take a document, if it can be one of its kind."""
        kind = kind or self.kind
        if id.startswith("_") or fields.get("_deleted") is True:
            return
        if kind.states_fields and not is_account_type(fields):
            self.trouble(f"{id} {NO_ACCOUNT_TYPE}", line)
            return
        kept = {name: value for name, value in fields.items() if not name.startswith("_") and name != KEY}
        live = Live(id, str(fields.get("_rev", "")), kind.conceal(kept), kind=kind)
        before = self.documents.setdefault(id, live)
        if before.document == live.document:
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
    try:
        content = read_value(text)
    except Unreadable as error:
        found, wrong = FoundDocuments(kind=kind), error
        if (config := _config(text, name)) is not None:
            return _of_json(config, name, read, kind)
    else:
        return _of_json(content, name, read, kind)
    if dumps.is_lines(text):
        _take_lines(text, found)
        return found
    blocks = [*_blocks(text)] if name.endswith((".md", ".markdown")) or _FENCE.search(text) else []
    for line, block in blocks or [(1, text)]:
        _take_block(block, line, found, read) if blocks else _take_script(block, line, found, read)
    if not found.documents and not found.troubles:
        if text.lstrip()[:1] in ("{", "["):
            raise wrong
        raise Unreadable("it is neither JSON nor a script with curl -X PUT … -d '{…}'")
    return found


def _config(text: str, name: str) -> Any:
    """What the configuration of a konnector holds, in which people write comments; none for another text."""
    try:
        content = dumps.read_config(text) if name.endswith((".json", ".json5", ".jsonc")) else None
    except ValueError:
        return None
    return content if isinstance(content, dict) and (name == CONFIG or "oauth" in content) else None


def _of_json(content: Any, name: str, read: ReadFile, kind: Kind) -> FoundDocuments:
    found = FoundDocuments(kind=kind)
    stem = PurePosixPath(name).stem
    for each in dumps.documents_of(content):
        id = id_of(each) or (stem if each is content else _said(each) or _of_manifest(read))
        if id is None:
            raise Unreadable("the account type under oauth has no id: add _id")
        found.take(id, _plain(each, found.kind))
    if not found.documents and not found.troubles:
        raise Unreadable("it contains no document of an account type")
    return found


def _said(fields: Mapping[str, Json]) -> str | None:
    """The id that the callback of a document names, else its slug."""
    for name in ("redirect_uri", "redirect_url"):
        if match := _CALLBACK.search(str(fields.get(name, ""))):
            return unquote(match[1])
    slug = fields.get("slug")
    return slug if isinstance(slug, str) and slug else None


def _of_manifest(read: ReadFile) -> str | None:
    """The account type that the manifest beside a configuration names, else the konnector's slug."""
    try:
        match read_value(read("manifest.konnector")):
            case {"oauth": {"account_type": str(id)}} | {"slug": str(id)} if id:
                return id
    except (OSError, Unreadable):
        pass
    return None


def _take_lines(text: str, found: FoundDocuments) -> None:
    for line, each in dumps.documents_in_lines(text):
        if isinstance(each, Unreadable):
            found.trouble(str(each), line, each.column)
        elif not id_of(each):
            found.trouble("this document has no _id", line)
        else:
            found.take(id_of(each), _plain(each, found.kind), line)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks of a Markdown text, each with its first line."""
    fence, first, block, quoted = "", 0, list[str](), False
    for number, line in enumerate(text.split("\n"), start=1):
        match = _FENCE.match(line)
        if not fence and match:
            fence, first, block = match[1], number + 1, list[str]()
            quoted = line.lstrip().startswith(">")
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
        prompted = re.search(r"^\$ ", block, re.MULTILINE)
        _take_script(_PROMPT.sub("", block) if prompted else block, first, found, read)
        return
    try:
        documents = [*dumps.documents_of(read_value(block))]
    except Unreadable as error:
        if "grant_mode" in block:
            found.trouble(str(error), first + max(error.line, 1) - 1, error.column)
        return
    for each in documents:
        if not is_account_type(each):
            continue
        if id := id_of(each) or _said(each):
            found.take(id, _plain(each, found.kind), first)
        else:
            found.trouble("this document has no _id", first)


def _take_script(text: str, first: int, found: FoundDocuments, read: ReadFile) -> None:
    script = Script(read)
    for request in requests_of(text, script, first):
        if request.broken:
            found.trouble(f"it is not a shell script: {request.broken}", request.line)
        elif request.method in ("PUT", "POST"):
            _Taking(script, found, request).take()


class _Position(Struct, frozen=True):
    """What the URL of a request names: a database, if it is known, and the id of a document or ``_bulk_docs``."""

    database: str
    id: str

    @property
    def kind(self) -> Kind | None:
        """The kind of documents that are in a database of this name; ``None``: it does not say."""
        usual = ACCOUNT_TYPE if "account" in self.database else None
        return next((each for each in KINDS if each.database.rpartition("/")[2] in self.database), usual)

    @property
    def is_of_the_server(self) -> bool:
        return self.database.startswith("_") or (self.id.startswith("_") and self.id != "_bulk_docs")


def _place(url: str) -> _Position:
    scheme = _SCHEME.match(url)
    path = re.split(r"[?#]", url[scheme.end() :] if scheme else url, maxsplit=1)[0]
    host, *parts = (unquote(part) for part in path.split("/"))
    parts = [part for part in parts if part]
    if parts[:1] == ["secrets"] and len(parts) > 1 and _Position(parts[1], "").kind:
        parts = ["/".join(parts[:2]), *parts[2:]]
    if not scheme and host.startswith(OPEN) and ":" not in host and len(parts) == 1 and "account" not in parts[0]:
        return _Position("", parts[0])  # the variable is the URL of the database
    return _Position(parts[0] if parts else "", "/".join(parts[1:]))


class _Taking(Struct, frozen=True):
    """How the document of a request is taken."""

    script: Script
    found: FoundDocuments
    request: ScriptRequest

    def take(self) -> None:
        """Take the document, or say why not; what a request sends to something else is passed over."""
        place = _place(self.request.url)
        if place.is_of_the_server:
            return
        certain = place.kind is not None or (self.request.method == "PUT" and bool(place.id))
        body = self.request.body
        if body is None:
            if place.id and place.kind and self.request.method == "PUT":
                self._trouble(f"{self._shown(place.id)} is put without a document")
            return
        try:
            content = self._content(body, self._shown(place.id) or "the request")
        except Unreadable as error:
            if certain:
                self._trouble(str(error))
            return
        if place.id == "_bulk_docs":
            for each in self._listed(content):
                self._document(each, "", place.kind, certain=True)
        elif isinstance(content, dict):
            id = place.id if self.request.method == "PUT" else ""
            self._document(content, id, place.kind, certain=certain)
        elif certain:
            self._trouble(f"the data for {self._shown(place.id)} is not a document")

    def _content(self, body: Text | Mapping[str, Json], of: str) -> Any:
        if not isinstance(body, Text):
            return body
        if expansion := self.script.only_mark(body.text):
            raise Unreadable(f"the data for {of} comes from {_shown(expansion)}")
        try:
            return read_value(self._quoted(body.text))
        except Unreadable as error:
            where = f" (line {error.line}, column {error.column} of the data)" if error.line else ""
            raise Unreadable(f"the data for {of} {str(error).removeprefix('it ')}{where}") from None

    def _quoted(self, text: str) -> str:
        """A text in which variables outside of strings are strings, and say so."""

        def quoted(match: re.Match[str]) -> str:
            if not (marks := self.script.marks(match[1] or "")):
                return match[0]
            return f'"{self.script.marked(f"{_shown(marks[0])} without quotes")}"'

        return _STRING_OR_MARK.sub(quoted, text) if self.script.expansions else text

    def _listed(self, content: Any) -> list[Mapping[str, Json]]:
        match content:
            case {"docs": list(rows)}:
                return [row for row in rows if isinstance(row, dict)]
            case _:
                self._trouble("the data for _bulk_docs has no list of docs")
                return []

    def _document(self, fields: Mapping[str, Json], id: str, of: Kind | None, *, certain: bool) -> None:
        kind = of or self.found.kind
        if str(fields.get("_id", "")).startswith("_") or fields.get("_deleted") is True:
            return
        if not certain and not (kind.states_fields and is_account_type(fields)):
            return
        given = fields.get("_id")
        if not id or (self.script.marks(id) and isinstance(given, str) and not self.script.marks(given)):
            id = given if isinstance(given, str) else ""
        if not id:
            self._trouble("this document has no _id: CouchDB would make one up")
        elif self.script.marks(id):
            self._trouble(f"the id is {self._shown(id)}, which only the shell can expand: write it out")
        elif kind.states_fields and not is_account_type(fields):
            self.found.trouble(f"{id} {NO_ACCOUNT_TYPE}", self.request.line)
        else:
            self._settled(id, fields, kind)

    def _settled(self, id: str, fields: Mapping[str, Json], kind: Kind) -> None:
        """Take a document in which variables stand in place of the expansions; credentials are left out."""
        settled: dict[str, Json] = {}
        notes: list[str] = []
        for name, value in fields.items():
            marks = _marks(value, self.script)
            shown = listed(dict.fromkeys(map(_shown, marks)))
            if marks and (name in CREDENTIAL_FIELDS or name not in FIELDS or not kind.states_fields):
                notes.append(f"{id}: {name} is {shown} in the script: it is left out")
                settled |= {} if kind.states_fields else {name: ""}
                continue
            if unknown := [mark for mark in marks if not mark.variable]:
                self._trouble(f"{name} of {id} is {_shown(unknown[0])}, which only the shell can expand: write it out")
                return
            if marks:
                notes.append(f"{id}: {name} uses {shown}, which is also a variable of the definition: set its value")
            settled[name] = _in_definition(name, value, self.script) if kind.states_fields else value
        self.found.notes += notes
        self.found.take(id, settled, self.request.line, kind)

    def _shown(self, text: str) -> str:
        return self.script.replaced(text, _shown)

    def _trouble(self, message: str) -> None:
        self.found.trouble(message, self.request.line)


def _shown(expansion: ShellExpansion) -> str:
    return f"${expansion.variable.partition(':')[0].partition('-')[0]}" if expansion.variable else expansion.why


def _marks(value: Json, script: Script) -> list[ShellExpansion]:
    match value:
        case str():
            return script.marks(value)
        case list():
            return [mark for item in value for mark in _marks(item, script)]
        case dict():
            return [mark for key, item in value.items() for mark in (*script.marks(key), *_marks(item, script))]
        case _:
            return []


def _in_definition(name: str, value: Json, script: Script) -> Json:
    """A value as a definition writes it."""
    match value:
        case str() if name in CREDENTIAL_FIELDS or name.startswith("_"):
            return value
        case str():
            return script.replaced(value.replace("$", "$$"), lambda mark: f"${{{mark.variable}}}")
        case list():
            return [_in_definition("", item, script) for item in value]
        case dict() if name not in CREDENTIAL_FIELDS:
            return {
                script.replaced(key, lambda mark: f"${{{mark.variable}}}"): _in_definition("", item, script)
                for key, item in value.items()
            }
        case _:
            return value


def _plain(fields: Mapping[str, Json], kind: Kind) -> Mapping[str, Json]:
    """The fields of a document that no shell has seen, as a definition writes them."""
    if not kind.states_fields:
        return fields
    nothing = Script(str)
    return {name: _in_definition(name, value, nothing) for name, value in fields.items()}
