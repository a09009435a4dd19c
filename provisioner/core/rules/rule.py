"""What a rule is: what it looks at, how bad its findings are, and how ``provision explain`` describes it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.subject import Subject


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has to say of one account type; `path` leads to the value, and the severity may be milder."""

    message: str
    path: tuple[str, ...] = ()
    severity: Severity | None = None


Check: TypeAlias = Callable[[Subject], Iterator[Finding]]
AcrossCheck: TypeAlias = Callable[[Sequence[Subject]], Iterator[tuple[Subject, Finding]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its kebab-case id, how bad it is, and its check.

    `check` looks at one account type, `across` at all of them together; a rule without either is found elsewhere:
    while files are read, by the JSON schema, or by the command. `ignorable`: a comment in the file may silence it.
    """

    id: str
    severity: Severity
    check: Check | None = None
    across: AcrossCheck | None = None
    ignorable: bool = True


def rule(id: str, severity: Severity, *, ignorable: bool = True) -> Callable[[Check], Rule]:
    """Make a rule of a check that looks at one account type."""
    return lambda check: Rule(id, severity, check=check, ignorable=ignorable)


def rule_across(id: str, severity: Severity) -> Callable[[AcrossCheck], Rule]:
    """Make a rule of a check that looks at all account types together."""
    return lambda across: Rule(id, severity, across=across)


def rules_in(module: object) -> tuple[Rule, ...]:
    """The rules that a module declares."""
    return tuple(value for value in vars(module).values() if isinstance(value, Rule))


@dataclass(frozen=True, slots=True)
class RuleText:
    """How a rule is explained, in Markdown: what it finds, why that fails, how to fix it, and a reference if any."""

    finds: str
    why: str
    fix: str
    reference: str = ""


def read_texts(markdown: str) -> Mapping[str, RuleText]:
    """The texts of the rules by id, from the file that ships with them: a section each, with titled paragraphs."""
    _, *parts = re.split(r"^## (\S+)$", markdown, flags=re.MULTILINE)
    return {id: _text(section) for id, section in zip(parts[::2], parts[1::2], strict=True)}


def _text(section: str) -> RuleText:
    paragraphs = dict(re.findall(r"^\*\*([^*]+):\*\*\s+(.*?)(?=\n\n|\Z)", section, re.MULTILINE | re.DOTALL))
    found = {title: " ".join(text.split()) for title, text in paragraphs.items()}
    return RuleText(found["Finds"], found["Why"], found["How to fix"], found.get("Reference", ""))
