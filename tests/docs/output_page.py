"""The page about the JSON output, made from its schemas: ``python -m tests.docs.output_page > docs/output.md``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "schemas/output"
COMMANDS = (
    "validate",
    "diff",
    "apply",
    "undo-list",
    "drift",
    "drift-event",
    "list",
    "manifest",
    "catalogue",
    "check",
    "rehearse",
)
SHARED = ("version", "errors")

HEAD = """\
# JSON output

<!-- Generated from schemas/output: python -m tests.docs.output_page > docs/output.md -->

With `--format json`, each command prints one object to stdout. Messages for people go to stderr. The object always has
`version` (1) and `errors`; the other keys are missing only if an error stopped the whole run. Commands that work on
databases print `targets`, with one object for each target. If an error stops the work on one target, its object says so
in its own `errors`, and the other targets have their results. `undo` prints what `apply` prints. Only
`drift --follow` and `drift --state` are different: they print one object a line for each event (`drift-event` below).

`version` grows when a key changes its meaning or goes away. A later release can add keys, so ignore those that you do not
know. The schemas are in [schemas/output](../schemas/output), each with exactly the keys of this release.
`provision schema output/diff` prints that of `diff`.

An error has `what` (what happened), `next` (what to do next, or null) and `problems` (in files). A problem has `path`,
`line`, `column`, `severity`, `rule` and `message`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(command) for command in COMMANDS)])


def _section(command: str) -> str:
    schema = json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8"))
    rows = [row for name, value in schema["properties"].items() if name not in SHARED for row in _rows(name, value)]
    return "\n".join([f"## {command}", "", "| key | type | meaning |", "|---|---|---|", *rows, ""])


def _rows(path: str, value: dict[str, Any]) -> Iterator[str]:
    """One row for a key, then those of the keys inside it."""
    if "const" not in value:
        yield f"| `{path}` | {_type(value)} | {value.get('description', '')} |"
    inner = value.get("items", value)
    below = f"{path}[]" if inner is not value else path
    for name, each in inner.get("properties", {}).items():
        if (below, name) != ("targets[]", "errors") and not (value.get("$ref") or inner.get("$ref")):
            yield from _rows(f"{below}.{name}", each)


def _type(value: dict[str, Any]) -> str:
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    kind = value.get("type", "any")
    if kind == "array":
        return f"list of {_type(value['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


if __name__ == "__main__":
    print(page(), end="")
