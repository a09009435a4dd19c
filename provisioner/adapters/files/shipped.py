"""The files that come with the package: schemas, the catalogue, and the texts of the rules."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from provisioner.core.rules.rule import RuleText, read_texts

_DOMAINS = re.compile(r"^x-domains: \[(.*)\]$", re.MULTILINE)
_PACKAGE = Path(__file__).parents[2]


def folder(name: str) -> Path:
    """A folder of the package; in a checkout it lies beside the package."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def related_domains() -> tuple[frozenset[str], ...]:
    """The sets of domains that the catalogue states in ``x-domains``: each is one provider's."""
    texts = (path.read_text(encoding="utf-8") for path in folder("account_types").glob("*.yaml"))
    found = (match[1] for text in texts for match in _DOMAINS.finditer(text))
    return tuple(frozenset(re.split(r",\s*", row.strip())) for row in found)


def schemas() -> list[str]:
    """The names of all JSON schemas; those of outputs are ``output/COMMAND``."""
    root, end = folder("schemas"), ".schema.json"
    return sorted(path.relative_to(root).as_posix().removesuffix(end) for path in root.rglob(f"*{end}"))


def schema_text(name: str = "account_type") -> str:
    """The text of a JSON schema, as it is shipped."""
    return (folder("schemas") / f"{name}.schema.json").read_text(encoding="utf-8")


def schema(name: str = "account_type") -> dict[str, Any]:
    """A JSON schema."""
    loaded: dict[str, Any] = json.loads(schema_text(name))
    return loaded


def rule_texts() -> Mapping[str, RuleText]:
    """How each rule is explained, by its id."""
    return read_texts((_PACKAGE / "core/rules/rules.md").read_text(encoding="utf-8"))
