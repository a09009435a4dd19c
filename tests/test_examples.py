"""The files in ``examples``: the valid ones pass, the invalid ones give exactly the problems beside them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner import __version__
from tests.conftest import Run

EXAMPLES = Path(__file__).parent / "examples"
VALID = sorted(path for path in (EXAMPLES / "valid").rglob("*") if path.is_file())
INVALID = sorted(path for path in (EXAMPLES / "invalid").iterdir() if path.suffix != ".problems")
SCHEMA = EXAMPLES.parents[1] / "schemas/account_type.schema.json"


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_a_valid_example_has_no_problem(path: Path, run: Run) -> None:
    done = run("validate", path)
    assert done.out == "1 file, 0 errors, 0 warnings\n"
    assert done.code == 0


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.name)
def test_an_invalid_example_gives_the_problems_beside_it(path: Path, run: Run) -> None:
    expected = path.with_name(f"{path.name}.problems").read_text(encoding="utf-8").splitlines()
    done = run("validate", path)
    assert [line.removeprefix(f"{path.as_posix()}:") for line in done.out.splitlines()[:-1]] == expected
    assert done.code == (1 if any(": error: " in line for line in expected) else 0)
    assert "marker" not in done.out + done.err


def test_check_jsonschema_accepts_the_schema_and_the_valid_examples() -> None:
    program = [sys.executable, "-m", "check_jsonschema"]
    subprocess.run([*program, "--check-metaschema", SCHEMA], check=True, capture_output=True)
    readable = [path for path in VALID if path.name != "byte_order_mark.yaml"]
    subprocess.run([*program, "--schemafile", SCHEMA, *readable], check=True, capture_output=True)


@pytest.mark.parametrize("schema", sorted(SCHEMA.parent.glob("*.json")), ids=lambda path: path.name)
def test_every_key_of_a_schema_is_explained(schema: Path) -> None:
    content = json.loads(schema.read_text(encoding="utf-8"))
    objects = [content, *content.get("definitions", {}).values()]
    for row in objects[:]:
        objects += [value for value in row.get("properties", {}).values() if "properties" in value]
        objects += [
            value["items"] for value in row.get("properties", {}).values() if "properties" in value.get("items", {})
        ]
    for name, row in [pair for each in objects for pair in each.get("properties", {}).items()]:
        assert row.keys() >= {"title", "description", "examples"}, name
    assert content.keys() >= {"$schema", "$id", "title", "description"}
    assert content["$schema"] == "http://json-schema.org/draft-07/schema#"  # what editors understand
    version = __version__.rpartition(".")[0]
    assert re.fullmatch(rf"https://.*/{re.escape(version)}/{schema.name}", content["$id"])


@pytest.mark.parametrize("schema", sorted(SCHEMA.parent.glob("*.json")), ids=lambda path: path.name)
def test_every_value_to_choose_is_explained(schema: Path) -> None:
    def chosen(node: object) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if isinstance(node.get("enum"), list):
                yield node
            for key, value in node.items():
                if key != "if":  # a condition is not a choice
                    yield from chosen(value)
        elif isinstance(node, list):
            for value in node:
                yield from chosen(value)

    if schema.name != "plan.schema.json":  # nobody writes a plan by hand
        for node in chosen(json.loads(schema.read_text("utf-8"))):
            assert len(node["enumDescriptions"]) == len(node["enum"])
