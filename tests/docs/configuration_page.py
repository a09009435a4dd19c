"""The page about the configuration, made from its schema.

``python -m tests.docs.configuration_page > docs/configuration.md``
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).parents[2] / "schemas/provision.schema.json"

_BEGIN = """\
# provision.yaml

<!-- Generated from the schema: python -m tests.docs.configuration_page > docs/configuration.md -->

`provision.yaml` names the catalogue, its owner, and the databases that it is applied to. Commands look for it in the
current folder and in its parent folders, up to the root of the repository. `provision init` writes one to begin with.
"""


def page() -> str:
    """The whole page, with a section for each key and an example of it in YAML."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts = [_BEGIN.rstrip(), schema["description"], *_keys(schema, schema, "##", "")]
    return "\n\n".join(parts) + "\n"


def _keys(schema: Mapping[str, Any], row: Mapping[str, Any], level: str, path: str) -> Iterator[str]:
    for name, given in row.get("properties", {}).items():
        key = _resolved(schema, given)
        yield f"{level} {path}{name}"
        yield key["description"]
        if facts := [*_facts(key)]:
            yield "\n".join(f"- {fact}" for fact in facts)
        yield from (f"```yaml\n{_example(name, value)}\n```" for value in key.get("examples", [])[:1])
        for inner, below in _inside(schema, key):
            yield from _keys(schema, inner, "###", f"{path}{name}{below}")


def _inside(schema: Mapping[str, Any], key: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The mappings that a key leads to, and what stands between its name and theirs."""
    for part, below in ((key, "."), (key.get("items"), "[]."), (key.get("additionalProperties"), ".NAME.")):
        inner = _resolved(schema, part) if isinstance(part, Mapping) else {}
        if "properties" in inner:
            yield inner, below


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(part.get("$ref", "")).rpartition("/")[2]
    return {**schema["definitions"][name], **part} if name else part


def _facts(key: Mapping[str, Any]) -> Iterator[str]:
    if "default" in key:
        yield f"Default: `{json.dumps(key['default'])}`"
    for value, meaning in zip(key.get("enum", ()), key.get("enumDescriptions", ()), strict=True):
        yield f"`{value}`: {meaning}"


def _example(name: str, value: object) -> str:
    """A key with a value in YAML: in blocks, except lists and mappings of plain values."""
    if isinstance(value, dict) and any(isinstance(each, dict) for each in value.values()):
        inner = "\n".join(_example(key, each) for key, each in value.items())
        return f"{name}:\n" + "\n".join(f"  {line}" for line in inner.splitlines())
    return f"{name}: {_flow(value)}"


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


if __name__ == "__main__":
    print(page(), end="")
