"""Reads shell scripts into commands, as far as their words can be known without running anything.

``shlex`` cannot tell ``'$A'`` from ``"$A"``, knows no here-documents, and needs quadratic time for a long word.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import dropwhile

from msgspec import Struct

from provisioner.core.importing.script import (
    BETWEEN,
    Broken,
    Command,
    Script,
    ShellExpansion,
    Text,
    clean,
)

_MAX_NESTED = 20
_MAX_STEPS = 40
"""How often a text may be gone through where quotes that nothing closes make us begin anew."""

_SPACE = re.compile(r"(?:[ \t\r]|[\\^`]\r?\n)++")  # with the marks of cmd and PowerShell for a longer line
_PLAIN = re.compile(r"[^ \t\r\n'\"\\$`;&|<>()]++")
_QUOTED = re.compile(r"[^\"\\$`]++")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:?-[^{}$`'\"\\\n]*)?\})", re.ASCII)
_ARRAY = re.compile(r"\$\{([A-Za-z_]\w*)\[[@*]\]\}", re.ASCII)
_UNKNOWN = re.compile(r"\$(?:[0-9@*#?$!-]|\{[^{}\n]{0,200}\}|\(\((?:[^()\n]|\)(?!\))){0,200}\)\))")
_ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_ANSI_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|.)", re.DOTALL)
_ANSI_NAMED = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_REDIRECTION = re.compile(r"(?:&>>?|[0-9]*+(?:<<<|<<-?|<&|<>|>>|>&|>\||<|>))(?!\()")
_OPERATOR = re.compile(r"\|\||&&|\|&|;;&?|;&|[;&|()]")
_FUNCTION = re.compile(r"\([ \t]*\)")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL | re.ASCII)
_LONG_LINE = 1000
_LETTER = re.compile(r"[^\W\d_]")

_KEYWORDS = frozenset(["if", "then", "elif", "else", "fi", "do", "done", "while", "until", "!", "{", "}", "time"])
_DECLARING = frozenset(["export", "declare", "local", "readonly", "typeset"])


def commands_of(text: str, script: Script, line: int = 1) -> Iterator[Command | Broken]:
    """The commands of a shell script that begins on a line, in their order."""
    yield from commands_within(clean(text), script, line)


def commands_within(text: str, script: Script, line: int) -> Iterator[Command | Broken]:
    """The commands of a text that stands in a script, and in which its expansions are marked."""
    yield from _Lexer(text, script, line).commands()


class _NoEndError(Exception):
    """A quote or a parenthesis that nothing closes; says which, and where it begins."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(what)
        self.position = position


class _Draft(Struct):
    words: list[Text]
    line: int
    stdin: Text | None = None
    piped: bool = False
    written: str = ""


class _Lexer:
    def __init__(self, text: str, script: Script, line: int = 1, depth: int = 0) -> None:
        self._text = text
        self._script = script
        self._depth = depth
        self._first = line
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._at, self._end = 0, len(text)
        self._documents: list[tuple[_Draft, str, bool, bool]] = []
        self._draft = _Draft([], 1)
        self._drafts: list[_Draft] = []
        self._inner: list[Command] = []

    def commands(self) -> Iterator[Command | Broken]:
        """The commands, line by line. After one that has no end, it goes on with the next line."""
        gone = 0
        while self._at < self._end:
            begin = self._at
            try:
                yield from self._line()
            except _NoEndError as error:
                words = tuple(self._draft.words)
                yield from self._finished(self._drafts[:-1])
                yield Broken(words, words[0].line if words else self._line_of(begin), str(error))
                gone += self._end - begin
                self._documents.clear()
                self._at = min(self._line_end(error.position) + 1, self._end)
            if gone > _MAX_STEPS * self._end:
                yield Broken((), self._line_of(self._at), "too many quotes are not closed")
                return

    def _line_of(self, position: int) -> int:
        return self._first + bisect_right(self._lines, position) - 1

    def _line(self, until: str = "") -> list[Command]:
        """The commands until the end of a line, or until a parenthesis."""
        drafts: list[_Draft] = []
        if not until:
            self._drafts = drafts
        self._begin(drafts, piped=False)
        while self._at < self._end:
            char = self._text[self._at]
            if match := _SPACE.match(self._text, self._at):
                self._at = match.end()
            elif char == "#":
                self._at = self._line_end(self._at)
            elif char == "\n":
                self._at += 1
                self._read_documents()
                if not until:
                    break
                self._begin(drafts, piped=False)
            elif char == until:
                break
            elif match := _REDIRECTION.match(self._text, self._at):
                self._at = match.end()
                self._redirect(match[0].lstrip("0123456789"))
            elif match := _OPERATOR.match(self._text, self._at):
                self._operator(match, drafts)
            else:
                begin = self._at
                self._draft.words += self._words()
                self._at = max(self._at, begin + 1)  # whatever stands here, it ends
        return self._finished(drafts)

    def _operator(self, match: re.Match[str], drafts: list[_Draft]) -> None:
        """Begin the command after an operator; parentheses behind one word make it the name of a function."""
        function = _FUNCTION.match(self._text, self._at) if len(self._draft.words) == 1 else None
        self._at = (function or match).end()
        if function:
            self._draft.words.insert(0, Text("function", self._draft.line))
        self._begin(drafts, piped=match[0] in ("|", "|&"))

    def _line_end(self, position: int) -> int:
        found = self._text.find("\n", position)
        return self._end if found < 0 else found

    def _begin(self, drafts: list[_Draft], *, piped: bool) -> None:
        """Begin the next command; the one before may set variables for it."""
        if drafts:
            self._assign(drafts[-1])
        self._draft = _Draft([], self._line_of(self._at), piped=piped)
        drafts.append(self._draft)

    def _finished(self, drafts: list[_Draft]) -> list[Command]:
        """The commands that are read, each with what the one before a pipe prints for it."""
        for draft in drafts[-1:]:
            self._assign(draft)
        found, self._inner = self._inner, []
        before: Command | None = None
        for draft in drafts:
            words = tuple(draft.words)
            if [word.text for word in words] != ["}"]:  # which ends a function
                words = tuple(dropwhile(lambda word: word.text in _KEYWORDS, words))
            stdin = draft.stdin
            if draft.piped and stdin is None and before is not None:
                unknown = ShellExpansion(why="another command, which is not run")
                stdin = _output(before, self._script) or Text(self._script.marked(unknown), before.line)
            before = Command(words, words[0].line if words else draft.line, stdin)
            written = words[1].text if len(words) > 1 and words[0].text == "tee" else draft.written
            if written and (known := _output(before, self._script)):
                self._script.files[written] = known.text
            if words or stdin:
                found.append(before)
        return found

    def _assign(self, draft: _Draft) -> None:
        """Take the values that a command gives to variables; those of a loop are not known."""
        words = [*dropwhile(_KEYWORDS.__contains__, (word.text for word in draft.words))]
        if not words:
            return
        if words[0] == "for" and len(words) > 1:
            self._script.variables.pop(words[1], None)
            self._script.loops[words[1]] = [word for word in words[3:] if not {*"*?["} & {*word}]
        elif words[0] == "read" and draft.stdin is not None:
            self._script.variables[words[-1]] = draft.stdin.text
        else:
            given = words[1:] if words[0] in _DECLARING else words
            found = [_ASSIGNMENT.fullmatch(word) for word in given if not word.startswith("-")]
            if all(found):
                self._script.variables |= {match[1]: match[2] for match in found if match}

    def _redirect(self, operator: str) -> None:
        if match := _SPACE.match(self._text, self._at):
            self._at = match.end()
        if self._at >= self._end or self._text[self._at] in "\n;&|<>()":
            return
        begin = self._at
        word = self._word()
        if operator in ("<<", "<<-"):
            quoted = not {*"'\"\\"}.isdisjoint(self._text[begin : self._at])
            self._documents.append((self._draft, word.text, operator == "<<-", quoted))
        elif operator == "<<<":
            self._draft.stdin = word
        elif operator == "<":
            self._draft.stdin = Text(self._script.file(word.text), word.line)
        elif operator in (">", ">|"):
            self._draft.written = word.text

    def _read_documents(self) -> None:
        """Read the here-documents that the line before has announced."""
        documents, self._documents = self._documents, []
        for draft, delimiter, tabs, quoted in documents:
            last = ("^\t*" if tabs else "^") + re.escape(delimiter) + "$"
            end = re.compile(last, re.MULTILINE).search(self._text, self._at)
            if end is None:
                raise _NoEndError("its here-document has no end", self._at)
            body, line = self._text[self._at : end.start()], self._line_of(self._at)
            if tabs:
                body = "\n".join(each.lstrip("\t") for each in body.split("\n"))
            with suppress(_NoEndError):  # then it is taken as it is written
                body = body if quoted else _Lexer(body, self._script, line, self._depth + 1).quoted("")
            draft.stdin = Text(body, line)
            self._at = min(end.end() + 1, self._end)
            if draft.words and draft.words[0].text == "read":
                self._assign(draft)

    def _words(self) -> list[Text]:
        """The next word; an array is several, as is a variable without quotes that holds a program, or its options."""
        bare = self._text[self._at] == "$"
        word = self._word()
        if word.text.endswith("=") and self._text.startswith("(", self._at):
            items = [each.text for command in self._parenthesis() for each in command.words]
            return [word._replace(text=word.text + BETWEEN.join(items))]
        if BETWEEN in word.text and not _ASSIGNMENT.fullmatch(word.text):
            parts = word.text.split(BETWEEN)
        elif bare and (not self._draft.words or word.text.startswith("-")):
            parts = word.text.split()
        else:
            return [word]
        return [word._replace(text=part) for part in parts]

    def _word(self) -> Text:
        begin, parts = self._at, list[str]()
        while self._at < self._end:
            char = self._text[self._at]
            if match := _PLAIN.match(self._text, self._at):
                parts.append(match[0])
                self._at = match.end()
            elif char == "'":
                parts.append(self._single())
            elif char == '"':
                self._at += 1
                parts.append(self.quoted('"'))
            elif char == "\\":
                following = self._text[self._at + 1 : self._at + 2]
                parts.append("" if following == "\n" else following)
                self._at += 2
            elif char == "`":
                parts.append(self._backticks())
            elif char == "$":
                parts.append(self._expansion(quoted=False))
            elif self._text.startswith(("<(", ">("), self._at):
                self._at += 1
                parts.append(self._script.written(self._printed_by(self._parenthesis(), "<(…), which is not run")))
            else:
                break
        return Text("".join(parts), self._line_of(begin))

    def _single(self) -> str:
        """A text in single quotes; an apostrophe within a word of prose is one."""
        begin = self._at
        end = self._text.find("'", begin + 1)
        far = end < 0 or end > begin + _LONG_LINE or "\n" in self._text[begin:end]
        if far and _LETTER.match(self._text, begin - 1) and _LETTER.match(self._text, begin + 1):
            self._at = begin + 1
            return "'"
        if end < 0:
            raise _NoEndError("a single quote is not closed", begin)
        self._at = end + 1
        return self._text[begin + 1 : end]

    def quoted(self, until: str) -> str:
        """A text in double quotes; without an end, that of a here-document."""
        begin, parts = self._at, list[str]()
        while self._at < self._end:
            char = self._text[self._at]
            if match := _QUOTED.match(self._text, self._at):
                parts.append(match[0])
                self._at = match.end()
            elif char == until:
                self._at += 1
                return "".join(parts)
            elif char == "\\":
                following = self._text[self._at + 1 : self._at + 2]
                escaped = following in ("$", "`", "\\", "\n", until)
                parts.append(("" if following == "\n" else following) if escaped else char + following)
                self._at += 2
            elif char == "`":
                parts.append(self._backticks())
            elif char == "$":
                parts.append(self._expansion(quoted=True))
            else:
                parts.append(char)
                self._at += 1
        if until:
            raise _NoEndError("a double quote is not closed", begin - 1)
        return "".join(parts)

    def _backticks(self) -> str:
        begin, end = self._at, self._text.find("`", self._at + 1)
        if end < 0:
            raise _NoEndError("a backtick is not closed", begin)
        self._at = end + 1
        inner = commands_within(self._text[begin + 1 : end], self._script, self._line_of(begin))
        return self._printed_by([each for each in inner if isinstance(each, Command)], "`…`, which is not run")

    def _printed_by(self, commands: Sequence[Command], why: str) -> str:
        """What commands print in the place of a word, or a mark."""
        known = _output(commands[0], self._script) if len(commands) == 1 else None
        if known is not None:
            return known.text.rstrip("\n")
        self._inner += commands
        return self._script.marked(ShellExpansion(why=why))

    def _expansion(self, *, quoted: bool) -> str:
        """What begins with a dollar: a value of the script, a mark, or the dollar itself."""
        if match := _VARIABLE.match(self._text, self._at):
            self._at = match.end()
            return self._script.value(match[1] or match[2], match[3] or "")
        if match := _ARRAY.match(self._text, self._at):
            self._at = match.end()
            return self._script.value(match[1], "")
        if match := _UNKNOWN.match(self._text, self._at):
            self._at = match.end()
            shown = match[0] if len(match[0]) == 2 else "${…}"  # a default may be a secret
            return self._script.marked(ShellExpansion(why=shown))
        if self._text.startswith("$(", self._at):
            self._at += 1
            return self._printed_by(self._parenthesis(), "$(…), which is not run")
        if not quoted and (match := _ANSI.match(self._text, self._at)):
            self._at = match.end()
            return _ANSI_ESCAPE.sub(_ansi, match[1])
        self._at += 1
        return "" if not quoted and self._text.startswith('"', self._at) else "$"

    def _parenthesis(self) -> list[Command]:
        """The commands in parentheses. Raises `_NoEndError`."""
        begin = self._at
        if self._depth >= _MAX_NESTED:
            raise _NoEndError("parentheses are nested too deep", begin)
        self._at += 1
        outer, waiting = self._draft, self._documents
        self._documents = []
        self._depth += 1
        try:
            found = self._line(until=")")
        finally:
            self._depth -= 1
            self._draft, self._documents = outer, waiting
        if self._at >= self._end:
            raise _NoEndError("a parenthesis is not closed", begin)
        self._at += 1
        return found


def _ansi(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] in "xu" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ANSI_NAMED.get(escape, escape)


def _output(command: Command, script: Script) -> Text | None:
    """What a command prints, if its words tell: ``cat``, ``echo``, ``printf`` of texts, and ``jq .``."""
    if not command.words:
        return command.stdin
    name, *words = (word.text for word in command.words)
    shown = next((word for word in words if not word.startswith("-") and word != "."), "")
    line = command.words[-1].line
    match name.rpartition("/")[2], words:
        case ("cat", [] | ["-"]) | ("jq", [*_, "."]) | ("tee", [_]):
            found = command.stdin
        case ("cat", [_]) | ("jq", [*_, ".", _]):
            found = Text(script.file(shown), 1)
        case "echo", _:
            found = Text(" ".join(word for word in words if word not in ("-n", "-e", "-E")), line)
        case "envsubst", _ if command.stdin:
            found = command.stdin
            with suppress(_NoEndError):  # then it is taken as it is written
                found = Text(_Lexer(found.text, script, line).quoted(""), line)
        case "printf", [form, *values] if form.count("%") == form.count("%s") + form.count("%b") == len(values):
            rest = iter(values)
            found = Text(re.sub("%[sb]", lambda _: next(rest), form.replace("\\n", "\n")), line)
        case _:
            found = None
    return found
