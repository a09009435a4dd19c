"""A catalogue as one HTML page: what to register, what is live, and what to do next."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from provisioner.core.definitions.catalogue import Provider
from provisioner.core.text import counted, listed
from provisioner.render.html import document, link

_STYLE = """
.bar { position: sticky; top: 0; background: var(--ground); padding: .6rem 0; border-bottom: 1px solid var(--line); }
.bar label { display: inline-block; margin-right: .8rem; }
.bar input { font: inherit; padding: .3rem .6rem; width: 16rem; max-width: 100%; }
.bar input { border: 1px solid var(--line); border-radius: .4rem; background: transparent; color: inherit; }
.letters { white-space: nowrap; overflow-x: auto; }
.letters a { display: inline-block; padding: .1rem .35rem; text-decoration: none; }
details { margin-top: .5rem; } summary { cursor: pointer; }
"""

_SCRIPT = """
const bar = document.querySelector('.bar'), input = bar.querySelector('input');
const count = document.querySelector('#count');
const all = [...document.querySelectorAll('article')], chosen = new Set();
function show() {
  const word = input.value.toLowerCase();
  for (const one of all) one.hidden = !one.textContent.toLowerCase().includes(word)
    || (chosen.size > 0 && !chosen.has(one.dataset.state));
  count.textContent = all.filter(one => !one.hidden).length;
}
for (const one of document.querySelectorAll('.scripted')) one.hidden = false;
input.addEventListener('input', show);
for (const button of bar.querySelectorAll('button')) button.addEventListener('click', () => {
  const on = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', on);
  on ? chosen.add(button.value) : chosen.delete(button.value);
  show();
});
document.addEventListener('keydown', event => {
  if (event.key === '/' && event.target !== input) { event.preventDefault(); input.focus(); }
  if (event.key === 'Escape' && event.target === input) { input.value = ''; show(); }
});
for (const button of document.querySelectorAll('button.copy')) button.addEventListener('click', async () => {
  const code = button.previousElementSibling;
  try { await navigator.clipboard.writeText(code.textContent); } catch {
    getSelection().selectAllChildren(code);
    document.execCommand('copy');
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 2000);
});
"""

_SEPARATORS = {" ": "a space", ",": "a comma", "+": "a plus", ";": "a semicolon"}

LIVE, MISSING, EXPIRING, ABSENT, UNMANAGED = "live", "missing", "expiring", "not live", "not managed"
_CLASSES = {LIVE: "good", MISSING: "bad", EXPIRING: "bad", ABSENT: "", UNMANAGED: "odd"}


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


def page(providers: Sequence[Provider], facts: Facts) -> str:
    """The whole page."""
    where = f"for <strong>{escape(facts.domain)}</strong>" if facts.domain else "with your domain in place of ${domain}"
    known = {provider.id for provider in providers}
    unmanaged = sorted((facts.missing or {}).keys() - known)
    articles = [_article(provider, facts) for provider in providers] + [*map(_unmanaged, unmanaged)]
    shown = "\n".join(articles)
    body = f"""<h1>Account types</h1>
<p>{_summary(providers, unmanaged, facts)}</p>
<p>Register a client with each provider that you need. Enter the redirect URI exactly as shown here, {where}.</p>
{_bar(providers, len(articles), facts, unmanaged)}
<main>
{shown}
</main>"""
    return document("Account types", body, _STYLE, _SCRIPT)


def _summary(providers: Sequence[Provider], unmanaged: Sequence[str], facts: Facts) -> str:
    parts = [counted(len(providers), "provider")]
    if facts.missing is not None:
        states = [facts.state(provider.id) for provider in providers]
        live = len(states) - states.count(ABSENT)
        parts += [f"{live} live", f"{states.count(MISSING)} without credentials"]
        parts += [f"{states.count(EXPIRING)} expiring"] if EXPIRING in states else []
        parts += [f"{len(unmanaged)} not managed"] if unmanaged else []
    return listed(parts)


def _bar(providers: Sequence[Provider], number: int, facts: Facts, unmanaged: Sequence[str]) -> str:
    """The filter, which stays in sight, and the letters to jump to."""
    some = [*([EXPIRING] if facts.expiring else []), *([UNMANAGED] if unmanaged else [])]
    states = [] if facts.missing is None else [LIVE, MISSING, ABSENT, *some]
    buttons = " ".join(f'<button type="button" value="{each}" aria-pressed="false">{each}</button>' for each in states)
    first: dict[str, str] = {}
    for provider in providers:
        first.setdefault(provider.id[:1].upper(), provider.id)
    letters = "".join(f'<a href="#{escape(id, quote=True)}">{escape(letter)}</a>' for letter, id in first.items())
    return f"""<nav class="bar" aria-label="Providers">
<span class="scripted" hidden><label>Filter <input type="search" autocomplete="off" aria-keyshortcuts="/"></label>
{buttons} <span><span id="count">{number}</span> of {number} account types</span></span>
<div class="letters">{letters}</div>
</nav>"""


def _article(provider: Provider, facts: Facts) -> str:
    name = escape(provider.id, quote=True)
    state = facts.state(provider.id)
    badge = f' <span class="state {_CLASSES[state]}">{state}</span>' if facts.missing is not None else ""
    rows = "\n".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in _rows(provider, facts))
    notes = provider.note("notes")
    more = f"\n<details><summary>Notes</summary><p>{escape(notes)}</p></details>" if notes else ""
    return f"""<article id="{name}" data-state="{state}" aria-labelledby="{name}-name">
<header><h2 id="{name}-name">{escape(provider.name)}</h2> <code>{name}</code>{badge}</header>
<dl>
{rows}
</dl>{more}
</article>"""


def _unmanaged(id: str) -> str:
    name = escape(id, quote=True)
    command = escape(f"provision show {shlex.quote(id)}")
    return f"""<article id="{name}" data-state="{UNMANAGED}" aria-labelledby="{name}-name">
<header><h2 id="{name}-name">{name}</h2> <span class="state odd">{UNMANAGED}</span></header>
<dl>
<dt>State</dt><dd>live, and no definition mentions it</dd>
<dt>Next</dt><dd><code>{command}</code></dd>
</dl>
</article>"""


def _rows(provider: Provider, facts: Facts) -> Iterator[tuple[str, str]]:
    """Terms with their HTML."""
    for term, note in (("Register at", "console"), ("Read", "docs"), ("Home page", "homepage")):
        if url := provider.note(note):
            yield term, link(url)
    redirect = provider.text("redirect_uri")
    if redirect:
        filled = redirect.replace("${domain}", facts.domain) if facts.domain else redirect
        copy = '<button type="button" class="copy scripted" hidden>Copy</button>'
        yield "Redirect URI", f"<code>{escape(filled)}</code> {copy}"
    if separator := provider.note("scope-delimiter"):
        examples = f"such as <code>{escape(scopes)}</code>, " if (scopes := provider.note("scopes")) else ""
        yield "Scopes", f"{examples}separated by {_SEPARATORS.get(separator, f'<code>{escape(separator)}</code>')}"
    if refresh := provider.note("refresh"):
        yield "Refresh token", escape(refresh)
    if variables := facts.variables.get(provider.id):
        yield "Credentials", " ".join(f"<code>{escape(each)}</code>" for each in variables)
    if lifetime := provider.note("client-secret-lifetime"):
        yield "Client secret", f"expires after {escape(lifetime)} at the latest"
    if expiring := facts.expiring.get(provider.id):
        yield "Expiry", escape(expiring)
    if facts.missing is not None:
        yield "In the database", escape(_in_database(facts.missing.get(provider.id)))
    yield "Next", f"<code>{escape(_next(provider.id, facts))}</code>"


def _in_database(missing: tuple[str, ...] | None) -> str:
    if missing is None:
        return "no"
    return f"yes, missing {listed(missing)}" if missing else "yes, with credentials"


def _next(id: str, facts: Facts) -> str:
    """The command to type next for an account type."""
    quoted = shlex.quote(id)
    if facts.state(id) == EXPIRING:
        return f"provision rotate {quoted}"
    return f"provision check {quoted} --endpoints" if facts.state(id) == LIVE else f"provision new {quoted}"
