"""Counts the patterns of words.txt in documents, messages, help, rules, schemas and notes of definitions.

``python pipelines/words.py --list`` prints all of these texts but the documents, to read them side by side.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from typer.main import get_command

from provisioner.cli.app import COMMANDS, app

Text: TypeAlias = tuple[str, int, str]
"""A file or a command, a line of it, and the text that begins there."""

ROOT = Path(__file__).parents[1]
MAX_HITS = 5  # of each pattern: every word is right now and then
QUOTED = re.compile(r"^```.*?^```|`[^`]+`|“[^”]*”", re.DOTALL | re.MULTILINE)  # recorded sessions are code blocks
DOCUMENTS = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md")
MESSAGES = (
    "provisioner/**/*.py",
    "provisioner/**/*.md",
    "provisioner/**/*.yaml",
    "schemas/**/*.json",
    "account_types/*",
)


def texts(patterns: Sequence[str]) -> Iterator[Text]:
    """The texts of some files, without quotations: each file as a whole, and each string of a program."""
    for path in (path for pattern in patterns for path in sorted(ROOT.glob(pattern))):
        name, whole = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        for line, text in _strings(ast.parse(whole)) if path.suffix == ".py" else [(1, whole)]:
            yield name, line, QUOTED.sub(lambda found: re.sub(r"\S", "…", found[0]), text)


def _strings(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The strings of a module but docstrings; ``{…}`` is what an f-string inserts."""
    skipped: set[ast.AST] = {node.value for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.lineno, node.value


def hits(pattern: str, every: Sequence[Text]) -> list[tuple[str, str]]:
    """Where a pattern is found, and the words."""
    expression = re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE)
    found = [(name, line, text, hit) for name, line, text in every for hit in expression.finditer(text)]
    return [
        (f"{name}:{line + text.count(chr(10), 0, hit.start())}", " ".join(hit[0].split()))
        for name, line, text, hit in found
    ]


if __name__ == "__main__":
    group: Any = get_command(app)
    messages = [*texts(MESSAGES), *((f"{name} --help", 1, group.get_command(None, name).help) for name in COMMANDS)]
    if "--list" in sys.argv:
        rows = [(name, row) for name, line, text in messages for row in enumerate(text.splitlines(), line)]
        print(*(f"{name}:{line}\t{row.strip()}" for name, (line, row) in rows if re.search(r"\w+ \w+", row)), sep="\n")
        sys.exit()
    lines = [line.split("\t") for line in (ROOT / "pipelines/words.txt").read_text().splitlines() if "\t" in line]
    exceptions = {phrase for title, phrase in lines if title == "except"}
    everything, worst = [*texts(DOCUMENTS), *messages], 0
    for title, pattern in (line for line in lines if line[0] != "except"):
        found = [f"  {place}: {words!r}" for place, words in hits(pattern, everything) if words not in exceptions]
        print(f"use {title}: {len(found)} of at most {MAX_HITS}", *found, sep="\n")
        worst = max(worst, len(found))
    sys.exit(worst > MAX_HITS)
