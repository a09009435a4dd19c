"""A shell script as far as its text tells: its commands, what their words hold, and what its functions and loops do.

Nothing of it is run. What only a shell would know stands in a word as a mark.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.errors import said

ReadFile = Callable[[str], str]
"""The text of a file that a script names, such as with ``-d @FILE``. Raises `OSError`."""

OPEN, CLOSE, BETWEEN = "\ufdd0", "\ufdd1", "\ufdd2"
"""What stands around the number of an expansion, and between the items of an array: characters that no text has."""

_MARK = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_MAX_EXPANDED = 4 * 1024 * 1024
_MAX_UNROLLED = 4 * 1024 * 1024
"""Characters of all commands of functions and loops together."""

_POSITIONAL = frozenset({*(f"${place}" for place in range(1, 10))})


class Text(NamedTuple):
    """A text of a script, and the line on which it begins. Expansions in it are marked."""

    text: str
    line: int


class ShellExpansion(Struct, frozen=True):
    """What a shell would put into a word, and nobody knows here.

    `variable`: its name, with its default as in a definition; else `why` says what it is.
    """

    variable: str = ""
    why: str = ""


class Command(Struct, frozen=True):
    """A simple command: its words, and what it reads from its standard input, if that is in the script."""

    words: tuple[Text, ...]
    line: int
    stdin: Text | None = None


class Broken(Struct, frozen=True):
    """A command that has no end, and its words until there."""

    words: tuple[Text, ...]
    line: int
    why: str


class Script(Struct):
    """What the commands of a script have in common: the expansions that are marked, the variables, the files it writes.

    `loops`: the variables of loops with all their values.
    """

    read: ReadFile
    expansions: list[ShellExpansion] = []
    variables: dict[str, str] = {}
    loops: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    left: int = _MAX_EXPANDED

    def marked(self, expansion: ShellExpansion) -> str:
        """A mark for an expansion."""
        self.expansions.append(expansion)
        return f"{OPEN}{len(self.expansions) - 1}{CLOSE}"

    def marks(self, text: str) -> list[ShellExpansion]:
        """The expansions that are marked in a text."""
        return [self.expansions[int(match[1])] for match in _MARK.finditer(text)]

    def only_mark(self, text: str) -> ShellExpansion | None:
        """The expansion that a text consists of, if it does."""
        match = _MARK.fullmatch(text.strip())
        return self.expansions[int(match[1])] if match else None

    def replaced(self, text: str, put: Callable[[ShellExpansion], str]) -> str:
        """A text with something else in place of its marks."""
        return _MARK.sub(lambda match: put(self.expansions[int(match[1])]), text)

    def value(self, name: str, default: str) -> str:
        """The value that the script gave to a variable, or a mark."""
        value = self.variables.get(name)
        if value is None or len(value) > self.left:
            return self.marked(ShellExpansion(variable=name + default))
        self.left -= len(value)
        return value

    def written(self, text: str) -> str:
        """The name of a file that holds what a command prints, unless nobody knows that."""
        if self.only_mark(text):
            return text
        name = f"/dev/fd/{len(self.files)}"
        self.files[name] = text
        return name

    def file(self, name: str) -> str:
        """The text of a file, or a mark that says why there is none."""
        if mark := self.only_mark(name):
            return self.marked(
                ShellExpansion(why=mark.why or "a file whose name is a variable: import that file itself")
            )
        if self.marks(name):
            return self.marked(ShellExpansion(why="a file whose name is a variable: import that file itself"))
        if name in self.files:
            return self.files[name]
        try:
            return clean(self.read(name))
        except OSError as error:
            return self.marked(ShellExpansion(why=f"{name}, which cannot be read: {said(error)}"))

    def with_values(self, command: Command, positional: Mapping[str, str], variables: Mapping[str, str]) -> Command:
        """A command with values in place of the marks that stand for them."""

        def put(mark: ShellExpansion) -> str:
            known = variables.get(mark.variable) if mark.variable else positional.get(mark.why)
            return self.marked(mark) if known is None else known

        words = tuple(word._replace(text=self.replaced(word.text, put)) for word in command.words)
        stdin = command.stdin and command.stdin._replace(text=self.replaced(command.stdin.text, put))
        return replace(command, words=words, stdin=stdin)


def clean(text: str) -> str:
    """A text without the characters of marks, and with line ends as they are in Unix."""
    return re.sub(f"[{OPEN}{CLOSE}{BETWEEN}]", "\ufffd", text.replace("\r\n", "\n"))


def called(commands: Sequence[Command | Broken], script: Script) -> Iterator[Command | Broken]:
    """The commands with those of a function where it is called, and those of a loop for each value.

    What a function does counts as far as it uses ``$1``; one with ``shift`` is not followed.
    """
    functions: dict[str, list[Command]] = {}
    called: set[str] = set()
    name, left = "", _MAX_UNROLLED
    for command in commands:
        if isinstance(command, Broken) or not command.words:
            yield command
            continue
        marks = [mark for word in (*command.words, *_standing(command)) for mark in script.marks(word.text)]
        first, *others = (word.text for word in command.words)
        loop = next((mark.variable for mark in marks if script.loops.get(mark.variable)), None)
        unrolled = [command]
        if first in ("function", "}"):
            name = others[0] if others else ""
            functions.pop(name, None)
        elif name and (first == "shift" or any(mark.why in _POSITIONAL for mark in marks)):
            functions.setdefault(name, []).append(command)
            unrolled = []
        elif first in functions and not any(each.words[0].text == "shift" for each in functions[first]):
            called.add(first)
            given = {f"${place}": text for place, text in enumerate(others, start=1)}
            bodies = [replace(each, stdin=each.stdin or command.stdin) for each in functions[first]]
            left -= sum(map(_length, bodies))
            unrolled = [script.with_values(each, given, {}) for each in bodies if left > 0]
        elif loop:
            values = script.loops[loop][: max(left, 0) // _length(command)]
            left -= len(values) * _length(command)
            unrolled = [script.with_values(command, {}, {loop: value}) for value in values]
        yield from unrolled
    for uncalled in functions.keys() - called:
        yield from functions[uncalled]


def _length(command: Command) -> int:
    return sum(len(word.text) + 1 for word in (*command.words, *_standing(command)))


def _standing(command: Command) -> tuple[Text, ...]:
    return () if command.stdin is None else (command.stdin,)
