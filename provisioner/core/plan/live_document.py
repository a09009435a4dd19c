"""A live document as the rules see it: what the stack makes of it today."""

from collections.abc import Iterator
from dataclasses import replace

from provisioner.core.definitions.account_type import (
    FIELDS,
    Document,
    context_of,
    cut_fields,
    field_of,
    is_missing,
    reveal,
    service_of,
)
from provisioner.core.definitions.decoding import Decoded, Undecodable, decode, spelled, wrong_type
from provisioner.core.definitions.definition import Definition
from provisioner.core.definitions.node import START, Entry, MappingNode, Mark, from_json, to_json
from provisioner.core.definitions.problem import Fault, Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.outside_json import TOO_DEEP
from provisioner.core.plan.store import Live
from provisioner.core.text import listed, nearest, printable

PLACE = "couchdb:"
"""What stands before the id of a live document where a file has its path."""


def live_definition(live: Live) -> Definition:
    """A live document as a definition, all of it at one place, with the fields that the stack decodes from it.

    Null and empty values are left out: for the stack they are missing. So are CouchDB's own fields. A document that
    the stack cannot decode keeps the keys that it has.
    """
    document = {name: value for name, value in _fields(live).items() if not is_missing(value)}
    entries = (Entry(name, START, from_json(value, START)) for name, value in reveal(document).items())
    return Definition(live.id, f"{PLACE}{printable(live.id)}", document, MappingNode(tuple(entries), START))


def _fields(live: Live) -> Document:
    match decode(live.document):
        case Undecodable():
            return {name: value for name, value in live.document.items() if not name.startswith("_")}
        case decoded:
            secrets = [value for key, value in live.document.items() if field_of(key) == "secret"]
            as_written = {"secret": secrets[-1]} if secrets else {}  # with the digits that the stack loses
            slug = {"slug": live.document.get("slug")}  # CouchDB's index knows no other spelling of the key
            return {**decoded.document, **as_written, **slug}


def live_faults(live: Live, check: Check) -> Iterator[Fault]:
    """What the stack and the schema find in a live document by itself, and the keys that the stack does not know."""
    for name in cut_fields(live.document):
        what = f"{printable(name)} is {TOO_DEEP}: what lies deeper is neither compared nor checked"
        yield Fault(START, what, "too-deep")
    match decode(live.document):
        case Undecodable() as undecodable:
            yield Fault(START, _reach(live, undecodable), "undecodable")
        case decoded:
            yield from _keys(live, decoded)
            yield from _schema_faults(live_definition(live), check)


def _reach(live: Live, undecodable: Undecodable) -> str:
    """What is wrong with a document, and whom it hits."""
    wrong = "; ".join(dict.fromkeys(map(wrong_type, undecodable.faults)))
    service, context = printable(service_of(live.id)), context_of(live.id)
    if context is None:
        hit = "logins and refreshes fail in each context that has no overload of it"
    else:
        where = f"in the context {printable(context)}" if context else "in instances without a context"
        hit = f"logins and refreshes with {service} fail {where}, which does not fall back to the global {service}"
    slug = live.document.get("slug")
    if isinstance(slug, str) and slug:
        hit += f"; the konnector {printable(slug)} gets no secret in any context"
    return f"the stack cannot decode this document: {wrong}: {hit}"


def _keys(live: Live, decoded: Decoded) -> Iterator[Fault]:
    """The keys that the stack ignores, and those that it takes for a field although they are written otherwise."""
    for name in decoded.ignored:
        yield _warning(f"the stack ignores {printable(name)}{nearest(name, FIELDS)}", "ignored-key")
    for key, name in decoded.renamed.items():
        others = [each for each in live.document if each != key and decoded.renamed.get(each, each) == name]
        shown = spelled(key)
        if name == "slug":
            message = f"the stack looks konnectors up by slug, and does not find {shown}: write slug"
        elif others:
            message = f"the stack takes {shown} for {name} beside {listed(others)}: the last that is not null counts"
        else:
            message = f"the stack takes {shown} for {name}: write {name}"
        yield _warning(message, "key-in-other-case")


def _warning(message: str, rule: str) -> Fault:
    return Fault(START, message, rule, Severity.WARNING)


def _schema_faults(definition: Definition, check: Check) -> Iterator[Fault]:
    names = [entry.key for entry in definition.node.entries]
    for fault in check(_lines(definition.node)):
        name = names[fault.mark.line - 1] if fault.mark.line <= len(names) else ""
        if fault.rule == "wrong-value" and name == "token_mode":
            message = f"{fault.message}; the stack takes it for form"
            yield replace(fault, mark=START, message=message, severity=Severity.WARNING)
        else:
            yield replace(fault, mark=START)


def _lines(node: MappingNode) -> MappingNode:
    """The same with each field on a line of its own, so that a fault tells of which field it is."""
    marks = [Mark(line, 1) for line in range(1, len(node.entries) + 2)]
    entries = (
        Entry(entry.key, mark, from_json(to_json(entry.value), mark))
        for entry, mark in zip(node.entries, marks, strict=False)
    )
    return MappingNode(tuple(entries), marks[-1])
