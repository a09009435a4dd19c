"""Reads shell scripts into commands, as far as their words can be known without running anything.

``shlex`` cannot tell ``'$A'`` from ``"$A"``, knows no here-documents, and needs quadratic time for a long word.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import dropwhile

from provisioner.core.importing.script import BETWEEN, Command, Script, Text

_MAX_NESTED = 20
_MAX_STEPS = 40
"""How often a text may be gone through where quotes that nothing closes make us begin anew."""

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r]|[\\^`]\r?\n)++)  # with the marks of cmd and PowerShell for a longer line
    |(?P<comment>\#[^\n]*+)
    |(?P<line>\n)
    |(?P<redirection>(?:&>>?|[0-9]*+(?:<<<|<<-?|<&|<>|>>|>&|>\||<|>))(?!\())
    |(?P<function>\([ \t]*\))
    |(?P<operator>\|\||&&|\|&|;;&?|;&|[;&|()])""",
    re.VERBOSE,
)
_PART = re.compile(
    r"""(?P<plain>[^ \t\r\n'"\\$`;&|<>()]++)
    |(?P<single>')
    |(?P<double>\$?")
    |(?P<ansi>\$'(?:[^'\\]|\\.)*+')
    |(?P<escape>\\.?)
    |(?P<expansion>[$`])
    |(?P<process>[<>](?=\())""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r"(?P<plain>[^\"\\$`]++)|(?P<escape>\\.?)|(?P<expansion>[$`])|(?P<end>\")", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:\[[@*]\]|(:?-[^{}$`'\"\\\n]*))?\})", re.ASCII)
_UNKNOWN = re.compile(r"\$(?:[0-9@*#?$!-]|\{[^{}\n]{0,200}\}|\(\((?:[^()\n]|\)(?!\))){0,200}\)\))")
_ANSI_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|.)", re.DOTALL)
_ANSI_NAMED = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL | re.ASCII)
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_LONG_LINE = 1000

_KEYWORDS = frozenset(["if", "then", "elif", "else", "fi", "do", "done", "while", "until", "!", "{", "}", "time"])
_DECLARING = frozenset(["export", "declare", "local", "readonly", "typeset"])


def commands_of(text: str, script: Script, line: int = 1) -> Iterator[Command]:
    """The commands of a clean text in a shell script, which begins on a line, in their order."""
    return _Lexer(text, script, line).commands()


class _NoEndError(Exception):
    """A quote or a parenthesis that nothing closes; says which, and where it begins."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(what)
        self.position = position


class _Lexer:
    def __init__(self, text: str, script: Script, line: int = 1, depth: int = 0) -> None:
        self._text, self._script, self._depth, self._first = text, script, depth, line
        self._breaks = [match.end() for match in re.finditer("\n", text)]
        self._at = 0
        self._documents: list[tuple[Command, str, bool, bool]] = []
        self._command = Command([], line)
        self._begun: list[Command] = []
        self._inner: list[Command] = []

    def commands(self) -> Iterator[Command]:
        """The commands, line by line. After one that has no end, it goes on with the next line."""
        gone, end = 0, len(self._text)
        while self._at < end:
            begin = self._at
            try:
                yield from self._line()
            except _NoEndError as error:
                words = self._command.words
                yield from self._finished(self._begun[:-1])
                yield Command(words, words[0].line if words else self._line_of(begin), broken=str(error))
                gone += end - begin
                self._documents.clear()
                self._at = self._text.find("\n", error.position) + 1 or end
            if gone > _MAX_STEPS * end:
                yield Command([], self._line_of(self._at), broken="too many quotes are not closed")
                return

    def _line_of(self, position: int) -> int:
        return self._first + bisect_right(self._breaks, position)

    def _line(self, *, nested: bool = False) -> list[Command]:
        """The commands until the end of a line, or of the parenthesis in which they stand."""
        begun: list[Command] = []
        self._begun = begun if not nested else self._begun
        self._begin(begun)
        while self._at < len(self._text) and not (nested and self._text[self._at] == ")"):
            match = _TOKEN.match(self._text, self._at)
            kind = match.lastgroup if match else "word"
            if kind == "function" and len(self._command.words) != 1:
                kind = "operator"  # of its own, as in (a)
            if match is None or kind == "word":
                position = self._at
                self._command.words += self._words()
                self._at = max(self._at, position + 1)  # whatever stands here, it ends
                continue
            self._at = match.end()
            match kind:
                case "line":
                    self._read_documents()
                    if not nested:
                        break
                    self._begin(begun)
                case "redirection":
                    self._redirect(match[0].lstrip("0123456789"))
                case "function":
                    self._command.words.insert(0, Text("function", self._command.line))
                    self._begin(begun)
                case "operator":
                    self._begin(begun, piped=match[0] in ("|", "|&"))
        return self._finished(begun)

    def _begin(self, begun: list[Command], *, piped: bool = False) -> None:
        """Begin the next command; the one before may set variables for it."""
        if begun:
            self._assign(begun[-1])
        self._command = Command([], self._line_of(self._at), piped=piped)
        begun.append(self._command)

    def _finished(self, begun: list[Command]) -> list[Command]:
        """The commands that are read, each with what the one before a pipe prints for it."""
        for last in begun[-1:]:
            self._assign(last)
        found, self._inner = self._inner, []
        before: Command | None = None
        for each in begun:
            if [word.text for word in each.words] != ["}"]:  # which ends a function
                each.words = [*dropwhile(lambda word: word.text in _KEYWORDS, each.words)]
            if each.words:
                each.line = each.words[0].line
            if each.piped and each.stdin is None and before is not None:
                unknown = self._script.marked("another command, which is not run")
                each.stdin = _output(before, self._script) or Text(unknown, before.line)
            if each.output and (known := _output(each, self._script)):
                self._script.files[each.output] = known.text
            before = each
            found += [each] if each.texts else []
        return found

    def _assign(self, command: Command) -> None:
        """Take the values that a command gives to variables; those of a loop are not known."""
        match [*dropwhile(_KEYWORDS.__contains__, (word.text for word in command.words))]:
            case ["for", name, *values]:
                self._script.variables.pop(name, None)
                self._script.loops[name] = [value for value in values[1:] if not {*"*?["} & {*value}]
            case [first, *others] as words:
                given = others if first in _DECLARING else words
                found = [_ASSIGNMENT.fullmatch(word) for word in given if not word.startswith("-")]
                if all(found):
                    self._script.variables |= {match[1]: match[2] for match in found if match}

    def _redirect(self, operator: str) -> None:
        if (space := _TOKEN.match(self._text, self._at)) and space.lastgroup == "space":
            self._at = space.end()
        begin, word = self._at, self._word()
        written = self._text[begin : self._at]
        match operator if written else "":
            case "<<" | "<<-":
                literal = not {*"'\"\\"}.isdisjoint(written)
                self._documents.append((self._command, word.text, operator == "<<-", literal))
            case "<<<":
                self._command.stdin = word
            case "<":
                self._command.stdin = Text(self._script.file(word.text), word.line)
            case ">" | ">|":
                self._command.output = word.text

    def _read_documents(self) -> None:
        """Read the here-documents that the line before has announced."""
        documents, self._documents = self._documents, []
        for command, delimiter, tabs, literal in documents:
            last = ("^\t*" if tabs else "^") + re.escape(delimiter) + "$"
            end = re.compile(last, re.MULTILINE).search(self._text, self._at)
            if end is None:
                raise _NoEndError("its here-document has no end", self._at)
            body, line = self._text[self._at : end.start()], self._line_of(self._at)
            if tabs:
                body = re.sub("^\t+", "", body, flags=re.MULTILINE)
            with suppress(_NoEndError):  # then it is taken as it is written
                body = body if literal else _Lexer(body, self._script, line, self._depth + 1).quoted(None)
            command.stdin = Text(body, line)
            self._at = min(end.end() + 1, len(self._text))

    def _words(self) -> list[Text]:
        """The next word; an array is several, as is a variable without quotes that holds a program, or its options."""
        bare = self._text[self._at] == "$"
        word = self._word()
        if word.text.endswith("=") and self._text.startswith("(", self._at):
            items = [each.text for command in self._parenthesis() for each in command.words]
            return [word._replace(text=word.text + BETWEEN.join(items))]
        if BETWEEN in word.text and not _ASSIGNMENT.fullmatch(word.text):
            parts = word.text.split(BETWEEN)
        elif bare and (not self._command.words or word.text.startswith("-")):
            parts = word.text.split()
        else:
            return [word]
        return [word._replace(text=part) for part in parts]

    def _word(self) -> Text:
        begin, parts = self._at, list[str]()
        while match := _PART.match(self._text, self._at):
            position, self._at = self._at, match.end()
            match match.lastgroup:
                case "plain":
                    parts.append(match[0])
                case "single":
                    parts.append(self._single(position))
                case "double":
                    parts.append(self.quoted(position))
                case "ansi":
                    parts.append(_ANSI_ESCAPE.sub(_ansi, match[0][2:-1]))
                case "escape":
                    parts.append(match[0][1:].replace("\n", ""))
                case "expansion":
                    parts.append(self._expansion(match[0]))
                case "process":
                    name = f"/dev/fd/{len(self._script.files)}"
                    self._script.files[name] = self._printed_by(self._parenthesis(), "<(…), which is not run")
                    parts.append(name)
        return Text("".join(parts), self._line_of(begin))

    def _single(self, begin: int) -> str:
        """A text in single quotes; an apostrophe within a word of prose is one."""
        end = self._text.find("'", begin + 1)
        far = end < 0 or end > begin + _LONG_LINE or "\n" in self._text[begin:end]
        if far and _APOSTROPHE.match(self._text, begin):
            return "'"
        if end < 0:
            raise _NoEndError("a single quote is not closed", begin)
        self._at = end + 1
        return self._text[begin + 1 : end]

    def quoted(self, begin: int | None) -> str:
        """A text in double quotes, which began at a position; or that of a here-document."""
        parts: list[str] = []
        while match := _QUOTED.match(self._text, self._at):
            self._at = match.end()
            found = match[0]
            match match.lastgroup:
                case "end" if begin is not None:
                    return "".join(parts)
                case "escape" if found[1:] in ("$", "`", "\\", "\n") or (found == '\\"' and begin is not None):
                    parts.append(found[1:].replace("\n", ""))
                case "expansion":
                    parts.append(self._expansion(found))
                case _:
                    parts.append(found)
        if begin is not None:
            raise _NoEndError("a double quote is not closed", begin)
        return "".join(parts)

    def _expansion(self, mark: str) -> str:
        """What begins with a dollar or a backtick: a value of the script, a mark, or the dollar itself."""
        begin = self._at - 1
        if mark == "`":
            end = self._text.find("`", self._at)
            if end < 0:
                raise _NoEndError("a backtick is not closed", begin)
            self._at = end + 1
            inner = commands_of(self._text[begin + 1 : end], self._script, self._line_of(begin))
            return self._printed_by([each for each in inner if not each.broken], "`…`, which is not run")
        if match := _VARIABLE.match(self._text, begin):
            self._at = match.end()
            return self._script.value(match[1] or match[2], match[3] or "")
        if match := _UNKNOWN.match(self._text, begin):
            self._at = match.end()
            return self._script.marked(match[0] if len(match[0]) == 2 else "${…}")  # a default may be a secret
        if self._text.startswith("(", self._at):
            return self._printed_by(self._parenthesis(), "$(…), which is not run")
        return "$"

    def _printed_by(self, commands: Sequence[Command], why: str) -> str:
        """What commands print in the place of a word, or a mark."""
        known = _output(commands[0], self._script) if len(commands) == 1 else None
        if known is not None:
            return known.text.rstrip("\n")
        self._inner += commands
        return self._script.marked(why)

    def _parenthesis(self) -> list[Command]:
        """The commands in the parentheses that begin here. Raises `_NoEndError`."""
        begin = self._at
        if self._depth >= _MAX_NESTED:
            raise _NoEndError("parentheses are nested too deep", begin)
        self._at += 1
        outer, waiting, self._documents = self._command, self._documents, []
        self._depth += 1
        try:
            found = self._line(nested=True)
        finally:
            self._depth -= 1
            self._command, self._documents = outer, waiting
        if self._at >= len(self._text):
            raise _NoEndError("a parenthesis is not closed", begin)
        self._at += 1
        return found


def _ansi(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] in "xu" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ANSI_NAMED.get(escape, escape)


def _output(command: Command, script: Script) -> Text | None:
    """What a command prints, if its words show that: ``cat``, ``echo``, ``printf`` of texts, and ``jq .``."""
    if not command.words:
        return command.stdin
    name, *words = (word.text for word in command.words)
    shown = next((word for word in words if not word.startswith("-") and word != "."), "")
    line = command.words[-1].line
    match name.rpartition("/")[2], words:
        case ("cat", [] | ["-"]) | ("jq", [*_, "."]):
            return command.stdin
        case ("cat", [_]) | ("jq", [*_, ".", _]):
            return Text(script.file(shown), 1)
        case "echo", _:
            return Text(" ".join(word for word in words if word not in ("-n", "-e", "-E")), line)
        case "envsubst", _ if command.stdin:
            with suppress(_NoEndError):  # else it is taken as it is written
                return Text(_Lexer(command.stdin.text, script, line).quoted(None), line)
            return command.stdin
        case "printf", [form, *values] if form.count("%") == form.count("%s") + form.count("%b") == len(values):
            rest = iter(values)
            return Text(re.sub("%[sb]", lambda _: next(rest), form.replace("\\n", "\n")), line)
    return None
