"""Checks the files of a catalogue and turns them into definitions."""

from collections.abc import Iterator, Sequence

from provisioner.core.definition import Definition
from provisioner.core.node import Mapping, Scalar, at
from provisioner.core.problem import Fault, Problem
from provisioner.core.schema_check import Check
from provisioner.core.source import Source
from provisioner.core.text import printable
from provisioner.core.validation import Validation
from provisioner.core.variables import Expansion, Lookup


def run(sources: Sequence[Source], check: Check, lookup: Lookup, *, need_values: bool) -> Validation:
    """Check all sources. A variable without a value is a problem only where values are needed."""
    definitions: list[Definition] = []
    problems: list[Problem] = []
    for source in sources:
        problems += source.problems
        if source.node is None:
            continue
        expansion = Expansion(lookup)
        node = expansion.definition(source.node)
        faults = [*expansion.malformed, *check(node), *_id_faults(source.id, node)]
        faults += expansion.missing if need_values else ()
        problems += (Problem.of(source.path, fault) for fault in faults)
        definitions.append(Definition.of(_id(source, node), source.path, node))
    problems += _same_ids(definitions)
    ordered = sorted(definitions, key=lambda definition: definition.id)
    return Validation(len(sources), tuple(ordered), tuple(sorted(problems)))


def _id(source: Source, node: Mapping) -> str:
    given = node.get("_id")
    return str(given.value.value) if given and isinstance(given.value, Scalar) else source.id


def _id_faults(id: str, node: Mapping) -> Iterator[Fault]:
    if node.get("_id") is None and any(part.startswith("_") for part in id.split("/")):
        yield Fault(node.mark, f"the id {printable(id)} starts with _, which CouchDB keeps for itself", "bad-id")


def _same_ids(definitions: Sequence[Definition]) -> Iterator[Problem]:
    first: dict[str, Definition] = {}
    for definition in definitions:
        earlier = first.setdefault(definition.id, definition)
        if earlier is not definition:
            message = f"the id {printable(definition.id)} is already defined in {earlier.path}"
            yield Problem.of(definition.path, Fault(at(definition.node, ["_id"]).mark, message, "same-id"))
