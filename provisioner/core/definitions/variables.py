"""Variables in string values, by the rules of Compose files.

``${name}``, ``${name:-default}``, ``${name:?message}`` and ``$$`` for a dollar; also ``${name-default}`` and
``${name?message}`` (which look only at whether the name is set, not at whether it is empty), ``${name:+value}`` and
``${name+value}``, and variables inside a default. An unbraced ``$name`` is refused: in a secret it would be a typing
mistake far more often than a variable, and its message would print a part of the secret.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from provisioner.core.definitions.account_type import NOTE_PREFIX
from provisioner.core.definitions.content import Content, Path
from provisioner.core.definitions.domains import host_advice
from provisioner.core.secret import Json

Lookup = Callable[[str], str | None]

PREFIX = "PROVISION_VAR_"
"""What the environment variables start with that are open to every definition."""

MAX_NESTING = 20
"""How deep defaults may be nested."""

ADVICE = "set it with --set {name}=…, in vars of the target, or as " + PREFIX + "{name}"
"""Where the value of a definition's variable comes from."""

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_EXPRESSION = re.compile(rf"({_NAME.pattern})(?:(:?)([-?+])(.*))?", re.DOTALL)
_HOST_START = re.compile(r"https?://", re.IGNORECASE)
_IN_HOST = re.compile(r"[^/?#$]*\$\{")
_BRACE = re.compile(r"\$\{|\}")
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
    environment: Mapping[str, str], allowed: Collection[str], target_vars: Mapping[str, str], given: Mapping[str, str]
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


class Fault(NamedTuple):
    """What is wrong with the variables of a text, and the path to it."""

    path: Path
    message: str
    rule: str


class Expansion(Struct):
    """Replaces the variables in the texts of a value, and collects what went wrong.

    `missing` has a fault for each variable without a value, `malformed` one for each text that cannot be read, `gaps`
    the paths of both, whose texts stay as they are. `used` are the names that were looked up. `advice` says where a
    ``{name}`` without a value can get one. The message of ``:?`` is shown as it is written: it may end in a public log,
    so no variable in it is replaced.
    """

    lookup: Lookup
    advice: str = ADVICE
    missing: list[Fault] = []
    malformed: list[Fault] = []
    gaps: set[Path] = set()
    used: set[str] = set()

    @property
    def faults(self) -> list[Fault]:
        """What went wrong: first what cannot be read, then the variables without a value."""
        return [*self.malformed, *self.missing]

    def definition(self, content: Content) -> Content:
        """A definition with its variables replaced; notes (``x-``) are left as they are."""
        values = {
            name: value if name.startswith(NOTE_PREFIX) else self.value(value, (name,))
            for name, value in content.values.items()
        }
        same = values == content.values and not self.gaps
        return content if same else replace(content, values=values, gaps=frozenset(self.gaps))

    def value(self, value: Json, path: Path = ()) -> Json:
        """A value at a path, with the variables of every text in it replaced."""
        if isinstance(value, str):
            return self._text(value, path) if "$" in value else value
        if isinstance(value, dict):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, path: Path) -> str:
        missing: list[tuple[str, str]] = []
        try:
            expanded = self._replaced(text, missing)
            why, rule = self._host_fault(text), "variable-in-host"
        except _MalformedError as error:
            expanded, why, rule = text, str(error), "variable-syntax"
        for name, reason in missing:
            explained = f": {reason}" if reason else ""
            message = f"variable {name} has no value{explained} ({self.advice.replace('{name}', name)})"
            self.missing.append(Fault(path, message, "missing-variable"))
        if why:
            self.malformed.append(Fault(path, why, rule))
        if why or missing:
            self.gaps.add(path)
        return text if why or missing else expanded

    def _host_fault(self, text: str) -> str:
        """Why a variable cannot stand in the host of a URL; empty if each of them can, or has no value."""
        start = _HOST_START.match(text)
        position = start.end() if start else len(text)
        while start and (found := _IN_HOST.match(text, position)):
            missing: list[tuple[str, str]] = []
            position = _closing_brace(text, found.end()) + 1
            value, name = self._replaced(text[found.end() - 2 : position], missing), text[found.end() : position - 1]
            known = _NAME.match(name)
            chosen = known is None or known.group() != name  # an operator says what stands for an empty value
            if not missing and ((not value.strip() and not chosen) or "://" in value):
                what = "is empty" if not value.strip() else "contains more than a host"
                shown = known.group() if known else name
                return f"the variable {shown}, used in a host, {what}: {host_advice(value)}"
        return ""

    def _replaced(self, text: str, missing: list[tuple[str, str]]) -> str:
        """A text with its variables replaced; those without a value are noted, each with the reason that it gives."""
        parts, position = [], 0
        while (dollar := text.find("$", position)) >= 0:
            parts.append(text[position:dollar])
            if text.startswith("$$", dollar):
                parts.append("$")
                position = dollar + 2
            elif text.startswith("${", dollar):
                end = _closing_brace(text, dollar + 2)
                parts.append(self._value_of(text[dollar + 2 : end], missing))
                position = end + 1
            else:
                raise _MalformedError(_MALFORMED)
        return "".join([*parts, text[position:]])

    def _value_of(self, expression: str, missing: list[tuple[str, str]]) -> str:
        """What stands for the inside of the braces."""
        match = _EXPRESSION.fullmatch(expression)
        if match is None:
            raise _MalformedError(_MALFORMED)
        name, colon, operator, argument = match.groups("")
        self.used.add(name)
        value = self.lookup(name)
        given = value is not None and not (colon and value == "")
        if operator == "+":
            return self._replaced(argument, missing) if given else ""
        if value is not None and given:
            return value
        if operator == "-":
            return self._replaced(argument, missing)
        missing.append((name, argument))
        return ""


def _closing_brace(text: str, start: int) -> int:
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "${" else -1
        if depth > MAX_NESTING:
            raise _MalformedError(f"variables nested more than {MAX_NESTING} levels deep")
        if depth == 0:
            return brace.start()
    raise _MalformedError("a ${ without its }: write ${name} for a variable, $$ for a dollar")
