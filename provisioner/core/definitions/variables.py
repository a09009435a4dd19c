"""Variables in string values, by the rules of Compose files.

``${name}``, ``${name:-default}``, ``${name:?message}`` and ``$$`` for a dollar; also ``${name-default}`` and
``${name?message}`` (which look only at whether the name is set, not at whether it is empty), ``${name:+value}`` and
``${name+value}``, and variables inside a default. An unbraced ``$name`` is refused: in a secret it would be a typing
mistake far more often than a variable, and its message would print a part of the secret.
"""

import re
from collections.abc import Callable, Collection, Iterator
from collections.abc import Mapping as Values
from typing import assert_never

from msgspec import Struct

from provisioner.core.definitions.account_type import NOTE_PREFIX
from provisioner.core.definitions.domains import host_advice
from provisioner.core.definitions.node import Entry, MappingNode, Mark, Node, Scalar, SequenceNode
from provisioner.core.definitions.problem import Problem
from provisioner.core.secret import Json

Lookup = Callable[[str], str | None]

PREFIX = "PROVISION_VAR_"
"""What the environment variables start with that are open to every definition."""

MAX_NESTING = 20
"""How deep defaults may be nested."""

ADVICE = "set it with --set {name}=…, in vars of the target, or as " + PREFIX + "{name}"
"""Where the value of a definition's variable comes from."""

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":?[-?+]")
_HOST_START = re.compile(r"https?://", re.IGNORECASE)
_IN_HOST = re.compile(r"[^/?#$]*\$\{")
_MALFORMED = "a $ that starts no variable: write ${name} for a variable, $$ for a dollar"


def escaped(value: Json) -> Json:
    """A value in which no ``$`` starts a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    return value


def variable_lookup(
    environment: Values[str, str], allowed: Collection[str], target_vars: Values[str, str], given: Values[str, str]
) -> Lookup:
    """The values of the variables of definitions: of ``--set``, else of the target, else of the environment.

    A definition reaches only what is meant for it: ``${name}`` is the environment's ``PROVISION_VAR_name``, or ``name``
    itself if it is one of the `allowed`, which ``provision.yaml`` lists. So no definition brings a password that the
    environment holds for something else into a document or a report.
    """

    def lookup(name: str) -> str | None:
        for values in (given, target_vars):
            if name in values:
                return values[name]
        value = environment.get(PREFIX + name)
        return environment.get(name) if value is None and name in allowed else value

    return lookup


class _MalformedError(ValueError):
    """A ``$`` that starts nothing that is known."""


class Expansion(Struct):
    """Replaces the variables of nodes and collects what went wrong.

    `missing` holds one fault a variable without a value, `malformed` one a string that cannot be read, `used` the
    names that were looked up. A string with a missing variable becomes a placeholder with its text unchanged.
    `advice` tells where a ``{name}`` without a value can get one. The message of ``:?`` is shown as it is written: it
    may end in a public log, so no variable in it is replaced.
    """

    lookup: Lookup
    advice: str = ADVICE
    missing: list[Problem] = []
    malformed: list[Problem] = []
    used: set[str] = set()

    @property
    def faults(self) -> list[Problem]:
        """What went wrong: first what cannot be read, then the variables without a value."""
        return [*self.malformed, *self.missing]

    def definition(self, node: MappingNode) -> MappingNode:
        """A definition with its variables replaced; notes (``x-``) are left as they are."""
        return self._mapping(node, lambda entry: entry if entry.key.startswith(NOTE_PREFIX) else self._entry(entry))

    def _mapping(self, node: MappingNode, expanded: Callable[[Entry], Entry]) -> MappingNode:
        entries = tuple(map(expanded, node.entries))
        return node if entries == node.entries else MappingNode(entries, node.mark)

    def _entry(self, entry: Entry) -> Entry:
        value = self.node(entry.value)
        return entry if value is entry.value else Entry(entry.key, entry.mark, value)

    def node(self, node: Node) -> Node:
        """A node with the variables of every string in it replaced."""
        match node:
            case Scalar():
                return self._scalar(node)
            case SequenceNode():
                items = tuple(map(self.node, node.items))
                return node if items == node.items else SequenceNode(items, node.mark)
            case MappingNode():
                return self._mapping(node, self._entry)
            case _:
                assert_never(node)

    def _scalar(self, node: Scalar) -> Scalar:
        if not isinstance(node.value, str) or "$" not in node.value:
            return node
        before = len(self.missing)
        try:
            text = self.text(node.value, node.mark)
            if why := self._host_fault(node.value, node.mark):
                self.malformed.append(Problem(node.mark, why, "variable-in-host"))
                return node._replace(placeholder=True)
        except _MalformedError as error:
            self.malformed.append(Problem(node.mark, str(error), "variable-syntax"))
            return node._replace(placeholder=True)
        return node._replace(placeholder=True) if len(self.missing) > before else node._replace(value=text)

    def _host_fault(self, text: str, mark: Mark) -> str:
        """Why a variable cannot stand in the host of a URL; empty if each of them can, or has no value."""
        start = _HOST_START.match(text)
        position = start.end() if start else len(text)
        while start and (found := _IN_HOST.match(text, position)):
            dollar = found.end() - 2
            end = _closing_brace(text, dollar + 2)
            inner = Expansion(self.lookup)
            value, name = inner.text(text[dollar : end + 1], mark), text[dollar + 2 : end]
            chosen = _NAME.sub("", name, count=1) != ""  # an operator says what stands for an empty value
            if not inner.missing and ((not value.strip() and not chosen) or "://" in value):
                what = "is empty" if not value.strip() else "contains more than a host"
                known = _NAME.match(name)
                shown = known.group() if known else name
                return f"the variable {shown}, used in a host, {what}: {host_advice(value)}"
            position = end + 1
        return ""

    def text(self, text: str, mark: Mark) -> str:
        """A text with its variables replaced; the missing ones are noted at the mark."""
        return "".join(self._pieces(text, mark))

    def _pieces(self, text: str, mark: Mark) -> Iterator[str]:
        position = 0
        while (dollar := text.find("$", position)) >= 0:
            yield text[position:dollar]
            if text.startswith("$$", dollar):
                yield "$"
                position = dollar + 2
            elif text.startswith("${", dollar):
                end = _closing_brace(text, dollar + 2)
                yield self._variable(text[dollar + 2 : end], mark)
                position = end + 1
            else:
                raise _MalformedError(_MALFORMED)
        yield text[position:]

    def _variable(self, expression: str, mark: Mark) -> str:
        match = _NAME.match(expression)
        if match is None:
            raise _MalformedError(_MALFORMED)
        name, rest = match.group(), expression[match.end() :]
        operator = _OPERATOR.match(rest)
        if rest and operator is None:
            raise _MalformedError(_MALFORMED)
        self.used.add(name)
        value = self.lookup(name)
        if operator is None:
            return value if value is not None else self._miss(name, "", mark)
        argument = rest[operator.end() :]
        given = bool(value) if operator.group().startswith(":") else value is not None
        match operator.group()[-1]:
            case "-":
                return value if given and value is not None else self.text(argument, mark)
            case "+":
                return self.text(argument, mark) if given else ""
            case _:
                return value if given and value is not None else self._miss(name, argument, mark)

    def _miss(self, name: str, reason: str, mark: Mark) -> str:
        explained = f": {reason}" if reason else ""
        message = f"variable {name} has no value{explained} ({self.advice.replace('{name}', name)})"
        self.missing.append(Problem(mark, message, "missing-variable"))
        return ""


def _closing_brace(text: str, start: int) -> int:
    depth, position = 1, start
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 1
            if depth > MAX_NESTING:
                raise _MalformedError(f"variables nested more than {MAX_NESTING} levels deep")
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    raise _MalformedError("a ${ without its }: write ${name} for a variable, $$ for a dollar")
