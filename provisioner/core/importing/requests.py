"""What the commands of a script would send: ``curl``, ``http`` (HTTPie, xh) and ``wget``."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.kinds import kind_in
from provisioner.core.importing.script import OPEN, Command, Script, Text, called
from provisioner.core.importing.shell import commands_of
from provisioner.core.secret import Json


class ScriptRequest(Struct, frozen=True):
    """A request with a document: its method, its URL, the line, and the body as a text or as fields.

    `broken`: why it is only a command without an end, which would have sent a request.
    """

    method: str
    url: str
    line: int
    body: Text | Mapping[str, Json] | None = None
    broken: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """What the URL names: a database, if it is known, and the id of a document or ``_bulk_docs``."""
        scheme = _SCHEME.match(self.url)
        path = re.split(r"[?#]", self.url[scheme.end() :] if scheme else self.url, maxsplit=1)[0]
        host, *parts = (unquote(part) for part in path.split("/"))
        parts = [part for part in parts if part]
        if parts[:1] == ["secrets"] and len(parts) > 1 and kind_in(parts[1]):
            parts = ["/".join(parts[:2]), *parts[2:]]
        if not scheme and host.startswith(OPEN) and ":" not in host and len(parts) == 1 and "account" not in parts[0]:
            parts = ["", *parts]  # the variable is the URL of the database
        return parts[0] if parts else "", "/".join(parts[1:])


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class _Program(Struct, frozen=True):
    """How a program is called: its options with a value, short and long, and what those mean that we know.

    An option is the ``method``, a ``url``, a ``file`` to send, ``data`` as it is, ``@data``, which may name a file, or
    it ends a request (``next``). `items`: its other words may be fields of a document.
    """

    letters: frozenset[str]
    values: frozenset[str]
    known: str
    items: bool = False

    def meaning(self, option: str) -> str:
        """What an option means; a word without one is a URL."""
        return dict(each.split("=") for each in self.known.split()).get(option, "") if option else "url"


_CURL = _Program(
    frozenset("AbcCdDeEFHKmoPQrtTuUwxXyYz"),
    _words("""
    cacert capath cert cert-type ciphers config connect-timeout connect-to cookie cookie-jar data data-ascii data-binary
    data-raw data-urlencode dump-header form form-string header interface json key key-type limit-rate max-filesize
    max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir pass pinnedpubkey proto proxy proxy-header
    proxy-user range rate referer request request-target resolve retry retry-delay retry-max-time socks5 socks5-hostname
    stderr trace trace-ascii unix-socket upload-file url url-query user user-agent write-out"""),
    "X=method request=method d=@data data=@data data-ascii=@data data-binary=@data json=@data data-raw=data T=file "
    "upload-file=file url=url next=next",
)
_WGET = _Program(
    frozenset("aAbBDeiIlOoPQRtTUwXY"),
    _words("""
    body-data body-file ca-certificate ca-directory certificate config execute header http-password http-user
    load-cookies max-redirect method output-document output-file password post-data post-file private-key proxy-password
    proxy-user quota referer save-cookies secure-protocol timeout tries user user-agent wait"""),
    "method=method body-data=data post-data=data body-file=file post-file=file",
)
_HTTPIE = _Program(
    frozenset("aApos"),
    _words("""
    auth auth-type boundary cert cert-key cert-key-pass ciphers compress-level default-scheme format-options max-headers
    max-redirects output path pretty print proxy raw response-charset response-mime session session-read-only ssl style
    timeout verify bearer"""),
    "raw=data",
    items=True,
)
_PROGRAMS = {"curl": _CURL, "wget": _WGET, **dict.fromkeys(["http", "https", "xh", "xhs"], _HTTPIE)}

_WRAPPERS = _words(
    "sudo doas env command exec nohup time timeout nice winpty docker docker-compose podman kubectl ssh xargs watch "
    "RUN $ % > -"
)
_SHELLS = _words("sh bash dash zsh ash ksh su ssh eval")
_MAX_SHELLS = 3
"""How deep shells within shells are looked into."""

_MEANINGS = ("method", "url", "file", "data")
_METHODS = _words("GET HEAD POST PUT PATCH DELETE OPTIONS")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL | re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ADDRESS = re.compile(f"[/:.{OPEN}]")
_ITEM = re.compile(r"((?:[^\\:=@]|\\.)+?)(:=@|:=|==|=@|=|@|:)(.*)", re.DOTALL)
_KEYS = re.compile(r"([^\[\]]+)\[([^\[\]]+)\]")
_PLAIN = re.compile(r"^(PUT|POST) (\S+)(?: HTTP/\S+)?\r?\n(?:[\w-]+:.*\n)*\r?\n?(?=\{)", re.MULTILINE)
_NEXT_PLAIN = re.compile(r"^(?:#|HTTP|[A-Z]+ \S+(?: HTTP/\S+)?\r?$)", re.MULTILINE)


def requests_of(text: str, script: Script, line: int = 1) -> Iterator[ScriptRequest]:
    """The requests of a script in their order; then those written as they go over the network, as in documentation."""
    yield from _requests(called(commands_of(text, script, line), script), script)
    position = 0
    for match in _PLAIN.finditer(text):
        line, position = line + text.count("\n", position, match.start()), match.start()
        end = _NEXT_PLAIN.search(text, match.end())
        yield ScriptRequest(match[1], match[2], line, Text(text[match.end() : end.start() if end else None], line))


def _requests(commands: Iterable[Command], script: Script, depth: int = 0) -> Iterator[ScriptRequest]:
    waiting: ScriptRequest | None = None
    for command in commands:
        program, words = _called_by(command.words, script)
        if command.broken:
            if program:
                yield ScriptRequest("", "", command.line, broken=command.broken)
            continue
        if waiting is not None:
            if all(_ASSIGNED.fullmatch(word.text) for word in command.words):
                known = waiting.body if isinstance(waiting.body, Mapping) else {}
                waiting = replace(waiting, body={**known, **_fields(command.words, script)})
                continue
            yield waiting
            waiting = None
        if program:
            requests = [*_sent(program, words, command, script)]
            if program.items and requests and requests[0].body is None:
                waiting = requests.pop()  # the fields of published examples stand on lines of their own
            yield from requests
        elif depth < _MAX_SHELLS:
            yield from _requests(_within(command, script), script, depth + 1)
    if waiting is not None:
        yield waiting


def _called_by(words: Sequence[Text], script: Script) -> tuple[_Program | None, Sequence[Text]]:
    """The program of a command, and the words behind its name."""
    wrapped = False
    for index, word in enumerate(words):
        name = word.text.rpartition("/")[2].removesuffix(".exe").lstrip("@-+")
        if mark := script.only_mark(word.text):
            name = "curl" if mark.variable.lower().startswith("curl") else ""
        if program := _PROGRAMS.get(name):
            return program, words[index + 1 :]
        wrapped = wrapped or word.text in _WRAPPERS or word.text.endswith(("$", "#", ":"))
        if not (wrapped or _ASSIGNED.fullmatch(word.text)):
            break
    return None, ()


def _within(command: Command, script: Script) -> Iterator[Command]:
    """The commands that a shell gets: in a word of ``sh -c '…'`` and ``ssh host '…'``, or on its standard input."""
    if _SHELLS.isdisjoint(word.text.rpartition("/")[2] for word in command.words):
        return
    for text in [word for word in command.words if " " in word.text] or ([command.stdin] if command.stdin else []):
        for each in commands_of(text.text, script, text.line):
            given = command.stdin if text is not command.stdin else None
            yield replace(each, stdin=each.stdin or given)


def _options(program: _Program, words: Sequence[Text]) -> Iterator[tuple[str, Text]]:
    """The options of a command, each with its value, and its other words with an empty name."""
    rest, nothing = iter(words), Text("", 0)
    for word in rest:
        name, equals, value = word.text.partition("=")
        if word.text == "-" or not word.text.startswith("-"):
            yield "", word
        elif word.text == "--":
            yield from (("", each) for each in rest)
        elif name.startswith("--"):
            takes = not equals and name[2:] in program.values
            yield name[2:], (next(rest, nothing) if takes else word._replace(text=value))
        else:
            letters = word.text[1:]  # as in -sXPUT, whose last value may be the next word
            place = next((place for place, letter in enumerate(letters) if letter in program.letters), len(letters))
            if place < len(letters):
                value = letters[place + 1 :]
                yield letters[place], word._replace(text=value) if value else next(rest, nothing)


def _sent(program: _Program, words: Sequence[Text], command: Command, script: Script) -> Iterator[ScriptRequest]:
    """What a command sends: a request, or several in one."""
    parts: list[list[tuple[str, Text]]] = [[]]
    for name, value in _options(program, words):
        meaning = program.meaning(name)
        if meaning == "next":
            parts.append([])
        elif meaning == "file":
            parts[-1].append((meaning, _file(value, command, script)))
        elif meaning == "@data" and value.text.startswith("@"):
            parts[-1].append(("data", _file(value._replace(text=value.text[1:]), command, script)))
        else:
            parts[-1].append((meaning.removeprefix("@"), value))
    for part in parts:
        methods, urls, files, data = ([value for name, value in part if name == each] for each in _MEANINGS)
        if program.items:
            yield from _items(urls, [*data, *([command.stdin] if command.stdin else [])], command, script)
            continue
        sent = files or data
        usual = "PUT" if files and program is _CURL else "POST" if sent else "GET"
        method = (methods[-1].text if methods else "") or usual
        body = Text("&".join(each.text for each in sent), sent[0].line) if sent else None
        for url in urls:
            if _ADDRESS.search(url.text):  # else it is the value of an option that we do not know
                yield ScriptRequest(method.upper(), url.text, command.line, body)


def _file(name: Text, command: Command, script: Script) -> Text:
    if name.text in ("-", ".", "/dev/stdin"):
        return command.stdin or Text(script.marked("the standard input of the script"), name.line)
    return Text(script.file(name.text), 1)


def _items(words: list[Text], bodies: Sequence[Text], command: Command, script: Script) -> Iterator[ScriptRequest]:
    """What HTTPie sends: a method, which may be missing, a URL, and fields of a document."""
    first, *others = [*words, Text("", 0)]
    method, (url, *items) = (first.text.upper(), others) if first.text.upper() in _METHODS else ("", [first, *others])
    fields = _fields(items, script)
    if url.text:
        method = method or ("POST" if fields or bodies else "GET")
        yield ScriptRequest(method, url.text, command.line, fields or next(iter(bodies), None))


def _fields(words: Sequence[Text], script: Script) -> dict[str, Json]:
    """The fields that items such as ``slug=a`` and ``extras:={}`` give to a document."""
    found: dict[str, Json] = {}
    for match in filter(None, (_ITEM.fullmatch(word.text) for word in words)):
        name, separator, text = match.groups()
        if separator not in ("=", "=@", ":=", ":=@"):
            continue
        value: Json = script.file(text) if separator.endswith("@") else text
        if separator.startswith(":"):
            with suppress(ValueError, RecursionError):
                value = json.loads(str(value))
        if inner := _KEYS.fullmatch(name):
            outer = found.setdefault(inner[1], {})
            if isinstance(outer, dict):
                outer[inner[2]] = value
        else:
            found[name] = value
    return found
