"""Pages made from a schema: ``python -m tests.docs.schema_page configuration > docs/configuration.md``, or definitions."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS

SCHEMAS = Path(__file__).parents[2] / "schemas"

_CONFIGURATION = """\
# provision.yaml

<!-- Generated from the schema: python -m tests.docs.schema_page configuration > docs/configuration.md -->

`provision.yaml` lists your catalogue, its owner and its targets. Commands look for it in the current folder and its
parents, up to the root of the repository. `provision init` writes one to start with. Paths are relative to the file.
Strings can contain variables of the environment, such as `${NAME}` or `${NAME:-default}`.
"""

_DEFINITIONS = """\
# Definitions

<!-- Generated from the schema: python -m tests.docs.schema_page definitions > docs/definitions.md -->

The keys of a definition. [Concepts](concepts.md#definitions) explains files, IDs and variables, and `provision schema`
prints the JSON schema. For completion in your editor, start a file with the line that `provision new` writes:
`# yaml-language-server: $schema=…/account_type.schema.json`.

```yaml
# account_types/provider.yaml
{example}```
"""

_NOTES = """\
Any other key that starts with `x-` is a note. The shipped definitions use `x-name`, `x-homepage`, `x-console` (where to
register a client), `x-docs`, `x-scopes`, `x-scope-delimiter`, `x-scope-required`, `x-refresh` (how to get a refresh
token), `x-notes` and `x-verified`.
"""


def configuration() -> str:
    """The page about provision.yaml: a table for each mapping."""
    schema = read("provision")
    tables = [_CONFIGURATION, table(schema, schema["properties"])]
    target = schema["definitions"]["target"]["properties"]
    tables += ["## targets\n", "Each target has a name of your choice.\n", table(schema, target, "targets.NAME.")]
    source = schema["definitions"]["source"]["properties"]
    tables += ["## credentials\n", "Each source has one of `file`, `directory`, `env`, `command` and `age`.\n"]
    return "\n".join([*tables, table(schema, source, "credentials[].")])


def definitions() -> str:
    """The page about the keys of a definition."""
    schema = read("account_type")
    (example,) = schema["examples"]
    keys: Mapping[str, Any] = schema["properties"]
    notes = {name: key for name, key in keys.items() if name.startswith("x-")}
    login = {name: key for name, key in keys.items() if name not in notes}
    head = _DEFINITIONS.replace("{example}", yaml.safe_dump(example, sort_keys=False))
    secret = ", ".join(f"`{each}`" for each in CREDENTIAL_FIELDS)
    elsewhere = f"Credentials can come [from elsewhere](credentials.md#where-credentials-come-from): {secret}.\n"
    parts = [head, "## Keys that cozy-stack reads\n", elsewhere, table(schema, login)]
    for name in ("grant_mode", "token_mode"):
        parts += [f"## {name}\n", "\n".join(["| value | meaning |", "|---|---|", *values(keys[name]), ""])]
    remote = read("remote_secret")
    parts += ["## Notes\n", _NOTES, table(schema, notes), "## Remote secrets\n", f"{plain(remote['description'])}\n"]
    return "\n".join([*parts, table(remote, remote["properties"])])


def read(name: str) -> dict[str, Any]:
    """A schema."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def table(schema: Mapping[str, Any], keys: Mapping[str, Any], path: str = "") -> str:
    """A table of keys, and of those inside them."""
    rows = "\n".join(rows_of(schema, keys, path))
    return f"| key | meaning | example |\n|---|---|---|\n{rows}\n"


def rows_of(schema: Mapping[str, Any], keys: Mapping[str, Any], path: str) -> Iterator[str]:
    """A row for each key."""
    for name, stated in keys.items():
        key = {**schema.get("definitions", {}).get(str(stated.get("$ref", "")).rpartition("/")[2], {}), **stated}
        default = f" Default: `{_flow(key['default'])}`." if "default" in key else ""
        yield f"| `{path}{name}` | {plain(key['description'])}{default} | `{example_of(name, key)}` |"
        yield from rows_of(schema, key.get("properties", {}), f"{path}{name}.")


def plain(text: str) -> str:
    """A text as it is, in a cell of a table."""
    return re.sub(r"([|<*])", r"\\\1", text)


def example_of(name: str, key: Mapping[str, Any]) -> str:
    """A key with a value, in YAML on one line."""
    return f"{name}: {_flow(key['examples'][0])}"


def values(key: Mapping[str, Any]) -> Iterator[str]:
    """A row for each value that a key can have."""
    (choice,) = (each for each in key["anyOf"] if "enum" in each)
    for value, meaning in zip(choice["enum"], choice["enumDescriptions"], strict=True):
        yield f"| `{value}` | {meaning} |"


def _flow(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if all(char.isalnum() or char in "-_./~" for char in value) and not value.isdigit():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


PAGES = {"configuration": configuration, "definitions": definitions}

if __name__ == "__main__":
    print(PAGES[sys.argv[1]](), end="")
