"""A live document as the rules see it: what the stack would make of it today."""

from collections.abc import Iterator
from dataclasses import replace

from provisioner.core.definitions.account_type import FIELDS, SECRET_FIELDS, is_missing, reveal
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.node import START, Entry, Mapping, Mark, from_json, to_json
from provisioner.core.definitions.problem import Fault, Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.plan.store import Live
from provisioner.core.text import nearest, printable

PLACE = "couchdb:"
"""What stands before the id of a live document where a file has its path."""

_ANY_JSON = frozenset(SECRET_FIELDS - {"client_secret"})
"""Fields that the stack decodes whatever they hold."""


def live_definition(live: Live) -> Definition:
    """A live document as a definition, all of it at one place.

    Null and empty values are left out: for the stack they are missing. So are CouchDB's own fields.
    """
    document = {
        name: value for name, value in live.document.items() if not is_missing(value) and not name.startswith("_")
    }
    entries = (Entry(name, START, from_json(value, START)) for name, value in reveal(document).items())
    return Definition(live.id, f"{PLACE}{printable(live.id)}", document, Mapping(tuple(entries), START))


def live_faults(definition: Definition, check: Check) -> Iterator[Fault]:
    """What the schema finds in a live document, and the keys that the stack does not know."""
    names = [entry.key for entry in definition.node.entries]
    for name in names:
        if name not in FIELDS:
            message = f"the stack ignores {printable(name)}{nearest(name, FIELDS)}"
            yield Fault(START, message, "ignored-key", Severity.WARNING)
    for fault in check(_lines(definition.node)):
        if fault.rule != "unknown-key":
            name = names[fault.mark.line - 1] if fault.mark.line <= len(names) else ""
            yield replace(_in_words_of_the_stack(fault, name), mark=START)


def _lines(node: Mapping) -> Mapping:
    """The same with each field on a line of its own, so that a fault tells of which field it is."""
    marks = [Mark(line, 1) for line in range(1, len(node.entries) + 2)]
    entries = (
        Entry(entry.key, mark, from_json(to_json(entry.value), mark))
        for entry, mark in zip(node.entries, marks, strict=False)
    )
    return Mapping(tuple(entries), marks[-1])


def _in_words_of_the_stack(fault: Fault, name: str) -> Fault:
    match fault.rule:
        case "wrong-type" | "extras-not-strings" if name not in _ANY_JSON:
            message = f"the stack cannot decode this document: {name} has the wrong JSON type"
            return replace(fault, message=message, rule="undecodable")
        case "wrong-value" if name == "token_mode":
            return replace(fault, message=f"{fault.message}; the stack takes it for form", severity=Severity.WARNING)
        case _:
            return fault
