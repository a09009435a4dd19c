"""One live document by itself: as the rules see it, which is what the stack makes of it; when its secret expires."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

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
from provisioner.core.errors import ProvisionError
from provisioner.core.outside_json import CUT_OFF
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json, revealed
from provisioner.core.targets.filling import Credentials
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


LIFETIME_NOTE = "client-secret-lifetime"
"""The note that says how many days a provider gives a client secret.

`EXPIRY` of a credential source, named by RFC 7591 (section 3.2.1), is a date, or seconds since 1970; 0 is never.
"""

_EARLIEST = 1_000_000_000
"""Seconds until 2001, before which nobody has a client secret; a date written as a number is smaller."""

_FAR = date(9000, 1, 1)
"""No secret is from later: somebody wrote the day by hand, and adding days to it would fail."""

EARLY, SOON, URGENT = 30, 14, 3
"""Days before the end from which an expiry is reported, called soon, and called urgent."""


class Expiry(Struct, frozen=True):
    """When the client secret of an account type expires; `days` from today, negative if it is over.

    `limit`: it is not known when it expires, but the provider gives it this many days, so that it is the latest day.
    """

    id: str
    end: date
    days: int
    limit: int | None = None

    @property
    def near(self) -> bool:
        """Whether the end is close enough to be reported."""
        return self.days <= EARLY

    @property
    def over(self) -> bool:
        """Whether the secret has expired."""
        return self.days < 0

    def __str__(self) -> str:
        """The expiry in words."""
        latest = "" if self.limit is None else f" at the latest: it is {self.limit - self.days} days old"
        if self.over:
            return f"client_secret EXPIRED on {self.end}{latest}"
        when = "today" if self.days == 0 else f"in {self.days} day{'s' if self.days > 1 else ''}"
        words = "EXPIRES" if self.days <= URGENT else "expires soon:" if self.days <= SOON else "expires"
        return f"client_secret {words} {when}, on {self.end}{latest}"


def ends_of(
    ids: Iterable[str], contents: Sequence[Credentials], lives: Iterable[Live], notes: Mapping[str, str], today: date
) -> Iterator[Expiry]:
    """When client secrets expire: as the first source that has the key says, else by their age and `notes`.

    `notes` are those of lifetimes, by id. Raises `ProvisionError`, which names the account type, for a value in a
    source that is not a time.
    """
    live = {each.id: each for each in lives}
    for id in ids:
        values = [each[id][EXPIRY] for each in contents if EXPIRY in each.get(id, {})]
        plain = revealed(values[0]) if values else None
        if why := why_no_time(plain):
            raise ProvisionError(f"{EXPIRY} of {id} {why}", "fix the credential source")
        if end := _end(plain):
            yield Expiry(id, end, (end - today).days)
            continue
        note = re.fullmatch(r"(\d{1,5}) days?", notes.get(id, ""))
        begun = secret_set_on(live[id]) if note and not values and id in live else None
        if note and begun and begun < _FAR:
            end = begun + timedelta(days=int(note[1]))
            yield Expiry(id, end, (end - today).days, int(note[1]))


def why_no_time(value: Json) -> str:
    """What is wrong with a time when a client secret expires; an empty text if nothing."""
    try:
        _end(value)
    except (ValueError, OverflowError, OSError):
        dashless = re.fullmatch(r"(20\d\d)(0[1-9]|1[0-2])([0-3]\d)", str(value))
        return f"is not a time: write a date such as {'-'.join(dashless.groups()) if dashless else '2027-01-31'}"
    return ""


def _end(value: Json) -> date | None:
    if isinstance(value, str) and not value.isdecimal():
        return datetime.fromisoformat(value).date()
    if value in (None, "", 0, "0"):
        return None
    if isinstance(value, int | str) and not isinstance(value, bool) and int(value) >= _EARLIEST:
        return datetime.fromtimestamp(int(value), UTC).date()
    raise ValueError(value)


def secret_set_on(live: Live) -> date | None:
    """When the owner last changed the client secret; ``None`` if nobody noted it, or somebody else changed it since."""
    key, name = live.key, "client_secret"
    if not key or name not in key.since or not key.wrote(live.id, name, live.document.get(name)):
        return None
    try:
        return datetime.fromisoformat(key.since[name]).date()
    except ValueError:
        return None
