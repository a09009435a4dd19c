"""HTML pages: no network, no cookies, readable without a script, light and dark."""

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from provisioner.core.definitions.definition import Source
from provisioner.core.plan.changes import Action, Change, Plan
from provisioner.core.text import counted, listed, printable
from provisioner.render.plan import prune_option, remarks_on, sides, summary

if TYPE_CHECKING:  # only the commands that write a page import Jinja
    from jinja2 import Environment


def fill_template(name: str, **values: object) -> str:
    """The page that a template of ``render/templates`` and values give; each value is escaped."""
    return _environment().get_template(f"{name}.html").render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("provisioner.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def is_page(text: str) -> bool:
    """Whether a text begins as a page of ours does."""
    return not text.strip() or '<meta name="generator" content="provision">' in text


_SEPARATORS = {" ": "a space", ",": "a comma", "+": "a plus", ";": "a semicolon"}

_LIVE, _MISSING, _EXPIRING, _ABSENT, _UNMANAGED = "live", "missing", "expiring", "not live", "unmanaged"
_OF_STATES = {_LIVE: "good", _MISSING: "bad", _EXPIRING: "bad", _ABSENT: ""}


class Facts(Struct, frozen=True):
    """What the page knows beside the catalogue.

    `domain` takes the place of ``${domain}``. `missing`: the live account types, each with the credentials that it
    lacks, or ``None`` if no database was read. `variables`: the environment variables of each account type. `expiring`:
    what is to be said of client secrets that expire soon, by account type.
    """

    domain: str | None
    missing: dict[str, tuple[str, ...]] | None
    variables: dict[str, tuple[str, ...]]
    expiring: Mapping[str, str] = {}

    def state(self, id: str) -> str:
        """The word for an account type of the catalogue."""
        if self.missing is None or id not in self.missing:
            return _ABSENT
        if id in self.expiring:
            return _EXPIRING
        return _MISSING if self.missing[id] else _LIVE


def catalogue_page(providers: Sequence[Source], facts: Facts) -> str:
    """The whole page."""
    known = {provider.id for provider in providers}
    unmanaged = sorted((facts.missing or {}).keys() - known)
    some = [*([_EXPIRING] if facts.expiring else []), *([_UNMANAGED] if unmanaged else [])]
    letters: dict[str, str] = {}
    for provider in providers:
        letters.setdefault(provider.id[:1].upper(), provider.id)
    return fill_template(
        "catalogue",
        summary=_figures(providers, unmanaged, facts),
        domain=facts.domain,
        states=[] if facts.missing is None else [_LIVE, _MISSING, _ABSENT, *some],
        number=len(providers) + len(unmanaged),
        letters=letters,
        classes=_OF_STATES,
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


def _figures(providers: Sequence[Source], unmanaged: Sequence[str], facts: Facts) -> str:
    parts = [counted(len(providers), "provider")]
    if facts.missing is not None:
        states = [facts.state(provider.id) for provider in providers]
        live = len(states) - states.count(_ABSENT)
        parts += [f"{live} live", f"{states.count(_MISSING)} without credentials"]
        parts += [f"{states.count(_EXPIRING)} expiring"] if _EXPIRING in states else []
        parts += [f"{len(unmanaged)} unmanaged"] if unmanaged else []
    return listed(parts)


def _in_database(missing: tuple[str, ...] | None) -> str:
    if missing is None:
        return "no"
    return f"yes, missing {listed(missing)}" if missing else "yes, with credentials"


def _next(id: str, facts: Facts) -> str:
    """The command to type next for an account type."""
    quoted = shlex.quote(id)
    if facts.state(id) == _EXPIRING:
        return f"provision apply {quoted} --prove"
    return f"provision check {quoted} --endpoints" if facts.state(id) == _LIVE else f"provision new {quoted}"


_CLASSES = {"create": "good", "change": "odd", "adopt": "odd", "remove": "bad", "unchanged": ""}


def plan_page(plans: Mapping[str, Plan]) -> str:
    """The whole page; `plans` by the line that says where each is to be applied."""
    return fill_template("plan", plans={printable(place): _plan(plan) for place, plan in plans.items()})


def _plan(plan: Plan) -> dict[str, object]:
    return {
        "summary": summary(plan),
        "foreign": [printable(f"{id} ({owner})") for id, owner in plan.foreign.items()],
        "unreadable_owner": [*map(printable, plan.unreadable_owner)],
        "skipped": [*map(printable, plan.skipped)],
        "unmanaged": [*map(printable, plan.unmanaged)],
        "refused": [printable(f"{id}: {why}") for id, why in plan.refused.items()],
        "changes": [
            _change(change) for change in plan.changes if change.action is not Action.UNCHANGED or [*remarks_on(change)]
        ],
    }


def _change(change: Change) -> dict[str, object]:
    word = "rename" if change.renamed_from else change.action.value
    if change.action is Action.REMOVE:
        word = f"would be removed with {prune_option(change)}"
    notes = [*remarks_on(change), *([f"kept: {listed(change.kept)}"] if change.kept else [])]
    return {
        "id": printable(change.id),
        "former": printable(change.renamed_from) if change.renamed_from else "",
        "class": _CLASSES[change.action],
        "word": word,
        "fields": [(printable(field.name), *sides(field)) for field in change.fields],
        "notes": [*map(printable, notes)],
    }


def success(id: str, written: str) -> str:
    """The page for a sign-in that gave a token."""
    return _page(
        f"{id} is connected",
        f"provision received the token. {written}",
        "Next: close this page, and run your konnector.",
    )


def fragment(id: str, written: str) -> str:
    """The page for a token in the fragment of the address, which the stack does not read."""
    return _page(
        f"{id} is connected, but not for cozy-stack",
        f"provision received the token. {written}",
        "The token was after the # of the address. cozy-stack reads only the part before the #, so connecting from "
        "an instance fails with this account type.",
        "Next: ask the provider for a client with the authorization code grant, and use grant_mode authorization_code.",
    )


def failure(id: str, what: str, next: str) -> str:
    """The page for a sign-in that gave no token."""
    return _page(f"{id} is not connected", f"{what}.", f"Next: {next}." if next else "")


def stray(id: str) -> str:
    """The page for an answer that does not belong to the current sign-in."""
    return _page(
        f"Not the expected answer for {id}",
        "This page does not belong to the current sign-in: its address has no code, or the code of another attempt.",
        "Next: open the address shown in the terminal, and sign in there.",
    )


def repeated(id: str) -> str:
    """The page for an answer that came before."""
    return _page(
        f"Already received for {id}",
        "provision already received this answer.",
        "Next: look at the terminal, which shows the result.",
    )


def bare(id: str) -> str:
    """The page for an address without a query: the answer may be in the fragment, which only a script can read."""
    return _page(
        f"No answer for {id} here",
        "The address contains no answer before its #. To read an answer after the #, this page needs JavaScript.",
        "Next: allow JavaScript, and reload the page; or sign in again at the address shown in the terminal.",
        read_fragment=True,
    )


def _page(title: str, *paragraphs: str, read_fragment: bool = False) -> str:
    return fill_template("callback", title=title, paragraphs=paragraphs, read_fragment=read_fragment)
