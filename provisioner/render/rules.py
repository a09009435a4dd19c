"""The rules: one explained, all of them in a list, and the page ``docs/rules.md``."""

import re
from collections.abc import Iterator, Sequence
from textwrap import fill

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Rule
from provisioner.render.paint import Colour, Paint, plain
from provisioner.render.table import table

_COLOURS = {Severity.ERROR: Colour.RED, Severity.WARNING: Colour.YELLOW}
_WIDTH = 100

_INTRODUCTION = """\
# Rules

<!-- Generated from the code: provision explain --format markdown > docs/rules.md -->

What `provision validate` reports, by the word in brackets behind each problem; `provision explain RULE` says the same
on a terminal. Errors stop `diff` and `apply` before they read or write anything; warnings do not, unless `--strict`
makes them errors. `provision validate --couch URL` runs the same rules over the documents that are live now: there
the place of a problem is `couchdb:<id>:1:1`.

A variable without a value never gives a problem by itself: what stands around it is still checked.

## Ignoring a rule

A comment at the end of the line that a problem names silences one rule there; before the first key, in the whole
file. Several rules are separated by commas, and what follows the bracket is the reason:

```yaml
# provision: ignore[google-offline] the konnector needs the first hour only
token_mode: get  # provision: ignore[get-leaks-secret] the provider documents a GET
```

A comment that silences nothing is reported itself (`unused-ignore`). Errors in the form of a file cannot be ignored.
JSON has no comments: a `.json` definition that needs one has to become YAML. A definition whose provider has several
domains names them in a note in place of an ignore: `x-domains: [google.com, googleapis.com]` (`foreign-endpoint`).
"""


def as_text(rule: Rule, paint: Paint = plain) -> str:
    """A rule as paragraphs, without Markdown's back quotes."""
    head = f"{paint(Colour.BOLD, rule.id)} ({paint(_COLOURS[rule.severity], rule.severity)})"
    parts = [fill(f"{title}: {text}".replace("`", ""), _WIDTH, break_on_hyphens=False) for title, text in _parts(rule)]
    return "\n\n".join([head, *parts])


def list_as_text(rules: Sequence[Rule], paint: Paint = plain) -> str:
    """A line a rule: its id, its severity and the first sentence of what it finds."""
    rows = [(rule.id, str(rule.severity), _first_sentence(rule)) for rule in rules]
    return table(("RULE", "SEVERITY", "FINDS"), rows, paint)


def as_markdown(rule: Rule) -> str:
    """A rule as a section."""
    parts = (f"**{title}:** {text}" for title, text in _parts(rule))
    return "\n\n".join([f"## {rule.id}", f"*{rule.severity}*", *parts])


def page(rules: Sequence[Rule]) -> str:
    """All rules with an introduction and an index."""
    index = "\n".join(f"- [{rule.id}](#{rule.id}): {rule.severity}" for rule in rules)
    return "\n\n".join([_INTRODUCTION.rstrip(), index, *map(as_markdown, rules)])


def _parts(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "Finds", rule.finds
    yield "Why", rule.why
    yield "Mend", rule.mend
    if rule.reference:
        yield "Reference", rule.reference
    if not rule.ignorable:
        yield "Ignore", "it cannot be ignored."


def _first_sentence(rule: Rule) -> str:
    return re.split(r"(?<=\.)\s", rule.finds.replace("`", ""), maxsplit=1)[0].rstrip(".")
