"""HTML pages: no network, no cookies, readable without a script, light and dark."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from provisioner.core.definitions.definition import Source
from provisioner.core.plan.changes import Plan
from provisioner.core.text import counted, listed, printable
from provisioner.render.plan import noted_changes, prune_option, sides, summary

if TYPE_CHECKING:  # only the commands that write a page import Jinja
    from jinja2 import Environment


def _fill(name: str, **values: object) -> str:
    """The page that a template of ``render/templates`` and values give; each value is escaped."""
    return _environment().get_template(f"{name}.html").render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("provisioner.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["printable"] = printable
    return environment


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


def catalogue_page(providers: Sequence[Source], facts: Facts) -> str:
    """The whole page."""
    unmanaged = sorted((facts.missing or {}).keys() - {provider.id for provider in providers})
    entries = [_entry(provider, facts) for provider in providers]
    numbers = Counter(entry["state"] for entry in entries)
    letters: dict[str, str] = {}
    for provider in providers:
        letters.setdefault(provider.id[:1].upper(), provider.id)
    figures, states = [counted(len(providers), "provider")], []
    if facts.missing is not None:
        states = [_LIVE, _MISSING, _ABSENT, *([_EXPIRING] if facts.expiring else [])]
        states += [_UNMANAGED] if unmanaged else []
        figures += [f"{len(providers) - numbers[_ABSENT]} live", f"{numbers[_MISSING]} without credentials"]
        figures += [f"{numbers[_EXPIRING]} expiring"] if numbers[_EXPIRING] else []
        figures += [f"{len(unmanaged)} unmanaged"] if unmanaged else []
    return _fill(
        "catalogue",
        summary=listed(figures),
        domain=facts.domain,
        states=states,
        number=len(providers) + len(unmanaged),
        letters=letters,
        classes=_OF_STATES,
        entries=entries,
        unmanaged={id: f"provision list {shlex.quote(id)}" for id in unmanaged},
    )


def _entry(provider: Source, facts: Facts) -> dict[str, object]:
    """What the template needs of a provider beside its notes."""
    id, redirect_uri = provider.id, provider.text("redirect_uri")
    quoted, lacks = shlex.quote(id), (facts.missing or {}).get(id)
    state, found, next = _ABSENT, "no", f"provision new {quoted}"
    if lacks is not None:
        state, found = (_MISSING, f"yes, missing {listed(lacks)}") if lacks else (_LIVE, "yes, with credentials")
        if id in facts.expiring:
            state, next = _EXPIRING, f"provision apply {quoted} --prove"
        elif not lacks:
            next = f"provision check {quoted} --endpoints"
    return {
        "provider": provider,
        "state": state,
        "redirect_uri": redirect_uri.replace("${domain}", facts.domain) if facts.domain else redirect_uri,
        "separator": _SEPARATORS.get(provider.note("scope-delimiter")),
        "variables": facts.variables.get(id),
        "expiring": facts.expiring.get(id),
        "in_database": None if facts.missing is None else found,
        "next": next,
    }


def plan_page(plans: Mapping[str, Plan]) -> str:
    """The whole page; `plans` by the line that says where each is to be applied."""
    return _fill("plan", plans=plans, summary=summary, noted=noted_changes, prune_option=prune_option, sides=sides)


_ANSWERS = {
    "success": (
        "{id} is connected",
        "provision received the token. {written}",
        "Next: close this page, and run your konnector.",
    ),
    "fragment": (
        "{id} is connected, but not for cozy-stack",
        "provision received the token. {written}",
        "The token was after the # of the address. cozy-stack reads only the part before the #.",
        "Connecting from an instance fails with this account type.",
        "Next: ask the provider for a client with the authorization code grant, and use grant_mode authorization_code.",
    ),
    "failure": ("{id} is not connected", "{what}.", "{next}"),
    "stray": (
        "Not the expected answer for {id}",
        "This page does not belong to the current sign-in: its address has no code, or the code of another attempt.",
        "Next: open the address shown in the terminal, and sign in there.",
    ),
    "repeated": (
        "Already received for {id}",
        "provision already received this answer.",
        "Next: look at the terminal, which shows the result.",
    ),
    "bare": (
        "No answer for {id} here",
        "The address contains no answer before its #. To read an answer after the #, this page needs JavaScript.",
        "Next: allow JavaScript, and reload the page; or sign in again at the address shown in the terminal.",
    ),
}
"""What a browser shows when it comes back from a provider: a title and paragraphs.

Stray: the answer belongs to another sign-in. Repeated: it came before. Bare: the address has no query, so that the
answer may be in the fragment, which only a script can read.
"""


def callback_page(kind: str, id: str, **said: str) -> str:
    """A page of the table above; a paragraph with nothing to say is left out."""
    title, *paragraphs = (text.format(id=id, **said) for text in _ANSWERS[kind])
    return _fill("callback", title=title, paragraphs=paragraphs, read_fragment=kind == "bare")
