"""The rules: the explanation of one, and the list of all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import TypeAlias

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Rule, RuleText
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.table import table

_COLOURS = {Severity.ERROR: Colour.RED, Severity.WARNING: Colour.YELLOW}
_WIDTH = 100


Texts: TypeAlias = Mapping[str, RuleText]
"""Rule id → how it is explained."""


def as_text(rule: Rule, text: RuleText, paint: Paint = plain) -> str:
    """A rule as paragraphs, without Markdown's back quotes."""
    head = f"{paint(Colour.BOLD, rule.id)} ({paint(_COLOURS[rule.severity], rule.severity)})"
    parts = (f"{title}: {part}".replace("`", "") for title, part in _parts(rule, text))
    return "\n\n".join([head, *(fill(part, _WIDTH, break_on_hyphens=False) for part in parts)])


def list_as_text(rules: Sequence[Rule], texts: Texts, paint: Paint = plain) -> str:
    """One line per rule: its id, its severity and the first sentence of what it finds."""
    rows = [(rule.id, str(rule.severity), first_sentence(texts[rule.id])) for rule in rules]
    return table(("RULE", "SEVERITY", "FINDS"), rows, paint)


def as_markdown(rule: Rule, text: RuleText) -> str:
    """A rule as a section."""
    parts = (f"**{title}:** {part}" for title, part in _parts(rule, text))
    return "\n\n".join([f"## {rule.id}", f"*{rule.severity}*", *parts])


def _parts(rule: Rule, text: RuleText) -> Iterator[tuple[str, str]]:
    yield "Finds", text.finds
    yield "Why", text.why
    yield "How to fix", text.fix
    if text.reference:
        yield "Reference", text.reference
    if not rule.ignorable:
        yield "Ignore", "This rule cannot be ignored."


def first_sentence(text: RuleText) -> str:
    """What a rule finds, in one sentence without Markdown and without its full stop."""
    return re.split(r"(?<=\.)\s", text.finds.replace("`", ""), maxsplit=1)[0].rstrip(".")
