"""A shell script as far as its text shows: its commands, what their words hold, and what its functions and loops do.

Nothing of it is run. What only a shell would know stands in a word as a mark.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
"""Characters of the values of all variables that are used, and of all commands of functions and loops together."""

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


class Command(Struct):
    """A simple command: its words, and what it reads from its standard input, if that is in the script.

    `piped`: the command before it writes that. `output`: the file that it writes. `broken`: why it has no end.
    """

    words: list[Text]
    line: int
    stdin: Text | None = None
    piped: bool = False
    output: str = ""
    broken: str = ""

    @property
    def texts(self) -> list[Text]:
        """Its words, and what it reads."""
        return self.words if self.stdin is None else [*self.words, self.stdin]

    @property
    def length(self) -> int:
        """About how many characters it has."""
        return sum(len(each.text) + 1 for each in self.texts)


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

    def marked(self, why: str = "", variable: str = "") -> str:
        """A mark for an expansion."""
        self.expansions.append(ShellExpansion(variable, why))
        return f"{OPEN}{len(self.expansions) - 1}{CLOSE}"

    def marks(self, text: str) -> list[ShellExpansion]:
        """The expansions that are marked in a text."""
        return [self.expansions[int(number)] for number in _MARK.findall(text)]

    def only_mark(self, text: str) -> ShellExpansion | None:
        """The expansion that a text consists of, if it does."""
        match = _MARK.fullmatch(text.strip())
        return self.expansions[int(match[1])] if match else None

    def replaced(self, text: str, put: Callable[[ShellExpansion], str | None]) -> str:
        """A text with something else in place of its marks; those for which there is nothing stay."""

        def found(match: re.Match[str]) -> str:
            value = put(self.expansions[int(match[1])])
            return match[0] if value is None else value

        return _MARK.sub(found, text)

    def value(self, name: str, default: str) -> str:
        """The value that the script gave to a variable, or a mark."""
        value = self.variables.get(name)
        if value is None or len(value) > self.left:
            return self.marked(variable=name + default)
        self.left -= len(value)
        return value

    def file(self, name: str) -> str:
        """The text of a file, or a mark that says why there is none."""
        if self.marks(name):
            only = self.only_mark(name)
            return self.marked((only and only.why) or "a file whose name is a variable: import that file itself")
        if name in self.files:
            return self.files[name]
        try:
            return clean(self.read(name))
        except OSError as error:
            return self.marked(f"{name}, which cannot be read: {said(error)}")

    def with_values(self, command: Command, values: Mapping[str, str]) -> Command:
        """A command with values in place of the marks that stand for them."""

        def put(text: Text) -> Text:
            known = self.replaced(text.text, lambda mark: values.get(mark.variable or mark.why))
            return text._replace(text=known)

        return replace(command, words=[*map(put, command.words)], stdin=command.stdin and put(command.stdin))


def clean(text: str) -> str:
    """A text without the characters of marks, and with line ends as they are in Unix."""
    return re.sub(f"[{OPEN}{CLOSE}{BETWEEN}]", "\ufffd", text.replace("\r\n", "\n"))


def called(commands: Iterable[Command], script: Script) -> Iterator[Command]:
    """The commands with those of a function where it is called, and those of a loop for each value.

    What a function does counts as far as it uses ``$1``; one with ``shift`` is not followed.
    """
    functions: dict[str, list[Command]] = {}
    uncalled: dict[str, list[Command]] = {}
    name, left = "", _MAX_EXPANDED
    for command in commands:
        if command.broken or not command.words:
            yield command
            continue
        marks = [mark for each in command.texts for mark in script.marks(each.text)]
        first, *others = (word.text for word in command.words)
        loop = next((mark.variable for mark in marks if script.loops.get(mark.variable)), None)
        if first in ("function", "}"):
            name = others[0] if others else ""
            functions.pop(name, None)
            uncalled.pop(name, None)
            yield command
        elif name and (first == "shift" or any(mark.why in _POSITIONAL for mark in marks)):
            uncalled[name] = functions.setdefault(name, [])
            functions[name].append(command)
        elif first in functions and not any(each.words[0].text == "shift" for each in functions[first]):
            uncalled.pop(first, None)
            given = {f"${place}": text for place, text in enumerate(others, start=1)}
            for each in functions[first]:
                body = replace(each, stdin=each.stdin or command.stdin)
                left -= body.length
                if left > 0:
                    yield script.with_values(body, given)
        elif loop:
            values = script.loops[loop][: max(left, 0) // command.length]
            left -= len(values) * command.length
            yield from (script.with_values(command, {loop: value}) for value in values)
        else:
            yield command
    for bodies in uncalled.values():
        yield from bodies
