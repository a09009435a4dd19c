"""A live document as the rules see it, which is what the stack makes of it."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import (
    EXPIRY,
    FIELDS,
    Decoded,
    Undecodable,
    context_of,
    cut_fields,
    decode,
    global_id,
    is_missing,
    reveal,
    spelled,
    wrong_type,
)
from provisioner.core.definitions.content import Content
from provisioner.core.definitions.definition import LIVE, Definition
from provisioner.core.definitions.problem import START, Problem, Severity
from provisioner.core.definitions.schema_check import Check
from provisioner.core.outside_json import CUT_OFF
from provisioner.core.plan.expiry import why_no_time
from provisioner.core.plan.store import Live
from provisioner.core.secret import revealed
from provisioner.core.text import did_you_mean, listed, printable


def live_definition(live: Live) -> Definition:
    """A live document as a definition, all of it at one place, with the fields that the stack decodes from it.

    Null and empty values are left out: for the stack they are missing. So are CouchDB's own fields. A document that
    the stack cannot decode keeps the keys that it has.
    """
    document = {name: value for name, value in live.kind.as_read(live.document).items() if not is_missing(value)}
    return Definition(live.id, f"{LIVE}{printable(live.id)}", document, Content(reveal(document)), live.kind, ())


def live_faults(live: Live, check: Check) -> Iterator[Problem]:
    """What the stack and the schema find in a live document by itself, and the keys that the stack does not know."""
    for name in cut_fields(live.document):
        what = f"{printable(name)} is {CUT_OFF}: deeper values are neither compared nor checked"
        yield Problem(START, what, "too-deep")
    if not live.kind.states_fields:
        return
    decoded = decode(live.document)
    if isinstance(decoded, Undecodable):
        yield Problem(START, why_undecodable(live, decoded), "undecodable")
        return
    yield from _keys(live, decoded)
    for fault in check(live_definition(live).content):
        if (fault.rule, fault.field) == ("wrong-value", "token_mode"):
            yield _warning(f"{fault.message} (the stack uses form)", fault.rule)
        else:
            yield fault


def why_undecodable(live: Live, undecodable: Undecodable) -> str:
    """What is wrong with a document, and whom it hits."""
    wrong = "; ".join(dict.fromkeys(map(wrong_type, undecodable.faults)))
    service, context = printable(global_id(live.id)), context_of(live.id)
    hit = "logins and refreshes fail in each context without an override of it"
    if context is not None:
        where = f"in the context {printable(context)}" if context else "in instances without a context"
        hit = f"logins and refreshes with {service} fail {where}, which does not fall back to the global {service}"
    slug = live.document.get("slug")
    if isinstance(slug, str) and slug:
        hit += f", and the konnector {printable(slug)} gets no secret in any context"
    return f"the stack cannot decode this document: {wrong}: {hit}"


def _keys(live: Live, decoded: Decoded) -> Iterator[Problem]:
    """The keys that the stack ignores, and those that it takes for a field although they are written otherwise."""
    for name in decoded.ignored:
        hint = ": it belongs into a credential source" if name == EXPIRY else did_you_mean(name, FIELDS)
        yield _warning(f"the stack ignores {printable(name)}{hint}", "ignored-key")
        if name == EXPIRY and (why := why_no_time(revealed(live.document[name]))):
            yield Problem(START, f"{name} {why}", "ignored-key")
    for key, name in decoded.renamed.items():
        others = [each for each in live.document if each != key and decoded.renamed.get(each, each) == name]
        shown = spelled(key)
        if name == "slug":
            message = f"the stack looks konnectors up by slug, and does not find {shown}: write slug"
        elif others:
            message = f"the stack reads {shown} as {name}, next to {listed(others)}: the last that is not null counts"
        else:
            message = f"the stack reads {shown} as {name}: write {name}"
        yield _warning(message, "key-in-other-case")


def _warning(message: str, rule: str) -> Problem:
    return Problem(START, message, rule, Severity.WARNING)
