"""House rules: what a team demands of its definitions beyond what the stack needs, as parts of a JSON schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.core.definitions.node import MappingNode, Scalar, at, to_json
from provisioner.core.definitions.problem import Fault
from provisioner.core.definitions.schema_check import Check
from provisioner.core.text import listed


def broken_fragment(fragment: Mapping[str, Any]) -> str:
    """Why a fragment is not a JSON schema (draft-07); empty if it is one."""
    from jsonschema import Draft7Validator, SchemaError  # 60 ms, and only where there are house rules

    try:
        Draft7Validator.check_schema(fragment)
    except SchemaError as error:
        return str(error.message)
    return ""


def with_house_rules(check: Check, fragments: Sequence[Mapping[str, Any]]) -> Check:
    """A check that also holds definitions against the fragments; ``description`` of one says what it demands.

    No message holds a value of a definition. What holds a variable without a value is not judged.
    """
    if not fragments:
        return check
    from jsonschema import Draft7Validator  # 60 ms, and only where there are house rules

    validators = [(fragment, Draft7Validator(fragment)) for fragment in fragments]

    def both(node: MappingNode) -> list[Fault]:
        content, faults = to_json(node), check(node)
        for fragment, validator in validators:
            for error in validator.iter_errors(content):
                path = list(error.absolute_path)
                place = at(node, path)
                if isinstance(place, Scalar) and place.placeholder:
                    continue
                demand = fragment.get("description") or f"{error.validator} of the house rule is not met"
                where = f"{listed(str(step) for step in path)}: " if path else ""
                faults.append(Fault(place.mark, f"{where}{demand}", "house-rule"))
        return list(dict.fromkeys(faults))

    return both
