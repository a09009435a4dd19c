"""The rules: the explanation of one, the list of all, and the page ``docs/rules.md``."""

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

_INTRODUCTION = """\
# Rules

<!-- Generated from the code: provision explain --format markdown > docs/rules.md -->

This page explains each problem that `provision validate` reports. The name of the rule is in brackets after each
problem, and `provision explain RULE` shows the same explanation in a terminal. Errors stop `diff` and `apply` before
they read or write anything. Warnings do not, unless you add `--strict`. `provision check` runs the same
rules on the live documents, and shows `couchdb:<id>:1:1` as the place of a problem.

A variable without a value is not a problem by itself. The text around it is still checked.

## Ignoring a rule

To ignore a rule on one line, add a comment at the end of that line. To ignore it in the whole file, put the comment
before the first key. Separate several rules with commas, and write the reason after the bracket:

```yaml
# provision: ignore[google-offline] the konnector needs the first hour only
token_mode: get  # provision: ignore[get-leaks-secret] the provider documents a GET
```

A comment that ignores nothing is reported as `unused-ignore`. Errors in the form of a file cannot be ignored. JSON has
no comments, so convert a `.json` definition to YAML if it needs one. If a provider has several domains, list them in a
note instead of ignoring `foreign-endpoint`: `x-domains: [google.com, googleapis.com]`.
"""


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


def page(rules: Sequence[Rule], texts: Texts) -> str:
    """All rules with an introduction and an index."""
    index = "\n".join(f"- [{rule.id}](#{rule.id}): {rule.severity}" for rule in rules)
    sections = (as_markdown(rule, texts[rule.id]) for rule in rules)
    return "\n\n".join([_INTRODUCTION.rstrip(), index, *sections])


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
