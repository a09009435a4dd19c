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

With `--format json`, a command prints one object to stdout, and messages for people to stderr. The object always contains
`version` (1) and `errors`. The other keys are missing only if an error stopped the whole run. Only `drift --follow` and
`drift --state` are different: they print one object per line for each event (`drift-event`). `undo` prints the same as
`apply`.

`version` grows when a key changes its meaning or goes away. A later release can add keys, so ignore those you don't
recognize. The schemas are in [schemas/output](../schemas/output), and `provision schema output/diff` prints the one of
`diff`.

An error contains `what` (what happened), `next` (what to do next, or null) and `problems` (in files). A problem contains
`path`, `line`, `column`, `severity`, `rule` and `message`.

## Commands on databases

`diff`, `apply`, `undo`, `list`, `drift` and `check` print `targets`, a list with one object per target, in the order of
the command. If an error stops the work on one target, its object contains `errors`, and the others their results.
"""


def page() -> str:
    """The whole page. A key that commands share is explained once."""
    rows = {command: [*_rows_of(command)] for command in COMMANDS}
    shared = [row for row in rows["diff"] if row in rows["apply"] and row in rows["list"]]
    sections = [_table(shared)]
    for command, all_rows in rows.items():
        known = {*shared, *(rows["diff"] if command == "apply" else ())}
        more = ["All keys of `diff`, with another `summary`, and:\n"] if command == "apply" else []
        sections += [f"## {command}\n", *more, _table([row for row in all_rows if row not in known])]
    return "\n".join([HEAD, *sections])


def _table(rows: list[str]) -> str:
    return "\n".join(["| key | type | meaning |", "|---|---|---|", *rows, ""])


def _rows_of(command: str) -> Iterator[str]:
    schema = json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8"))
    for name, value in schema["properties"].items():
        if name not in SHARED:
            yield from _rows(name, value)


def _rows(path: str, value: dict[str, Any]) -> Iterator[str]:
    """One row for a key, then those of the keys inside it. Mere numbers stand together in one row."""
    inner = value.get("items", value)
    properties = {} if value.get("$ref") or inner.get("$ref") else inner.get("properties", {})
    counts = [name for name, each in properties.items() if each.get("type") == "integer" and "description" not in each]
    if "const" not in value:
        listed = f" {', '.join(f'`{name}`' for name in counts)}." if counts else ""
        yield f"| `{path}` | {_type(value)} | {value.get('description', '')}{listed} |"
    below = f"{path}[]" if inner is not value else path
    for name, each in properties.items():
        if (below, name) != ("targets[]", "errors") and name not in counts:
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
