"""The page ``docs/stack-truth.md``: how far we agree with the records of a running stack.

``python -m tests.golden.truth > docs/stack-truth.md`` writes it anew.
"""

from importlib import import_module
from pathlib import Path

from tests.golden.agreement import Agreement

PAGE = Path(__file__).parents[2] / "docs/stack-truth.md"

_INTRODUCTION = """\
# What the stack does, and how far we agree

<!-- Generated from the records: python -m tests.golden.truth > docs/stack-truth.md -->

A running cozy-stack was given thousands of documents, answers, callbacks and URLs, and what it did was recorded:
[tests/golden](../tests/golden/README.md) describes the records. A test compares each of them with what `provision`
says or sends, and this page with the result. Rehearsals are compared without the records in which the client
percent-encodes an id, which no Cozy's client does.

| records | number | agree | differ, each for a reason below |
|---|---|---|---|
"""


def agreements() -> list[Agreement]:
    """All that is compared, by the modules ``agreement_*`` of this folder."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("agreement_*.py"))
    found = [each for name in modules for each in import_module(f"tests.golden.{name}").agreements()]
    return sorted(found, key=lambda each: each.name)


def page(found: list[Agreement]) -> str:
    """The text of the page on some agreements."""
    rows = [f"| `{each.name}` | {each.records} | {each.agreeing} | {each.records - each.agreeing} |" for each in found]
    reasons = [_reasons(each) for each in found if each.exceptions]
    return "\n".join([_INTRODUCTION + "\n".join(rows), "", *reasons]).rstrip() + "\n"


def _reasons(agreement: Agreement) -> str:
    rows = "\n".join(f"| {number} | {_cell(reason)} |" for reason, number in agreement.exceptions)
    return f"## {agreement.name}\n\n| records | why we differ |\n|---|---|\n{rows}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    print(page(agreements()), end="")
