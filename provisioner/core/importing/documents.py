"""Documents of account types in what people have kept of them: JSON, dumps, scripts, and Markdown that shows them."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, KINDS, Kind
from provisioner.core.definitions.variables import escaped
from provisioner.core.importing import dumps
from provisioner.core.importing.dumps import Unreadable, id_of, is_account_type, read_value
from provisioner.core.importing.requests import ScriptRequest, requests_of
from provisioner.core.importing.script import CLOSE, OPEN, ReadFile, Script, ShellExpansion, Text, clean
from provisioner.core.oauth.konnector import CONFIG
from provisioner.core.plan.ownership import KEY
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json
from provisioner.core.text import listed

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FENCE = re.compile(r"^[ \t>]*+(`{3,}|~{3,})([^`\n]*)", re.MULTILINE)
_QUOTE = re.compile(r"^\s*>\s?")
_PROMPT = re.compile(r"^[$>] ", re.MULTILINE)
_PROMPTED = re.compile(r"^\$ ", re.MULTILINE)
_STRING_OR_MARK = re.compile(f'"(?:[^"\\\\]++|\\\\.)*+"|({OPEN}[0-9]+{CLOSE})', re.DOTALL)
_CALLBACK = re.compile(r"/accounts/([^/?#]+)/redirect")
_MAX_LENIENT = 64 * 1024
"""Characters: json5 takes its time."""

_NOTHING = "it is neither JSON nor a script with curl -X PUT … -d '{…}'"
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

    def add(self, fields: Mapping[str, Json], id: str | None, line: int = 0) -> None:
        """Take a document that no shell has seen."""
        if id:
            states = self.kind.states_fields
            plain = {name: _as_written(name, value) for name, value in fields.items()} if states else fields
            self.take(id, plain, line, self.kind)
        else:
            self.trouble("this document has no id: add _id", line)

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
        if (content := _config(text, name)) is None:
            if dumps.is_lines(text):
                _take_lines(text, found)
                return found
            _take_text(text, name, found, read)
            if not found.documents and not found.troubles:
                is_json = text.lstrip()[:1] in ("{", "[")
                raise error if is_json else Unreadable(_NOTHING) from None
            return found
    for each in dumps.documents_of(content):
        usual = PurePosixPath(name).stem if each is content else _said(each) or _of_manifest(read)
        found.add(each, id_of(each) or usual)
    if not found.documents and not found.troubles:
        raise Unreadable("it contains no document of an account type")
    return found


def _take_lines(text: str, found: FoundDocuments) -> None:
    for line, each in dumps.documents_in_lines(text):
        if isinstance(each, Unreadable):
            found.trouble(str(each), line, each.column)
        else:
            found.add(each, id_of(each), line)


def _take_text(text: str, name: str, found: FoundDocuments, read: ReadFile) -> None:
    """Take what a script holds, or what the fenced blocks of Markdown show."""
    blocks = [*_blocks(text)] if name.endswith((".md", ".markdown")) or _FENCE.search(text) else []
    for line, block in blocks:
        _take_block(block, line, found, read)
    if not blocks:
        _take_script(text, 1, found, read)


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
        _take_script(_PROMPT.sub("", block) if _PROMPTED.search(block) else block, first, found, read)
        return
    try:
        for each in [*dumps.documents_of(read_value(block))]:
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


def _place(url: str) -> tuple[str, str]:
    """What the URL of a request names: a database, if it is known, and the id of a document or ``_bulk_docs``."""
    scheme = _SCHEME.match(url)
    path = re.split(r"[?#]", url[scheme.end() :] if scheme else url, maxsplit=1)[0]
    host, *parts = (unquote(part) for part in path.split("/"))
    parts = [part for part in parts if part]
    if parts[:1] == ["secrets"] and len(parts) > 1 and _kind_in(parts[1]):
        parts = ["/".join(parts[:2]), *parts[2:]]
    if not scheme and host.startswith(OPEN) and ":" not in host and len(parts) == 1 and "account" not in parts[0]:
        parts = ["", *parts]  # the variable is the URL of the database
    return parts[0] if parts else "", "/".join(parts[1:])


def _kind_in(database: str) -> Kind | None:
    """The kind of documents that are in a database of this name; ``None``: it does not say."""
    usual = ACCOUNT_TYPE if "account" in database else None
    return next((each for each in KINDS if each.database.rpartition("/")[2] in database), usual)


class _Taking(Struct, frozen=True):
    """How the document of a request is taken."""

    script: Script
    found: FoundDocuments
    request: ScriptRequest

    def take(self) -> None:
        """Take the document, or say why not; what a request sends to something else is passed over."""
        database, id = _place(self.request.url)
        kind, puts = _kind_in(database), self.request.method == "PUT"
        if database.startswith("_") or (id.startswith("_") and id != "_bulk_docs"):
            return
        certain = kind is not None or (puts and bool(id))
        of = self._shown(id) or "the request"
        try:
            content = self._content()
        except Unreadable as error:
            if certain:
                self._trouble(f"the data for {of} {error}")
            return
        match content:
            case {"docs": list(rows)} if id == "_bulk_docs":
                for row in rows:
                    self._document(row, "", kind, certain=True)
            case _ if id == "_bulk_docs":
                self._trouble("the data for _bulk_docs has no list of docs")
            case dict():
                self._document(content, id if puts else "", kind, certain=certain)
            case None if id and kind and puts:
                self._trouble(f"{of} is put without a document")
            case _ if certain and content is not None:
                self._trouble(f"the data for {of} is not a document")

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
            self._trouble(f"the id is {self._shown(id)}, which only the shell can expand: write it out")
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
            settled[name] = _as_written(name, value) if kind.states_fields else value
            if marks:
                notes.append(f"{id}: {name} uses {shown}, which is also a variable of the definition: set its value")
                text = json.dumps(settled[name], ensure_ascii=False)
                settled[name] = json.loads(self.script.replaced(text, lambda mark: f"${{{mark.variable}}}"))
        self.found.notes += notes
        self.found.take(id, settled, self.request.line, kind)

    def _shown(self, text: str) -> str:
        return self.script.replaced(text, _shown)

    def _trouble(self, message: str) -> None:
        self.found.trouble(message, self.request.line)


def _shown(expansion: ShellExpansion) -> str:
    return f"${expansion.variable.partition(':')[0].partition('-')[0]}" if expansion.variable else expansion.why


def _as_written(name: str, value: Json) -> Json:
    """A value as a definition writes it: a credential and what is CouchDB's is none of it."""
    return value if name in CREDENTIAL_FIELDS or name.startswith("_") else escaped(value)
