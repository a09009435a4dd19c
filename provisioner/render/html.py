"""What our HTML pages share: no network, no cookies, readable without a script, light and dark."""

import re
from html import escape

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --link: light-dark(#0b57d0, #8ab4f8);
  --ground: light-dark(#fff, #121212); --good: light-dark(#0a6b2d, #7bd88f); --bad: light-dark(#a3160b, #ff8a80);
  --odd: light-dark(#7a4b00, #ffcc66); }
* { box-sizing: border-box; }
html { scroll-padding-top: 7rem; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
[hidden] { display: none !important; }
article { border: 1px solid var(--line); border-radius: .6rem; margin: 1rem 0; padding: .9rem 1rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem .8rem; align-items: baseline; }
dl { display: grid; grid-template-columns: 9rem 1fr; gap: .25rem 1rem; margin: .6rem 0 0; }
dt { opacity: .75; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; background: var(--soft); overflow-wrap: anywhere; }
code { padding: .1rem .3rem; border-radius: .25rem; }
button { font: inherit; font-size: .85em; border: 1px solid var(--line); border-radius: .4rem; padding: .1rem .5rem;
  background: var(--soft); color: inherit; cursor: pointer; }
button[aria-pressed=true] { background: var(--link); color: var(--ground); }
.state { font-size: .85em; border: 1px solid currentcolor; border-radius: 1rem; padding: 0 .6rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .odd { color: var(--odd); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; } }
"""


def document(title: str, body: str, style: str = "", script: str = "") -> str:
    """A whole page; `style` and `script` are added to what all pages have."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="provision">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>{_STYLE}{style}</style>
</head>
<body>
{body}
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""


def is_page(text: str) -> bool:
    """Whether a text begins as a page of ours does."""
    return not text.strip() or '<meta name="generator" content="provision">' in text


def link(url: str) -> str:
    """A link to an address of the web; anything else is text."""
    if not re.match(r"https?://", url):
        return escape(url)
    return f'<a href="{escape(url, quote=True)}" rel="noreferrer">{escape(url)}</a>'
