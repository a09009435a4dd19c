"""A catalogue as one HTML page that needs no network, and no script to be readable."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from provisioner.core.definitions.catalogue import Provider

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --link: light-dark(#0b57d0, #8ab4f8); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 0; }
a { color: var(--link); }
a:focus-visible, input:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.filter { display: block; margin: 1rem 0; }
.filter input { font: inherit; padding: .4rem .6rem; width: min(100%, 24rem); }
.filter input { border: 1px solid var(--line); border-radius: .4rem; }
[hidden] { display: none !important; }
article { border-top: 1px solid var(--line); padding: 1rem 0; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
dl { display: grid; grid-template-columns: 9rem 1fr; gap: .25rem 1rem; margin: .5rem 0 0; }
dt { opacity: .75; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; background: var(--soft); user-select: all; }
code { padding: .1rem .3rem; border-radius: .25rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; } }
"""

_SCRIPT = """
const box = document.querySelector('.filter'), count = document.querySelector('#count');
const all = [...document.querySelectorAll('article')];
box.hidden = false;
box.querySelector('input').addEventListener('input', event => {
  const word = event.target.value.toLowerCase();
  for (const one of all) one.hidden = !one.textContent.toLowerCase().includes(word);
  count.textContent = all.filter(one => !one.hidden).length;
});
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_SEPARATORS = {" ": "a space", ",": "a comma", "+": "a plus", ";": "a semicolon"}


def is_page(text: str) -> bool:
    """Whether a text begins as a page of ours does."""
    return not text.strip() or '<meta name="generator" content="provision">' in text


def page(providers: Sequence[Provider], domain: str | None, credentials: Mapping[str, str] | None) -> str:
    """The page. `credentials` is the state of each account type in words, or ``None`` if no database was read."""
    articles = "\n".join(_article(provider, domain, credentials) for provider in providers)
    where = f"for <strong>{escape(domain)}</strong>" if domain else "with your domain in place of ${domain}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="provision">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>Account types</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Account types</h1>
<p>Register a client with each provider that you need. Enter the redirect URI exactly as shown here, {where}.</p>
<label class="filter" hidden>Filter <input type="search" autocomplete="off"></label>
<p><span id="count">{len(providers)}</span> of {len(providers)} providers</p>
<main>
{articles}
</main>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _article(provider: Provider, domain: str | None, credentials: Mapping[str, str] | None) -> str:
    name = escape(provider.id, quote=True)
    rows = "\n".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in _rows(provider, domain, credentials))
    return f"""<article id="{name}" aria-labelledby="{name}-name">
<header><h2 id="{name}-name">{escape(provider.name)}</h2> <code>{name}</code></header>
<dl>
{rows}
</dl>
</article>"""


def _rows(provider: Provider, domain: str | None, credentials: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    """Terms with their HTML."""
    for term, note in (("Register at", "console"), ("Read", "docs"), ("Home page", "homepage")):
        if url := provider.note(note):
            yield term, _link(url)
    redirect = provider.text("redirect_uri")
    if redirect:
        filled = redirect.replace("${domain}", domain) if domain else redirect
        yield "Redirect URI", f"<code>{escape(filled)}</code>"
    if separator := provider.note("scope-delimiter"):
        examples = f"such as <code>{escape(scopes)}</code>, " if (scopes := provider.note("scopes")) else ""
        yield "Scopes", f"{examples}separated by {_SEPARATORS.get(separator, f'<code>{escape(separator)}</code>')}"
    if refresh := provider.note("refresh"):
        yield "Refresh token", escape(refresh)
    if notes := provider.note("notes"):
        yield "Notes", escape(notes)
    if credentials is not None:
        yield "Credentials", escape(credentials.get(provider.id, "not in the database"))


def _link(url: str) -> str:
    if not re.match(r"https?://", url):
        return escape(url)
    return f'<a href="{escape(url, quote=True)}" rel="noreferrer">{escape(url)}</a>'
