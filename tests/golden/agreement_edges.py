"""Agreement with the records about the edges: hosts, ports, queries, depth, and addresses that are not ASCII."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping

from provisioner.adapters.files.text_files import read_json as read_file
from provisioner.core.definitions.go_url import parse, resolve
from provisioner.core.definitions.url import dialled, header_host
from provisioner.core.outside_json import read_json
from tests.golden.agreement import Agreement, Record, agreement
from tests.golden.agreement_fields import STRICT, UNEXPLAINED, found_in_file, found_live
from tests.golden.agreement_rehearsal import rehearsed, works
from tests.golden.records import records

INSTANCE = "alice.localhost:8085"
TOO_DEEP = "strict: nested too deep for provision, which reports it and stops nothing else"


def agreements() -> list[Agreement]:
    """A row for each kind of edge."""
    kinds: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records("edges"):
        kinds[record["kind"]].append(record)
    return [agreement(f"edges: {kind}", found, edge_differs) for kind, found in kinds.items()]


def edge_differs(record: Record) -> str:
    """Why an edge is another one for us than for the stack; empty if it is not."""
    return _CHECKS[record["about"]](record)


def _validate(record: Record) -> str:
    rules = {problem.rule for problem in found_in_file(record["id"], record["document"])}
    if record["id"] == "ctx/_x":  # it has no redirect_uri, which says nothing of its id
        return UNEXPLAINED if rules != {"context-without-redirect"} else ""
    rules |= {fault.rule for fault in read_file(json.dumps(record["document"])).faults}
    if record["stack"] == "ok" and rules:
        return min(STRICT.get(rule, UNEXPLAINED) for rule in rules)
    return "" if (record["stack"] == "ok") is not bool(rules) else UNEXPLAINED


def _rehearse(record: Record) -> str:
    found = rehearsed(record["id"], record["document"], INSTANCE)
    return "" if (found is not None and works(found)) == (record["stack"] == "ok") else UNEXPLAINED


def _live(record: Record) -> str:
    depth = record["document"]["secret"]["deep"]
    deep = json.dumps({**record["document"], "secret": None}).replace("null", "[" * depth + "]" * depth)
    read = read_json(f'{{"deep": {deep}, "other": {{"grant_mode": "nonsense"}}}}'.encode())
    rules = {(problem.path, problem.rule) for problem in found_live(read)}
    return TOO_DEEP if ("couchdb:deep", "too-deep") in rules and len(rules) > 1 else UNEXPLAINED


def _host(record: Record) -> str:
    url = parse(record["document"]["token_endpoint"])
    sent = record["stack"].partition("Host: ")[2].partition(" ")[0]
    mapped = record["stack"].partition("SNI: ")[2].removesuffix(")")
    agree = header_host(url) == f"{sent}:{url.port}" and mapped in ("", dialled(url.hostname))
    return "" if agree and dialled(url.hostname) else UNEXPLAINED


def _location(record: Record) -> str:
    text, _, coding = record["document"]["answer"].removeprefix("302 Location: ").partition(" in ")
    raw = text.replace("\\xfc", "ü").encode(coding or "ascii")
    url = resolve(parse("http://127.0.0.1:9177/token"), raw.decode("utf-8", "surrogateescape"))
    seen = record["stack"]
    if seen.startswith("GET "):
        return "" if seen == f"GET {url.request_uri()}" else UNEXPLAINED
    if "Host: " in seen:
        return "" if seen.endswith(header_host(url).rpartition(":")[0]) and dialled(url.hostname) else UNEXPLAINED
    return "" if url.raw_query.encode() == b"a=" + bytes.fromhex(seen.removeprefix("raw bytes ")) else UNEXPLAINED


_CHECKS: Mapping[str, Callable[[Record], str]] = {
    "validate": _validate,
    "rehearse": _rehearse,
    "live": _live,
    "host": _host,
    "location": _location,
}
