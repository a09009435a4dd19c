"""What the commands of a script would send: ``curl``, ``http`` (HTTPie, xh) and ``wget``."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.importing.script import OPEN, Broken, Command, Script, ShellExpansion, Text, called
from provisioner.core.importing.shell import commands_of, commands_within
from provisioner.core.secret import Json


class ScriptRequest(Struct, frozen=True):
    """A request with a document: its method, its URL, the line, and the body as a text or as fields."""

    method: str
    url: str
    line: int
    body: Text | Mapping[str, Json] | None = None


_Reader: TypeAlias = Callable[[Sequence[Text], Command, Script], Iterator[ScriptRequest]]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WRAPPERS = _words(
    "sudo doas env command exec nohup time timeout nice winpty docker docker-compose podman kubectl ssh xargs watch "
    "RUN $ % > -"
)
_SHELLS = _words("sh bash dash zsh ash ksh su ssh eval")
_MAX_SHELLS = 3
"""How deep shells within shells are looked into."""

_ASSIGNED = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL | re.ASCII)

_CURL_LETTERS = frozenset("AbcCdDeEFHKmoPQrtTuUwxXyYz")
"""Short options of curl with a value."""

_CURL_VALUES = _words(
    "cacert capath cert cert-type ciphers config connect-timeout connect-to cookie cookie-jar data data-ascii "
    "data-binary data-raw data-urlencode dump-header form form-string header interface json key key-type limit- "
    "rate max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir pass pinnedpubkey "
    "proto proxy proxy-header proxy-user range rate referer request request-target resolve retry retry-delay "
    "retry-max-time socks5 socks5-hostname stderr trace trace-ascii unix-socket upload-file url url-query user "
    "user-agent write-out"
)
_WGET_LETTERS = frozenset("aAbBDeiIlOoPQRtTUwXY")
_WGET_VALUES = _words(
    "body-data body-file ca-certificate ca-directory certificate config execute header http-password http-user "
    "load-cookies max-redirect method output-document output-file password post-data post-file private-key "
    "proxy-password proxy-user quota referer save-cookies secure-protocol timeout tries user user-agent wait"
)
_HTTPIE_LETTERS = frozenset("aApos")
_HTTPIE_VALUES = _words(
    "auth auth-type boundary cert cert-key cert-key-pass ciphers compress-level default-scheme format-options "
    "max-headers max-redirects output path pretty print proxy raw response-charset response-mime session "
    "session-read-only ssl style timeout verify bearer"
)
_ADDRESS = re.compile(f"[/:.{OPEN}]")
_ITEM = re.compile(r"((?:[^\\:=@]|\\.)+?)(:=@|:=|==|=@|=|@|:)(.*)", re.DOTALL)
_KEYS = re.compile(r"([^\[\]]+)\[([^\[\]]+)\]")
_METHODS = _words("GET HEAD POST PUT PATCH DELETE OPTIONS")


def requests_of(text: str, script: Script, line: int = 1) -> Iterator[ScriptRequest | Broken]:
    """The requests of a script, in their order; of its broken commands those that would have sent one."""
    yield from _requests(called([*commands_of(text, script, line)], script), script)
    yield from _plain_requests(text, line)


def _plain_requests(text: str, line: int) -> Iterator[ScriptRequest]:
    """Requests written as they go over the network, as in files of REST clients and in documentation."""
    position = 0
    for match in _PLAIN_REQUEST.finditer(text):
        line, position = line + text.count("\n", position, match.start()), match.start()
        end = _NEXT_PLAIN.search(text, match.end())
        yield ScriptRequest(match[1], match[2], line, Text(text[match.end() : end.start() if end else None], line))


def _requests(commands: Iterable[Command | Broken], script: Script, depth: int = 0) -> Iterator[ScriptRequest | Broken]:
    waiting: ScriptRequest | None = None
    for command in commands:
        if isinstance(command, Broken):
            if _of(command.words, script):
                yield command
            continue
        if waiting is not None and all(_ASSIGNED.fullmatch(word.text) for word in command.words):
            waiting = replace(waiting, body={**_fields(waiting.body), **_items(command.words, script)})
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        if (found := _of(command.words, script)) is None:
            if depth < _MAX_SHELLS:
                yield from _requests(_within(command, script), script, depth + 1)
            continue
        reader, words = found
        requests = [*reader(words, command, script)]
        if reader is _httpie and requests and requests[0].body is None:
            waiting = requests.pop()  # the fields of published examples stand on lines of their own
        yield from requests
    if waiting is not None:
        yield waiting


def _within(command: Command, script: Script) -> Iterator[Command | Broken]:
    """The commands that a shell gets: in a word of ``sh -c '…'`` and ``ssh host '…'``, or on its standard input."""
    if _SHELLS.isdisjoint(word.text.rpartition("/")[2] for word in command.words):
        return
    texts = [word for word in command.words if " " in word.text] or ([command.stdin] if command.stdin else [])
    for text in texts:
        for each in commands_within(text.text, script, text.line):
            if isinstance(each, Command) and each.stdin is None and text is not command.stdin:
                yield replace(each, stdin=command.stdin)
            else:
                yield each


_PLAIN_REQUEST = re.compile(r"^(PUT|POST) (\S+)(?: HTTP/\S+)?\r?\n(?:[\w-]+:.*\n)*\r?\n?(?=\{)", re.MULTILINE)
_NEXT_PLAIN = re.compile(r"^(?:#|HTTP|[A-Z]+ \S+(?: HTTP/\S+)?\r?$)", re.MULTILINE)


def _fields(body: Text | Mapping[str, Json] | None) -> Mapping[str, Json]:
    return {} if body is None or isinstance(body, Text) else body


def _of(words: Sequence[Text], script: Script) -> tuple[_Reader, Sequence[Text]] | None:
    """Who reads a command, and its words behind the name of the program."""
    wrapped = False
    for index, word in enumerate(words):
        name = word.text.rpartition("/")[2].removesuffix(".exe").lstrip("@-+")
        if mark := script.only_mark(word.text):
            name = "curl" if mark.variable.lower().startswith("curl") else ""
        if reader := _READERS.get(name):
            return reader, words[index + 1 :]
        wrapped = wrapped or word.text in _WRAPPERS or word.text.endswith(("$", "#", ":"))
        if not (wrapped or _ASSIGNED.fullmatch(word.text)):
            return None
    return None


def _options(words: Sequence[Text], letters: frozenset[str], values: frozenset[str]) -> Iterator[tuple[str, Text]]:
    """The options of a command, each with its value, and its other words with an empty name.

    `letters`: short options with a value; `values`: long ones.
    """
    rest = iter(words)
    nothing = Text("", 0)
    for word in rest:
        name, equals, value = word.text.partition("=")
        if word.text == "-" or not word.text.startswith("-"):
            yield "", word
        elif word.text == "--":
            yield from (("", each) for each in rest)
        elif name.startswith("--"):
            takes = not equals and name[2:] in values
            yield name[2:], (next(rest, nothing) if takes else word._replace(text=value))
        else:
            yield from _short(word, rest, letters)


def _short(word: Text, rest: Iterator[Text], letters: frozenset[str]) -> Iterator[tuple[str, Text]]:
    """The options of a word such as ``-sXPUT``; the value of the last may be the next word."""
    for index, letter in enumerate(word.text[1:], start=2):
        if letter in letters:
            value = word.text[index:]
            yield letter, word._replace(text=value) if value else next(rest, Text("", word.line))
            return
        yield letter, word._replace(text="")


def _curl(words: Sequence[Text], command: Command, script: Script) -> Iterator[ScriptRequest]:
    method, urls, uploaded = "", list[Text](), None
    data: list[Text] = []
    for name, value in _options(words, _CURL_LETTERS, _CURL_VALUES):
        match name:
            case "X" | "request":
                method = value.text
            case "d" | "data" | "data-ascii" | "data-binary" | "json":
                data.append(_data(value, command, script))
            case "data-raw":
                data.append(value)
            case "T" | "upload-file":
                uploaded = _file(value, command, script)
            case "next":
                yield from _sent(method, urls, data, uploaded, command)
                method, urls, uploaded, data = "", [], None, []
            case "" | "url":
                urls.append(value)
    yield from _sent(method, urls, data, uploaded, command)


def _sent(
    method: str, urls: Sequence[Text], data: Sequence[Text], uploaded: Text | None, command: Command
) -> Iterator[ScriptRequest]:
    body = uploaded or (Text("&".join(each.text for each in data), data[0].line) if data else None)
    method = method or ("PUT" if uploaded else "POST" if data else "GET")
    for url in urls:
        if _ADDRESS.search(url.text):  # else it is the value of an option that we do not know
            yield ScriptRequest(method.upper(), url.text, command.line, body)


def _data(value: Text, command: Command, script: Script) -> Text:
    """The data that ``-d`` sends: its value, or with ``@`` a file or the standard input."""
    if not value.text.startswith("@"):
        return value
    return _file(value._replace(text=value.text[1:]), command, script)


def _file(name: Text, command: Command, script: Script) -> Text:
    if name.text in ("-", ".", "/dev/stdin"):
        return command.stdin or Text(script.marked(ShellExpansion(why="the standard input of the script")), name.line)
    return Text(script.file(name.text), 1)


def _wget(words: Sequence[Text], command: Command, script: Script) -> Iterator[ScriptRequest]:
    method, urls, body = "", list[Text](), None
    for name, value in _options(words, _WGET_LETTERS, _WGET_VALUES):
        match name:
            case "method":
                method = value.text
            case "body-data" | "post-data":
                body = value
            case "body-file" | "post-file":
                body = _file(value, command, script)
            case "":
                urls.append(value)
    for url in urls:
        yield ScriptRequest(method.upper() or ("POST" if body else ""), url.text, command.line, body)


def _httpie(words: Sequence[Text], command: Command, script: Script) -> Iterator[ScriptRequest]:
    body: Text | Mapping[str, Json] | None = command.stdin
    rest: list[Text] = []
    for name, value in _options(words, _HTTPIE_LETTERS, _HTTPIE_VALUES):
        if name == "raw":
            body = value
        elif not name:
            rest.append(value)
    method = rest.pop(0).text.upper() if rest and rest[0].text.upper() in _METHODS else ""
    if not rest:
        return
    items = _items(rest[1:], script)
    yield ScriptRequest(method or ("POST" if items or body else "GET"), rest[0].text, command.line, items or body)


def _items(words: Sequence[Text], script: Script) -> dict[str, Json]:
    """The fields that items such as ``slug=a`` and ``extras:={}`` give to a document."""
    found: dict[str, Json] = {}
    for word in words:
        if (match := _ITEM.fullmatch(word.text)) is None:
            continue
        name, separator, text = match.groups()
        value: Json
        match separator:
            case "=":
                value = text
            case "=@":
                value = script.file(text)
            case ":=" | ":=@":
                value = _json(text if separator == ":=" else script.file(text))
            case _:
                continue
        if inner := _KEYS.fullmatch(name):
            outer = found.setdefault(inner[1], {})
            if isinstance(outer, dict):
                outer[inner[2]] = value
        else:
            found[name] = value
    return found


def _json(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


_READERS: Mapping[str, _Reader] = {
    "curl": _curl,
    "http": _httpie,
    "https": _httpie,
    "xh": _httpie,
    "xhs": _httpie,
    "wget": _wget,
}
