"""The providers of a catalogue: a table, JSON, and a page with what to register, what is live, and what to do next."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provisioner.core.definitions.definition import Source
from provisioner.core.text import counted, listed
from provisioner.render.formats import row
from provisioner.render.layout import Paint, plain, table
from provisioner.render.pages import fill_template


def as_text(providers: Sequence[Source], paint: Paint = plain) -> str:
    """One line per provider, then their number."""
    rows = [(each.id, each.name, each.note("console") or each.note("homepage") or "-") for each in providers]
    return f"{table(('ID', 'PROVIDER', 'WHERE TO REGISTER'), rows, paint)}\n{counted(len(providers), 'account type')}"


def values(providers: Sequence[Source]) -> dict[str, object]:
    """``definitions``: objects with id, name, homepage, console, docs, scopes, refresh, notes, hosts."""
    notes = ("homepage", "console", "docs", "scopes", "refresh", "notes")
    rows = [
        {**row(each, "id", "name"), **{name: each.note(name) or None for name in notes}, **row(each, "hosts")}
        for each in providers
    ]
    return {"definitions": rows}


_SEPARATORS = {" ": "a space", ",": "a comma", "+": "a plus", ";": "a semicolon"}

LIVE, MISSING, EXPIRING, ABSENT, UNMANAGED = "live", "missing", "expiring", "not live", "unmanaged"
_CLASSES = {LIVE: "good", MISSING: "bad", EXPIRING: "bad", ABSENT: ""}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page knows beside the catalogue.

    `domain` takes the place of ``${domain}``. `missing`: the live account types, each with the credentials that it
    lacks, or ``None`` if no database was read. `variables`: the environment variables of each account type. `expiring`:
    what is to be said of client secrets that expire soon, by account type.
    """

    domain: str | None
    missing: dict[str, tuple[str, ...]] | None
    variables: dict[str, tuple[str, ...]]
    expiring: Mapping[str, str] = field(default_factory=dict)

    def state(self, id: str) -> str:
        """The word for an account type of the catalogue."""
        if self.missing is None or id not in self.missing:
            return ABSENT
        if id in self.expiring:
            return EXPIRING
        return MISSING if self.missing[id] else LIVE


def catalogue_page(providers: Sequence[Source], facts: Facts) -> str:
    """The whole page."""
    known = {provider.id for provider in providers}
    unmanaged = sorted((facts.missing or {}).keys() - known)
    some = [*([EXPIRING] if facts.expiring else []), *([UNMANAGED] if unmanaged else [])]
    letters: dict[str, str] = {}
    for provider in providers:
        letters.setdefault(provider.id[:1].upper(), provider.id)
    return fill_template(
        "catalogue",
        summary=_summary(providers, unmanaged, facts),
        domain=facts.domain,
        states=[] if facts.missing is None else [LIVE, MISSING, ABSENT, *some],
        number=len(providers) + len(unmanaged),
        letters=letters,
        classes=_CLASSES,
        entries=[_entry(provider, facts) for provider in providers],
        unmanaged={id: f"provision list {shlex.quote(id)}" for id in unmanaged},
    )


def _entry(provider: Source, facts: Facts) -> dict[str, object]:
    """What the template needs of a provider beside its notes."""
    id, redirect_uri = provider.id, provider.text("redirect_uri")
    return {
        "provider": provider,
        "state": facts.state(id),
        "redirect_uri": redirect_uri.replace("${domain}", facts.domain) if facts.domain else redirect_uri,
        "separator": _SEPARATORS.get(provider.note("scope-delimiter")),
        "variables": facts.variables.get(id),
        "expiring": facts.expiring.get(id),
        "in_database": None if facts.missing is None else _in_database(facts.missing.get(id)),
        "next": _next(id, facts),
    }


def _summary(providers: Sequence[Source], unmanaged: Sequence[str], facts: Facts) -> str:
    parts = [counted(len(providers), "provider")]
    if facts.missing is not None:
        states = [facts.state(provider.id) for provider in providers]
        live = len(states) - states.count(ABSENT)
        parts += [f"{live} live", f"{states.count(MISSING)} without credentials"]
        parts += [f"{states.count(EXPIRING)} expiring"] if EXPIRING in states else []
        parts += [f"{len(unmanaged)} unmanaged"] if unmanaged else []
    return listed(parts)


def _in_database(missing: tuple[str, ...] | None) -> str:
    if missing is None:
        return "no"
    return f"yes, missing {listed(missing)}" if missing else "yes, with credentials"


def _next(id: str, facts: Facts) -> str:
    """The command to type next for an account type."""
    quoted = shlex.quote(id)
    if facts.state(id) == EXPIRING:
        return f"provision apply {quoted} --prove"
    return f"provision check {quoted} --endpoints" if facts.state(id) == LIVE else f"provision new {quoted}"
