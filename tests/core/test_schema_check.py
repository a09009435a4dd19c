"""The quick check of a schema and the thorough one agree."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.definitions.content import Content
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.secret import Json

SCHEMAS = Path(__file__).parents[2] / "schemas"
NAMES = ("account_type", "provision", "credentials")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("https://a.example/"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def of_schema(schema: object) -> st.SearchStrategy[Json]:
    """Values that are often, but not always, what a part of a schema wants."""
    if not isinstance(schema, dict):
        return anything
    choices = [anything]
    if "enum" in schema:
        choices += [st.sampled_from(schema["enum"])] * 3
    if "properties" in schema:
        inner = {name: of_schema(each) for name, each in schema["properties"].items()}
        choices += [st.fixed_dictionaries({}, optional=inner)] * 3
    if "items" in schema:
        choices += [st.lists(of_schema(schema["items"]), max_size=2)] * 3
    if isinstance(schema.get("additionalProperties"), dict):
        values = of_schema(schema["additionalProperties"])
        choices += [st.dictionaries(st.text(max_size=4), values, max_size=2)]
    return st.one_of(choices)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_what_is_valid_for_the_quick_check_is_valid(name: str, data: st.DataObject) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    content = data.draw(of_schema(schema))
    value: dict[str, Json] = content if isinstance(content, dict) else {"slug": content}
    thorough = not list(jsonschema.Draft7Validator(schema).iter_errors(value))
    assert (schema_check(schema)(Content(value)) == []) == thorough
