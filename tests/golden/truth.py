"""The page ``docs/stack-truth.md``: how far we agree with the records of a running stack.

``python -m tests.golden.truth > docs/stack-truth.md`` writes it anew.
"""

from importlib import import_module
from pathlib import Path

from tests.golden.agreement import Agreement

PAGE = Path(__file__).parents[2] / "docs/stack-truth.md"

_INTRODUCTION = """\
# Conformance with cozy-stack

<!-- Generated from the records: python -m tests.golden.truth > docs/stack-truth.md -->

A running cozy-stack received thousands of documents, answers, callbacks and URLs, and its behaviour was recorded:
[tests/golden](../tests/golden/README.md) describes the records. A test compares each of them with what `provision`
reports or sends, and this page with the result. Rehearsals are compared without the records in which the client
percent-encodes an ID, which no client of Cozy does.

| records | number | agree | differ |
|---|---|---|---|
"""

_REASONS = """
## Why records differ

| records | number | reason |
|---|---|---|
"""


def agreements() -> list[Agreement]:
    """All that is compared, by the modules ``agreement_*`` of this folder."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("agreement_*.py"))
    found = [each for name in modules for each in import_module(f"tests.golden.{name}").agreements()]
    return sorted(found, key=lambda each: each.name)


def page(found: list[Agreement]) -> str:
    """The text of the page on some agreements."""
    rows = [f"| `{each.name}` | {each.records} | {each.agreeing} | {each.records - each.agreeing} |" for each in found]
    reasons = [
        f"| `{each.name}` | {number} | {_cell(reason)} |" for each in found for reason, number in each.exceptions
    ]
    return "\n".join([_INTRODUCTION + "\n".join(rows), _REASONS + "\n".join(reasons)]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    print(page(agreements()), end="")
